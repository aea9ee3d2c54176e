//! Export files: the codes of a reservation as the bytes a printer, a spreadsheet or a program reads.
//!
//! It knows [`crate::code`] and the types of [`crate::reservation`]; it does no I/O and names no AWS type.
//!
//! | file | its idea |
//! |---|---|
//! | `csv`, `txt`, `json`, `ndjson`, `yaml`, `xml` | the layout of one format each |
//! | `template` | a row as literals and slots, compiled once per reservation |
//! | `rows` | any window of rows, as bytes and as an exact length |
//! | `block` | a hundred rows at a time, fast |
//! | `gzip` | deterministic gzip members |
//! | `part_policy` | how a file is cut into parts: a value and one function |
//! | `export_file` | all of it together: any part of a file, made again alone |

mod block;
mod csv;
mod error;
mod export_file;
mod gzip;
mod json;
mod ndjson;
mod part_policy;
mod rows;
mod template;
mod txt;
mod xml;
mod yaml;

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
