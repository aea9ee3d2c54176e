//! The refusal of a list that would read more than `MaxScan` items: why it would, and which filter would help.

use super::{OperationError, Session};
use crate::{
    query::{Filter, Meta, Query},
    reservation::Status,
};

/// Filters that lead to few entries, for callers of all organisations.
const HELPFUL: [&str; 7] = ["id", "codes", "reference_id", "product", "reserved_for", "user_created", "date_created"];

/// Those that do for a caller who is limited to organisations: the indexes of others hold rows of every organisation.
const HELPFUL_WITHIN: [&str; 4] = ["id", "codes", "date_created", "status"];

/// Tells why a query is refused, if it is because it would read too much.
pub(super) fn explained(error: OperationError, query: &Query, session: Session<'_>) -> OperationError {
    let OperationError::TooManyItems(limit) = error else { return error };
    let (why, instead) = reason(query, limit);
    let known = query.conditions();
    let known = known.as_ref().map(Filter::required_equalities).unwrap_or_default();
    let helpful: &[&str] = if session.caller.organisations().is_some() { &HELPFUL_WITHIN } else { &HELPFUL };
    let names: Vec<String> = helpful
        .iter()
        .filter(|name| !known.iter().any(|(field, _)| field == *name))
        .map(|name| format!("\"{name}\""))
        .collect();
    OperationError::InvalidQuery(format!(
        "The query would have to read more than {limit} items: {why}. {instead}dd a filter by {}",
        names.join(", ")
    ))
}

/// What makes a query read all rows that its indexes leave, and what to do besides filtering, as the start of a
/// sentence.
fn reason(query: &Query, limit: usize) -> (String, String) {
    if !query.shows_rows() {
        return ("groups and aggregates are made of all matching rows".to_owned(), "A".to_owned());
    }
    let reaches = query.window.take().map_or(usize::MAX, |take| query.window.skip().saturating_add(take));
    if query.filter.is_none() && query.search.is_none() && reaches >= limit {
        return ("\"limit\" and \"offset\" reach so many".to_owned(), "Ask for fewer rows, or a".to_owned());
    }
    if let Some(search) = &query.search {
        let why = "\"search\" looks for a part of a text, which no index can find".to_owned();
        let name = search.whole_value_of();
        return (why, format!("If the text is a whole value, filter by \"{name}\" instead; otherwise a"));
    }
    if query.is_default_sort().is_none() && query.is_sorted_by_creation().is_none() {
        let why = "no index has the order of \"sort\", so all matching rows are compared".to_owned();
        return (why, "Sort by \"id\" or \"date_created\", or a".to_owned());
    }
    if query.meta.contains(&Meta::FilterCount) {
        let why = "\"filter_count\" counts all matching rows".to_owned();
        return (why, "Leave it out of \"meta\", or a".to_owned());
    }
    if query.is_default_sort().is_some() && names_statuses(query) {
        let why = "no index has these rows in the order of ids, and the first ones are not among those read";
        return (why.to_owned(), "Sort by \"date_created\", or a".to_owned());
    }
    ("too few rows match, and no index finds them".to_owned(), "A".to_owned())
}

/// Whether the filter excludes a status. Then an index has the others in the order of creation.
fn names_statuses(query: &Query) -> bool {
    let conditions = query.conditions();
    let admits = |status: &Status| conditions.as_ref().and_then(|filter| filter.admits("status", status.as_str()));
    Status::ALL.iter().any(|status| admits(status) == Some(false))
}
