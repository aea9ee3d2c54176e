//! Rendering of codes: serial, element string, barcode data, GS1 Digital Link URI and EPC URI.

use super::elements::{ElementList, key};
use super::epc;
use super::epc_binary::{EpcColumn, EpcError, EpcScheme};
use super::error::CodeError;
use super::lot_and_dates::LotAndDates;
use super::namespace::Namespace;
use super::permutation::Permutation;
use super::pool::PoolSpec;
use super::prefix::CompanyPrefix;
use super::secret::PoolKey;
use super::template::{Piece, Template, join, length};
use super::types::{CharacterSet, CodeType};

/// What rendering needs besides the pool. It is stored with a reservation when its export starts, so that the export can be
/// rendered again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderOptions {
    /// Start of every GS1 Digital Link URI, with or without a trailing slash.
    pub digital_link_domain: String,
    /// Start of every short link. Without it a short code has no link.
    pub short_code_domain: Option<String>,
    /// The organisation's GS1 Company Prefix, for EPC URIs of products. Types that are built from a prefix use the prefix
    /// of their namespace.
    pub company_prefix: Option<String>,
    /// The query of every link, with or without a leading question mark.
    pub url_suffix: Option<String>,
    /// Lot and dates in element string, barcode data and Digital Link. Types that have none ignore them.
    pub lot_and_dates: LotAndDates,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            digital_link_domain: "https://id.gs1.org".to_owned(),
            short_code_domain: None,
            company_prefix: None,
            url_suffix: None,
            lot_and_dates: LotAndDates::default(),
        }
    }
}

/// The rendered forms of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The serial; the whole key for `sscc`, `giai` and `gsrn`.
    Code,
    /// The GS1 Digital Link URI or the short link; empty for a short code without a domain.
    DigitalLink,
    /// The element string with bracketed Application Identifiers; empty for a short code.
    ElementString,
    /// The EPC pure identity URI; empty if the company prefix is not known or the check digit is incorrect.
    EpcUri,
    /// The data of a GS1 barcode: the element string without brackets, with [`super::FNC1`] where readers need a
    /// separator, without the FNC1 that begins the symbol. Empty for a short code.
    BarcodeData,
}

impl Field {
    /// Every field: first those of [`Field::COLUMNS`], in their order.
    pub const ALL: [Self; 5] = [Self::Code, Self::DigitalLink, Self::ElementString, Self::EpcUri, Self::BarcodeData];

    /// The fields that the built-in export formats write, in the order of their columns.
    pub const COLUMNS: [Self; 4] = [Self::Code, Self::DigitalLink, Self::ElementString, Self::EpcUri];
}

/// One rendered code. A form that the code does not have is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// See [`Field::Code`].
    pub code: String,
    /// See [`Field::DigitalLink`].
    pub digital_link: String,
    /// See [`Field::ElementString`].
    pub element_string: String,
    /// See [`Field::EpcUri`].
    pub epc_uri: String,
    /// See [`Field::BarcodeData`].
    pub barcode_data: String,
    /// The key with which clients join a code and its EPC: the element string without lot and dates.
    pub epc_join_key: String,
}

/// Renders the codes of one pool for one reservation.
#[derive(Clone, Debug)]
pub struct Renderer {
    permutation: Permutation,
    spec: PoolSpec,
    prefix: Option<CompanyPrefix>,
    /// In the order of [`Field::ALL`].
    templates: [Vec<Piece>; 5],
    join_key: Vec<Piece>,
}

impl Renderer {
    /// Compiles the fields of a pool.
    ///
    /// # Errors
    /// The errors of [`Permutation::new`], and [`CodeError::CompanyPrefixForm`] if the company prefix of the options is not
    /// 4 to 12 digits.
    pub fn new(spec: &PoolSpec, key: &PoolKey, options: &RenderOptions) -> Result<Self, CodeError> {
        let permutation = Permutation::new(spec, key)?;
        let prefix = options.company_prefix.as_deref().map(CompanyPrefix::parse).transpose()?;
        let (namespace, width) = (&spec.namespace, permutation.width());
        let elements = ElementList::of(namespace, width, &options.lot_and_dates);
        Ok(Self {
            templates: [
                code(namespace, width).pieces(),
                digital_link(namespace, width, &elements, options).pieces(),
                elements.element_string().pieces(),
                epc::pure_identity(namespace, width, prefix.as_ref()).pieces(),
                elements.barcode_data().pieces(),
            ],
            join_key: elements.join_key().pieces(),
            permutation,
            spec: spec.clone(),
            prefix,
        })
    }

    /// The RFID tags of the pool's codes: one scheme for all of them, the one that is named or the shortest that holds every
    /// code, and one filter value.
    ///
    /// # Errors
    /// [`EpcError`] if the codes have no certain EPC, or the scheme does not hold every one of them.
    pub fn epc_column(&self, scheme: Option<EpcScheme>, filter: Option<u8>) -> Result<EpcColumn, EpcError> {
        EpcColumn::compile(&self.spec, self.width(), self.prefix.as_ref(), scheme, filter)
    }

    /// The characters of the varying part of each code.
    #[must_use]
    pub const fn character_set(&self) -> CharacterSet {
        self.spec.character_set
    }

    /// Bytes of the varying part of each code.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.permutation.width()
    }

    /// The pieces of a field; no pieces if the field is empty. Every slot lies within the [`Renderer::width`] bytes of the
    /// varying part, which are ASCII letters and digits.
    #[must_use]
    pub fn pieces(&self, field: Field) -> &[Piece] {
        let [code, digital_link, element_string, epc_uri, barcode_data] = &self.templates;
        match field {
            Field::Code => code,
            Field::DigitalLink => digital_link,
            Field::ElementString => element_string,
            Field::EpcUri => epc_uri,
            Field::BarcodeData => barcode_data,
        }
    }

    /// Bytes of a field, the same for every code of the pool.
    #[must_use]
    pub fn length(&self, field: Field) -> usize {
        length(self.pieces(field))
    }

    /// Fills `out` with the varying parts of consecutive indexes, starting at `start`.
    ///
    /// # Errors
    /// [`CodeError::OutOfRange`] if an index is outside the pool's space or the length of `out` is not a multiple of
    /// [`Renderer::width`]. `out` is then unchanged.
    pub fn fill(&self, start: u64, out: &mut [u8]) -> Result<(), CodeError> {
        self.permutation.fill(start, out)
    }

    /// The code at an index.
    ///
    /// # Errors
    /// [`CodeError::OutOfRange`] if the index is outside the pool's space.
    pub fn code(&self, index: u64) -> Result<Code, CodeError> {
        let varying = self.permutation.varying(index).ok_or(CodeError::OutOfRange)?;
        let text = |field| join(self.pieces(field), &varying);
        Ok(Code {
            code: text(Field::Code),
            digital_link: text(Field::DigitalLink),
            element_string: text(Field::ElementString),
            epc_uri: text(Field::EpcUri),
            barcode_data: text(Field::BarcodeData),
            epc_join_key: join(&self.join_key, &varying),
        })
    }

    /// The map between indexes and varying parts.
    #[must_use]
    pub const fn permutation(&self) -> &Permutation {
        &self.permutation
    }
}

/// The serial, or the whole key for the types whose varying part completes a key.
fn code(namespace: &Namespace, width: usize) -> Template {
    match namespace.code_type {
        CodeType::Sscc | CodeType::Giai | CodeType::Gsrn => key(namespace, width),
        _ => Template::new().slot(0, width),
    }
}

/// Domain, path and query.
fn digital_link(namespace: &Namespace, width: usize, elements: &ElementList, options: &RenderOptions) -> Template {
    let suffix = options.url_suffix.as_deref().map(without_question_mark).unwrap_or_default();
    match (namespace.code_type, options.short_code_domain.as_deref().unwrap_or_default()) {
        (CodeType::ShortCode, "") => Template::new(),
        (CodeType::ShortCode, domain) => {
            let link = Template::new().literal(domain.trim_end_matches('/')).literal("/").slot(0, width);
            if suffix.is_empty() { link } else { link.literal("?").literal(suffix) }
        }
        _ => elements.link(options.digital_link_domain.trim_end_matches('/'), suffix),
    }
}

fn without_question_mark(suffix: &str) -> &str {
    suffix.strip_prefix('?').unwrap_or(suffix)
}
