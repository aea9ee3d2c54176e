//! The bounds that keep a hostile query from costing more than a friendly one.
//!
//! Plain numbers; each is far above what a client needs.

/// Parameters of one query string; further ones are ignored, as the parser of Directus does.
pub(in crate::query) const MAX_PARAMETERS: usize = 1_000;
/// Bracket groups that nest in one key; what is deeper stays one literal key.
pub(in crate::query) const MAX_BRACKETS: usize = 10;
/// Indexes of `key[n]` that still make an array.
pub(in crate::query) const MAX_ARRAY_INDEX: usize = 500;
/// Bytes of a query string. API Gateway stops far below.
pub(in crate::query) const MAX_QUERY_BYTES: usize = 1_048_576;
/// Relations that a dotted field, a filter or a sort may walk.
pub(in crate::query) const MAX_RELATIONAL_DEPTH: usize = 10;
/// Levels of JSON in a filter, groups and fields together.
pub(in crate::query) const MAX_FILTER_NESTING: usize = 128;
/// Values (operators, list members, groups) of one filter.
pub(in crate::query) const MAX_FILTER_NODES: usize = 20_000;
/// Members of one rendered object and everything below it; `*.*.*.*` grows exponentially.
pub(in crate::query) const MAX_SELECTED_FIELDS: usize = 2_000;
/// Sort keys, aggregates or group fields of one query.
pub(in crate::query) const MAX_LIST: usize = 100;
/// Different codes that one filter may ask for.
pub(in crate::query) const MAX_CODE_LOOKUPS: usize = 100;
/// Rows of a list when the query names no `limit`.
pub const DEFAULT_LIMIT: i64 = 100;
