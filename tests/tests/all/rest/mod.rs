//! The REST dialect from outside: a system in memory, and HTTP requests to it.

mod bad_changes;
mod bad_input;
mod batches;
mod budget;
mod codes;
mod conditional;
mod directus;
mod edges;
mod examples;
mod files;
mod fuzz;
mod lookups;
pub(crate) mod oidc;
mod ordered_lists;
mod organisations;
mod plans;
pub(crate) mod refusals;
mod strangers;

use crate::support::{harness::Setup, repository::root};

/// Tokens of `tests/directus/seed.json`.
const ADMIN: &str = "admin-token";
const WRITER: &str = "writer-token";
const READER: &str = "reader-token";

/// A system with the rows of `tests/directus/seed.json` that processes nothing.
fn seeded() -> Setup {
    Setup::new().paused().seed(&root().join("tests/directus/seed.json"))
}
