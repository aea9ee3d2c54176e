//! [`CodeLookup`]: one whole code that a filter asks for.

use crate::code::{
    Candidate, LotAndDates, by_code, by_digital_link, by_epc, by_join_key, join_key_contradicts, link_contradicts,
};

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
    /// `epc_hex`
    EpcHex(String),
}

impl CodeLookup {
    /// The namespaces that the code may belong to; none for a text that is no code.
    #[must_use]
    pub fn candidates(&self) -> Vec<Candidate> {
        match self {
            Self::Code { code, product } => by_code(code, product.as_deref()),
            Self::DigitalLink(link) => by_digital_link(link),
            Self::EpcJoinKey(key) => by_join_key(key),
            Self::EpcHex(tag) => by_epc(tag),
        }
    }

    /// Whether the text states another lot or date than the code that was found for it has.
    #[must_use]
    pub fn contradicts(&self, known: &LotAndDates) -> bool {
        match self {
            Self::Code { .. } | Self::EpcHex(_) => false,
            Self::DigitalLink(link) => link_contradicts(link, known),
            Self::EpcJoinKey(key) => join_key_contradicts(key, known),
        }
    }

    /// The text of the code, as the filter has it.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Code { code: text, .. } | Self::DigitalLink(text) | Self::EpcJoinKey(text) | Self::EpcHex(text) => {
                text
            }
        }
    }
}
