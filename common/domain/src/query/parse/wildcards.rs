//! Wildcards in `fields`: `*` and `*.*` become the fields that the caller may read, in the order of the collection.

use super::aliases::Aliases;
use crate::query::access::Access;
use crate::query::budget::{Budget, Limit, size_of_name};
use crate::query::error::QueryError;
use crate::query::functions;
use crate::query::schema::{Collection, Field, Relation};

/// Replaces the wildcards of one level. Those below a relation (`a.*`) are left for the next level. With `below_codes`, a
/// wildcard does not include codes. Each name comes with the position in `fields` of what it stands for.
///
/// # Errors
/// `INVALID_QUERY` when the budget does not pay for the names.
pub(in crate::query) fn expand(
    fields: &[String],
    collection: Collection,
    aliases: &Aliases,
    access: &Access,
    below_codes: bool,
    budget: &Budget,
) -> Result<Vec<(usize, String)>, QueryError> {
    let allowed: Vec<&'static Field> =
        collection.fields().iter().filter(|f| access.can_read_field(collection, f)).collect();
    if allowed.is_empty() {
        return Ok(Vec::new());
    }
    let is_codes = |f: &&&'static Field| matches!(f.relation, Relation::Many(_));
    let shown = || allowed.iter().filter(|f| f.in_wildcard).filter(move |f| !(below_codes && is_codes(f)));
    let is_relation = |f: &&Field| f.relation != Relation::None;
    let readable = |member: &str| allowed.iter().any(|f| f.name == functions::split(member).1);
    let readable_aliases: Vec<&str> =
        aliases.iter().filter(|(_, member)| readable(member)).map(|(name, _)| name).collect();
    // The number of names that a wildcard becomes, and the bytes that stand behind each, are paid for before.
    let names = shown().count() + aliases.iter().count();
    let mut out = Vec::new();
    for (position, field) in fields.iter().enumerate() {
        let expansion = if field == "*" || field.starts_with("*.") { names } else { 1 };
        budget.spend(Limit::Values, expansion.saturating_mul(size_of_name(field)))?;
        if field == "*" {
            out.extend(shown().map(|f| (position, f.name.to_owned())));
            out.extend(readable_aliases.iter().map(|name| (position, (*name).to_owned())));
        } else if let Some(rest) = field.strip_prefix("*.") {
            out.extend(shown().filter(|f| is_relation(f)).map(|f| (position, format!("{}.{rest}", f.name))));
            out.extend(shown().filter(|f| !is_relation(f)).map(|f| (position, f.name.to_owned())));
            out.extend(aliases.iter().map(|(name, member)| {
                let relation = shown().any(|f| f.name == member && is_relation(f));
                (position, if relation { format!("{name}.{rest}") } else { name.to_owned() })
            }));
        } else {
            out.push((position, field.clone()));
        }
    }
    Ok(out)
}
