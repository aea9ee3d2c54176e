//! Why codes cannot be allocated or rendered.

use super::epc_binary::EpcError;
use super::ff1::Ff1Error;
use super::types::{CharacterSet, CodeType};

/// Why codes cannot be allocated or rendered. Clients see the text as the `error_message` of a reservation or as the reason
/// of a `FAILED_VALIDATION`; [`CodeError::field`] names the member of the reservation that it concerns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// The type needs a product and the request names none.
    #[error("codes of type {code_type} need a product: {}", product_form(*.code_type))]
    ProductMissing {
        /// The type asked for.
        code_type: CodeType,
    },
    /// The product is not a key path that starts with the type's Application Identifier.
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
        /// The digit that the modulo 10 rule requires.
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
    /// The type, the character set or the company prefix does not allow the length.
    #[error("{}", length_text(*.code_type, *.character_set, *.min, *.max))]
    Length {
        /// The type asked for.
        code_type: CodeType,
        /// The character set with which the length was asked for.
        character_set: CharacterSet,
        /// Minimum length.
        min: u8,
        /// Maximum length.
        max: u8,
    },
    /// The type does not allow the character set.
    #[error("character_set {character_set} cannot be used with type {code_type}; use {}", allowed_sets(*.code_type))]
    CharacterSet {
        /// The type asked for.
        code_type: CodeType,
        /// The set asked for.
        character_set: CharacterSet,
    },
    /// The namespace already has codes in another character set.
    #[error("{}", taken_text(*.pool, *.asked))]
    CharacterSetTaken {
        /// The set fixed by the first reservation of the namespace; `None` if the reader must not know it.
        pool: Option<CharacterSet>,
        /// The set asked for.
        asked: CharacterSet,
    },
    /// The pool has fewer codes left than were asked for.
    #[error("{message}")]
    Exhausted {
        /// The shortest greater `length` whose empty pool could issue that many codes, if there is one.
        enough_length: Option<u8>,
        /// The message for the client.
        message: String,
    },
    /// The text is not `{code_type}#{key}#{length}`, or its parts do not fit each other.
    #[error("not the name of a namespace")]
    MalformedNamespace,
    /// The codes cannot be written to RFID tags, or not in the way that the export type asks for.
    #[error(transparent)]
    Epc(#[from] EpcError),
    /// An index is outside the pool's space, or the length of the buffer is not a multiple of the length of a code.
    #[error("the index lies outside the pool")]
    OutOfRange,
    /// The secret has fewer than [`super::MIN_SECRET_BYTES`] bytes.
    #[error("the secret must have at least 32 bytes")]
    SecretTooShort,
    /// FF1 does not support the parameters of the permutation.
    #[error(transparent)]
    Permutation(#[from] Ff1Error),
}

impl CodeError {
    /// The member of the reservation that the error concerns, if there is one.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::CharacterSet { .. } | Self::CharacterSetTaken { .. } => Some("character_set"),
            Self::ProductMissing { .. } | Self::ProductForm { .. } | Self::CheckDigit { .. } => Some("product"),
            Self::CompanyPrefixMissing { .. } | Self::CompanyPrefixForm => Some("reserved_for"),
            Self::Length { .. } => Some("length"),
            Self::Exhausted { .. } => Some("quantity"),
            Self::Epc(_) => Some("export_type"),
            Self::MalformedNamespace | Self::OutOfRange | Self::SecretTooShort | Self::Permutation(_) => None,
        }
    }
}

/// The only accepted form of a type's product, in words.
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

fn taken_text(pool: Option<CharacterSet>, asked: CharacterSet) -> String {
    match pool {
        Some(pool) => format!(
            "codes of this length already exist in character_set {pool}, so {asked} cannot be used with it; \
             choose {pool} or another length"
        ),
        None => format!(
            "character_set {asked} cannot be used with this length; choose another length or leave character_set out"
        ),
    }
}

fn allowed_sets(code_type: CodeType) -> String {
    let names: Vec<_> =
        CharacterSet::ALL.into_iter().filter(|set| code_type.allows(*set)).map(CharacterSet::as_str).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_would_be_right() {
        let product = |code_type| CodeError::ProductForm { code_type }.to_string();
        assert_eq!(
            product(CodeType::Grai),
            "the product of type grai must be /8003/0 and the 13 digits of an asset type"
        );
        assert_eq!(product(CodeType::Sscc), "the product of type sscc must be left out");
        assert_eq!(
            CodeError::ProductMissing { code_type: CodeType::Sgtin }.to_string(),
            "codes of type sgtin need a product: /01/ and the 14 digits of a GTIN"
        );
        let length =
            |code_type, character_set, min, max| CodeError::Length { code_type, character_set, min, max }.to_string();
        assert_eq!(
            length(CodeType::Sscc, CharacterSet::Numeric, 18, 18),
            "codes of type sscc always have 18 digits; leave length out"
        );
        assert_eq!(
            length(CodeType::Sgtin, CharacterSet::Rfid96, 12, 12),
            "length must be 12 with character_set rfid96"
        );
        assert_eq!(length(CodeType::Sgtin, CharacterSet::Hex, 6, 20), "length must be 6 to 20 for type sgtin");
        let set = CodeError::CharacterSet { code_type: CodeType::Sgcn, character_set: CharacterSet::Hex };
        assert_eq!(set.to_string(), "character_set hex cannot be used with type sgcn; use numeric");
    }
}
