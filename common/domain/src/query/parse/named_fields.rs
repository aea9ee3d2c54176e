//! Whether every member that a query names exists and may be read, and the 403 that says which does not.
//!
//! Collects first, by the path on which a member is named, and checks at the end: existence before rights, filters and
//! sorts before fields, as Directus does, so the same one of several mistakes is reported.

use crate::query::access::Access;
use crate::query::error::QueryError;
use crate::query::functions;
use crate::query::schema::{Collection, Relation};

/// Why a member is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) enum Use {
    /// By a filter or a sort.
    Condition,
    /// By fields, aggregates or groups.
    Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Ours(Collection),
    Foreign(&'static str),
}

#[derive(Debug)]
struct Entry {
    why: Use,
    path: String,
    place: Place,
    names: Vec<String>,
}

/// The members named so far.
#[derive(Debug, Default)]
pub(in crate::query) struct Named(Vec<Entry>);

impl Named {
    /// Notes that a collection is read at all.
    pub(in crate::query) fn touch(&mut self, why: Use, path: &[String], collection: Collection) {
        self.entry(why, path, Place::Ours(collection));
    }

    /// Notes a member; a function around it does not matter.
    pub(in crate::query) fn add(&mut self, why: Use, path: &[String], collection: Collection, name: &str) {
        add_name(self.entry(why, path, Place::Ours(collection)), name);
    }

    /// Notes every member of a dotted path, following relations.
    pub(in crate::query) fn add_path(&mut self, why: Use, prefix: &[String], collection: Collection, path: &[String]) {
        let mut place = Place::Ours(collection);
        let mut stack = prefix.to_vec();
        for part in path {
            add_name(self.entry(why, &stack, place), part);
            let Place::Ours(here) = place else { continue };
            match here.field(part).map(|f| f.relation) {
                Some(Relation::One(next) | Relation::Many(next)) => place = Place::Ours(next),
                Some(Relation::Foreign(name)) => place = Place::Foreign(name),
                Some(Relation::None) | None => continue,
            }
            stack.push(part.clone());
        }
    }

    fn entry(&mut self, why: Use, path: &[String], place: Place) -> &mut Entry {
        let path = path.join(".");
        let known = self.0.iter().position(|e| e.why == why && e.path == path);
        let at = known.unwrap_or_else(|| {
            self.0.push(Entry { why, path, place, names: Vec::new() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// Refuses the query at the first path on which something is missing or not allowed.
    pub(in crate::query) fn check(&self, access: &Access) -> Result<(), QueryError> {
        let of = |why: Use| self.0.iter().filter(move |e| e.why == why);
        for entry in of(Use::Condition).chain(of(Use::Output)) {
            let Place::Ours(collection) = entry.place else {
                return Err(entry.forbidden());
            };
            entry.refuse(|name| name.starts_with('$') || collection.field(name).is_some())?;
        }
        for entry in of(Use::Output).chain(of(Use::Condition)) {
            let Place::Ours(collection) = entry.place else {
                continue;
            };
            if !access.can_read(collection) {
                return Err(entry.forbidden());
            }
            entry.refuse(|name| collection.field(name).is_none_or(|f| access.can_read_field(collection, f)))?;
        }
        Ok(())
    }
}

fn add_name(entry: &mut Entry, name: &str) {
    let (_, name) = functions::split(name);
    if !entry.names.iter().any(|n| n == name) {
        entry.names.push(name.to_owned());
    }
}

impl Entry {
    fn collection(&self) -> &'static str {
        match self.place {
            Place::Ours(collection) => collection.name(),
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
