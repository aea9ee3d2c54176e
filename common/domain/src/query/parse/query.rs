//! [`RawQuery`] → [`Query`]: the form of each parameter, then names and rights, then types.

use super::aggregates;
use super::fields::{self, Drafting, Resolved};
use super::filter::lower::lower;
use super::named_fields::{NamedFields, Use};
use super::parameters::Parameters;
use super::purpose::Purpose;
use super::sort;
use super::variables::Variables;
use super::write;
use crate::query::access::Access;
use crate::query::budget::{Budget, Limit};
use crate::query::error::QueryError;
use crate::query::limits::MAX_SELECTED_FIELDS;
use crate::query::plan::{FieldPath, Filter, ListFormat, Query, Search, SortKey, SortTarget, order_key};
use crate::query::raw::RawQuery;
use crate::query::schema::Collection;
use chrono::{DateTime, Utc};
use std::collections::HashSet;
use std::hash::Hash;

/// Checks parameters for a collection and a caller. `now` is the value of `$NOW`; `budget` is that of the request.
///
/// # Errors
/// `INVALID_QUERY` for a parameter of a wrong form or value, and when the budget is spent; `FORBIDDEN` for a field or collection that does not exist or
/// may not be read.
pub fn parse(
    raw: &RawQuery,
    collection: Collection,
    access: &Access,
    now: DateTime<Utc>,
    budget: &Budget,
) -> Result<Query, QueryError> {
    parse_with(raw, collection, Variables { access, now, budget, purpose: Purpose::Read })
}

/// As [`parse`], for a query that selects the rows of a write.
///
/// # Errors
/// As [`parse`]; `INVALID_QUERY` also for an unknown parameter, for a query without a condition, unless it says
/// `limit: -1` and has no filter, and for a condition that says nothing or compares with what is no value of its field.
pub fn parse_for_write(
    raw: &RawQuery,
    collection: Collection,
    access: &Access,
    now: DateTime<Utc>,
    budget: &Budget,
) -> Result<Query, QueryError> {
    write::check(raw)?;
    let query = parse_with(raw, collection, Variables { access, now, budget, purpose: Purpose::Write })?;
    write::check_selection(&query)?;
    Ok(query)
}

fn parse_with(raw: &RawQuery, collection: Collection, variables: Variables<'_>) -> Result<Query, QueryError> {
    let Variables { access, budget, purpose, now } = variables;
    let write = (purpose == Purpose::Write).then_some(now);
    let mut parameters = Parameters::read(raw, variables)?;
    let aliases = parameters.aliases()?;
    let operations = parameters.operations();

    let fields = match (&parameters.group, &parameters.aggregate, &parameters.fields) {
        // Groups and aggregates replace the fields.
        (Some(_), _, _) | (None, Some(_), _) => Vec::new(),
        (None, None, Some(fields)) => fields.clone(),
        (None, None, None) => vec!["*".to_owned()],
    };
    let mut named = NamedFields::default();
    let below_codes = collection == Collection::UniqueCode;
    let mut drafting = Drafting { access, variables, named: &mut named, budget: MAX_SELECTED_FIELDS, below_codes };
    let draft = fields::draft(&fields, collection, &aliases, &parameters.deep, &[], &mut drafting)?;
    parameters.note_conditions(collection, &aliases, &[], &mut named);
    for member in parameters.aggregate.iter().flatten().flat_map(|(_, fields)| fields).filter(|f| *f != "*") {
        named.add_path(Use::Output, &[], collection, &dotted(member));
    }
    for member in parameters.group.iter().flatten() {
        named.add_path(Use::Output, &[], collection, &dotted(member));
    }
    named.check(access)?;

    let filter = parameters.filter.as_ref().map_or(Ok(None), |f| lower(f, collection, write))?;
    // Each filter of codes has a limit of its own, but a query can have many.
    budget.spend(Limit::Codes, filter.as_ref().map_or(0, Filter::lookups_in_all))?;
    let Resolved { selection, columns } = draft.resolve(access, parameters.export.is_some_and(ListFormat::is_table))?;
    let aggregates = aggregates::lower(parameters.aggregate.as_deref().unwrap_or(&[]), collection)?;
    let groups = parameters.group.as_deref().unwrap_or(&[]);
    let groups = aggregates::lower_groups(&unique(groups.iter().cloned()), collection)?;
    let is_aggregate = parameters.aggregate.is_some();
    let sort = match parameters.sort.as_deref() {
        _ if is_aggregate && groups.is_empty() => Vec::new(),
        Some(keys) if !keys.is_empty() => sort::lower(keys, collection, &aliases, &operations, &aggregates)?,
        _ => default_sort(collection, &groups),
    };
    if groups.is_empty() {
        check_order(collection, &sort)?;
    }
    let shared = |key: &SortKey| match &key.target {
        SortTarget::Path(path) => groups.contains(path),
        SortTarget::Aggregate(_) => true,
    };
    Ok(Query {
        plain_numbers: !groups.is_empty() && !sort.iter().all(shared),
        collection,
        selection,
        columns_of_rows: unique(columns.into_iter().flatten()),
        filter,
        rights: None,
        search: parameters.search.as_deref().map(|text| Search::new(text, collection, access)),
        sort,
        window: parameters.window,
        meta: parameters.meta.unwrap_or_default(),
        is_aggregate,
        shows_count_all: false,
        aggregates,
        groups,
        export: parameters.export,
        version: parameters.version,
    })
}

fn dotted(member: &str) -> Vec<String> {
    member.split('.').map(str::to_owned).collect()
}

/// Each value once, at its first position.
fn unique<T: Clone + Eq + Hash>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut known = HashSet::new();
    values.filter(|value| known.insert(value.clone())).collect()
}

fn default_sort(collection: Collection, groups: &[FieldPath]) -> Vec<SortKey> {
    let first = groups.first().cloned();
    let path = first.unwrap_or_else(|| FieldPath::own(collection, order_key(collection)));
    vec![SortKey { target: SortTarget::Path(path), descending: false }]
}

/// Codes are computed in the order of their positions, so they can be sorted by nothing else.
fn check_order(collection: Collection, sort: &[SortKey]) -> Result<(), QueryError> {
    let by_position = |key: &SortKey| match &key.target {
        SortTarget::Path(path) => path.own_field() == Some("position"),
        SortTarget::Aggregate(_) => true,
    };
    if collection == Collection::UniqueCode && !sort.iter().all(by_position) {
        return Err(QueryError::invalid("Codes can be sorted by \"position\" only"));
    }
    Ok(())
}
