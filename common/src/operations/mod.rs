//! What functions share: create, read, update, delete, as REST and GraphQL both run them, and what the service itself does.

pub mod batch;
mod caller;
mod code_rows;
pub mod create;
pub mod delete;
mod error;
pub mod files;
mod find_codes;
mod in_memory;
pub mod organisations;
pub mod read;
mod relate;
mod relation_keys;
mod render;
pub mod rows;
mod session;
pub mod tidy;
pub mod unique_code;
pub mod update;
pub mod users;

pub use caller::Caller;
pub use error::OperationError;
pub use relate::Loader;
pub use render::{RenderError, freeze, renderer};
pub use session::Session;
