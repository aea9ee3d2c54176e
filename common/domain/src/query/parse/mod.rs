//! Phase 2, *parse*: [`RawQuery`](crate::query::RawQuery) → [`Query`](crate::query::Query), for one collection and one
//! caller.
//!
//! In this order, so that of several errors the same one is reported as by Directus:
//!
//! 1. [`parameters`]: the form of each parameter, the filter first;
//! 2. [`fields`]: wildcards are expanded, every name that the query uses is collected;
//! 3. [`named_fields`]: each of them must exist, then each must be readable;
//! 4. [`filter::lower`], [`fields`], [`aggregates`], [`sort`]: names and operands become types of `plan`.
//!
//! [`write`] adds what a query must have that selects the rows of a write ([`purpose`]).
//!
//! It may use `raw`, `plan` and the ground modules. It sees no rows.

mod aggregates;
mod aliases;
mod fields;
mod filter;
mod named_fields;
mod parameters;
mod path;
mod purpose;
mod query;
mod scope;
mod search;
mod sort;
mod variables;
mod wildcards;
mod write;

pub use filter::operators;
pub use query::{parse, parse_for_write};
