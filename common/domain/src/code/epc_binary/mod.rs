//! EPC binary encodings: the contents of the EPC memory bank of an RFID tag (EPC Tag Data Standard 1.13 and 2.0,
//! section 14), in hexadecimal digits, and as a tag URI (section 12).
//!
//! | file | what it does |
//! |---|---|
//! | `scheme` | the fifteen schemes: headers, lengths, fields, and the codes that each of them can hold |
//! | `bits` | a sequence of bits, written and read field by field |
//! | `tag` | one tag as a value: encode and decode, to and from hexadecimal digits and URIs |
//! | `column` | the tags of a pool as a template, of which only the changing digits are computed for each row |
//!
//! `tag` is the plain implementation that one can check against the standard; the tests hold `column` against it.

mod bits;
mod column;
mod scheme;
mod tag;

#[cfg(test)]
mod tests;

pub use column::{EpcColumn, HexDigits};
pub use scheme::{EpcError, EpcScheme, MAX_FILTER};
pub use tag::EpcTag;
