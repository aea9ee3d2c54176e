//! Checks that every field which a query names exists and may be read by the caller.
//!
//! Names are collected first, grouped by the path to them, and checked at the end: existence before rights. The order of
//! the checks is that of Directus, so of several errors the same one is reported.

use super::scope;
use crate::query::access::Access;
use crate::query::error::QueryError;
use crate::query::functions;
use crate::query::schema::{Collection, Relation};
use std::collections::{HashMap, HashSet};

/// Where a field is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::query) enum Use {
    /// In a filter or a sort.
    Condition,
    /// In fields, aggregates or groups.
    Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Own(Collection),
    Foreign(&'static str),
}

#[derive(Debug)]
struct Entry {
    why: Use,
    path: String,
    place: Place,
    names: Vec<String>,
    known: HashSet<String>,
}

/// The names recorded so far.
#[derive(Debug, Default)]
pub(in crate::query) struct NamedFields {
    entries: Vec<Entry>,
    /// Positions in `entries`.
    positions: HashMap<(Use, String), usize>,
    /// The first collection scope that is not the collection of its relation.
    wrong_scope: Option<String>,
}

impl NamedFields {
    /// Records that a collection is read.
    pub(in crate::query) fn touch(&mut self, why: Use, path: &[String], collection: Collection) {
        self.entry(why, path, Place::Own(collection));
    }

    /// Records a field; a function around it is ignored.
    pub(in crate::query) fn add(&mut self, why: Use, path: &[String], collection: Collection, name: &str) {
        add_name(self.entry(why, path, Place::Own(collection)), name);
    }

    /// Records every field of a dotted path, following relations.
    pub(in crate::query) fn add_path(&mut self, why: Use, prefix: &[String], collection: Collection, path: &[String]) {
        let mut place = Place::Own(collection);
        let mut stack = prefix.to_vec();
        for part in path {
            let (member, scope) = scope::split(part);
            add_name(self.entry(why, &stack, place), member);
            let Place::Own(here) = place else { continue };
            let next = match here.field(member).map(|f| f.relation) {
                Some(Relation::One(next) | Relation::Many(next)) => Some(Place::Own(next)),
                Some(Relation::Foreign(name)) => Some(Place::Foreign(name)),
                Some(Relation::None) | None => None,
            };
            if let Some(scope) = scope.filter(|scope| next.is_none_or(|next| next.name() != *scope)) {
                self.wrong_scope.get_or_insert_with(|| scope.to_owned());
                return;
            }
            let Some(next) = next else { continue };
            place = next;
            stack.push(part.clone());
        }
    }

    fn entry(&mut self, why: Use, path: &[String], place: Place) -> &mut Entry {
        let path = path.join(".");
        let at = *self.positions.entry((why, path)).or_insert_with_key(|(_, path)| {
            let path = path.clone();
            self.entries.push(Entry { why, path, place, names: Vec::new(), known: HashSet::new() });
            self.entries.len() - 1
        });
        &mut self.entries[at]
    }

    /// Checks all recorded names.
    ///
    /// # Errors
    /// `FORBIDDEN` for the first path with a field or collection that does not exist or may not be read.
    pub(in crate::query) fn check(&self, access: &Access) -> Result<(), QueryError> {
        if let Some(scope) = &self.wrong_scope {
            return Err(QueryError::forbidden_collection("", scope));
        }
        let related = access.of_related();
        let of = |why: Use| self.entries.iter().filter(move |e| e.why == why);
        for entry in of(Use::Condition).chain(of(Use::Output)) {
            let Place::Own(collection) = entry.place else {
                return Err(entry.forbidden());
            };
            entry.refuse(|name| name.starts_with('$') || collection.field(name).is_some())?;
        }
        for entry in of(Use::Output).chain(of(Use::Condition)) {
            let Place::Own(collection) = entry.place else {
                continue;
            };
            let access = if entry.path.is_empty() { access } else { &related };
            if !access.can_read(collection) {
                return Err(entry.forbidden());
            }
            entry.refuse(|name| collection.field(name).is_none_or(|f| access.can_read_field(collection, f)))?;
        }
        Ok(())
    }
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Own(collection) => collection.name(),
            Self::Foreign(name) => name,
        }
    }
}

fn add_name(entry: &mut Entry, name: &str) {
    let (_, name) = functions::split(name);
    if entry.known.insert(name.to_owned()) {
        entry.names.push(name.to_owned());
    }
}

impl Entry {
    fn forbidden(&self) -> QueryError {
        QueryError::forbidden_collection(&self.path, self.place.name())
    }

    fn refuse(&self, allowed: impl Fn(&str) -> bool) -> Result<(), QueryError> {
        let refused: Vec<String> = self.names.iter().filter(|n| !allowed(n)).cloned().collect();
        if refused.is_empty() {
            return Ok(());
        }
        Err(QueryError::forbidden_fields(&self.path, self.place.name(), &refused))
    }
}
