//! Rendering of codes: serial, element string, GS1 Digital Link URI and EPC URI.

use super::epc;
use super::error::CodeError;
use super::namespace::Namespace;
use super::permutation::Permutation;
use super::pool::PoolSpec;
use super::prefix::CompanyPrefix;
use super::secret::PoolKey;
use super::template::{Piece, Template, encoded, join, length};
use super::types::CodeType;

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
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            digital_link_domain: "https://id.gs1.org".to_owned(),
            short_code_domain: None,
            company_prefix: None,
            url_suffix: None,
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
}

impl Field {
    /// Every field, in the order of an export's columns.
    pub const ALL: [Self; 4] = [Self::Code, Self::DigitalLink, Self::ElementString, Self::EpcUri];
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
    /// The key with which clients join a code and its EPC: the element string.
    pub epc_join_key: String,
}

/// Renders the codes of one pool for one reservation.
#[derive(Clone, Debug)]
pub struct Renderer {
    permutation: Permutation,
    /// In the order of [`Field::ALL`].
    templates: [Vec<Piece>; 4],
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
        Ok(Self {
            templates: [
                code(namespace, width).pieces(),
                digital_link(namespace, width, options).pieces(),
                element_string(namespace, width).pieces(),
                epc::pure_identity(namespace, width, prefix.as_ref()).pieces(),
            ],
            permutation,
        })
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
        let [code, digital_link, element_string, epc_uri] = &self.templates;
        match field {
            Field::Code => code,
            Field::DigitalLink => digital_link,
            Field::ElementString => element_string,
            Field::EpcUri => epc_uri,
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
        let element_string = text(Field::ElementString);
        Ok(Code {
            code: text(Field::Code),
            digital_link: text(Field::DigitalLink),
            epc_uri: text(Field::EpcUri),
            epc_join_key: element_string.clone(),
            element_string,
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
    let template = Template::new();
    match namespace.code_type {
        CodeType::Sscc => template.slot(0, 1).literal(&namespace.key).slot(1, width),
        CodeType::Giai | CodeType::Gsrn => template.literal(&namespace.key).slot(0, width),
        _ => template.slot(0, width),
    }
}

/// `(AI)key(AI)serial`, or `(AI)keyserial` where the serial is the end of the key.
fn element_string(namespace: &Namespace, width: usize) -> Template {
    let Some(ai) = namespace.code_type.application_identifier() else {
        return Template::new();
    };
    let start = Template::new().literal(&format!("({ai})"));
    match namespace.code_type {
        CodeType::Sscc => start.slot(0, 1).literal(&namespace.key).slot(1, width),
        code_type => {
            // The first digit of an AI 8003 is always 0.
            let zero = if code_type == CodeType::Grai { "0" } else { "" };
            let serial = code_type.serial_ai().map(|ai| format!("({ai})")).unwrap_or_default();
            start.literal(zero).literal(&namespace.key).literal(&serial).slot(0, width)
        }
    }
}

/// Domain, path (GS1 Digital Link URI Syntax 1.6, section 4) and query.
fn digital_link(namespace: &Namespace, width: usize, options: &RenderOptions) -> Template {
    let code_type = namespace.code_type;
    let path = match (code_type.application_identifier(), options.short_code_domain.as_deref()) {
        (None, None | Some("")) => return Template::new(),
        (None, Some(domain)) => Template::new().literal(domain.trim_end_matches('/')).literal("/").slot(0, width),
        (Some(ai), _) => {
            let start =
                Template::new().literal(options.digital_link_domain.trim_end_matches('/')).literal(&format!("/{ai}/"));
            if code_type == CodeType::Sscc {
                start.slot(0, 1).literal(&namespace.key).slot(1, width)
            } else {
                let zero = if code_type == CodeType::Grai { "0" } else { "" };
                let serial = code_type.serial_ai().map(|ai| format!("/{ai}/")).unwrap_or_default();
                start.literal(zero).literal(&encoded(&namespace.key)).literal(&serial).slot(0, width)
            }
        }
    };
    match options.url_suffix.as_deref().map(without_question_mark) {
        None | Some("") => path,
        Some(query) => path.literal("?").literal(query),
    }
}

fn without_question_mark(suffix: &str) -> &str {
    suffix.strip_prefix('?').unwrap_or(suffix)
}
