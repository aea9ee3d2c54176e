//! The operations that REST and GraphQL both call (create, read, update, delete), and those that the service itself
//! needs (find and show codes, tidy the bucket). This module must not use HTTP.

pub mod administer;
mod bad_rows;
pub mod batch;
mod caller;
mod candidates;
mod character_sets;
pub mod code_forms;
mod code_rows;
pub mod create;
pub mod delete;
pub mod directory;
mod error;
mod export_file;
pub mod export_profiles;
pub mod files;
mod find_codes;
mod in_memory;
mod open_limit;
pub mod organisations;
pub mod plans;
pub mod pools;
mod profiles;
pub mod read;
mod reading;
mod relate;
mod relation_keys;
mod render;
pub mod rows;
pub mod sample;
mod session;
mod tallied;
pub mod tidy;
mod too_many;
pub mod unique_code;
pub mod update;
pub mod users;

pub use caller::Caller;
pub use error::OperationError;
pub use export_file::{ExportFileError, export_file};
pub use find_codes::{TracedCode, indexes_in, trace_code};
pub use profiles::{FoundProfile, check_profile, find_profile, profile_name, profile_of_version};
pub use relate::Loader;
pub use render::{RenderError, UnusableDomain, check_domains, freeze, refreeze, renderer};
pub use session::Session;
