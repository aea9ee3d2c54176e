//! The `code_reservation` object: its members, defaults, rules and status steps. PURE: no I/O, no AWS type, no clock.
//!
//! [`Reservation`] is the object as it is stored; [`Rules`] are the deployment's limits; [`create`] makes a new object of a
//! client's input and [`update`] applies a client's change; [`invariants`] says what must always hold.

pub mod create;
mod export_key;
mod export_type;
mod field_error;
mod file_name;
pub mod invariants;
mod item;
mod members;
mod rules;
mod status;
mod text;
mod timestamp;
pub mod update;

pub use create::sentence;
pub use export_key::{ExportKey, file_id};
pub use export_type::{ExportType, Format, UnknownExportType};
pub use field_error::{FieldError, Refusal};
pub use file_name::{Disposition, content_disposition, file_name};
pub use item::{ExportProgress, Range, Render, Reservation};
pub use members::uuid;
pub use rules::Rules;
pub use status::{Status, Step};
pub use timestamp::Timestamp;

/// The name of the collection.
pub const COLLECTION: &str = "code_reservation";

/// The renderer's version: a running export is finished by the renderer that began it (architecture, step 1).
pub const RENDERER_VERSION: u32 = 1;
