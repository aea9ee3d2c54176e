//! Collection scopes: `reserved_for:organisation`.
//!
//! In Directus a scope says which of the collections of a many-to-any relation is meant. Relations here lead to one
//! collection, so a scope adds nothing, but clients that write it for every relation must be understood.

use serde_json::Value;

/// Splits a name into the member and its scope. The argument of a function has none.
pub(in crate::query) fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once(':') {
        Some((member, scope)) if !member.contains('(') => (member, Some(scope)),
        _ => (name, None),
    }
}

/// A name without its scope.
pub(in crate::query) fn member(name: &str) -> &str {
    split(name).0
}

/// Removes the scopes of all names in a normalized filter, whose objects have one name each.
pub(in crate::query) fn remove(filter: &mut Value) {
    match filter {
        Value::Array(items) => items.iter_mut().for_each(remove),
        Value::Object(members) => {
            if members.keys().any(|name| split(name).1.is_some()) {
                let scoped = std::mem::take(members);
                members.extend(scoped.into_iter().map(|(name, value)| (member(&name).to_owned(), value)));
            }
            members.values_mut().for_each(remove);
        }
        _ => {}
    }
}
