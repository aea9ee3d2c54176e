//! Phase 2: [`RawQuery`](crate::query::RawQuery) → [`Query`], for one collection and one caller.

pub(in crate::query) mod aliases;
pub(in crate::query) mod fields;
pub(in crate::query) mod filter;
pub(in crate::query) mod named_fields;
pub(in crate::query) mod parameters;
pub(in crate::query) mod query;
pub mod sort;
pub(in crate::query) mod wildcards;

pub use query::{Meta, Query, parse, uuid_key};
