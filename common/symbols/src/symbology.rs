//! The kinds of symbol, and how data becomes one.

use std::fmt;
use std::str::FromStr;

use datamatrix::{DataMatrixBuilder, SymbolList};
use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, QrResult, Version};

use super::matrix::Matrix;

/// The error correction of QR codes: 15 %, the level that GS1 recommends for both kinds (GS1 General Specifications,
/// section 5.6 and GS1 Digital Link implementation guideline).
const LEVEL: EcLevel = EcLevel::M;

/// The largest QR code: version 40 has 177 × 177 modules.
const VERSIONS: std::ops::RangeInclusive<i16> = 1..=40;

/// Maximum bytes of data, by which the time to encode is bounded. A QR code of version 40 with error correction M holds
/// 2,331 bytes (ISO/IEC 18004, table 7).
const MAX_DATA: usize = 2_331;

/// The number by which a QR code says that its bytes are UTF-8 (AIM ITS/04-023, Extended Channel Interpretations).
const ECI_UTF_8: u32 = 26;

/// FNC1 between elements, as GS1 symbols carry it: the character GS.
const GS: u8 = 0x1D;

/// A text is not the name of a kind of symbol, one of [`Symbology::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("symbol must be one of qr, datamatrix, gs1-qr")]
pub struct UnknownSymbology;

/// Why data does not become a symbol or a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// There is no data.
    #[error("a symbol needs data")]
    Empty,
    /// No size of the symbol holds the data.
    #[error("the data is too long for a {0} symbol")]
    TooLong(Symbology),
    /// GS1 symbols carry printable ASCII, and GS (0x1D) between elements, neither first nor last.
    #[error("a {0} symbol carries printable ASCII characters only")]
    Character(Symbology),
}

/// A kind of symbol. As text `qr`, `datamatrix`, `gs1-qr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Symbology {
    /// A plain QR code (ISO/IEC 18004), for links such as GS1 Digital Links.
    Qr,
    /// A GS1 DataMatrix (ISO/IEC 16022, ECC 200, FNC1 in the first position), square.
    DataMatrix,
    /// A GS1 QR code (ISO/IEC 18004, FNC1 in the first position).
    Gs1Qr,
}

impl Symbology {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Qr, Self::DataMatrix, Self::Gs1Qr];

    /// The name clients use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qr => "qr",
            Self::DataMatrix => "datamatrix",
            Self::Gs1Qr => "gs1-qr",
        }
    }

    /// Whether the symbol carries GS1 element strings; otherwise it carries text, such as a link.
    #[must_use]
    pub const fn is_gs1(self) -> bool {
        !matches!(self, Self::Qr)
    }

    /// The minimum quiet zone of the standard, in modules on each side (ISO/IEC 18004, section 5.3.8; ISO/IEC 16022,
    /// section 7.2).
    #[must_use]
    pub const fn quiet_zone(self) -> usize {
        match self {
            Self::Qr | Self::Gs1Qr => 4,
            Self::DataMatrix => 1,
        }
    }

    /// Encodes data as the smallest symbol that holds it. The same data always gives the same modules.
    ///
    /// A plain QR code carries any text. If that is more than ASCII, the symbol says that its bytes are UTF-8, because
    /// readers would otherwise have to guess.
    ///
    /// `data` of a GS1 symbol is Application Identifiers and values without brackets, such as `010950600013435221AB1`,
    /// with GS (0x1D) after every element of variable length that is not the last. The FNC1 at the beginning is added
    /// here.
    ///
    /// # Errors
    /// [`SymbolError::Empty`] without data, [`SymbolError::TooLong`] if no symbol holds it, and
    /// [`SymbolError::Character`] if a GS1 symbol shall carry something that its data cannot have.
    pub fn encode(self, data: &str) -> Result<Matrix, SymbolError> {
        if data.is_empty() {
            return Err(SymbolError::Empty);
        }
        if data.len() > MAX_DATA {
            return Err(SymbolError::TooLong(self));
        }
        let bytes = data.as_bytes();
        if self.is_gs1() && !is_gs1_data(bytes) {
            return Err(SymbolError::Character(self));
        }
        match self {
            Self::Qr if !data.is_ascii() => utf_8_qr(bytes).ok_or(SymbolError::TooLong(self)),
            Self::Qr => {
                let code = QrCode::with_error_correction_level(bytes, LEVEL);
                code.map(of_qr).map_err(|_| SymbolError::TooLong(self))
            }
            Self::Gs1Qr => gs1_qr(bytes).ok_or(SymbolError::TooLong(self)),
            Self::DataMatrix => {
                let builder = DataMatrixBuilder::new().with_fnc1_start(true).with_macros(false);
                let code = builder.with_symbol_list(SymbolList::default().enforce_square()).encode(bytes);
                let bitmap = code.map_err(|_| SymbolError::TooLong(self))?.bitmap();
                let (width, height) = (bitmap.width(), bitmap.height());
                let mut dark = vec![false; width * height];
                for (x, y) in bitmap.pixels() {
                    if let Some(module) = dark.get_mut(y * width + x) {
                        *module = true;
                    }
                }
                Ok(Matrix::new(width, dark))
            }
        }
    }
}

impl fmt::Display for Symbology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Symbology {
    type Err = UnknownSymbology;

    fn from_str(text: &str) -> Result<Self, UnknownSymbology> {
        Self::ALL.into_iter().find(|symbology| symbology.as_str() == text).ok_or(UnknownSymbology)
    }
}

/// Whether a GS1 symbol can carry the data: a scanner would take a GS at either end for an empty element.
fn is_gs1_data(data: &[u8]) -> bool {
    let is_text = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    data.iter().all(|byte| *byte == GS || is_text(byte)) && data.first() != Some(&GS) && data.last() != Some(&GS)
}

fn of_qr(code: QrCode) -> Matrix {
    let width = code.width();
    Matrix::new(width, code.into_colors().into_iter().map(|color| color == Color::Dark).collect())
}

/// The smallest QR code with FNC1 in the first position; `None` if version 40 is too small.
fn gs1_qr(data: &[u8]) -> Option<Matrix> {
    smallest_qr(|bits| {
        bits.push_fnc1_first_position()?;
        if data.contains(&b'%') {
            // In this mode `%` in an alphanumeric segment stands for FNC1 (ISO/IEC 18004, section 7.4.8.2); in a byte
            // segment it stands for itself.
            bits.push_byte_data(data)
        } else {
            bits.push_optimal_data(data)
        }
    })
}

/// The smallest QR code whose bytes are marked as UTF-8; `None` if version 40 is too small.
fn utf_8_qr(data: &[u8]) -> Option<Matrix> {
    smallest_qr(|bits| {
        bits.push_eci_designator(ECI_UTF_8)?;
        // Of other segments, one for kanji would take bytes of UTF-8 for Shift JIS.
        bits.push_byte_data(data)
    })
}

/// The QR code of the smallest version that holds what `push` writes.
fn smallest_qr(push: impl Fn(&mut Bits) -> QrResult<()>) -> Option<Matrix> {
    VERSIONS.into_iter().find_map(|version| {
        let mut bits = Bits::new(Version::Normal(version));
        push(&mut bits).ok()?;
        bits.push_terminator(LEVEL).ok()?;
        QrCode::with_bits(bits, LEVEL).ok().map(of_qr)
    })
}
