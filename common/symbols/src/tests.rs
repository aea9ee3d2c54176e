//! Symbols read back by the decoder of the crate `datamatrix`, and the properties of pictures. Pictures are read by an
//! independent reader in `tests/labels/run`.

use datamatrix::DataMatrix;
use proptest::prelude::*;

use super::*;

const GTIN: &str = "010950600013435221aB3dE5gH";

fn modules(matrix: &Matrix) -> Vec<bool> {
    (0..matrix.height()).flat_map(|y| (0..matrix.width()).map(move |x| matrix.is_dark(x, y))).collect()
}

#[test]
fn names_are_read_back_and_another_name_is_refused() {
    for symbology in Symbology::ALL {
        assert_eq!(symbology.as_str().parse::<Symbology>(), Ok(symbology));
    }
    assert_eq!("QR".parse::<Symbology>(), Err(UnknownSymbology));
    let names = Symbology::ALL.map(Symbology::as_str).join(", ");
    assert_eq!(UnknownSymbology.to_string(), format!("symbol must be one of {names}"));
}

#[test]
fn a_data_matrix_is_square_and_carries_its_data() {
    for data in [GTIN, "80109506000AB\u{1d}80111234567", "00106141412345678908", "10A%B(C)/+=?!\"&'*,-.:;<>_"] {
        let matrix = Symbology::DataMatrix.encode(data).unwrap();
        assert_eq!(matrix.width(), matrix.height());
        assert_eq!(DataMatrix::decode(&modules(&matrix), matrix.width()).unwrap(), data.as_bytes());
    }
}

#[test]
fn a_gs1_data_matrix_begins_with_fnc1() {
    // The finder pattern is the same with and without; the data is not.
    let gs1 = Symbology::DataMatrix.encode(GTIN).unwrap();
    let plain = DataMatrix::encode(GTIN.as_bytes(), datamatrix::SymbolList::default().enforce_square()).unwrap();
    let gs1_by_library = DataMatrix::encode_gs1(GTIN.as_bytes(), datamatrix::SymbolList::default().enforce_square());
    assert_eq!(gs1_by_library.unwrap().data_codewords().first(), Some(&232), "ISO/IEC 16022, table 2: FNC1");
    assert_ne!(modules(&gs1), plain.bitmap().bits());
}

#[test]
fn a_gs1_qr_differs_from_a_plain_one_with_the_same_text() {
    let gs1 = Symbology::Gs1Qr.encode(GTIN).unwrap();
    let plain = Symbology::Qr.encode(GTIN).unwrap();
    assert_eq!((plain.width() - 17) % 4, 0);
    assert_ne!(gs1, plain);
}

#[test]
fn data_that_a_symbol_cannot_carry_is_refused() {
    for symbology in Symbology::ALL {
        assert_eq!(symbology.encode(""), Err(SymbolError::Empty));
        assert_eq!(symbology.encode(&"A".repeat(4_000)), Err(SymbolError::TooLong(symbology)));
    }
    for data in ["01Ü", "01\n", "\u{1d}01", "01\u{1d}", "01\u{7f}"] {
        for symbology in [Symbology::DataMatrix, Symbology::Gs1Qr] {
            assert_eq!(symbology.encode(data), Err(SymbolError::Character(symbology)), "{data:?}");
        }
    }
    assert!(Symbology::Qr.encode("https://example.org/Ü").is_ok());
}

#[test]
fn both_formats_have_the_size_that_is_announced() {
    let matrix = Symbology::Qr.encode("https://id.gs1.org/01/09506000134352/21/aB3dE5gH").unwrap();
    for (module, quiet_zone, text) in [(1, 0, ""), (4, 4, "(01)09506000134352(21)aB3dE5gH"), (8, 2, "A\nB")] {
        let picture = Picture { matrix: &matrix, module, quiet_zone, text };
        let (width, height) = picture.size();
        let svg = picture.svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && svg.is_ascii());
        assert!(svg.contains(&format!("width=\"{width}\" height=\"{height}\"")));
        let png = picture.png();
        assert_eq!(png[16..20], u32::try_from(width).unwrap().to_be_bytes());
        assert_eq!(png[20..24], u32::try_from(height).unwrap().to_be_bytes());
        assert_eq!(png, picture.png(), "the bytes are reproducible");
    }
}

#[test]
fn text_is_divided_at_brackets_escaped_and_bounded() {
    let matrix = Symbology::DataMatrix.encode(GTIN).unwrap();
    let picture = |text| Picture { matrix: &matrix, module: 5, quiet_zone: 1, text };
    let lines = picture("(01)09506000134352(21)aB3dE5gH").lines();
    assert_eq!(lines.concat(), "(01)09506000134352(21)aB3dE5gH");
    assert!(lines.iter().any(|line| line.starts_with("(21)")), "{lines:?}");
    assert!(picture("<&>Ü\u{1}").svg().contains(">&lt;&amp;&gt;??</text>"));
    let long = "x".repeat(10_000);
    assert!(picture(&long).lines().concat().len() <= MAX_TEXT);
    assert!(picture("").lines().is_empty());
}

#[test]
fn a_plain_qr_says_that_its_bytes_are_utf_8_if_they_are_more_than_ascii() {
    use qrcode::bits::Bits;
    use qrcode::{Color, EcLevel, QrCode, Version};
    // The bytes of the last one look like kanji in Shift JIS.
    for data in ["Größe", "€", "東京 3", "\u{40}\u{3041}\u{3042}"] {
        let matrix = Symbology::Qr.encode(data).unwrap();
        let version = i16::try_from((matrix.width() - 17) / 4).unwrap();
        // Mode 7, the number 26; then mode 4, the count, the bytes (ISO/IEC 18004, sections 7.4.2 and 7.4.5).
        let mut bits = Bits::new(Version::Normal(version));
        bits.push_eci_designator(26).unwrap();
        bits.push_byte_data(data.as_bytes()).unwrap();
        bits.push_terminator(EcLevel::M).unwrap();
        let code = QrCode::with_bits(bits, EcLevel::M).unwrap();
        let expected: Vec<bool> = code.into_colors().into_iter().map(|color| color == Color::Dark).collect();
        assert_eq!(modules(&matrix), expected, "{data}");
    }
    let long = |ascii: usize| format!("ü{}", "x".repeat(ascii));
    assert!(Symbology::Qr.encode(&long(2_328)).is_ok());
    assert_eq!(
        Symbology::Qr.encode(&long(2_329)),
        Err(SymbolError::TooLong(Symbology::Qr)),
        "one byte less than ASCII"
    );
}

#[test]
fn the_largest_picture_is_far_below_what_the_header_of_a_png_can_say() {
    let matrix = Symbology::Qr.encode(&"~".repeat(2_331)).unwrap();
    assert_eq!(matrix.width(), 177);
    let text = "x\n".repeat(MAX_TEXT);
    let largest = Picture { matrix: &matrix, module: MAX_MODULE, quiet_zone: MAX_QUIET_ZONE, text: &text };
    assert_eq!(largest.size(), (7_712, 7_712 + 256 * 80 + 16));
}

#[test]
fn sizes_beyond_the_limits_are_replaced() {
    let matrix = Symbology::Qr.encode("1").unwrap();
    let most = Picture { matrix: &matrix, module: usize::MAX, quiet_zone: usize::MAX, text: "" };
    assert_eq!(most.size().0, (matrix.width() + 2 * MAX_QUIET_ZONE) * MAX_MODULE);
    let least = Picture { matrix: &matrix, module: 0, quiet_zone: 0, text: "" };
    assert_eq!(least.size(), (matrix.width(), matrix.height()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_data_matrix_reads_back_whatever_it_carries(data in "[ -~]{1,90}(\u{1d}[ -~]{1,60})?") {
        let matrix = Symbology::DataMatrix.encode(&data).unwrap();
        prop_assert_eq!(DataMatrix::decode(&modules(&matrix), matrix.width()).unwrap(), data.as_bytes());
    }

    #[test]
    fn no_text_makes_a_picture_fail(data in "\\PC{0,80}", text in "\\PC{0,80}", module in 0_usize..9) {
        for symbology in Symbology::ALL {
            if let Ok(matrix) = symbology.encode(&data) {
                let picture = Picture { matrix: &matrix, module, quiet_zone: symbology.quiet_zone(), text: &text };
                prop_assert!(picture.svg().is_ascii());
                prop_assert!(picture.png().len() > 60);
            }
        }
    }
}
