//! Why an export cannot be made. Every error except that of the compressor is detected before the first byte is written.

use super::profile::ProfileFault;
use super::sheet::SheetError;
use crate::{
    code::CodeError,
    reservation::{TooManyRows, UnknownExportType},
};

/// Why an export file cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The text is neither a built-in export type nor the name of a profile.
    #[error(transparent)]
    UnknownType(#[from] UnknownExportType),
    /// The number of rows is 0 or above 2^31 − 1, or an index would exceed 2^64 − 1.
    #[error("{0} rows from that index cannot be written: 1 to 2147483647 rows make a file")]
    RowCount(u64),
    /// The format cannot hold so many rows.
    #[error(transparent)]
    TooManyRows(#[from] TooManyRows),
    /// A literal of a row, or the reservation's id, contains a character that some format cannot represent.
    #[error("U+{:04X} cannot be written to an export file", u32::from(*.0))]
    Character(char),
    /// The profile cannot show these codes.
    #[error(transparent)]
    Profile(#[from] ProfileFault),
    /// A part of the file would exceed the maximum length of a part, or the file what its format can hold.
    #[error("a file of {total_len} bytes does not fit the store's parts or its format")]
    TooLong {
        /// Length of the uncompressed file in bytes.
        total_len: u128,
    },
    /// The renderer refused an index: the pool does not have these codes.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// A sheet cannot show the labels.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The compressor failed.
    #[error("the compressor failed: {0}")]
    Compression(#[from] std::io::Error),
}
