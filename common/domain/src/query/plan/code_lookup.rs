//! [`CodeLookup`]: one whole code that a filter asks for.

/// A whole code, in one of its written forms.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodeLookup {
    /// The serial (or the whole key, for types that have one) and the product it belongs to, if there is one.
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
