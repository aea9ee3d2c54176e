//! Changes of users.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Author, DirectoryError, Effect, Members, Prepared, Refused, Sent, Writes,
    batch::{Unique, checked_each},
    contended, differences, first, row_after, rules,
    tokens::{self, members_of_user},
    whole, with_changes,
};
use crate::{
    context::Context,
    directory::{Organisations, Role, User},
    store::{DirectoryRow, DirectoryWrite, Kind, Revision},
};

const EMAIL: &str = "email";
const SUBJECT: &str = "external_identifier";

/// The members that decide whether a user is an administrator of all organisations who may sign in.
const RIGHTS: [&str; 3] = ["status", "role", "organisations"];

/// Maximum number of tokens of a user that are deleted with the user, in one transaction.
const MAX_TOKENS: usize = 90;

/// A change of one user.
#[derive(Clone, Debug)]
pub struct Change {
    /// The user.
    pub id: Uuid,
    /// What is done.
    pub action: Action,
    /// The members that are given; null removes one.
    pub members: Members,
    /// The only token that the user has afterwards, or none; `None` leaves the tokens as they are.
    pub token: Option<Option<String>>,
    /// Whether the change depends on all members of the row: it was selected by a query.
    pub is_selected: bool,
}

/// What is done with a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Creates the user. `role` and `organisations` must be among the members.
    Add,
    /// Changes members; with the name of the action in the audit row.
    Set(&'static str),
    /// Removes the user with all tokens.
    Remove,
}

impl Change {
    /// A change without a token.
    #[must_use]
    pub fn new(id: Uuid, action: Action, members: Members) -> Self {
        Self { id, action, members, token: None, is_selected: false }
    }
}

/// Changes of users by one author. The e-mail addresses of all users are read once, and again after another writer
/// changed one.
pub struct Users<'a> {
    context: &'a Context,
    author: &'a Author,
    known: Option<Emails>,
    checked: Checked,
    /// Whether one of the administrators of all organisations keeps a way to sign in.
    keeps_a_way_in: bool,
}

/// The members and the change of tokens that a change asks for.
type Own = (Members, Option<tokens::Change>);

/// What rows would have that were only checked.
#[derive(Default)]
struct Checked {
    /// Who has an external identifier; nobody, if it becomes free.
    subjects: Overlay,
    /// Whether users administer all organisations, by their ids.
    administrators: HashMap<String, bool>,
}

/// The users of all e-mail addresses, with the revision at which they were read.
struct Emails {
    revision: Revision,
    of: HashMap<String, String>,
}

/// The changes of one user, together.
struct Wanted {
    /// The position of the first one.
    position: usize,
    id: String,
    action: Action,
    row: Option<DirectoryRow>,
    members: Members,
    tokens: Option<tokens::Change>,
    is_selected: bool,
}

/// Rows that changes need.
#[derive(Default)]
struct Read {
    rows: HashMap<(Kind, String), DirectoryRow>,
    tokens: Vec<DirectoryRow>,
}

impl Read {
    fn row(&self, kind: Kind, id: &str) -> Option<&DirectoryRow> {
        self.rows.get(&(kind, id.to_owned()))
    }

    /// The row of a value that belongs to a user.
    fn of_user(&self, kind: Kind, value: &str, user: &str) -> Option<&DirectoryRow> {
        self.row(kind, value).filter(|row| row.member("user") == Some(json!(user)))
    }

    /// Whether a value belongs to another user.
    fn is_of_another(&self, kind: Kind, value: &str, user: &str) -> bool {
        self.row(kind, value).is_some() && self.of_user(kind, value, user).is_none()
    }

    fn tokens_of(&self, user: &str) -> Vec<DirectoryRow> {
        let user = Some(json!(user));
        self.tokens.iter().filter(|row| row.member("user") == user).cloned().collect()
    }
}

/// Who gets a value in the course of the changes; nobody, if it becomes free.
type Overlay = HashMap<String, Option<String>>;

impl<'a> Users<'a> {
    /// Changes by `author`.
    #[must_use]
    pub fn new(context: &'a Context, author: &'a Author) -> Self {
        Self { context, author, known: None, checked: Checked::default(), keeps_a_way_in: false }
    }

    /// Changes of authors who need such an administrator, because they have no other access. Operators can create a token
    /// for every user at any time.
    #[must_use]
    pub fn keeping_a_way_in(self) -> Self {
        Self { keeps_a_way_in: true, ..self }
    }

    /// Creates a user. `role` and `organisations` must be among the members.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for members that break a rule, [`DirectoryError::Exists`] when a user has this id,
    /// e-mail address or external identifier.
    pub async fn add(&mut self, id: Uuid, members: &Members) -> Result<Effect, DirectoryError> {
        self.make(Change::new(id, Action::Add, members.clone())).await
    }

    /// Changes members of a user. A value of null removes a member.
    ///
    /// # Errors
    /// As [`Users::add`]; [`DirectoryError::NoSuch`] when there is no such user; [`DirectoryError::Needed`] when no other
    /// administrator of all organisations could sign in afterwards.
    pub async fn set(&mut self, id: Uuid, members: &Members) -> Result<Effect, DirectoryError> {
        self.make(Change::new(id, Action::Set("user.set"), members.clone())).await
    }

    /// Lets a user sign in again.
    ///
    /// # Errors
    /// As [`Users::set`].
    pub async fn enable(&mut self, id: Uuid) -> Result<Effect, DirectoryError> {
        let active = Members::from_iter([("status".to_owned(), json!("active"))]);
        self.make(Change::new(id, Action::Set("user.enable"), active)).await
    }

    /// Refuses the user's next request, with whatever token.
    ///
    /// # Errors
    /// As [`Users::set`].
    pub async fn disable(&mut self, id: Uuid) -> Result<Effect, DirectoryError> {
        let suspended = Members::from_iter([("status".to_owned(), json!("suspended"))]);
        self.make(Change::new(id, Action::Set("user.disable"), suspended)).await
    }

    /// Checks what a change says by itself.
    fn checked(&self, change: &Change) -> Result<Own, DirectoryError> {
        let members = match change.action {
            Action::Add => rules::new_user(&change.members),
            Action::Set(_) => rules::user(&change.members),
            Action::Remove => Ok(Members::new()),
        };
        let replacement = |text: &Option<String>| {
            let replaced = tokens::replacement(self.author, &change.id.to_string(), text.as_deref());
            replaced.map(Some)
        };
        let tokens = change.token.as_ref().map_or(Ok(None), replacement);
        match (members, tokens) {
            (Ok(members), Ok(tokens)) => Ok((members, tokens)),
            (Err(DirectoryError::Invalid(mut errors)), Err(DirectoryError::Invalid(more))) => {
                errors.extend(more);
                Err(DirectoryError::Invalid(errors))
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// Reads what the changes need: the rows of the users, of their external identifiers and tokens, before and after.
    async fn read(&self, checked: &[(usize, &Change, Own)]) -> Result<Read, DirectoryError> {
        let store = self.context.store();
        let mut places = Vec::with_capacity(checked.len());
        for (_, change, (members, tokens)) in checked {
            places.push((Kind::User, change.id.to_string()));
            let subject = members.get(SUBJECT).and_then(Value::as_str);
            places.extend(subject.map(|subject| (Kind::Subject, subject.to_owned())));
            let token = tokens.as_ref().and_then(tokens::Change::new_token);
            places.extend(token.map(|token| (Kind::Token, token.hash())));
        }
        let mut read = Read::default();
        let by_place = |row: DirectoryRow| ((row.kind(), row.id().to_owned()), row);
        if !places.is_empty() {
            read.rows.extend(store.directory_rows_at(&places).await?.into_iter().map(by_place));
        }
        let leaves =
            |change: &Change, members: &Members| change.action == Action::Remove || members.contains_key(SUBJECT);
        let leaving = checked.iter().filter(|(_, change, (members, _))| leaves(change, members));
        let old: Vec<(Kind, String)> = leaving
            .filter_map(|(_, change, ..)| read.row(Kind::User, &change.id.to_string())?.member(SUBJECT))
            .filter_map(|subject| Some((Kind::Subject, subject.as_str()?.to_owned())))
            .collect();
        if !old.is_empty() {
            read.rows.extend(store.directory_rows_at(&old).await?.into_iter().map(by_place));
        }
        let changing = checked.iter().filter(|(_, change, (_, tokens))| {
            change.action == Action::Remove || (tokens.is_some() && change.action != Action::Add)
        });
        let changing: BTreeSet<String> = changing.map(|(_, change, ..)| change.id.to_string()).collect();
        if !changing.is_empty() {
            let is_theirs = |row: &DirectoryRow| {
                row.member("user").and_then(|user| user.as_str().map(|user| changing.contains(user))).unwrap_or(false)
            };
            read.tokens = store.directory_rows(Kind::Token, is_theirs).await?;
        }
        Ok(read)
    }

    /// Whether another user has this e-mail address. Notes in the overlay whose it becomes.
    async fn email_conflict(
        &mut self,
        id: &str,
        row: Option<&DirectoryRow>,
        email: Option<&Value>,
        overlay: &mut Overlay,
    ) -> Result<Option<DirectoryError>, DirectoryError> {
        let Some(email) = email else { return Ok(None) };
        let old = row.and_then(|row| row.member(EMAIL)).and_then(|old| old.as_str().map(rules::email_key));
        if let Some(old) = old {
            overlay.entry(old).or_insert(None);
        }
        let Some(email) = email.as_str() else { return Ok(None) };
        let key = rules::email_key(email);
        let known = self.emails().await?;
        let owner = overlay.get(&key).map_or_else(|| known.of.get(&key), Option::as_ref);
        if owner.is_some_and(|owner| owner != id) {
            return Ok(Some(exists(EMAIL, email.to_owned())));
        }
        overlay.insert(key, Some(id.to_owned()));
        Ok(None)
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
    /// As [`Users::add`] and [`Users::set`].
    pub async fn check(&mut self, id: Uuid, members: &Members) -> Result<Effect, DirectoryError> {
        let row = self.context.store().directory_row(Kind::User, &id.to_string()).await?;
        let action = if row.is_some() { Action::Set("user.set") } else { Action::Add };
        let prepared = self.prepare(&[Change::new(id, action, members.clone())]).await.map_err(first)?;
        let id = id.to_string();
        if let Some(subject) = members.get(SUBJECT) {
            let old = row.as_ref().and_then(|row| row.member(SUBJECT));
            if let Some(old) = old.as_ref().and_then(Value::as_str).filter(|old| subject.as_str() != Some(old)) {
                self.checked.subjects.insert(old.to_owned(), None);
            }
            let new = subject.as_str().map(|subject| (subject.to_owned(), Some(id.clone())));
            self.checked.subjects.extend(new);
        }
        let is_one = prepared.rows.iter().flatten().any(|user| user.id == id && administers(user));
        self.checked.administrators.insert(id, is_one);
        if !prepared.texts.is_empty() {
            self.emails().await?.learn(prepared.texts);
        }
        Ok(prepared.effects.first().copied().unwrap_or(Effect::Unchanged))
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

    /// Refuses changes after which there is no active administrator of all organisations, or, with
    /// [`Users::keeping_a_way_in`], none of them has a way to sign in. Others are conditional on the revision of users if
    /// one of them stops being such an administrator, or gives up a way to sign in.
    async fn keep_an_administrator(
        &self,
        wanted: &[Wanted],
        prepared: &mut Prepared<User>,
    ) -> Result<(), (usize, DirectoryError)> {
        let is_one = |one: &&Wanted| prepared_user(prepared, one).is_some_and(administers);
        let was_one = |one: &&Wanted| one.row.as_ref().is_some_and(is_administrator);
        let stop = |one: &&Wanted| was_one(one) && (!is_one(one) || (self.keeps_a_way_in && one.gives_up_a_way_in()));
        let Some(last) = wanted.iter().rfind(stop) else { return Ok(()) };
        let needed = |reason: String| Err((last.position, DirectoryError::Needed(reason)));
        let ids: BTreeSet<&str> = wanted.iter().map(|one| one.id.as_str()).collect();
        let checked = self.checked.administrators.iter().any(|(id, is_one)| *is_one && !ids.contains(id.as_str()));
        let stays_in_batch = checked || wanted.iter().any(|one| is_one(&one));
        let store = self.context.store();
        if prepared.batch.revision().is_none() {
            let revision = store.revision(Kind::User).await.map_err(|error| (0, error.into()))?;
            prepared.batch.depend_on(revision);
        }
        // Nothing tells how those sign in whose rows were only checked.
        let is_about_ways_in = self.keeps_a_way_in && !checked;
        if stays_in_batch && !is_about_ways_in {
            return Ok(());
        }
        let is_another = |row: &DirectoryRow| {
            let is_checked = self.checked.administrators.contains_key(row.id());
            !is_checked && !ids.contains(row.id()) && is_administrator(row)
        };
        let others = store.directory_rows(Kind::User, is_another).await.map_err(|error| (0, error.into()))?;
        if others.is_empty() && !stays_in_batch {
            return needed(format!(
                "The user {} is the last active administrator of all organisations; make another user one before.",
                last.id
            ));
        }
        if !is_about_ways_in {
            return Ok(());
        }
        let ways = self.ways_in().await.map_err(|error| (0, error))?;
        let had_a_way = |one: &Wanted| was_one(&one) && one.row.as_ref().is_some_and(|row| ways.of_row(row));
        let has_a_way = |one: &Wanted| {
            let user = prepared_user(prepared, one).filter(|user| administers(user));
            user.is_some_and(|user| match &one.tokens {
                Some(change) => change.new_token().is_some() || ways.is_known(user),
                None => ways.of(user),
            })
        };
        let stays = wanted.iter().any(has_a_way) || others.iter().any(|row| ways.of_row(row));
        if !stays && wanted.iter().any(had_a_way) {
            return needed(format!(
                "The user {} is the last active administrator of all organisations with a way to sign in; give another one a \
                 token before.",
                last.id
            ));
        }
        Ok(())
    }

    /// How users can sign in.
    async fn ways_in(&self) -> Result<WaysIn, DirectoryError> {
        let tokens = tokens::list(self.context, None).await?.into_iter();
        let valid = tokens.filter(|token| !token.has_ended(self.author.now));
        Ok(WaysIn { owners: valid.map(|token| token.user).collect(), by_issuer: self.context.config().oidc.is_some() })
    }

    /// Keeps what is known up to date after an own write.
    fn learn(&mut self, texts: Vec<(String, Option<String>)>, revision: Option<Revision>) {
        // With another revision, another writer may have added an address since the addresses were read.
        if let Some(revision) = &revision {
            self.known = self.known.take().filter(|known| known.revision == *revision);
        }
        let Some(known) = &mut self.known else { return };
        if let Some(revision) = revision {
            known.revision = revision.next();
        }
        known.learn(texts);
    }
}

impl Writes for Users<'_> {
    type Row = User;
    type Change = Change;

    /// Checks changes, which are of one kind: all create users, or none does. Several changes of one user are one, in
    /// their order. Writes nothing.
    ///
    /// # Errors
    /// Every change that is refused, as [`Users::add`], [`Users::set`] and [`Action::Remove`] are. Without a change to
    /// blame, when DynamoDB does not answer: the first.
    async fn prepare(&mut self, changes: &[Change]) -> Result<Prepared<User>, Refused> {
        let (checked, mut refused) = checked_each(changes, |change| self.checked(change));
        let mut wanted: Vec<Wanted> = Vec::with_capacity(checked.len());
        let read = self.read(&checked).await.map_err(whole)?;
        let (mut emails, mut subjects, mut hashes) = (Overlay::new(), Overlay::new(), Overlay::new());
        for (position, change, (members, tokens)) in checked {
            let id = change.id.to_string();
            let place = wanted.iter().position(|other| other.id == id);
            let row = read.row(Kind::User, &id).cloned();
            let conflict = match (change.action, &row, place) {
                (Action::Add, None, None) => None,
                (Action::Add, ..) => Some(exists("id", id.clone())),
                (_, None, _) => Some(DirectoryError::NoSuch { what: "user", id: id.clone() }),
                _ => None,
            };
            let conflict = match conflict {
                Some(conflict) => Some(conflict),
                None => {
                    let email = self.email_conflict(&id, row.as_ref(), members.get(EMAIL), &mut emails).await;
                    let email = email.map_err(whole)?;
                    let subject = members.get(SUBJECT).and_then(Value::as_str);
                    let subject = subject.filter(|subject| {
                        let is_taken = match self.checked.subjects.get(*subject) {
                            Some(owner) => owner.as_ref().is_some_and(|owner| *owner != id),
                            None => read.is_of_another(Kind::Subject, subject, &id),
                        };
                        is_taken || is_claimed(&mut subjects, subject, &id)
                    });
                    let hash = tokens.as_ref().and_then(tokens::Change::new_token).map(tokens::NewToken::hash);
                    let hash = hash.filter(|hash| {
                        let is_taken = read.is_of_another(Kind::Token, hash, &id);
                        is_taken || is_claimed(&mut hashes, hash, &id)
                    });
                    let subject = subject.map(|subject| exists(SUBJECT, subject.to_owned()));
                    email.or(subject).or_else(|| hash.map(|_| tokens::taken()))
                }
            };
            match (conflict, place.and_then(|at| wanted.get_mut(at))) {
                (Some(conflict), _) => refused.push((position, conflict)),
                (None, Some(known)) => {
                    known.members.extend(members);
                    known.tokens = tokens.or(known.tokens.take());
                    known.is_selected |= change.is_selected;
                }
                (None, None) => wanted.push(Wanted {
                    position,
                    id,
                    action: change.action,
                    row,
                    members,
                    tokens,
                    is_selected: change.is_selected,
                }),
            }
        }
        let mut prepared = Prepared::unless(refused, changes.len())?;
        let has_address = wanted.iter().any(|one| one.members.get(EMAIL).is_some_and(Value::is_string));
        if let Some(known) = self.known.as_ref().filter(|_| has_address) {
            prepared.batch.depend_on(known.revision.clone());
        }
        for one in &wanted {
            one.write(self.author, &read, &mut prepared).map_err(|error| vec![(one.position, error)])?;
        }
        self.keep_an_administrator(&wanted, &mut prepared).await.map_err(|refused| vec![refused])?;
        prepared.batch.check().map_err(|refused| vec![refused])?;
        Ok(prepared)
    }

    /// Writes prepared changes, all or none. [`Sent::Again`] after a conflict with another writer.
    ///
    /// # Errors
    /// With the position of the change: [`DirectoryError::Exists`] when another writer took its id, external identifier
    /// or token meanwhile; [`DirectoryError::Store`] when DynamoDB does not answer.
    async fn commit(&mut self, prepared: Prepared<User>) -> Result<Sent, (usize, DirectoryError)> {
        let Prepared { batch, texts, .. } = prepared;
        let revision = batch.revision().cloned();
        let sent = batch.send(self.context).await;
        match sent {
            Ok(Sent::Done) => self.learn(texts, revision),
            // What is known may be the reason.
            Ok(Sent::Again) | Err(_) => self.known = None,
        }
        sent
    }
}

impl Emails {
    fn learn(&mut self, texts: Vec<(String, Option<String>)>) {
        for (id, email) in texts {
            self.of.retain(|_, other| *other != id);
            if let Some(email) = email {
                self.of.insert(rules::email_key(&email), id);
            }
        }
    }
}

/// How users can sign in.
struct WaysIn {
    /// The users with a valid token.
    owners: HashSet<String>,
    /// Whether JWTs are accepted.
    by_issuer: bool,
}

impl WaysIn {
    /// Whether a user has a token, or is known to the issuer.
    fn of(&self, user: &User) -> bool {
        self.owners.contains(&user.id) || self.is_known(user)
    }

    /// Whether a user is known to the issuer.
    fn is_known(&self, user: &User) -> bool {
        self.by_issuer && user.external_identifier.is_some()
    }

    fn of_row(&self, row: &DirectoryRow) -> bool {
        row.read::<User>().is_ok_and(|user| self.of(&user))
    }
}

impl Wanted {
    /// Whether the user loses all tokens, or the external identifier.
    fn gives_up_a_way_in(&self) -> bool {
        let has_no_token = self.tokens.as_ref().is_some_and(|change| change.new_token().is_none());
        has_no_token || self.members.get(SUBJECT).is_some_and(Value::is_null)
    }

    /// Adds the writes of the change, its audit row, its effect and the row as it will be.
    fn write(&self, author: &Author, read: &Read, prepared: &mut Prepared<User>) -> Result<(), DirectoryError> {
        let Self { position, id, .. } = self;
        match (self.action, &self.row) {
            (Action::Add, _) => self.write_new(author, prepared)?,
            (Action::Set(action), Some(row)) => self.write_changed(action, row, author, read, prepared)?,
            (Action::Remove, Some(row)) => {
                let tokens = read.tokens_of(id);
                if tokens.len() > MAX_TOKENS {
                    return Err(DirectoryError::Refused(format!(
                        "The user {id} has {} tokens; revoke them until {MAX_TOKENS} are left.",
                        tokens.len()
                    )));
                }
                let members: Members = row.read()?;
                // A token that is added meanwhile changes the user's row.
                prepared.batch.write(*position, DirectoryWrite::Delete(row.clone(), names_of(row)?));
                let subject = self.old_subject(read);
                for row in subject.into_iter().chain(tokens) {
                    prepared.batch.write(*position, DirectoryWrite::Delete(row, vec!["user".to_owned()]));
                }
                let shown = members.iter().filter(|(name, _)| rules::USER_MEMBERS.contains(&name.as_str()));
                let audit = shown.fold(author.audit("user.remove", "user", id), |audit, (name, value)| {
                    audit.with(name, Some(value.clone()), None)
                });
                prepared.batch.audit(audit);
                prepared.texts.push((id.clone(), None));
                prepared.set_effect(*position, Effect::Removed);
            }
            // `prepare` refused these.
            (Action::Set(_) | Action::Remove, None) => {}
        }
        Ok(())
    }

    fn write_new(&self, author: &Author, prepared: &mut Prepared<User>) -> Result<(), DirectoryError> {
        let Self { position, id, members, tokens, .. } = self;
        let audit = with_changes(author.audit("user.add", "user", id), None, members);
        let mut row = members.clone();
        let plan = match tokens {
            Some(change) => change.plan(&[], audit)?,
            None => tokens::Plan::nothing(audit),
        };
        if plan.has_token {
            row.extend(members_of_user(None, true));
        }
        prepared.rows.push(row_after(None, id, &row));
        let unique = |field, value: &str| Unique { what: "user", field, value: value.to_owned() };
        prepared.batch.claim(*position, DirectoryWrite::Create(Kind::User, id.clone(), row), unique("id", id));
        if let Some(subject) = members.get(SUBJECT).and_then(Value::as_str) {
            let create = DirectoryWrite::Create(Kind::Subject, subject.to_owned(), of(id));
            prepared.batch.claim(*position, create, unique(SUBJECT, subject));
        }
        self.write_tokens(plan, prepared);
        let email = members.get(EMAIL).and_then(Value::as_str);
        prepared.texts.extend(email.map(|email| (id.clone(), Some(email.to_owned()))));
        prepared.set_effect(*position, Effect::Created);
        Ok(())
    }

    fn write_changed(
        &self,
        action: &str,
        row: &DirectoryRow,
        author: &Author,
        read: &Read,
        prepared: &mut Prepared<User>,
    ) -> Result<(), DirectoryError> {
        let Self { position, id, members, tokens, .. } = self;
        let mut changes = differences(row, members);
        let audit = with_changes(author.audit(action, "user", id), Some(row), &changes);
        let plan = match tokens {
            Some(change) => change.plan(&read.tokens_of(id), audit)?,
            None => tokens::Plan::nothing(audit),
        };
        if changes.is_empty() && plan.writes.is_empty() {
            prepared.rows.push(row_after(Some(row), id, &changes));
            return Ok(());
        }
        if let Some(subject) = changes.get(SUBJECT) {
            if let Some(subject) = subject.as_str().filter(|one| read.of_user(Kind::Subject, one, id).is_none()) {
                let create = DirectoryWrite::Create(Kind::Subject, subject.to_owned(), of(id));
                let unique = Unique { what: "user", field: SUBJECT, value: subject.to_owned() };
                prepared.batch.claim(*position, create, unique);
            }
            if let Some(old) = self.old_subject(read) {
                prepared.batch.write(*position, DirectoryWrite::Delete(old, vec!["user".to_owned()]));
            }
        }
        if let Some(email) = changes.get(EMAIL) {
            prepared.texts.push((id.clone(), email.as_str().map(str::to_owned)));
        }
        let changes_rights = RIGHTS.iter().any(|member| changes.contains_key(*member));
        if !plan.writes.is_empty() {
            changes.extend(members_of_user(Some(row), plan.has_token));
        }
        let mut decide = Vec::new();
        if changes_rights {
            decide.extend(RIGHTS.map(str::to_owned));
        }
        if self.is_selected {
            decide = names_of(row)?;
        }
        prepared.rows.push(row_after(Some(row), id, &changes));
        prepared.batch.write(*position, DirectoryWrite::Change(row.clone(), changes, decide));
        self.write_tokens(plan, prepared);
        prepared.set_effect(*position, Effect::Changed);
        Ok(())
    }

    fn write_tokens(&self, plan: tokens::Plan, prepared: &mut Prepared<User>) {
        for (at, write) in plan.writes.into_iter().enumerate() {
            match plan.created_at == Some(at) {
                true => prepared.batch.claim(self.position, write, tokens::unique()),
                false => prepared.batch.write(self.position, write),
            }
        }
        prepared.batch.audit(plan.audit);
    }

    /// The row of the external identifier that the user has, if it belongs to the user.
    fn old_subject(&self, read: &Read) -> Option<DirectoryRow> {
        let subject = self.row.as_ref()?.member(SUBJECT)?;
        read.of_user(Kind::Subject, subject.as_str()?, &self.id).cloned()
    }
}

/// The members of a row, and those that every user can have: a change that depends on all of them depends on the whole
/// row.
fn names_of(row: &DirectoryRow) -> Result<Vec<String>, DirectoryError> {
    let members: Members = row.read()?;
    let known = rules::USER_MEMBERS.into_iter().chain(["has_token", "token_changes"]).map(str::to_owned);
    let names = members.into_iter().map(|(name, _)| name).chain(known);
    Ok(names.filter(|name| name != "id").collect::<BTreeSet<_>>().into_iter().collect())
}

/// Whether another user of the same changes gets a value. Notes who gets it.
fn is_claimed(overlay: &mut Overlay, value: &str, id: &str) -> bool {
    let owner = overlay.entry(value.to_owned()).or_insert_with(|| Some(id.to_owned()));
    owner.as_deref() != Some(id)
}

/// The user as the changes leave it; `None` if it is removed or cannot be read.
fn prepared_user<'p>(prepared: &'p Prepared<User>, one: &Wanted) -> Option<&'p User> {
    prepared.rows.iter().flatten().find(|user| user.id == one.id)
}

/// Whether a user is an administrator of all organisations who may sign in.
fn administers(user: &User) -> bool {
    user.role == Role::Admin && user.organisations == Organisations::All && user.may_sign_in()
}

fn is_administrator(row: &DirectoryRow) -> bool {
    row.read::<User>().is_ok_and(|user| administers(&user))
}

/// The members of a row that belongs to a user.
fn of(user: &str) -> Members {
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
