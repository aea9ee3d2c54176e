//! [`Source`]: what a profile can show, besides its own texts.

use crate::code::CodeType;

/// What a slot of a profile shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The number of the row, from 1.
    Position,
    /// The number of the row counted from the last one, from 1.
    PositionFromEnd,
    /// How many rows the file has.
    RowCount,
    /// The serial; the whole key for `sscc`, `giai` and `gsrn`.
    Code,
    /// The serial, for the types that have one.
    Serial,
    /// The GS1 Digital Link, with the reservation's `url_suffix`, or the short link.
    DigitalLink,
    /// The GS1 Digital Link of the key and serial alone, under `https://id.gs1.org`.
    CanonicalLink,
    /// The element string with Application Identifiers in brackets.
    ElementString,
    /// The data of a GS1 barcode: Application Identifiers without brackets, FNC1 where it is needed.
    BarcodeData,
    /// The EPC pure identity URI.
    EpcUri,
    /// The hexadecimal digits of an RFID tag, in whole words of 16 bits.
    EpcHex,
    /// The EPC tag URI, with scheme and filter value.
    EpcTagUri,
    /// The memory bank of an RFID tag as a printer's `^RF` names it: `E` for up to 96 bits, `A` beyond.
    EpcBank,
    /// The GTIN, 14 digits.
    Gtin,
    /// The GS1 key without the serial; the whole key for `sscc`, `giai` and `gsrn`.
    Key,
    /// The GS1 Company Prefix of the organisation.
    CompanyPrefix,
    /// The check digit of the key.
    CheckDigit,
    /// The key path of the product, `/01/…`.
    Product,
    /// The reservation's `reference_id`.
    ReferenceId,
    /// The reservation's `purchase_order`.
    PurchaseOrder,
    /// The name of the organisation.
    OrganisationName,
    /// The reservation's id.
    Reservation,
    /// The reservation's `quantity`.
    Quantity,
    /// When the reservation was created (RFC 3339, UTC, milliseconds).
    ReservedAt,
}

impl Source {
    /// Every source, in the order of the documentation.
    pub const ALL: [Self; 24] = [
        Self::Position,
        Self::PositionFromEnd,
        Self::RowCount,
        Self::Code,
        Self::Serial,
        Self::DigitalLink,
        Self::CanonicalLink,
        Self::ElementString,
        Self::BarcodeData,
        Self::EpcUri,
        Self::EpcHex,
        Self::EpcTagUri,
        Self::EpcBank,
        Self::Gtin,
        Self::Key,
        Self::CompanyPrefix,
        Self::CheckDigit,
        Self::Product,
        Self::ReferenceId,
        Self::PurchaseOrder,
        Self::OrganisationName,
        Self::Reservation,
        Self::Quantity,
        Self::ReservedAt,
    ];

    /// The name in a profile.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::PositionFromEnd => "position_from_end",
            Self::RowCount => "row_count",
            Self::Code => "code",
            Self::Serial => "serial",
            Self::DigitalLink => "digital_link",
            Self::CanonicalLink => "canonical_link",
            Self::ElementString => "element_string",
            Self::BarcodeData => "barcode_data",
            Self::EpcUri => "epc_uri",
            Self::EpcHex => "epc_hex",
            Self::EpcTagUri => "epc_tag_uri",
            Self::EpcBank => "epc_bank",
            Self::Gtin => "gtin",
            Self::Key => "key",
            Self::CompanyPrefix => "company_prefix",
            Self::CheckDigit => "check_digit",
            Self::Product => "product",
            Self::ReferenceId => "reference_id",
            Self::PurchaseOrder => "purchase_order",
            Self::OrganisationName => "organisation_name",
            Self::Reservation => "reservation",
            Self::Quantity => "quantity",
            Self::ReservedAt => "reserved_at",
        }
    }

    /// The source with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }

    /// Whether it is the same in every row of a file, whatever the type of code.
    #[must_use]
    pub const fn is_constant(self) -> bool {
        matches!(
            self,
            Self::RowCount
                | Self::Gtin
                | Self::CompanyPrefix
                | Self::Product
                | Self::ReferenceId
                | Self::PurchaseOrder
                | Self::OrganisationName
                | Self::Reservation
                | Self::Quantity
                | Self::ReservedAt
        )
    }

    /// Whether it is about an RFID tag, which codes without a certain EPC do not have.
    #[must_use]
    pub const fn is_tag(self) -> bool {
        matches!(self, Self::EpcHex | Self::EpcTagUri | Self::EpcBank)
    }

    /// Whether it is a number whose digits count nothing: quoting `text` leaves it without quotes.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Position | Self::PositionFromEnd | Self::RowCount | Self::Quantity)
    }

    /// Whether a reservation may have no value for it although its type of code has the source: a member that clients or
    /// operators may leave out. A profile may name a default for it.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::ReferenceId | Self::PurchaseOrder | Self::OrganisationName)
    }

    /// Whether codes of this type never have the source.
    #[must_use]
    pub const fn is_lacking(self, code_type: CodeType) -> bool {
        let is_gs1 = !matches!(code_type, CodeType::ShortCode);
        let has = match self {
            Self::ElementString
            | Self::BarcodeData
            | Self::CanonicalLink
            | Self::EpcUri
            | Self::EpcHex
            | Self::EpcTagUri
            | Self::EpcBank
            | Self::Key => is_gs1,
            Self::Serial => !code_type.needs_company_prefix(),
            Self::Gtin => matches!(code_type, CodeType::Sgtin | CodeType::Itip),
            Self::CheckDigit => is_gs1 && !matches!(code_type, CodeType::Giai | CodeType::Cpi),
            Self::Product => code_type.needs_product(),
            _ => true,
        };
        !has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for source in Source::ALL {
            assert_eq!(Source::parse(source.as_str()), Some(source));
        }
        assert_eq!(Source::parse("Code"), None);
    }
}
