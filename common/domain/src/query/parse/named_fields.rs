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

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Own(Collection),
    Foreign(String),
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
            add_name(self.entry(why, &stack, place.clone()), member);
            let Place::Own(here) = place else { continue };
            let leads_to = match here.field(member).map(|f| f.relation) {
                Some(Relation::One(next) | Relation::Many(next)) => Some(next.name()),
                Some(Relation::Foreign(name)) => Some(name),
                Some(Relation::None) | None => None,
            };
            stack.push(part.clone());
            match (leads_to, scope) {
                (Some(known), None) => place = Place::of(known),
                (Some(known), Some(scope)) if scope == known => place = Place::of(known),
                // A collection that the member does not lead to, refused even if nothing is named in it.
                (_, Some(scope)) => {
                    place = Place::Foreign(scope.to_owned());
                    self.entry(why, &stack, place.clone());
                }
                (None, None) => drop(stack.pop()),
            }
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
    fn of(collection: &str) -> Self {
        Collection::from_name(collection).map_or_else(|| Self::Foreign(collection.to_owned()), Self::Own)
    }
}

fn add_name(entry: &mut Entry, name: &str) {
    let (_, name) = functions::split(name);
    if entry.known.insert(name.to_owned()) {
        entry.names.push(name.to_owned());
    }
}

impl Entry {
    fn collection(&self) -> &str {
        match &self.place {
            Place::Own(collection) => collection.name(),
            Place::Foreign(name) => name,
        }
    }

    fn forbidden(&self) -> QueryError {
        QueryError::forbidden_collection(&self.path, self.collection())
    }

    fn refuse(&self, allowed: impl Fn(&str) -> bool) -> Result<(), QueryError> {
        let refused: Vec<String> = self.names.iter().filter(|n| !allowed(n)).cloned().collect();
        if refused.is_empty() {
            return Ok(());
        }
        Err(QueryError::forbidden_fields(&self.path, self.collection(), &refused))
    }
}
