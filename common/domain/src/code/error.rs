//! What can be wrong with a request for codes, told to a person.

use super::ff1::Ff1Error;
use super::types::{CharacterSet, CodeType};

/// Why codes cannot be allocated or rendered. The text is written for the person at the label printer;
/// [`CodeError::field`] names the member of the reservation it is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// The type needs a product and the request names none.
    #[error("codes of type {code_type} need a product: {}", product_form(*.code_type))]
    ProductMissing {
        /// The type asked for.
        code_type: CodeType,
    },
    /// The product is not a key path of the type's Application Identifier.
    #[error("the product of type {code_type} must be {}", product_form(*.code_type))]
    ProductForm {
        /// The type asked for.
        code_type: CodeType,
    },
    /// The product's check digit is wrong (only with strict check digits).
    #[error("the check digit of the product is {found}, it should be {expected}")]
    CheckDigit {
        /// The digit in the product.
        found: char,
        /// The digit that the modulo 10 rule gives.
        expected: char,
    },
    /// The type is built from a company prefix and the organisation has none.
    #[error("codes of type {code_type} are built from the organisation's GS1 Company Prefix, and it has none")]
    CompanyPrefixMissing {
        /// The type asked for.
        code_type: CodeType,
    },
    /// The organisation's company prefix is not 4 to 12 digits.
    #[error("the organisation's GS1 Company Prefix must be 4 to 12 digits")]
    CompanyPrefixForm,
    /// The length is not one the type, its character set and the company prefix allow.
    #[error("{}", length_text(*.code_type, *.character_set, *.min, *.max))]
    Length {
        /// The type asked for.
        code_type: CodeType,
        /// The set of characters the length was asked for.
        character_set: CharacterSet,
        /// Shortest length allowed.
        min: u8,
        /// Longest length allowed.
        max: u8,
    },
    /// Serials of the type cannot be written in that set.
    #[error("character_set {character_set} cannot be used with type {code_type}; use {}", allowed_sets(*.code_type))]
    CharacterSet {
        /// The type asked for.
        code_type: CodeType,
        /// The set asked for.
        character_set: CharacterSet,
    },
    /// Codes of this namespace exist already, in another set of characters.
    #[error(
        "codes of this length already exist in character_set {pool}, so {asked} cannot be used with it; choose {pool} or another length"
    )]
    CharacterSetTaken {
        /// The set fixed by the first reservation of the namespace.
        pool: CharacterSet,
        /// The set asked for.
        asked: CharacterSet,
    },
    /// Fewer codes are left than were asked for.
    #[error("{message}")]
    Exhausted {
        /// How many are left.
        left: u64,
        /// The shortest longer `length` that could issue as many, if there is one.
        enough_length: Option<u8>,
        /// The sentence for a person.
        message: String,
    },
    /// A namespace's text is not `{code_type}#{key}#{length}` of an existing kind.
    #[error("not the name of a namespace")]
    MalformedNamespace,
    /// The index lies beyond what the pool can ever issue, or the buffer is no whole number of codes.
    #[error("the index lies outside the pool")]
    OutOfRange,
    /// The secret is too short to derive keys from.
    #[error("the secret must have at least 32 bytes")]
    SecretTooShort,
    /// The permutation cannot be set up.
    #[error(transparent)]
    Permutation(#[from] Ff1Error),
}

impl CodeError {
    /// The member of the reservation that the error is about, if it is about one.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::CharacterSet { .. } | Self::CharacterSetTaken { .. } => Some("character_set"),
            Self::ProductMissing { .. } | Self::ProductForm { .. } | Self::CheckDigit { .. } => Some("product"),
            Self::CompanyPrefixMissing { .. } | Self::CompanyPrefixForm => Some("reserved_for"),
            Self::Length { .. } => Some("length"),
            Self::Exhausted { .. } => Some("quantity"),
            Self::MalformedNamespace | Self::OutOfRange | Self::SecretTooShort | Self::Permutation(_) => None,
        }
    }
}

/// The one accepted form of a type's product, in words.
const fn product_form(code_type: CodeType) -> &'static str {
    match code_type {
        CodeType::Sgtin => "/01/ and the 14 digits of a GTIN",
        CodeType::Grai => "/8003/0 and the 13 digits of an asset type",
        CodeType::Gdti => "/253/ and the 13 digits of a document type",
        CodeType::Sgcn => "/255/ and the 13 digits of a coupon number",
        CodeType::Itip => "/8006/ and 18 digits: a GTIN-14, the number of the piece and the number of pieces",
        CodeType::Cpi => {
            "/8010/ and a part identifier: 5 to 30 characters of 0-9, A-Z, #, - and /, the company prefix first"
        }
        CodeType::Sscc | CodeType::Giai | CodeType::Gsrn | CodeType::ShortCode => "left out",
    }
}

fn length_text(code_type: CodeType, set: CharacterSet, min: u8, max: u8) -> String {
    match (code_type, min == max) {
        (CodeType::Sscc | CodeType::Gsrn, _) => {
            format!("codes of type {code_type} always have {max} digits; leave length out")
        }
        (_, true) => format!("length must be {max} with character_set {set}"),
        (_, false) => format!("length must be {min} to {max} for type {code_type}"),
    }
}

fn allowed_sets(code_type: CodeType) -> String {
    let names: Vec<_> =
        CharacterSet::ALL.into_iter().filter(|set| code_type.allows(*set)).map(CharacterSet::as_str).collect();
    names.join(", ")
}
