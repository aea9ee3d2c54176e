//! Changes of users.

use std::{collections::HashMap, future::Future};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Author, DirectoryError, Effect, MAX_TRIES, Members, contended, differences, rules, tokens::of_user, with_changes,
};
use crate::{
    backoff::pause,
    context::Context,
    directory::{Organisations, Role, User},
    store::{Changed, DirectoryRow, DirectoryWrite, Kind, Revision},
};

const EMAIL: &str = "email";
const SUBJECT: &str = "external_identifier";

/// The members that decide whether a user is an administrator of all organisations who may sign in.
const RIGHTS: [&str; 3] = ["status", "role", "organisations"];

/// Maximum number of tokens of a user that are deleted with the user, in one transaction.
const MAX_TOKENS: usize = 90;

/// Changes of users by one author. The e-mail addresses of all users are read once, and again after another writer
/// changed one.
pub struct Users<'a> {
    context: &'a Context,
    author: &'a Author,
    known: Option<Emails>,
}

/// The users of all e-mail addresses, with the revision at which they were read.
struct Emails {
    revision: Revision,
    of: HashMap<String, String>,
}

impl<'a> Users<'a> {
    /// Changes by `author`.
    #[must_use]
    pub fn new(context: &'a Context, author: &'a Author) -> Self {
        Self { context, author, known: None }
    }

    /// Creates a user. `role` and `organisations` must be among the members.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for members that break a rule, [`DirectoryError::Exists`] when a user has this id,
    /// e-mail address or external identifier.
    pub async fn add(&mut self, id: Uuid, members: &Members) -> Result<Effect, DirectoryError> {
        let members = rules::new_user(members)?;
        let id = id.to_string();
        let audit = with_changes(self.author.audit("user.add", "user", &id), None, &members);
        for attempt in 1..=MAX_TRIES {
            let revision = self.revision_for(&id, members.get(EMAIL)).await?;
            let mut writes = vec![DirectoryWrite::Create(Kind::User, id.clone(), members.clone())];
            let subject = members.get(SUBJECT).and_then(Value::as_str);
            writes.extend(subject.map(|subject| DirectoryWrite::Create(Kind::Subject, subject.to_owned(), of(&id))));
            let subject_at = subject.map(|_| 1);
            writes.extend(revision.as_ref().map(DirectoryWrite::Advance));
            match self.context.store().change_directory(&writes, &audit).await? {
                Changed::Done => {
                    self.learn(&id, members.get(EMAIL), revision);
                    return Ok(Effect::Created);
                }
                Changed::Failed(0) => return Err(exists("id", id)),
                Changed::Failed(at) if Some(at) == subject_at => {
                    return Err(exists(SUBJECT, subject.unwrap_or_default().to_owned()));
                }
                Changed::Failed(_) | Changed::Conflict => self.forget(attempt).await,
            }
        }
        Err(contended())
    }

    /// Changes members of a user. A value of null removes a member.
    ///
    /// # Errors
    /// As [`Users::add`]; [`DirectoryError::NoSuch`] when there is no such user; [`DirectoryError::Refused`] when no other
    /// administrator of all organisations could sign in afterwards.
    pub async fn set(&mut self, id: Uuid, members: &Members) -> Result<Effect, DirectoryError> {
        self.change(id, members, "user.set").await
    }

    /// Lets a user sign in again.
    ///
    /// # Errors
    /// As [`Users::set`].
    pub async fn enable(&mut self, id: Uuid) -> Result<Effect, DirectoryError> {
        self.change(id, &Members::from_iter([("status".to_owned(), json!("active"))]), "user.enable").await
    }

    /// Refuses the user's next request, with whatever token.
    ///
    /// # Errors
    /// As [`Users::set`].
    pub async fn disable(&mut self, id: Uuid) -> Result<Effect, DirectoryError> {
        self.change(id, &Members::from_iter([("status".to_owned(), json!("suspended"))]), "user.disable").await
    }

    async fn change(&mut self, id: Uuid, members: &Members, action: &str) -> Result<Effect, DirectoryError> {
        let members = rules::user(members)?;
        let id = id.to_string();
        for attempt in 1..=MAX_TRIES {
            let row = self.row(&id).await?;
            let changes = differences(&row, &members);
            if changes.is_empty() {
                return Ok(Effect::Unchanged);
            }
            let email = self.revision_for(&id, changes.get(EMAIL)).await?;
            let rights = self.revision_of_rights(&row, Some(&changes)).await?;
            let subject = changes.contains_key(SUBJECT);
            let old_subject = if subject { self.subject_of(&row).await? } else { None };
            let new_subject = changes.get(SUBJECT).and_then(Value::as_str);

            let decide: &[&str] = if RIGHTS.iter().any(|member| changes.contains_key(*member)) { &RIGHTS } else { &[] };
            let mut writes = vec![DirectoryWrite::Change(&row, &changes, decide)];
            writes
                .extend(new_subject.map(|subject| DirectoryWrite::Create(Kind::Subject, subject.to_owned(), of(&id))));
            let subject_at = new_subject.map(|_| 1);
            writes.extend(old_subject.as_ref().map(|row| DirectoryWrite::Delete(row, &["user"])));
            // Both are the revision of users. The one that was read first is the stricter condition.
            let revision = email.or(rights);
            writes.extend(revision.as_ref().map(DirectoryWrite::Advance));
            let audit = with_changes(self.author.audit(action, "user", &id), Some(&row), &changes);
            match self.context.store().change_directory(&writes, &audit).await? {
                Changed::Done => {
                    self.learn(&id, changes.get(EMAIL), revision);
                    return Ok(Effect::Changed);
                }
                Changed::Failed(at) if Some(at) == subject_at => {
                    return Err(exists(SUBJECT, new_subject.unwrap_or_default().to_owned()));
                }
                Changed::Failed(_) | Changed::Conflict => self.forget(attempt).await,
            }
        }
        Err(contended())
    }

    /// Removes a user with all tokens.
    ///
    /// # Errors
    /// [`DirectoryError::NoSuch`] when there is no such user; [`DirectoryError::Refused`] when no other administrator of
    /// all organisations could sign in afterwards, or when the user has more than 90 tokens.
    pub async fn remove(&mut self, id: Uuid) -> Result<Effect, DirectoryError> {
        let id = id.to_string();
        for attempt in 1..=MAX_TRIES {
            let row = self.row(&id).await?;
            let tokens = of_user(self.context, &id).await?;
            if tokens.len() > MAX_TOKENS {
                return Err(DirectoryError::Refused(format!(
                    "The user {id} has {} tokens; revoke them until {MAX_TOKENS} are left.",
                    tokens.len()
                )));
            }
            let revision = self.revision_of_rights(&row, None).await?;
            let subject = self.subject_of(&row).await?;
            let members: Members = row.read()?;
            // A token that is added meanwhile changes the user's row.
            let names: Vec<_> = members.keys().map(String::as_str).filter(|name| *name != "id").collect();
            let mut writes = vec![DirectoryWrite::Delete(&row, &names)];
            writes.extend(subject.iter().map(|row| DirectoryWrite::Delete(row, &["user"])));
            writes.extend(tokens.iter().map(|row| DirectoryWrite::Delete(row, &["user"])));
            writes.extend(revision.as_ref().map(DirectoryWrite::Advance));
            let shown = members.iter().filter(|(name, _)| rules::USER_MEMBERS.contains(&name.as_str()));
            let audit = shown.fold(self.author.audit("user.remove", "user", &id), |audit, (name, value)| {
                audit.with(name, Some(value.clone()), None)
            });
            match self.context.store().change_directory(&writes, &audit).await? {
                Changed::Done => {
                    self.known = None;
                    return Ok(Effect::Removed);
                }
                Changed::Failed(_) | Changed::Conflict => self.forget(attempt).await,
            }
        }
        Err(contended())
    }

    /// The user with an e-mail address, whatever its case.
    ///
    /// # Errors
    /// [`DirectoryError::Store`] when DynamoDB does not answer.
    pub async fn of_email(&mut self, email: &str) -> Result<Option<Uuid>, DirectoryError> {
        let known = self.emails().await?;
        Ok(known.of.get(&rules::email_key(email)).and_then(|id| crate::reservation::uuid(id)))
    }

    /// The user with an external identifier.
    ///
    /// # Errors
    /// [`DirectoryError::Store`] when DynamoDB does not answer.
    pub async fn of_subject(&self, subject: &str) -> Result<Option<Uuid>, DirectoryError> {
        let row = self.context.store().directory_row(Kind::Subject, subject).await?;
        let user = row.and_then(|row| row.member("user"));
        Ok(user.as_ref().and_then(Value::as_str).and_then(crate::reservation::uuid))
    }

    /// Creates a user, or changes members if there is one with this id.
    ///
    /// # Errors
    /// As [`Users::add`] and [`Users::set`].
    pub async fn put(&mut self, id: Uuid, members: &Members) -> Result<Effect, DirectoryError> {
        match self.context.store().directory_row(Kind::User, &id.to_string()).await? {
            Some(_) => self.set(id, members).await,
            None => self.add(id, members).await,
        }
    }

    /// Finds a user by id or by e-mail address.
    ///
    /// # Errors
    /// [`DirectoryError::NoSuch`] when there is none.
    pub async fn find(&mut self, name: &str) -> Result<Uuid, DirectoryError> {
        let found = match crate::reservation::uuid(name) {
            Some(id) => self.context.store().directory_row(Kind::User, &id.to_string()).await?.map(|_| id),
            None => self.of_email(name).await?,
        };
        found.ok_or_else(|| DirectoryError::NoSuch { what: "user", id: name.to_owned() })
    }

    /// Checks what creating a user, or changing one, would do, and writes nothing. Rows that were checked before count as
    /// written.
    ///
    /// # Errors
    /// As [`Users::add`] and [`Users::set`], except for external identifiers.
    pub async fn check(&mut self, id: Uuid, members: &Members) -> Result<Effect, DirectoryError> {
        let id = id.to_string();
        let row = self.context.store().directory_row(Kind::User, &id).await?;
        let (changes, effect) = match &row {
            None => (rules::new_user(members)?, Effect::Created),
            Some(row) => {
                let changes = differences(row, &rules::user(members)?);
                let effect = if changes.is_empty() { Effect::Unchanged } else { Effect::Changed };
                (changes, effect)
            }
        };
        if let Some(row) = &row {
            self.revision_of_rights(row, Some(&changes)).await?;
        }
        if let Some(subject) = changes.get(SUBJECT).and_then(Value::as_str)
            && let Some(other) = self.context.store().directory_row(Kind::Subject, subject).await?
            && other.member("user") != Some(json!(id))
        {
            return Err(exists(SUBJECT, subject.to_owned()));
        }
        let revision = self.revision_for(&id, changes.get(EMAIL)).await?;
        if let (Some(_), Some(known), Some(email)) =
            (revision, &mut self.known, changes.get(EMAIL).and_then(Value::as_str))
        {
            known.of.insert(rules::email_key(email), id);
        }
        Ok(effect)
    }

    async fn row(&self, id: &str) -> Result<DirectoryRow, DirectoryError> {
        let row = self.context.store().directory_row(Kind::User, id).await?;
        row.ok_or_else(|| DirectoryError::NoSuch { what: "user", id: id.to_owned() })
    }

    /// The row of a user's external identifier, if it belongs to that user.
    async fn subject_of(&self, row: &DirectoryRow) -> Result<Option<DirectoryRow>, DirectoryError> {
        let Some(subject) = row.member(SUBJECT) else { return Ok(None) };
        let found = self.context.store().directory_row(Kind::Subject, subject.as_str().unwrap_or_default()).await?;
        Ok(found.filter(|found| found.member("user") == Some(json!(row.id()))))
    }

    /// The revision on which a write of this e-mail address is conditional; `None` for a write without one.
    async fn revision_for(&mut self, id: &str, email: Option<&Value>) -> Result<Option<Revision>, DirectoryError> {
        let Some(email) = email.and_then(Value::as_str) else { return Ok(None) };
        let known = self.emails().await?;
        match known.of.get(&rules::email_key(email)) {
            Some(other) if other != id => Err(exists(EMAIL, email.to_owned())),
            _ => Ok(Some(known.revision.clone())),
        }
    }

    async fn emails(&mut self) -> Result<&mut Emails, DirectoryError> {
        if self.known.is_none() {
            let store = self.context.store();
            // The revision first: an address that is written after it makes the write fail.
            let revision = store.revision(Kind::User).await?;
            let rows = store.directory_rows(Kind::User, |row| row.member(EMAIL).is_some()).await?;
            let text = |row: &DirectoryRow| Some((rules::email_key(row.member(EMAIL)?.as_str()?), row.id().to_owned()));
            self.known = Some(Emails { revision, of: rows.iter().filter_map(text).collect() });
        }
        self.known.as_mut().ok_or_else(contended)
    }

    /// The revision on which a change of rights is conditional; `None` if the user does not stop being an administrator
    /// of all organisations who may sign in. `changes` are `None` when the user is removed.
    ///
    /// # Errors
    /// [`DirectoryError::Refused`] if there is no other one.
    async fn revision_of_rights(
        &self,
        row: &DirectoryRow,
        changes: Option<&Members>,
    ) -> Result<Option<Revision>, DirectoryError> {
        let member = |name: &str, changes: Option<&Members>| {
            changes.and_then(|changes| changes.get(name).cloned()).or_else(|| row.member(name))
        };
        let is_one = |changes: Option<&Members>| {
            let [status, role, organisations] = RIGHTS.map(|name| member(name, changes));
            status == Some(json!("active")) && role == Some(json!("admin")) && organisations == Some(json!("*"))
        };
        if !is_one(None) || changes.is_some_and(|changes| is_one(Some(changes))) {
            return Ok(None);
        }
        let store = self.context.store();
        let revision = store.revision(Kind::User).await?;
        let others =
            store.directory_rows(Kind::User, |other| other.id() != row.id() && is_administrator(other)).await?;
        if others.is_empty() {
            return Err(DirectoryError::Refused(format!(
                "The user {} is the last active administrator of all organisations; make another user one before.",
                row.id()
            )));
        }
        Ok(Some(revision))
    }

    /// Keeps what is known up to date after an own write.
    fn learn(&mut self, id: &str, email: Option<&Value>, revision: Option<Revision>) {
        // With another revision, another writer may have added an address since the addresses were read.
        if let Some(revision) = &revision {
            self.known = self.known.take().filter(|known| known.revision == *revision);
        }
        let Some(known) = &mut self.known else { return };
        if let Some(revision) = revision {
            known.revision = revision.next();
        }
        if let Some(email) = email {
            known.of.retain(|_, other| other != id);
            if let Some(email) = email.as_str() {
                known.of.insert(rules::email_key(email), id.to_owned());
            }
        }
    }

    /// Forgets what is known after a conflict with another writer, and waits a moment.
    fn forget(&mut self, attempt: u32) -> impl Future<Output = ()> + Send + use<> {
        self.known = None;
        pause(attempt)
    }
}

/// Whether a user is an administrator of all organisations who may sign in.
fn is_administrator(row: &DirectoryRow) -> bool {
    row.read::<User>()
        .is_ok_and(|user| user.role == Role::Admin && user.organisations == Organisations::All && user.may_sign_in())
}

/// The members of a row that belongs to a user.
pub(super) fn of(user: &str) -> Members {
    Members::from_iter([("user".to_owned(), json!(user))])
}

fn exists(field: &'static str, value: String) -> DirectoryError {
    DirectoryError::Exists { what: "user", field, value }
}

/// Reads the users whose organisations pass a test (consistent), by e-mail address and id.
///
/// # Errors
/// [`DirectoryError::Store`] when DynamoDB does not answer, or a row cannot be read.
pub async fn all(context: &Context, test: impl Fn(&Organisations) -> bool) -> Result<Vec<User>, DirectoryError> {
    let rows = context.store().directory_rows(Kind::User, |_| true).await?;
    let mut users: Vec<User> = rows.iter().map(DirectoryRow::read).collect::<Result<_, _>>()?;
    users.retain(|user| test(&user.organisations));
    users.sort_by(|a, b| (&a.email, &a.id).cmp(&(&b.email, &b.id)));
    Ok(users)
}

/// Reads a user.
///
/// # Errors
/// [`DirectoryError::NoSuch`] when there is none with this id.
pub async fn one(context: &Context, id: Uuid) -> Result<User, DirectoryError> {
    let user = context.store().user(&id.to_string()).await?;
    user.ok_or_else(|| DirectoryError::NoSuch { what: "user", id: id.to_string() })
}
