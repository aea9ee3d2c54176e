//! Changes of organisations.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{
    Author, DirectoryError, Effect, Members, Prepared, Refused, Sent, Writes,
    batch::{Unique, checked_each},
    contended, differences, first, row_after, rules, whole, with_changes,
};
use crate::{
    code::prefixes_conflict,
    context::Context,
    directory::{Organisation, User},
    query::Collection,
    store::{DirectoryRow, DirectoryWrite, Kind, Revision},
};

const PREFIX: &str = "organisation_company_prefix";

/// A change of one organisation.
#[derive(Clone, Debug)]
pub struct Change {
    /// The organisation.
    pub id: String,
    /// What is done.
    pub action: Action,
    /// The members that are given; null removes one.
    pub members: Members,
    /// Whether the change depends on all members of the row: it was selected by a query.
    pub is_selected: bool,
}

/// What is done with an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Creates it.
    Add,
    /// Changes members.
    Set,
    /// Removes it. Its reservations and the company prefix of its pools stay.
    Remove,
}

impl Change {
    /// A change of an organisation with this id.
    #[must_use]
    pub fn new(id: &str, action: Action, members: Members) -> Self {
        Self { id: id.to_owned(), action, members, is_selected: false }
    }
}

/// The changes of one organisation, together.
struct Wanted {
    /// The position of the first one.
    position: usize,
    id: String,
    action: Action,
    row: Option<DirectoryRow>,
    members: Members,
    is_selected: bool,
}

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

/// The prefixes that other organisations get in the course of the changes; none, if one loses its own.
type Overlay = HashMap<String, Option<String>>;

impl Prefixes {
    /// Another organisation whose prefix begins this one or continues it, and that prefix.
    fn conflict<'p>(&'p self, overlay: &'p Overlay, id: &str, prefix: &str) -> Option<(&'p str, &'p str)> {
        let stored = self.of.iter().filter(|(other, _)| !overlay.contains_key(*other));
        let changed = overlay.iter().filter_map(|(other, theirs)| Some((other, theirs.as_ref()?)));
        let others = stored.chain(changed).filter(|(other, _)| *other != id);
        let mut conflicts = others.filter(|(_, other)| prefixes_conflict(other, prefix));
        conflicts.next().map(|(other, theirs)| (other.as_str(), theirs.as_str()))
    }

    fn learn(&mut self, texts: Vec<(String, Option<String>)>) {
        for (id, prefix) in texts {
            match prefix {
                Some(prefix) => drop(self.of.insert(id, prefix)),
                None => drop(self.of.remove(&id)),
            }
        }
    }
}

/// What keeps organisations from being removed, by their ids.
#[derive(Default)]
struct InUse {
    /// The users who are limited to organisations of which it is one and may sign in: how many, and one of them.
    users: HashMap<String, (usize, String)>,
    /// The name of one of its export profiles.
    profiles: HashMap<String, String>,
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
        self.make(Change::new(id, Action::Add, members.clone())).await
    }

    /// Changes members of an organisation. A value of null removes a member.
    ///
    /// # Errors
    /// As [`Organisations::add`], and [`DirectoryError::NoSuch`] when there is no such organisation.
    pub async fn set(&mut self, id: &str, members: &Members) -> Result<Effect, DirectoryError> {
        self.make(Change::new(id, Action::Set, members.clone())).await
    }

    /// Removes an organisation. Its reservations and the company prefix of its pools stay.
    ///
    /// # Errors
    /// [`DirectoryError::NoSuch`] when there is no such organisation; [`DirectoryError::Needed`] while it has open
    /// reservations or export profiles, or users who are limited to it may sign in.
    pub async fn remove(&mut self, id: &str) -> Result<Effect, DirectoryError> {
        self.make(Change::new(id, Action::Remove, Members::new())).await
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
        let row = self.context.store().directory_row(Kind::Organisation, id).await?;
        let action = if row.is_some() { Action::Set } else { Action::Add };
        let prepared = self.prepare(&[Change::new(id, action, members.clone())]).await.map_err(first)?;
        // Also a prefix that is taken away: the check of a later row must not find it.
        if !prepared.texts.is_empty() {
            self.prefixes().await?.learn(prepared.texts);
        }
        Ok(prepared.effects.first().copied().unwrap_or(Effect::Unchanged))
    }

    /// Why an organisation cannot get this company prefix. Notes in the overlay that it gets it.
    async fn prefix_conflict(
        &mut self,
        id: &str,
        row: Option<&DirectoryRow>,
        prefix: Option<&Value>,
        overlay: &mut Overlay,
    ) -> Result<Option<DirectoryError>, DirectoryError> {
        let Some(prefix) = prefix else { return Ok(None) };
        if row.and_then(|row| row.member(PREFIX)).as_ref() == Some(prefix) && !overlay.contains_key(id) {
            return Ok(None);
        }
        let Some(prefix) = prefix.as_str() else {
            overlay.insert(id.to_owned(), None);
            return Ok(None);
        };
        let known = self.prefixes().await?;
        if let Some((other, theirs)) = known.conflict(overlay, id, prefix) {
            return Ok(Some(DirectoryError::Refused(format!(
                "The company prefix {prefix} of {id} and {theirs} of {other} nest: one begins with the other, so both could \
                 issue the same codes. Organisations with one licence share its exact prefix."
            ))));
        }
        // Of organisations that were removed, or had another prefix.
        if self.context.store().is_prefix_taken(prefix).await? {
            return Ok(Some(DirectoryError::Refused(format!(
                "The company prefix {prefix} of {id} begins or continues one with which codes were reserved, so the same \
                 codes could be issued twice."
            ))));
        }
        overlay.insert(id.to_owned(), Some(prefix.to_owned()));
        Ok(None)
    }

    /// What belongs to these organisations.
    async fn in_use(&self, ids: &BTreeSet<&str>) -> Result<InUse, DirectoryError> {
        let mut in_use = InUse::default();
        if ids.is_empty() {
            return Ok(in_use);
        }
        let store = self.context.store();
        let is_theirs = |row: &DirectoryRow| ids.iter().any(|id| is_limited_to(row, id));
        for row in store.directory_rows(Kind::User, is_theirs).await? {
            for id in ids.iter().filter(|id| is_limited_to(&row, id)) {
                in_use.users.entry((*id).to_owned()).or_insert_with(|| (0, row.id().to_owned())).0 += 1;
            }
        }
        let owner = |row: &DirectoryRow| row.member("organisation").as_ref().and_then(Value::as_str).map(str::to_owned);
        let is_theirs = |row: &DirectoryRow| owner(row).is_some_and(|owner| ids.contains(owner.as_str()));
        for row in store.directory_rows(Kind::Profile, is_theirs).await? {
            let name = row.member("name").as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            in_use.profiles.entry(owner(&row).unwrap_or_default()).or_insert(name);
        }
        Ok(in_use)
    }

    /// Why an organisation cannot be removed.
    async fn removal_conflict(&self, id: &str, in_use: &InUse) -> Result<Option<DirectoryError>, DirectoryError> {
        if self.context.store().open_reservations(id, 1).await? > 0 {
            return Ok(Some(DirectoryError::Needed(format!(
                "The organisation {id} has open reservations; wait until they are complete, or end them."
            ))));
        }
        // Whoever gets the id afterwards would get their files in this organisation's layout.
        if let Some(name) = in_use.profiles.get(id) {
            return Ok(Some(DirectoryError::Needed(format!(
                "The organisation {id} has export profiles, for example {name}; remove them first (admin profile remove)."
            ))));
        }
        Ok(in_use.users.get(id).map(|(users, one)| {
            DirectoryError::Needed(format!(
                "{users} user(s) of the organisation {id} may sign in, for example {one}; disable them, or give them other \
                 organisations."
            ))
        }))
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
}

impl Writes for Organisations<'_> {
    type Row = Organisation;
    type Change = Change;

    /// Checks changes, which are of one kind: all create organisations, or none does. Several changes of one organisation
    /// are one, in their order. Writes nothing.
    ///
    /// # Errors
    /// Every change that is refused, as [`Organisations::add`], [`Organisations::set`] and [`Organisations::remove`] are.
    /// Without a change to blame, when DynamoDB does not answer: the first.
    async fn prepare(&mut self, changes: &[Change]) -> Result<Prepared<Organisation>, Refused> {
        let (checked, mut refused) = checked_each(changes, checked_members);
        let store = self.context.store();
        let places: Vec<_> = checked.iter().map(|(_, change, _)| (Kind::Organisation, change.id.clone())).collect();
        let rows = match places.is_empty() {
            true => Vec::new(),
            false => store.directory_rows_at(&places).await.map_err(|error| whole(error.into()))?,
        };
        let mut rows: HashMap<String, DirectoryRow> = rows.into_iter().map(|row| (row.id().to_owned(), row)).collect();
        let mut wanted: Vec<Wanted> = Vec::with_capacity(checked.len());
        let mut overlay = Overlay::new();
        let removing = checked.iter().filter(|(_, change, _)| change.action == Action::Remove);
        let removing: BTreeSet<&str> = removing.map(|(_, change, _)| change.id.as_str()).collect();
        let in_use = self.in_use(&removing).await.map_err(whole)?;
        for (position, change, members) in checked {
            let id = &change.id;
            let place = wanted.iter().position(|other| other.id == *id);
            let row = rows.remove(id);
            let conflict = match (change.action, row.is_some(), place) {
                (Action::Add, false, None) | (Action::Set, true, _) | (Action::Set, _, Some(_)) => {
                    let known = wanted.iter().find(|other| other.id == *id).and_then(|other| other.row.as_ref());
                    let row = row.as_ref().or(known);
                    self.prefix_conflict(id, row, members.get(PREFIX), &mut overlay).await.map_err(whole)?
                }
                (Action::Add, ..) => {
                    Some(DirectoryError::Exists { what: "organisation", field: "id", value: id.clone() })
                }
                (_, false, None) => Some(DirectoryError::NoSuch { what: "organisation", id: id.clone() }),
                (Action::Remove, ..) => self.removal_conflict(id, &in_use).await.map_err(whole)?,
            };
            match (conflict, place.and_then(|at| wanted.get_mut(at))) {
                (Some(conflict), _) => refused.push((position, conflict)),
                (None, Some(known)) => {
                    known.members.extend(members);
                    known.is_selected |= change.is_selected;
                }
                (None, None) => wanted.push(Wanted {
                    position,
                    id: id.clone(),
                    action: change.action,
                    row,
                    members,
                    is_selected: change.is_selected,
                }),
            }
        }
        let mut prepared = Prepared::unless(refused, changes.len())?;
        for one in wanted {
            let position = one.position;
            one.write(self.author, &mut prepared).map_err(|error| vec![(position, error)])?;
        }
        let has_prefix = prepared.texts.iter().any(|(_, prefix)| prefix.is_some());
        if let Some(known) = self.known.as_ref().filter(|_| has_prefix) {
            prepared.batch.depend_on(known.revision.clone());
        }
        prepared.batch.check().map_err(|refused| vec![refused])?;
        Ok(prepared)
    }

    /// Writes prepared changes, all or none. [`Sent::Again`] after a conflict with another writer.
    ///
    /// # Errors
    /// With the position of the change: [`DirectoryError::Exists`] when another writer took its id meanwhile;
    /// [`DirectoryError::Store`] when DynamoDB does not answer.
    async fn commit(&mut self, prepared: Prepared<Organisation>) -> Result<Sent, (usize, DirectoryError)> {
        let Prepared { batch, texts, .. } = prepared;
        let revision = batch.revision().cloned();
        let sent = batch.send(self.context).await;
        match (&sent, &mut self.known) {
            (Ok(Sent::Done), Some(known)) => {
                known.learn(texts);
                if let Some(revision) = revision {
                    known.revision = revision.next();
                }
            }
            (Ok(Sent::Done), None) => {}
            // What is known may be the reason.
            (Ok(Sent::Again) | Err(_), known) => *known = None,
        }
        sent
    }
}

impl Wanted {
    /// Adds the write of the change, its audit row, its effect and the row as it will be.
    fn write(self, author: &Author, prepared: &mut Prepared<Organisation>) -> Result<(), DirectoryError> {
        let Self { position, id, action, row, mut members, is_selected } = self;
        let prefix = |members: &Members| members.get(PREFIX).map(|prefix| prefix.as_str().map(str::to_owned));
        match (action, row) {
            (Action::Add, _) => {
                members.retain(|_, value| !value.is_null());
                let audit = with_changes(author.audit("organisation.add", "organisation", &id), None, &members);
                prepared.batch.audit(audit);
                prepared.texts.extend(prefix(&members).map(|prefix| (id.clone(), prefix)));
                prepared.rows.push(row_after(None, &id, &members));
                let unique = Unique { what: "organisation", field: "id", value: id.clone() };
                prepared.batch.claim(position, DirectoryWrite::Create(Kind::Organisation, id, members), unique);
                prepared.set_effect(position, Effect::Created);
            }
            (Action::Set, Some(row)) => {
                let changes = differences(&row, &members);
                prepared.rows.push(row_after(Some(&row), &id, &changes));
                if changes.is_empty() {
                    return Ok(());
                }
                let audit = author.audit("organisation.set", "organisation", &id);
                prepared.batch.audit(with_changes(audit, Some(&row), &changes));
                prepared.texts.extend(prefix(&changes).map(|prefix| (id, prefix)));
                let decide = if is_selected { names_of(&row)? } else { Vec::new() };
                prepared.batch.write(position, DirectoryWrite::Change(row, changes, decide));
                prepared.set_effect(position, Effect::Changed);
            }
            (Action::Remove, Some(row)) => {
                let members: Members = row.read()?;
                let audit = author.audit("organisation.remove", "organisation", &id);
                let audit =
                    members.iter().fold(audit, |audit, (name, value)| audit.with(name, Some(value.clone()), None));
                prepared.batch.audit(audit);
                let names = names_of(&row)?;
                prepared.batch.write(position, DirectoryWrite::Delete(row, names));
                prepared.texts.push((id, None));
                prepared.set_effect(position, Effect::Removed);
            }
            // `prepare` refused these.
            (Action::Set | Action::Remove, None) => {}
        }
        Ok(())
    }
}

/// The members of a row, and those that every organisation can have: a change that depends on all of them depends on the
/// whole row.
fn names_of(row: &DirectoryRow) -> Result<Vec<String>, DirectoryError> {
    let members: Members = row.read()?;
    let known = Collection::Organisation.fields().iter().map(|field| field.name.to_owned());
    let names = members.into_iter().map(|(name, _)| name).chain(known);
    Ok(names.filter(|name| name != "id").collect::<BTreeSet<_>>().into_iter().collect())
}

/// Checks what a change says by itself.
fn checked_members(change: &Change) -> Result<Members, DirectoryError> {
    match change.action {
        Action::Add => {
            let members = rules::organisation(&change.members);
            match (rules::new_organisation_id(&change.id), members) {
                (Ok(()), members) => members,
                (Err(DirectoryError::Invalid(mut errors)), Err(DirectoryError::Invalid(more))) => {
                    errors.extend(more);
                    Err(DirectoryError::Invalid(errors))
                }
                (Err(error), _) => Err(error),
            }
        }
        Action::Set => rules::organisation(&change.members),
        Action::Remove => Ok(Members::new()),
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
