//! Barcode symbols: text as the modules of a QR code or a GS1 DataMatrix, and these as a picture.
//!
//! Pure, like the crate `domain`: no I/O, no clock, no randomness. It knows nothing of codes or reservations; a caller
//! passes the link or the barcode data. `domain::export` draws label sheets with it, functions single pictures.
//!
//! ```text
//! Symbology::encode(data) → Matrix → Picture { matrix, module, quiet_zone, text } → svg() or png()
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `symbology` | the kinds of symbol; encodes data with the crates `qrcode` and `datamatrix` |
//! | `matrix` | the dark and light modules of a symbol |
//! | `picture` | a symbol with quiet zone and human readable text: sizes, and the lines of the text |
//! | `lines` | human readable text in lines |
//! | `svg`, `png` | one file format each |

mod lines;
mod matrix;
mod picture;
mod png;
mod svg;
mod symbology;

#[cfg(test)]
mod tests;

pub use lines::lines;
pub use matrix::{Matrix, Run};
pub use picture::{MAX_MODULE, MAX_QUIET_ZONE, MAX_TEXT, Picture};
pub use symbology::{SymbolError, Symbology, UnknownSymbology};
