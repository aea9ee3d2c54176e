//! Upper bounds on the size of a query, so that no query is expensive to parse.
//!
//! Each is far above what a client needs.

/// Parameters of one query string; further ones are ignored, as the parser of Directus does.
pub(in crate::query) const MAX_PARAMETERS: usize = 1_000;
/// Nested bracket groups in one key; the rest of a deeper key is taken literally.
pub(in crate::query) const MAX_BRACKETS: usize = 10;
/// Indexes of `key[n]` below which an array is made.
pub(in crate::query) const MAX_ARRAY_INDEX: usize = 500;
/// Bytes of a query string. API Gateway refuses much shorter ones.
pub(in crate::query) const MAX_QUERY_BYTES: usize = 1_048_576;
/// Parts of a dotted field, filter or sort.
pub(in crate::query) const MAX_RELATIONAL_DEPTH: usize = 10;
/// Levels of JSON in a filter, groups and fields together.
pub(in crate::query) const MAX_FILTER_NESTING: usize = 128;
/// Values (operators, list members, groups) of one filter.
pub(in crate::query) const MAX_FILTER_NODES: usize = 20_000;
/// Fields of one answer, all levels together; `*.*.*.*` grows exponentially.
pub(in crate::query) const MAX_SELECTED_FIELDS: usize = 2_000;
/// Sort keys, aggregates or group fields of one query.
pub(in crate::query) const MAX_LIST: usize = 100;
/// Codes that one filter may look up.
pub(in crate::query) const MAX_CODE_LOOKUPS: usize = 100;
/// Rows of a list if the query has no `limit`.
pub const DEFAULT_LIMIT: i64 = 100;
