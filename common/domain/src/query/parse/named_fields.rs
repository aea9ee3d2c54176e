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
    /// The position of the last one that was used.
    last: usize,
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
        // Most names have the path of the name before.
        if self.entries.get(self.last).is_some_and(|entry| entry.why == why && is_joined(&entry.path, path)) {
            return &mut self.entries[self.last];
        }
        let path = path.join(".");
        let at = *self.positions.entry((why, path)).or_insert_with_key(|(_, path)| {
            let path = path.clone();
            self.entries.push(Entry { why, path, place, names: Vec::new(), known: HashSet::new() });
            self.entries.len() - 1
        });
        self.last = at;
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

/// Whether a text is this path, joined with dots.
fn is_joined(text: &str, path: &[String]) -> bool {
    let mut rest = Some(text);
    for (position, part) in path.iter().enumerate() {
        let at = if position == 0 { rest } else { rest.and_then(|rest| rest.strip_prefix('.')) };
        rest = at.and_then(|rest| rest.strip_prefix(part.as_str()));
    }
    rest.is_some_and(str::is_empty)
}

fn add_name(entry: &mut Entry, name: &str) {
    let (_, name) = functions::split(name);
    if !entry.known.contains(name) {
        entry.known.insert(name.to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_compared_as_it_is_joined() {
        let path = |text: &[&str]| text.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
        let parts = ["", "a", "b", "ab", "a.b"];
        let paths: Vec<Vec<&str>> = [vec![]]
            .into_iter()
            .chain(parts.map(|one| vec![one]))
            .chain(parts.iter().flat_map(|one| parts.map(|two| vec![*one, two])))
            .collect();
        for known in &paths {
            for other in &paths {
                assert_eq!(is_joined(&known.join("."), &path(other)), known.join(".") == other.join("."));
            }
        }
    }

    #[test]
    fn names_of_one_path_are_recorded_once_in_their_order() {
        let mut named = NamedFields::default();
        let below = ["user_created".to_owned()];
        for name in ["id", "status", "id"] {
            named.add(Use::Output, &[], Collection::CodeReservation, name);
            named.add(Use::Output, &below, Collection::Users, "email");
            named.add(Use::Condition, &[], Collection::CodeReservation, name);
        }
        let found: Vec<_> = named.entries.iter().map(|e| (e.why, e.path.as_str(), e.names.join(","))).collect();
        let expected =
            [(Use::Output, "", "id,status"), (Use::Output, "user_created", "email"), (Use::Condition, "", "id,status")];
        assert_eq!(found, expected.map(|(why, path, names)| (why, path, names.to_owned())));
    }
}
