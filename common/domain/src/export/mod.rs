//! Export files: the bytes of the file that holds the codes of a reservation.
//!
//! This module may use [`crate::code`], and of [`crate::reservation`] only the types of an export, their errors, and the
//! frozen values of a profile. It does not know the reservation itself: a file is compiled from a renderer, a start index,
//! a quantity and a [`FileHead`]. I/O, AWS types and the table of files must not come in. The limits of S3 are numbers in
//! [`PartPolicy`].
//!
//! | file | what it does |
//! |---|---|
//! | `csv`, `txt`, `json`, `ndjson`, `yaml`, `xml`, `xlsx` | one layout each |
//! | `profile` | export profiles: layouts that operators define |
//! | `encoding`, `escape` | how text becomes bytes in a file of a profile |
//! | `template` | a row as literals and slots, compiled once per reservation |
//! | `rows` | writes any window of rows, and computes its exact length |
//! | `columns` | what varies, for many rows at once |
//! | `block` | writes many rows at a time; the fast path of `rows` |
//! | `deflate` | a deterministic deflate stream, in parts |
//! | `gzip`, `zip` | the containers around it |
//! | `sheet` | label sheets as PDF |
//! | `part_policy` | decides how a file is divided into parts |
//! | `export_file` | the whole file: writes any part independently of the others |

mod block;
mod columns;
mod csv;
mod deflate;
mod encoding;
mod error;
mod escape;
mod export_file;
mod gzip;
mod json;
mod ndjson;
mod part_policy;
pub mod profile;
mod rows;
mod sheet;
mod template;
mod txt;
mod xlsx;
mod xml;
mod yaml;
mod zip;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use crate::reservation::{ExportType, Format};
pub use encoding::Encoding;
pub use error::ExportError;
pub use escape::Escaping;
pub use export_file::{Cursor, ExportFile};
pub use part_policy::{PartPlan, PartPolicy, RowLengths};
pub use rows::{Form, Rows};
pub use sheet::{MAX_LABELS, SheetError, SheetLayout};
pub use template::FileHead;
