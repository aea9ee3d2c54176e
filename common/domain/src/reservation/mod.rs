//! The `code_reservation` object: its members, defaults, validation rules and status transitions.
//!
//! [`Reservation`] is the object as it is stored. [`Rules`] are the deployment's limits. [`create`] makes a new object from a
//! client's input and [`update`] applies a client's change. [`invariants`] checks what must always hold. [`ExportKey`] and
//! [`file_id`] name an export in the bucket and in the table of files, [`Origin`] says which codes it holds.
//!
//! This module may use [`crate::code`]. I/O, AWS types, clocks and randomness must not come in: the time and fresh ids are
//! arguments.

pub mod create;
mod decisions;
mod export_key;
mod export_type;
mod field_error;
mod file_name;
pub mod invariants;
mod item;
mod members;
mod number_text;
mod origin;
mod profile_name;
mod rules;
mod status;
pub mod tally;
mod text;
mod timestamp;
pub mod update;
mod url_suffix;

pub use create::sentence;
pub use decisions::{Attempt, MAX_ATTEMPTS, STALE_MINUTES, Work, export_may_go, is_stale, upload_may_go};
pub use export_key::{ExportKey, file_id};
pub use export_type::{Container, ExportType, Format, GZIP_TYPE, TooManyRows, UnknownExportType, file_extension};
pub use field_error::{FieldError, Refusal};
pub use file_name::{Disposition, content_disposition, file_name, safe_file_name};
pub use item::{ExportProgress, FrozenProfile, Range, Render, Reservation, Values};
pub use members::{TEXTS, uuid};
pub use number_text::{float_text, json_number_text, number_text};
pub use origin::Origin;
pub use profile_name::{BUILT_IN_PROFILES, ProfileName};
pub use rules::Rules;
pub use status::{Status, Step};
pub use text::{MAX_LENGTH, MAX_MESSAGE};
pub use timestamp::Timestamp;

/// The name of the collection.
pub const COLLECTION: &str = "code_reservation";

/// The version of the renderer, which is stored in the [`Render`] of every export when the export starts. Increment it
/// with every change of the bytes of an export, also if a new version of the compression library makes it.
///
/// All parts of a file must come from one version. A worker that finds a running export of an older version does not
/// continue it: it starts the export again, as the next generation, with its own version. A worker that finds a newer
/// version than its own leaves the export unchanged and fails the stream record, so that the record comes again until a
/// newer worker takes it. (`Job::prepare` in `functions/reserve-codes/src/export.rs`.)
pub const RENDERER_VERSION: u32 = 3;

/// The oldest version of which every export has the bytes that [`RENDERER_VERSION`] gives it. Version 3 writes lot and
/// dates, which no export of version 2 has.
pub const SAME_BYTES_SINCE: u32 = 2;
