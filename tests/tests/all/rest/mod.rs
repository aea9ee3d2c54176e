//! The REST dialect from outside: a system in memory, and HTTP requests to it.

mod administration;
mod any_method;
mod asset_links;
mod bad_changes;
mod bad_input;
mod bad_rows;
mod batches;
mod budget;
mod byte_order_mark;
mod codes;
mod compared;
mod compressed_bodies;
mod conditional;
mod count_budget;
mod counts;
mod directus;
pub(crate) mod edges;
mod entries;
mod every_index;
mod examples;
mod explain;
mod export_profiles;
mod file_names;
mod files;
mod fuzz;
mod labels;
mod links;
mod lists;
mod lists_with_reader;
mod long_requests;
mod lookups;
mod lot_and_dates;
mod number_texts;
pub(crate) mod oidc;
mod ordered_lists;
mod organisations;
mod plans;
pub(crate) mod refusals;
mod refused_reads;
mod single_reads;
mod sparse_lists;
mod status_lists;
mod strangers;
mod suffixes;
mod tag_profiles;
mod tags;
mod walks;
mod walks_by_index;
mod write_conditions;

use crate::support::{harness::Setup, repository::root};

/// Tokens of `tests/directus/seed.json`.
const ADMIN: &str = "admin-token";
const WRITER: &str = "writer-token";
const READER: &str = "reader-token";

/// A system with the rows of `tests/directus/seed.json` that processes nothing.
fn seeded() -> Setup {
    Setup::new().paused().seed(&root().join("tests/directus/seed.json"))
}
