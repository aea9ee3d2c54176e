//! Wildcards in `fields`: `*` and `*.*` become the fields that the caller may read, in the order of the collection.

use super::aliases::Aliases;
use crate::query::access::Access;
use crate::query::functions;
use crate::query::schema::{Collection, Field, Relation};

/// Replaces the wildcards of one level. Those below a relation (`a.*`) are left for the next level. With `below_codes`, a
/// wildcard does not include codes.
pub(in crate::query) fn expand(
    fields: &[String],
    collection: Collection,
    aliases: &Aliases,
    access: &Access,
    below_codes: bool,
) -> Vec<String> {
    let allowed: Vec<&'static Field> =
        collection.fields().iter().filter(|f| access.can_read_field(collection, f)).collect();
    if allowed.is_empty() {
        return Vec::new();
    }
    let is_codes = |f: &&&'static Field| matches!(f.relation, Relation::Many(_));
    let shown = || allowed.iter().filter(|f| f.in_wildcard).filter(move |f| !(below_codes && is_codes(f)));
    let is_relation = |f: &&Field| f.relation != Relation::None;
    let mut out = Vec::new();
    for field in fields {
        if field == "*" {
            out.extend(shown().map(|f| f.name.to_owned()));
            let readable = |member: &str| allowed.iter().any(|f| f.name == functions::split(member).1);
            out.extend(aliases.iter().filter(|(_, member)| readable(member)).map(|(name, _)| name.to_owned()));
        } else if let Some(rest) = field.strip_prefix("*.") {
            out.extend(shown().filter(|f| is_relation(f)).map(|f| format!("{}.{rest}", f.name)));
            out.extend(shown().filter(|f| !is_relation(f)).map(|f| f.name.to_owned()));
            out.extend(aliases.iter().map(|(name, member)| {
                let relation = shown().any(|f| f.name == member && is_relation(f));
                if relation { format!("{name}.{rest}") } else { name.to_owned() }
            }));
        } else {
            out.push(field.clone());
        }
    }
    out
}
