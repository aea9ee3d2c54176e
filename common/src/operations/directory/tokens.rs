//! Changes of static tokens. A token is shown once; only its SHA-256 is stored. Every request reads the row of its token
//! (consistent), so a token ends with the next request after it was revoked.
//!
//! Each change of a token also changes the row of its user, whose member `has_token` says whether there is one. So two
//! changes of tokens of one user conflict, and one of them reads again.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Author, DirectoryError, MAX_TRIES, Members, batch::Unique, contended};
use crate::{
    backoff::pause,
    context::Context,
    directory::Audit,
    reservation::{FieldError, Timestamp},
    store::{Changed, DirectoryRow, DirectoryWrite, Kind, StoreError, token_hash},
};

/// Bytes of a new token, from the random number generator of the operating system.
const BYTES: usize = 32;
/// Digits of a hash that name a token.
const ID_DIGITS: usize = 16;
/// Minimum number of digits with which a token is named.
const MIN_ID: usize = 8;
/// Maximum length of a label in characters.
const MAX_LABEL: usize = 100;
/// Lengths of a token that a client chooses, in characters.
pub const TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 32..=255;
/// What stands for a token that is not shown.
const CONCEALED: &str = "**********";
/// Maximum number of tokens of a user that one change replaces.
const MAX_REPLACED: usize = 90;

/// The row of a token, without the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The first digits of its SHA-256, which name it.
    pub id: String,
    /// The id of its user.
    pub user: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When it was made; unknown for tokens of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// When it ends; never if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
}

/// A token that was just made. It cannot be read again.
#[derive(Clone, Serialize)]
pub struct NewToken {
    /// The token itself.
    pub token: String,
    /// Its row.
    #[serde(flatten)]
    pub row: Token,
}

/// The token is not shown.
impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("row", &self.row).finish_non_exhaustive()
    }
}

/// What is said about a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// What it is for.
    pub label: Option<String>,
    /// When it ends; never without a time.
    pub valid_until: Option<Timestamp>,
}

/// What changes about the tokens of a user.
pub(super) enum Change {
    /// A further token.
    Add(NewToken),
    /// The end of a token.
    Revoke(String),
    /// A token in the place of another one, whose row changes like this, or which ends at once.
    Rotate {
        /// The name of the other one.
        old: String,
        /// What changes about its row; `None` if it ends at once.
        end: Option<Members>,
        /// The new one.
        new: NewToken,
    },
    /// One token, or none, in the place of all.
    Replace(Option<NewToken>),
}

/// Makes a token for a user.
///
/// # Errors
/// [`DirectoryError::NoSuch`] when there is no such user; [`DirectoryError::Invalid`] for a label or an end that cannot be
/// used.
pub async fn create(
    context: &Context,
    author: &Author,
    user: Uuid,
    description: &Description,
) -> Result<NewToken, DirectoryError> {
    let token = new(author, &user.to_string(), description)?;
    change(context, author, &user.to_string(), "token.create", Change::Add(token.clone())).await?;
    Ok(token)
}

/// Ends a token. The next request with it is refused.
///
/// # Errors
/// [`DirectoryError::NoSuch`] when no token has this id.
pub async fn revoke(context: &Context, author: &Author, id: &str) -> Result<Token, DirectoryError> {
    let token = find(context, id).await?;
    change(context, author, &token.user, "token.revoke", Change::Revoke(token.id.clone())).await?;
    Ok(token)
}

/// Makes a token with the label and the end of another one, which ends after `grace`, or at once if that is zero.
///
/// # Errors
/// [`DirectoryError::NoSuch`] when no token has this id; [`DirectoryError::Refused`] when it has ended.
pub async fn rotate(
    context: &Context,
    author: &Author,
    id: &str,
    grace: TimeDelta,
) -> Result<NewToken, DirectoryError> {
    let old = find(context, id).await?;
    if old.has_ended(author.now) {
        return Err(DirectoryError::Refused(format!("The token {} has ended; create a new one.", old.id)));
    }
    let valid_until = old.valid_until.as_deref().and_then(Timestamp::parse);
    let token = new(author, &old.user, &Description { label: old.label, valid_until })?;
    let end = (!grace.is_zero()).then(|| {
        let latest = Timestamp::new(author.now.time() + grace);
        let end = valid_until.filter(|own| *own < latest).unwrap_or(latest);
        Members::from_iter([("valid_until".to_owned(), json!(end.to_string()))])
    });
    let rotated = Change::Rotate { old: old.id, end, new: token.clone() };
    change(context, author, &old.user, "token.rotate", rotated).await?;
    Ok(token)
}

/// The change that gives a user exactly one token, or none without a text.
///
/// # Errors
/// [`DirectoryError::Invalid`] for a text that is too short, too long, or not visible ASCII.
pub(super) fn replacement(author: &Author, user: &str, text: Option<&str>) -> Result<Change, DirectoryError> {
    let token = match text {
        None => None,
        Some(text) if TOKEN_LENGTHS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Some(of_text(author, user, &Description::default(), text.to_owned())?)
        }
        Some(_) => {
            let (least, most) = (TOKEN_LENGTHS.start(), TOKEN_LENGTHS.end());
            let reason = format!("Value has to have {least} to {most} visible ASCII characters.");
            return Err(DirectoryError::Invalid(vec![FieldError::new("token", "min_length", reason)]));
        }
    };
    Ok(Change::Replace(token))
}

/// The tokens of a user, or of all users, by user and time.
///
/// # Errors
/// [`DirectoryError::Store`] when DynamoDB does not answer.
pub async fn list(context: &Context, user: Option<Uuid>) -> Result<Vec<Token>, DirectoryError> {
    let rows = match user {
        Some(user) => of_user(context, &user.to_string()).await?,
        None => context.store().directory_rows(Kind::Token, |_| true).await?,
    };
    let mut tokens: Vec<Token> = rows.iter().map(token_of).collect::<Result<_, _>>()?;
    tokens.sort_by(|a, b| (&a.user, &a.created_at, &a.id).cmp(&(&b.user, &b.created_at, &b.id)));
    Ok(tokens)
}

impl Token {
    /// Whether the token has ended. An end that cannot be read has passed.
    #[must_use]
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.valid_until.as_deref().is_some_and(|end| Timestamp::parse(end).is_none_or(|end| end <= now))
    }
}

/// The rows of a user's tokens.
async fn of_user(context: &Context, user: &str) -> Result<Vec<DirectoryRow>, StoreError> {
    let user = Some(json!(user));
    context.store().directory_rows(Kind::Token, |row| row.member("user") == user).await
}

/// A new token for the first administrator.
pub(super) fn new(author: &Author, user: &str, description: &Description) -> Result<NewToken, DirectoryError> {
    let mut bytes = [0; BYTES];
    let random = ring::rand::SystemRandom::new();
    ring::rand::SecureRandom::fill(&random, &mut bytes)
        .map_err(|_| DirectoryError::Refused("The operating system gives no random numbers.".to_owned()))?;
    of_text(author, user, description, URL_SAFE_NO_PAD.encode(bytes))
}

fn of_text(author: &Author, user: &str, description: &Description, token: String) -> Result<NewToken, DirectoryError> {
    let invalid = |field, kind, reason: String| DirectoryError::Invalid(vec![FieldError::new(field, kind, reason)]);
    if let Some(label) = &description.label
        && (label.trim().is_empty() || label.chars().count() > MAX_LABEL || label.chars().any(char::is_control))
    {
        let reason = format!("Value has to have 1 to {MAX_LABEL} characters and no control characters.");
        return Err(invalid("label", "max_length", reason));
    }
    if description.valid_until.is_some_and(|end| end <= author.now) {
        return Err(invalid("valid_until", "gte", "Value has to be in the future.".to_owned()));
    }
    let row = Token {
        id: name(&token_hash(&token)).to_owned(),
        user: user.to_owned(),
        label: description.label.clone(),
        created_at: Some(author.now.to_string()),
        valid_until: description.valid_until.map(|end| end.to_string()),
    };
    Ok(NewToken { token, row })
}

impl NewToken {
    /// The write that creates its row.
    pub(super) fn write(&self) -> DirectoryWrite {
        let Token { id: _, user, label, created_at, valid_until } = &self.row;
        let members = json!({"user": user, "label": label, "created_at": created_at, "valid_until": valid_until});
        let members = members.as_object().cloned().unwrap_or_default();
        DirectoryWrite::Create(Kind::Token, self.hash(), members)
    }

    /// The id of its row.
    pub(super) fn hash(&self) -> String {
        token_hash(&self.token)
    }
}

/// The digits that name a token.
fn name(hash: &str) -> &str {
    hash.get(..ID_DIGITS).unwrap_or(hash)
}

fn token_of(row: &DirectoryRow) -> Result<Token, StoreError> {
    let token: Token = row.read()?;
    Ok(Token { id: name(&token.id).to_owned(), ..token })
}

async fn find(context: &Context, id: &str) -> Result<Token, DirectoryError> {
    let digits = id.to_ascii_lowercase();
    let no_such = || DirectoryError::NoSuch { what: "token", id: id.to_owned() };
    if digits.len() < MIN_ID || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(DirectoryError::Refused(format!(
            "A token is named by the first digits of its SHA-256, {MIN_ID} at least, as `token list` shows them."
        )));
    }
    match &context.store().tokens_that_begin(&digits).await?[..] {
        [] => Err(no_such()),
        [one] => Ok(token_of(one)?),
        _ => Err(DirectoryError::Refused(format!("Several tokens begin with {digits}; give more digits."))),
    }
}

/// What a change writes, apart from the row of the user.
pub(super) struct Plan {
    pub(super) writes: Vec<DirectoryWrite>,
    /// The position of the write that creates the new token.
    pub(super) created_at: Option<usize>,
    /// Whether the user has a token afterwards.
    pub(super) has_token: bool,
    pub(super) audit: Audit,
}

/// Makes a change of a user's tokens, and of the user's row.
async fn change(
    context: &Context,
    author: &Author,
    user: &str,
    action: &str,
    change: Change,
) -> Result<(), DirectoryError> {
    let store = context.store();
    for attempt in 1..=MAX_TRIES {
        let Some(row) = store.directory_row(Kind::User, user).await? else {
            return match &change {
                // The tokens of a user who does not exist give no access, but they can be removed.
                Change::Revoke(id) => remove_stray(context, author, user, id).await,
                _ => Err(DirectoryError::NoSuch { what: "user", id: user.to_owned() }),
            };
        };
        let rows = of_user(context, user).await?;
        let Plan { mut writes, created_at, has_token, audit } =
            change.plan(&rows, author.audit(action, "user", user))?;
        if writes.is_empty() {
            return Ok(());
        }
        let members = members_of_user(Some(&row), has_token);
        writes.push(DirectoryWrite::Change(row, members, Vec::new()));
        match store.change_directory(&writes, &[audit]).await? {
            Changed::Done => return Ok(()),
            Changed::Failed(at) if Some(at) == created_at => return Err(taken()),
            Changed::Failed(_) => pause(attempt).await,
        }
    }
    Err(contended())
}

/// The members of a user's row that change with the tokens. Two changes of the tokens of one user conflict in them.
pub(super) fn members_of_user(row: Option<&DirectoryRow>, has_token: bool) -> Members {
    let count = row.and_then(|row| row.member("token_changes")).and_then(|count| count.as_u64()).unwrap_or(0);
    Members::from_iter([
        ("has_token".to_owned(), if has_token { json!(true) } else { Value::Null }),
        ("token_changes".to_owned(), json!(count.saturating_add(1))),
    ])
}

/// A token that only one user may have. Its text must not stand in an error.
pub(super) fn unique() -> Unique {
    Unique { what: "user", field: "token", value: CONCEALED.to_owned() }
}

/// The error for a token that another user has.
pub(super) fn taken() -> DirectoryError {
    unique().taken()
}

/// The condition on the row of a token: it belongs to the user as read.
fn of_its_user() -> Vec<String> {
    vec!["user".to_owned()]
}

impl Change {
    /// The new token.
    pub(super) fn new_token(&self) -> Option<&NewToken> {
        match self {
            Self::Add(new) | Self::Rotate { new, .. } | Self::Replace(Some(new)) => Some(new),
            Self::Revoke(_) | Self::Replace(None) => None,
        }
    }

    /// The writes, for the tokens that the user has.
    pub(super) fn plan(&self, rows: &[DirectoryRow], audit: Audit) -> Result<Plan, DirectoryError> {
        let mut plan = Plan { writes: Vec::new(), created_at: None, has_token: !rows.is_empty(), audit };
        match self {
            Self::Add(token) => plan.create(token, None),
            Self::Revoke(id) => {
                let old = named(rows, id)?;
                plan.writes.push(DirectoryWrite::Delete(old.clone(), of_its_user()));
                plan.has_token = rows.len() > 1;
                plan.audit = plan.audit.with("token", Some(json!(token_of(old)?)), None);
            }
            Self::Rotate { old, end, new } => {
                let old = named(rows, old)?;
                match end {
                    None => plan.writes.push(DirectoryWrite::Delete(old.clone(), of_its_user())),
                    Some(end) => plan.writes.push(DirectoryWrite::Change(old.clone(), end.clone(), of_its_user())),
                }
                plan.create(new, Some(json!(token_of(old)?)));
            }
            Self::Replace(_) if rows.len() > MAX_REPLACED => {
                return Err(DirectoryError::Refused(format!(
                    "The user has {} tokens; revoke them until {MAX_REPLACED} are left.",
                    rows.len()
                )));
            }
            Self::Replace(new) => {
                // A transaction cannot delete a row and create it, so the same token stays.
                let hash = new.as_ref().map(NewToken::hash);
                let others = || rows.iter().filter(|row| Some(row.id()) != hash.as_deref());
                plan.writes.extend(others().map(|row| DirectoryWrite::Delete(row.clone(), of_its_user())));
                let old = others().map(token_of).collect::<Result<Vec<_>, _>>()?;
                plan.has_token = new.is_some();
                let same = rows.iter().find(|row| Some(row.id()) == hash.as_deref());
                match (new, same) {
                    (Some(new), None) => plan.create(new, (!old.is_empty()).then(|| json!(old))),
                    (_, same) => {
                        // It may have had an end. The one that is set has none.
                        if let Some(same) = same.filter(|same| same.member("valid_until").is_some()) {
                            let endless = Members::from_iter([("valid_until".to_owned(), Value::Null)]);
                            plan.writes.push(DirectoryWrite::Change(same.clone(), endless, of_its_user()));
                        }
                        if !old.is_empty() {
                            plan.audit = plan.audit.with("token", Some(json!(old)), None);
                        }
                    }
                }
            }
        }
        Ok(plan)
    }
}

impl Plan {
    /// No change of tokens.
    pub(super) fn nothing(audit: Audit) -> Self {
        Self { writes: Vec::new(), created_at: None, has_token: false, audit }
    }

    fn create(&mut self, token: &NewToken, before: Option<Value>) {
        self.created_at = Some(self.writes.len());
        self.writes.push(token.write());
        self.has_token = true;
        self.audit = self.audit.clone().with("token", before, Some(json!(token.row)));
    }
}

/// The row of the token with this name. Another writer may have removed it meanwhile.
fn named<'a>(rows: &'a [DirectoryRow], id: &str) -> Result<&'a DirectoryRow, DirectoryError> {
    let row = rows.iter().find(|row| name(row.id()) == id);
    row.ok_or_else(|| DirectoryError::NoSuch { what: "token", id: id.to_owned() })
}

/// Removes a token whose user does not exist.
async fn remove_stray(context: &Context, author: &Author, user: &str, id: &str) -> Result<(), DirectoryError> {
    let rows = of_user(context, user).await?;
    let row = named(&rows, id)?;
    let audit = author.audit("token.revoke", "user", user).with("token", Some(json!(token_of(row)?)), None);
    match context.store().change_directory(&[DirectoryWrite::Delete(row.clone(), of_its_user())], &[audit]).await? {
        Changed::Done => Ok(()),
        Changed::Failed(_) => Err(DirectoryError::NoSuch { what: "token", id: id.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author() -> Author {
        Author { by: "local:test".to_owned(), now: Timestamp::parse("2026-01-01T00:00:00Z").unwrap() }
    }

    #[test]
    fn a_new_token_has_32_random_bytes_and_does_not_show_itself() {
        let make = || new(&author(), "u", &Description::default()).unwrap();
        let (one, other) = (make(), make());
        assert_eq!(URL_SAFE_NO_PAD.decode(&one.token).unwrap().len(), 32);
        assert_ne!(one.token, other.token);
        assert_eq!(one.row.id, &token_hash(&one.token)[..16]);
        assert!(!format!("{one:?}").contains(&one.token));
        assert!(!serde_json::to_string(&one.row).unwrap().contains(&one.token));
    }

    #[test]
    fn an_end_that_has_passed_and_a_label_that_cannot_be_shown_are_refused() {
        let with = |label: Option<&str>, end: Option<&str>| {
            let description = Description {
                label: label.map(str::to_owned),
                valid_until: end.map(|end| Timestamp::parse(end).unwrap()),
            };
            new(&author(), "u", &description).is_ok()
        };
        assert!(with(Some("ERP"), Some("2026-01-01T00:00:00.001Z")));
        assert!(!with(None, Some("2026-01-01T00:00:00Z")));
        assert!(!with(Some(" "), None) && !with(Some("a\u{7}"), None) && !with(Some(&"x".repeat(101)), None));
    }

    #[test]
    fn a_token_ends_at_its_end_and_one_whose_end_cannot_be_read_has_ended() {
        let token = |end: &str| Token {
            id: "0".repeat(16),
            user: "u".to_owned(),
            label: None,
            created_at: None,
            valid_until: Some(end.to_owned()),
        };
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        for (end, has_ended) in [("2026-01-01T00:00:00Z", true), ("2026-01-01T00:00:01Z", false), ("soon", true)] {
            assert_eq!(token(end).has_ended(now), has_ended, "{end}");
        }
    }
}
