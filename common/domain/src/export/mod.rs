//! Export files: the bytes of the file that holds the codes of a reservation.
//!
//! This module may use [`crate::code`], and of [`crate::reservation`] only `ExportType`, its parts and errors. It does
//! not know the reservation itself: a file is compiled from a renderer, a start index, a quantity and a [`FileHead`].
//! I/O, AWS types and the table of files must not come in. The limits of S3 are numbers in [`PartPolicy`].
//!
//! | file | what it does |
//! |---|---|
//! | `csv`, `txt`, `json`, `ndjson`, `yaml`, `xml`, `xlsx` | one layout each |
//! | `template` | a row as literals and slots, compiled once per reservation |
//! | `rows` | writes any window of rows, and computes its exact length |
//! | `block` | writes a hundred rows at a time; the fast path of `rows` |
//! | `deflate` | a deterministic deflate stream, in parts |
//! | `gzip`, `zip` | the containers around it |
//! | `part_policy` | decides how a file is divided into parts |
//! | `export_file` | the whole file: writes any part independently of the others |

mod block;
mod csv;
mod deflate;
mod error;
mod export_file;
mod gzip;
mod json;
mod ndjson;
mod part_policy;
mod rows;
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
pub use error::ExportError;
pub use export_file::{Cursor, ExportFile};
pub use part_policy::{PartPlan, PartPolicy, RowLengths};
pub use rows::Rows;
pub use template::FileHead;
