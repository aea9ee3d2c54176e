//! The Directus global query parameters: one grammar, one [`Query`], one evaluator.
//!
//! REST (the query string), `SEARCH` bodies and GraphQL arguments all become a [`RawQuery`]. [`parse`] turns it, for one
//! collection and one caller, into a checked [`Query`], which is then evaluated over rows that the caller has loaded.
//! [`Query::needs`] and [`Query::code_lookups`] tell what else has to be loaded; the result is passed in a [`Related`].
//!
//! | phase | what it does | may use |
//! |---|---|---|
//! | `raw` | a query string, a `SEARCH` body or JSON → [`RawQuery`] | ground |
//! | `parse` | [`RawQuery`] → [`Query`]: checks forms, names, rights and types | `raw`, `plan`, ground |
//! | `plan` | [`Query`] and its parts, and what they tell without any row | ground |
//! | `evaluate` | [`Query`] + rows → [`Answer`]: match, order, cut, show, aggregate | `plan`, ground |
//! | `files` | the data of an answer → a file (`export`) | `plan`, ground |
//! | ground | collections ([`schema`]), a [`Row`], rights ([`Access`]), the [`Budget`], dates, functions of fields, conversions of JavaScript, limits, [`QueryError`] | ground |
//!
//! `tests/tests/all/architecture` checks that no module uses another one than this table allows, and that no two files
//! use each other.
//!
//! The module is pure: no I/O, no clock (`now` is an argument), no randomness. It knows the collections and who may read
//! them, but not where rows come from.

mod access;
mod budget;
mod dates;
mod error;
mod evaluate;
mod files;
mod functions;
mod javascript;
mod json_size;
mod limits;
mod parse;
pub mod plan;
mod raw;
mod row;
pub mod schema;

#[cfg(test)]
mod tests;

pub use access::{Access, Action, may};
pub use budget::{Budget, Limit};
pub use error::QueryError;
pub use evaluate::{Answer, Groups, Leading, Members, Related, json_body};
pub use json_size::json_values;
pub use limits::DEFAULT_LIMIT;
pub use parse::{operators, parse, parse_for_write};
pub use plan::{
    CodeLookup, Condition, FieldPath, Filter, ListFormat, Meta, Needs, Query, Scalar, TALLIED, Test, Window, sort,
    uuid_key,
};
pub use raw::{RawQuery, SearchBody, parse_query_string, parse_search_body};
pub use row::Row;
pub use schema::Collection;
