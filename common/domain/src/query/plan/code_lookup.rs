//! [`CodeLookup`]: one whole code that a filter asks for.

/// A whole code, as one of the fields that hold it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodeLookup {
    /// The serial number, or the whole key for types without serial numbers, and the product if one is given.
    Code {
        /// `code`
        code: String,
        /// `product`
        product: Option<String>,
    },
    /// `digital_link`
    DigitalLink(String),
    /// `epc_join_key`
    EpcJoinKey(String),
}
