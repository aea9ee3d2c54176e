//! Changes of organisations.

use std::{collections::HashMap, future::Future};

use serde_json::Value;

use super::{Author, DirectoryError, Effect, MAX_TRIES, Members, contended, differences, rules, with_changes};
use crate::{
    backoff::pause,
    code::prefixes_conflict,
    context::Context,
    directory::{Organisation, User},
    store::{Changed, DirectoryRow, DirectoryWrite, Kind, Revision},
};

const PREFIX: &str = "organisation_company_prefix";

/// Changes of organisations by one author. The company prefixes of all organisations are read once, and again after
/// another writer changed one.
pub struct Organisations<'a> {
    context: &'a Context,
    author: &'a Author,
    known: Option<Prefixes>,
}

/// The company prefixes of all organisations, with the revision at which they were read.
struct Prefixes {
    revision: Revision,
    of: HashMap<String, String>,
}

impl Prefixes {
    /// Another organisation whose prefix begins this one or continues it.
    fn conflict(&self, id: &str, prefix: &str) -> Option<(&str, &str)> {
        let others = self.of.iter().filter(|(other, _)| *other != id);
        let mut conflicts = others.filter(|(_, other)| prefixes_conflict(other, prefix));
        conflicts.next().map(|(other, theirs)| (other.as_str(), theirs.as_str()))
    }
}

impl<'a> Organisations<'a> {
    /// Changes by `author`.
    #[must_use]
    pub fn new(context: &'a Context, author: &'a Author) -> Self {
        Self { context, author, known: None }
    }

    /// Creates an organisation.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for members that break a rule, [`DirectoryError::Exists`] when there is one with this
    /// id, [`DirectoryError::Refused`] for a company prefix that nests with another organisation's.
    pub async fn add(&mut self, id: &str, members: &Members) -> Result<Effect, DirectoryError> {
        rules::organisation_id(id)?;
        let mut members = rules::organisation(members)?;
        members.retain(|_, value| !value.is_null());
        let audit = with_changes(self.author.audit("organisation.add", "organisation", id), None, &members);
        for attempt in 1..=MAX_TRIES {
            let revision = self.revision_for(id, members.get(PREFIX)).await?;
            let mut writes = vec![DirectoryWrite::Create(Kind::Organisation, id.to_owned(), members.clone())];
            writes.extend(revision.as_ref().map(DirectoryWrite::Advance));
            match self.context.store().change_directory(&writes, &audit).await? {
                Changed::Done => {
                    self.learn(id, members.get(PREFIX), revision);
                    return Ok(Effect::Created);
                }
                Changed::Failed(0) => {
                    return Err(DirectoryError::Exists { what: "organisation", field: "id", value: id.to_owned() });
                }
                Changed::Failed(_) | Changed::Conflict => self.forget(attempt).await,
            }
        }
        Err(contended())
    }

    /// Changes members of an organisation. A value of null removes a member.
    ///
    /// # Errors
    /// As [`Organisations::add`], and [`DirectoryError::NoSuch`] when there is no such organisation.
    pub async fn set(&mut self, id: &str, members: &Members) -> Result<Effect, DirectoryError> {
        let members = rules::organisation(members)?;
        for attempt in 1..=MAX_TRIES {
            let row = self.row(id).await?;
            let changes = differences(&row, &members);
            if changes.is_empty() {
                return Ok(Effect::Unchanged);
            }
            let audit = self.author.audit("organisation.set", "organisation", id);
            let audit = with_changes(audit, Some(&row), &changes);
            let revision = self.revision_for(id, changes.get(PREFIX)).await?;
            let mut writes = vec![DirectoryWrite::Change(&row, &changes, &[])];
            writes.extend(revision.as_ref().map(DirectoryWrite::Advance));
            match self.context.store().change_directory(&writes, &audit).await? {
                Changed::Done => {
                    self.learn(id, changes.get(PREFIX), revision);
                    return Ok(Effect::Changed);
                }
                Changed::Failed(_) | Changed::Conflict => self.forget(attempt).await,
            }
        }
        Err(contended())
    }

    /// Creates an organisation, or changes its members if it exists.
    ///
    /// # Errors
    /// As [`Organisations::add`] and [`Organisations::set`].
    pub async fn put(&mut self, id: &str, members: &Members) -> Result<Effect, DirectoryError> {
        rules::organisation_id(id)?;
        match self.context.store().directory_row(Kind::Organisation, id).await? {
            Some(_) => self.set(id, members).await,
            None => self.add(id, members).await,
        }
    }

    /// Checks what [`Organisations::put`] would do, and writes nothing. Rows that were checked before count as written.
    ///
    /// # Errors
    /// As [`Organisations::put`].
    pub async fn check(&mut self, id: &str, members: &Members) -> Result<Effect, DirectoryError> {
        rules::organisation_id(id)?;
        let members = rules::organisation(members)?;
        let row = self.context.store().directory_row(Kind::Organisation, id).await?;
        let effect = match &row {
            None => Effect::Created,
            Some(row) if differences(row, &members).is_empty() => Effect::Unchanged,
            Some(_) => Effect::Changed,
        };
        if effect != Effect::Unchanged {
            let revision = self.revision_for(id, members.get(PREFIX)).await?;
            if let (Some(_), Some(known), Some(prefix)) =
                (revision, &mut self.known, members.get(PREFIX).and_then(Value::as_str))
            {
                known.of.insert(id.to_owned(), prefix.to_owned());
            }
        }
        Ok(effect)
    }

    /// Removes an organisation. Its reservations and the company prefix of its pools stay.
    ///
    /// # Errors
    /// [`DirectoryError::NoSuch`] when there is no such organisation; [`DirectoryError::Refused`] while it has open
    /// reservations, or users who are limited to it may sign in.
    pub async fn remove(&mut self, id: &str) -> Result<Effect, DirectoryError> {
        let store = self.context.store();
        for attempt in 1..=MAX_TRIES {
            let row = self.row(id).await?;
            if store.open_reservations(id, 1).await? > 0 {
                return Err(DirectoryError::Refused(format!(
                    "The organisation {id} has open reservations; wait until they are complete, or end them."
                )));
            }
            let users = store.directory_rows(Kind::User, |row| is_limited_to(row, id)).await?;
            if let Some(user) = users.first() {
                return Err(DirectoryError::Refused(format!(
                    "{} user(s) of the organisation {id} may sign in, for example {}; disable them, or give them other \
                     organisations.",
                    users.len(),
                    user.id()
                )));
            }
            let members: Members = row.read()?;
            let audit = members
                .iter()
                .fold(self.author.audit("organisation.remove", "organisation", id), |audit, (name, value)| {
                    audit.with(name, Some(value.clone()), None)
                });
            let names: Vec<_> = members.keys().map(String::as_str).filter(|name| *name != "id").collect();
            match store.change_directory(&[DirectoryWrite::Delete(&row, &names)], &audit).await? {
                Changed::Done => return Ok(Effect::Removed),
                Changed::Failed(_) | Changed::Conflict => self.forget(attempt).await,
            }
        }
        Err(contended())
    }

    async fn row(&self, id: &str) -> Result<DirectoryRow, DirectoryError> {
        let row = self.context.store().directory_row(Kind::Organisation, id).await?;
        row.ok_or_else(|| DirectoryError::NoSuch { what: "organisation", id: id.to_owned() })
    }

    /// The revision on which a write of this company prefix is conditional; `None` for a write without one.
    async fn revision_for(&mut self, id: &str, prefix: Option<&Value>) -> Result<Option<Revision>, DirectoryError> {
        let Some(prefix) = prefix.and_then(Value::as_str) else { return Ok(None) };
        let known = self.prefixes().await?;
        if let Some((other, theirs)) = known.conflict(id, prefix) {
            return Err(DirectoryError::Refused(format!(
                "The company prefix {prefix} of {id} and {theirs} of {other} nest: one begins with the other, so both could \
                 issue the same codes. Organisations with one licence share its exact prefix."
            )));
        }
        let revision = known.revision.clone();
        // Of organisations that were removed, or had another prefix.
        if self.context.store().is_prefix_taken(prefix).await? {
            return Err(DirectoryError::Refused(format!(
                "The company prefix {prefix} of {id} begins or continues one with which codes were reserved, so the same \
                 codes could be issued twice."
            )));
        }
        Ok(Some(revision))
    }

    async fn prefixes(&mut self) -> Result<&mut Prefixes, DirectoryError> {
        if self.known.is_none() {
            let store = self.context.store();
            // The revision first: a prefix that is written after it makes the write fail.
            let revision = store.revision(Kind::Organisation).await?;
            let rows = store.directory_rows(Kind::Organisation, |row| row.member(PREFIX).is_some()).await?;
            let text = |row: &DirectoryRow| Some((row.id().to_owned(), row.member(PREFIX)?.as_str()?.to_owned()));
            self.known = Some(Prefixes { revision, of: rows.iter().filter_map(text).collect() });
        }
        self.known.as_mut().ok_or_else(contended)
    }

    /// Keeps what is known up to date after an own write.
    fn learn(&mut self, id: &str, prefix: Option<&Value>, revision: Option<Revision>) {
        if let (Some(known), Some(prefix)) = (&mut self.known, prefix) {
            match prefix.as_str() {
                Some(prefix) => drop(known.of.insert(id.to_owned(), prefix.to_owned())),
                None => drop(known.of.remove(id)),
            }
            if let Some(revision) = revision {
                known.revision = revision.next();
            }
        }
    }

    /// Forgets what is known after a conflict with another writer, and waits a moment.
    fn forget(&mut self, attempt: u32) -> impl Future<Output = ()> + Send + use<> {
        self.known = None;
        pause(attempt)
    }
}

/// Whether a user may sign in and is limited to organisations of which this is one.
fn is_limited_to(row: &DirectoryRow, organisation: &str) -> bool {
    let Ok(user) = row.read::<User>() else { return false };
    let own = user.organisations.limit().unwrap_or_default();
    user.may_sign_in() && own.iter().any(|own| own == organisation)
}

/// Reads an organisation (consistent).
///
/// # Errors
/// [`DirectoryError::NoSuch`] when there is none with this id.
pub async fn one(context: &Context, id: &str) -> Result<Organisation, DirectoryError> {
    let row = context.store().directory_row(Kind::Organisation, id).await?;
    read(&row.ok_or_else(|| DirectoryError::NoSuch { what: "organisation", id: id.to_owned() })?)
}

/// Reads all organisations (consistent), by id.
///
/// # Errors
/// [`DirectoryError::Store`] when DynamoDB does not answer, or a row cannot be read.
pub async fn all(context: &Context) -> Result<Vec<Organisation>, DirectoryError> {
    // DynamoDB gives them in the order of their ids.
    context.store().directory_rows(Kind::Organisation, |_| true).await?.iter().map(read).collect()
}

/// The organisation of a row, with its other members by name.
fn read(row: &DirectoryRow) -> Result<Organisation, DirectoryError> {
    let mut organisation: Organisation = row.read()?;
    organisation.other.sort_keys();
    Ok(organisation)
}
