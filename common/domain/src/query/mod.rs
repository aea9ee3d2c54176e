//! The Directus global query parameters: one grammar, one [`Query`], one evaluator.
//!
//! REST (the query string), `SEARCH` bodies and GraphQL arguments all become a [`RawQuery`]; [`parse`] turns it, for one
//! collection and one caller, into a checked [`Query`]; a `Query` is evaluated over rows that somebody else has loaded.
//!
//! The module is pure: no I/O, no clock (`now` is an argument), no randomness. It knows the collections ([`schema`]) and
//! who may see them ([`Access`]), but not where rows come from. What has to be loaded is told by [`Query::needs`] and
//! [`Query::codes_lookups`]; the result is passed back in a [`Related`].

pub mod access;
pub mod dates;
mod error;
pub mod evaluate;
pub mod files;
pub mod functions;
mod javascript;
mod limits;
mod parse;
pub mod plan;
mod raw;
pub mod schema;

#[cfg(test)]
mod tests;

pub use access::{Access, Action, may};
pub use error::QueryError;
pub use evaluate::related::{self, Related, Row};
pub use evaluate::run::{Answer, json_body};
pub use files::ExportFormat;
pub use parse::filter::operators::{Scalar, Test};
pub use parse::{Meta, Query, parse, sort, uuid_key};
pub use plan::code_lookup::CodeLookup;
pub use plan::filter::{Condition, FieldPath, Filter};
pub use plan::needs::Needs;
pub use plan::window::Window;
pub use raw::{RawQuery, SearchBody, parse_query_string, parse_search_body};
pub use schema::Collection;
