//! The descriptions of the API: the OpenAPI document and the GraphQL schemas, against the table of routes, against
//! template.yaml, and against the running system.
//!
//! `UPDATE_OPENAPI=yes cargo test --workspace --test all -- openapi::` records the answers of the examples
//! (`functions/directory/src/openapi/examples.json`) and writes `docs/openapi.yaml`. The examples are compiled in, so
//! the document contains new answers after the second run.

mod answers;
mod document;
mod examples;
mod inputs;
mod schemas;
mod table;

use crate::support::{
    harness::{Running, Setup},
    repository::root,
};

/// Tokens of `tests/openapi/seed.json`.
const ADMIN: &str = "admin-token";
const EDITOR: &str = "editor-token";
const WRITER: &str = "writer-token";
const READER: &str = "reader-token";
const NONE: &str = "none-token";

/// The path of the OpenAPI document.
const DOCUMENT: &str = "/server/specs/oas";

/// A system with the rows of `tests/openapi/seed.json`.
async fn described() -> Running {
    Setup::new().seed(&root().join("tests/openapi/seed.json")).start().await
}

/// Whether the tests rewrite what they compare with.
fn updates() -> bool {
    std::env::var_os("UPDATE_OPENAPI").is_some()
}
