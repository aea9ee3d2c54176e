//! Phase 1: text or JSON → [`RawQuery`], unchecked parameters.

pub(in crate::query) mod query_string;
pub(in crate::query) mod raw_query;

pub use raw_query::{RawQuery, SearchBody, parse_query_string, parse_search_body};
