//! Phase 1, *raw*: a query string, the body of a `SEARCH` or GraphQL arguments → [`RawQuery`], unchecked parameters.
//!
//! A [`RawQuery`] is JSON of the shape that Directus' own API takes, whatever it was read from. Only syntax is checked here:
//! this phase knows no parameter and no collection. It may use the ground modules only.

pub(in crate::query) mod query_string;
mod raw_query;
mod search_body;

pub use query_string::parse_query_string;
pub use raw_query::RawQuery;
pub use search_body::{SearchBody, parse_search_body};
