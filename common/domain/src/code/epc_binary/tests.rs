//! Tags against the examples of the standard, rows against the plain implementation, and refusals.

use std::collections::BTreeSet;

use super::*;
use crate::code::template::join;
use crate::code::{
    CharacterSet, CodeType, CompanyPrefix, Permutation, PoolSpec, RenderOptions, Renderer, Secret, by_code, by_epc,
};

/// The examples of the EPC Tag Data Standard (1.13, appendix E.3), without the zeros at the end.
const EXAMPLES: [(&str, &str); 15] = [
    ("urn:epc:tag:sgtin-96:3.0614141.812345.6789", "3074257BF7194E4000001A85"),
    ("urn:epc:tag:sgtin-198:3.0614141.712345.32a%2Fb", "3674257BF6B7A659B2C2BF1"),
    ("urn:epc:tag:sscc-96:3.0614141.1234567890", "3174257BF4499602D2"),
    ("urn:epc:tag:grai-96:3.0614141.12345.5678", "3374257BF40C0E400000162E"),
    ("urn:epc:tag:grai-170:3.0614141.12345.32a%2Fb", "3774257BF40C0E59B2C2BF1"),
    ("urn:epc:tag:giai-96:3.0614141.5678", "3474257BF40000000000162E"),
    ("urn:epc:tag:giai-202:3.0614141.32a%2Fb", "3874257BF59B2C2BF1"),
    ("urn:epc:tag:gsrn-96:3.0614141.1234567890", "2D74257BF4499602D2"),
    ("urn:epc:tag:gdti-96:3.0614141.12345.5678", "2C74257BF46072000000162E"),
    ("urn:epc:tag:gdti-174:3.4012345.98765.ABCDefgh012345678", "3E74F4E4E7039B061438997367D0C18B266D1AB66EE"),
    ("urn:epc:tag:cpi-96:3.0614141.98765.12345", "3C74257BF400C0E680003039"),
    ("urn:epc:tag:cpi-var:3.0614141.5PQ7%2FZ43.12345", "3D74257BF75411DEF6B4CC00000003039"),
    ("urn:epc:tag:sgcn-96:3.4012345.67890.04711", "3F74F4E4E612640000019907"),
    ("urn:epc:tag:itip-110:0.4012345.012345.01.02.981", "4014F4E4E40C0E40820000000F54"),
    ("urn:epc:tag:itip-212:0.4012345.012345.01.02.mw133", "4114F4E4E40C0E4082DBDD8B366"),
];

/// The same tag in whole words.
fn words(hex: &str, len: usize) -> String {
    format!("{hex:0<len$}")
}

#[test]
fn the_examples_of_the_standard_are_encoded_and_decoded() {
    for (uri, digits) in EXAMPLES {
        let tag = EpcTag::from_uri(uri).unwrap();
        let hex = tag.hex().unwrap();
        assert_eq!(hex, words(digits, hex.len()), "{uri}");
        assert_eq!(hex.len() % 4, 0);
        let whole = tag.scheme().layout().bits.div_ceil(16) * 4;
        // Only the part identifier of a cpi-var has no fixed length.
        assert!(hex.len() == whole || (tag.scheme() == EpcScheme::CpiVar && hex.len() > whole), "{uri}");
        let read = EpcTag::from_hex(&hex).unwrap();
        assert_eq!(read.uri(), uri);
        assert_eq!(EpcTag::from_hex(&hex.to_ascii_lowercase()), Some(tag.clone()));
        assert_eq!(EpcTag::from_hex(&format!("{hex}0000")), Some(tag), "zeros behind the EPC do not count");
    }
}

#[test]
fn a_uri_escapes_the_seven_characters_of_the_standard_and_no_others() {
    let uri = "urn:epc:tag:sgtin-198:0.0614141.712345.";
    for (escaped, plain) in [("!'()*+,-.:;=_", "!'()*+,-.:;=_"), ("%22%25%26%2F%3C%3E%3F", "\"%&/<>?")] {
        let tag = EpcTag::from_uri(&format!("{uri}{escaped}")).unwrap();
        assert_eq!(tag.serial.as_deref(), Some(plain));
        assert_eq!(tag.uri(), format!("{uri}{escaped}"));
        assert_eq!(EpcTag::from_hex(&tag.hex().unwrap()), Some(tag));
    }
    // Others that a program escaped are read.
    let tag = EpcTag::from_uri(&format!("{uri}%28a%29")).unwrap();
    assert_eq!(tag.uri(), format!("{uri}(a)"));
    let part = EpcTag::from_uri("urn:epc:tag:cpi-var:0.0614141.5%23-%2FZ.1").unwrap();
    assert_eq!(part.uri(), "urn:epc:tag:cpi-var:0.0614141.5%23-%2FZ.1");
}

#[test]
fn every_header_has_one_scheme_and_every_scheme_one_name() {
    let headers: BTreeSet<u8> = EpcScheme::ALL.into_iter().map(EpcScheme::header).collect();
    assert_eq!(headers.len(), EpcScheme::ALL.len());
    for scheme in EpcScheme::ALL {
        assert_eq!(scheme.as_str().parse(), Ok(scheme));
        assert_eq!(scheme.long().code_type(), scheme.code_type());
        assert!(scheme.as_str().starts_with(scheme.code_type().as_str()));
    }
    assert_eq!("SGTIN-96".parse::<EpcScheme>(), Err(EpcError::UnknownScheme));
}

fn secret() -> Secret {
    Secret::new(b"0123456789abcdef0123456789abcdef").unwrap()
}

fn spec(namespace: &str, set: CharacterSet) -> PoolSpec {
    PoolSpec::from_pool(namespace.parse().unwrap(), set).unwrap()
}

fn renderer(spec: &PoolSpec, prefix: &str) -> Renderer {
    let options = RenderOptions { company_prefix: Some(prefix.to_owned()), ..RenderOptions::default() };
    Renderer::new(spec, &secret().pool_key(&spec.namespace), &options).unwrap()
}

/// A GTIN, or a key of 13 digits, with this prefix and a right check digit.
fn key(code_type: CodeType, prefix: &str) -> String {
    let closed = |body: String| format!("{body}{}", crate::code::check_digit(&body).unwrap());
    match code_type {
        CodeType::Sgtin => closed(format!("1{prefix:3<12}")),
        CodeType::Itip => closed(format!("0{prefix:3<12}")) + "0102",
        CodeType::Grai | CodeType::Gdti | CodeType::Sgcn => closed(format!("{prefix:7<12}")),
        CodeType::Cpi => format!("{prefix}A/1#B-2"),
        _ => prefix.to_owned(),
    }
}

/// Every pool of every type that has EPCs, under a company prefix.
fn pools(prefix: &str) -> Vec<PoolSpec> {
    let mut pools = Vec::new();
    for code_type in CodeType::ALL {
        for set in CharacterSet::ALL {
            for length in 6..=20 {
                let namespace = crate::code::Namespace::new(code_type, &key(code_type, prefix), length);
                pools.extend(namespace.and_then(|namespace| PoolSpec::from_pool(namespace, set)).ok());
            }
        }
    }
    // Parts whose identifier is a number.
    let part = &"123456789"[..15 - prefix.len()];
    pools.extend((7..=12).map(|length| spec(&format!("cpi#{prefix}{part}#{length}"), CharacterSet::Numeric)));
    pools.retain(|spec| spec.code_type != CodeType::ShortCode);
    pools
}

const PREFIXES: [&str; 7] = ["950600", "9506000", "95060001", "950600012", "9506000123", "95060001234", "950600012345"];

#[test]
fn every_row_is_the_tag_of_its_code_and_leads_back_to_it() {
    let mut seen = BTreeSet::new();
    for prefix in PREFIXES {
        for spec in pools(prefix) {
            let renderer = renderer(&spec, prefix);
            for filter in [None, Some(0), Some(7)] {
                let column = renderer.epc_column(None, filter).unwrap();
                seen.insert(column.scheme());
                for index in [0, 1, spec.capacity() / 2, spec.capacity() - 1] {
                    let code = renderer.code(index).unwrap();
                    let varying = renderer.permutation().varying(index).unwrap();
                    let hex = column.hex(&varying);
                    let uri = join(column.uri(), &varying);
                    let tag = EpcTag::from_uri(&uri).unwrap_or_else(|| panic!("{uri}"));
                    assert_eq!(tag.hex().as_ref(), Some(&hex), "{uri}");
                    assert_eq!(hex.len(), column.len());
                    assert_eq!(EpcTag::from_hex(&hex).unwrap().uri(), uri);
                    assert_eq!(tag.filter(), filter.unwrap_or(column.scheme().default_filter()));
                    // The pure identity has what the tag has behind the filter value.
                    let identity = code.epc_uri.splitn(5, ':').last().unwrap();
                    assert_eq!(uri.splitn(5, ':').last().unwrap().split_once('.').unwrap().1, identity);
                    for text in [&hex, &uri, &code.epc_uri] {
                        let found = by_epc(text);
                        let candidate = found.iter().find(|candidate| candidate.namespace == spec.namespace);
                        assert_eq!(candidate.map(|candidate| &candidate.varying), Some(&varying), "{text}");
                    }
                }
            }
        }
    }
    // Pools are never of the other three: see the next test.
    let missing: Vec<_> = EpcScheme::ALL.into_iter().filter(|scheme| !seen.contains(scheme)).collect();
    assert_eq!(missing, [EpcScheme::Giai96, EpcScheme::Gdti96, EpcScheme::Itip110]);
}

#[test]
fn a_short_scheme_is_chosen_only_if_every_code_of_the_pool_fits() {
    use CharacterSet::{Alphanumeric, Hex, Numeric, Rfid96};
    for (namespace, set, scheme) in [
        ("sgtin#19506000134359#12", Rfid96, "sgtin-96"),
        ("sgtin#19506000134359#12", Numeric, "sgtin-198"),
        ("sgtin#19506000134359#8", Alphanumeric, "sgtin-198"),
        ("grai#9506000134352#12", Rfid96, "grai-96"),
        ("grai#9506000134352#6", Hex, "grai-170"),
        ("giai#9506000#8", Numeric, "giai-202"),
        ("gdti#9506000134352#8", Numeric, "gdti-174"),
        ("itip#195060001343590102#8", Numeric, "itip-212"),
        ("sscc#9506000#18", Numeric, "sscc-96"),
        ("gsrn#9506000#18", Numeric, "gsrn-96"),
        ("sgcn#9506000134352#12", Numeric, "sgcn-96"),
        ("cpi#95060001234#9", Numeric, "cpi-96"),
        ("cpi#95060001234#10", Numeric, "cpi-var"),
        ("cpi#95060000234#9", Numeric, "cpi-var"),
        ("cpi#9506000A#9", Numeric, "cpi-var"),
        ("cpi#950600012345678#9", Numeric, "cpi-96"),
        ("cpi#9506000123456789#9", Numeric, "cpi-var"),
    ] {
        let spec = spec(namespace, set);
        let renderer = renderer(&spec, "9506000");
        assert_eq!(renderer.epc_column(None, None).unwrap().scheme().as_str(), scheme, "{namespace}");
        for named in EpcScheme::ALL {
            let answer = renderer.epc_column(Some(named), None).map(|column| column.scheme());
            if named.as_str() == scheme || (named == named.long() && named.code_type() == spec.code_type) {
                assert_eq!(answer, Ok(named), "{namespace}");
            } else if named.code_type() == spec.code_type {
                assert!(matches!(answer, Err(EpcError::DoesNotFit { .. })), "{namespace} {named}: {answer:?}");
            } else {
                assert_eq!(answer, Err(EpcError::OtherType { scheme: named, code_type: spec.code_type }));
            }
        }
    }
}

#[test]
fn a_tag_is_never_guessed() {
    use CharacterSet::Alphanumeric;
    let column = |namespace: &str, prefix: Option<&str>| {
        let spec = spec(namespace, Alphanumeric);
        let prefix = prefix.map(str::to_owned);
        let options = RenderOptions { company_prefix: prefix, ..RenderOptions::default() };
        let renderer = Renderer::new(&spec, &secret().pool_key(&spec.namespace), &options).unwrap();
        renderer.epc_column(None, None).map(|column| column.scheme())
    };
    let good = "sgtin#19506000134359#8";
    assert_eq!(column(good, Some("9506000")), Ok(EpcScheme::Sgtin198));
    assert_eq!(column(good, None), Err(EpcError::PrefixMissing));
    assert_eq!(column(good, Some("950600")), Ok(EpcScheme::Sgtin198));
    assert_eq!(column(good, Some("95060")), Err(EpcError::PrefixTooShort(5)));
    assert_eq!(column(good, Some("9506001")), Err(EpcError::OtherPrefix("9506001".to_owned())));
    assert_eq!(column("sgtin#19506000134350#8", Some("9506000")), Err(EpcError::CheckDigit));
    assert_eq!(column("sgtin#12000000134357#8", Some("2000000")), Err(EpcError::PrefixReserved));
    assert_eq!(column("giai#9506#8", None), Err(EpcError::PrefixTooShort(4)));
    assert_eq!(column("short_code#deployment#8", Some("9506000")), Err(EpcError::NoEpc(CodeType::ShortCode)));
    let spec = spec(good, Alphanumeric);
    assert_eq!(renderer(&spec, "9506000").epc_column(None, Some(8)).err(), Some(EpcError::Filter));
}

/// Section 10: 1 is an item for the point of sale, 0 is "all others". The filter value is in the three bits after the header.
#[test]
fn a_tag_has_the_filter_value_that_is_asked_for_or_that_of_its_type() {
    let filter = |namespace: &str, set, asked| {
        let spec = spec(namespace, set);
        let renderer = renderer(&spec, "9506000");
        let column = renderer.epc_column(None, asked).unwrap();
        let tag = EpcTag::from_hex(&column.hex(&renderer.permutation().varying(0).unwrap())).unwrap();
        assert_eq!(tag.filter(), column.filter());
        tag.filter()
    };
    for (asked, of_item, of_unit) in [(None, 1, 0), (Some(0), 0, 0), (Some(3), 3, 3), (Some(7), 7, 7)] {
        assert_eq!(filter("sgtin#19506000134359#8", CharacterSet::Hex, asked), of_item);
        assert_eq!(filter("sscc#9506000#18", CharacterSet::Numeric, asked), of_unit);
    }
}

#[test]
fn a_tag_of_another_scheme_or_filter_value_leads_to_the_same_code() {
    let expected = by_code("123456789012", Some("/01/19506000134359"));
    let expected: Vec<_> = expected.into_iter().filter(|found| found.namespace.code_type == CodeType::Sgtin).collect();
    assert_eq!(expected.len(), 1);
    for scheme in [EpcScheme::Sgtin96, EpcScheme::Sgtin198] {
        for filter in 0..=MAX_FILTER {
            let tag = EpcTag::from_uri(&format!("urn:epc:tag:{scheme}:{filter}.9506000.113435.123456789012")).unwrap();
            let hex = tag.hex().unwrap();
            assert_eq!(by_epc(&hex), expected);
            assert_eq!(by_epc(&format!(" {}\r\n", hex.to_ascii_lowercase())), expected);
        }
    }
    // Another length of the company prefix is another tag of the same GTIN.
    let tag = EpcTag::from_uri("urn:epc:tag:sgtin-96:1.95060001.13435.123456789012").unwrap();
    assert_eq!(by_epc(&tag.hex().unwrap()), expected);
}

#[test]
fn a_tag_has_no_identifier_of_more_than_thirty_characters_although_its_bits_have_room() {
    let hex = |bits: String| {
        let padded = format!("{bits}{}", "0".repeat((16 - bits.len() % 16) % 16));
        let digit = |at: usize| format!("{:X}", u8::from_str_radix(&padded[at..at + 4], 2).unwrap());
        (0..padded.len()).step_by(4).map(digit).collect::<String>()
    };
    // Filter 0, partition 0, and a prefix of twelve zeros.
    let begin = |header: &str| format!("{header}{}", "0".repeat(3 + 3 + 40));
    for (characters, fits) in [(1, true), (18, true), (19, false), (21, false)] {
        // GIAI-202: `A` in seven bits, 148 in all. CPI-var: `A` in six bits, six zeros, the serial 1.
        let giai = format!("{:0<202}", format!("{}{}", begin("00111000"), "1000001".repeat(characters)));
        let cpi = format!("{}{}000000{:040b}", begin("00111101"), "000001".repeat(characters), 1);
        for bits in [giai, cpi] {
            let tag = EpcTag::from_hex(&hex(bits));
            assert_eq!(tag.is_some(), fits, "{characters}: {tag:?}");
            assert!(tag.is_none_or(|tag| tag.hex().is_some()));
        }
    }
}

#[test]
fn what_is_no_tag_is_not_read() {
    let good = "3074257BF7194E4000001A85";
    assert!(EpcTag::from_hex(good).is_some());
    for bad in [
        "",
        "30",
        "3074257BF7194E4000001A8",
        "3074257BF7194E4000001A85F",
        "3074257BF7194E4000001A8G",
        "007425 7BF7194E4000001A85",
        // Partition 7; a company prefix of 10,000,000; an item reference of 1,000,000.
        "307C257BF461A800000001A8",
        "3076625A0061A800000001A8",
        "3074257BF7D09000000001A8",
        // Reserved bits of an SSCC; no header of a scheme; SGCN without its leading 1.
        "3174257BF4499602D2000001",
        "E280116060000000000000AA",
        "3F74F4E4E612640000000005",
    ] {
        assert_eq!(EpcTag::from_hex(bad), None, "{bad}");
    }
    assert!(EpcTag::from_hex(&format!("{good}{}", "0".repeat(100))).is_some(), "31 words");
    assert_eq!(EpcTag::from_hex(&format!("{good}{}", "0".repeat(101))), None);
    // `!` is 0100001 and may stand in a serial, `#` is 0100011 and may not (appendix A).
    let serial = EpcTag::from_uri("urn:epc:tag:sgtin-198:0.0614141.712345.!").unwrap().hex().unwrap();
    assert_eq!(&serial[15..17], "08");
    let other = format!("{}18{}", &serial[..15], &serial[17..]);
    assert_eq!(EpcTag::from_hex(&other), None);
    for bad in [
        "urn:epc:tag:sgtin-96:8.0614141.812345.6789",
        "urn:epc:tag:sgtin-96:3.0614141.812345.06789",
        "urn:epc:tag:sgtin-96:3.0614141.812345.274877906944",
        "urn:epc:tag:sgtin-96:3.0614141.81234.6789",
        "urn:epc:tag:sgtin-96:3.06141.81234567.6789",
        "urn:epc:tag:sgtin-96:0614141.812345.6789",
        "urn:epc:tag:sgtin-198:3.0614141.812345.",
        "urn:epc:tag:sgtin-198:3.0614141.812345.123456789012345678901",
        "urn:epc:tag:sgtin-198:3.0614141.812345.%C3%9C",
        "urn:epc:tag:giai-202:3.061414112345.1234567890123456789",
        "urn:epc:tag:cpi-96:3.061414112345.1234.5",
        "urn:epc:tag:sgcn-96:3.4012345.67890.0123456789012",
        "urn:epc:id:sgln:0614141.12345.400",
        "urn:epc:raw:96.x3074257BF7194E4000001A85",
        "urn:epc:id:sgtin",
    ] {
        assert_eq!(EpcTag::from_uri(bad), None, "{bad}");
        assert_eq!(by_epc(bad), [], "{bad}");
    }
}

#[test]
fn no_text_makes_a_look_up_fail() {
    // Bits of a tag flipped one after the other: whatever is read is a tag that writes the same bits.
    for (uri, _) in EXAMPLES {
        let hex = EpcTag::from_uri(uri).unwrap().hex().unwrap();
        for place in 0..hex.len() * 4 {
            let mut digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
            digits[place / 4] ^= 8 >> (place % 4);
            let text: String = digits.iter().map(|digit| char::from_digit(*digit, 16).unwrap()).collect();
            let text = text.to_ascii_uppercase();
            if let Some(tag) = EpcTag::from_hex(&text) {
                let written = tag.hex().unwrap();
                assert_eq!(words(&written, text.len()), words(&text, written.len()), "{uri}");
                assert_eq!(EpcTag::from_uri(&tag.uri()), Some(tag.clone()));
            }
            let _found = by_epc(&text);
        }
    }
}

#[test]
fn the_digits_of_a_row_are_written_into_place_only() {
    let spec = spec("sgtin#19506000134359#12", CharacterSet::Rfid96);
    let renderer = renderer(&spec, "9506000");
    let column = renderer.epc_column(None, None).unwrap();
    let permutation = Permutation::new(&spec, &secret().pool_key(&spec.namespace)).unwrap();
    assert_eq!((column.before().len(), column.digits().len(), column.after()), (14, 10, 0));
    assert!(!column.is_empty() && !column.digits().is_empty());
    let mut row = [b'.'; 12];
    let varying = permutation.varying(7).unwrap();
    column.digits().write(varying.as_bytes(), &mut row[1..11]);
    assert_eq!((row[0], row[11]), (b'.', b'.'));
    assert_eq!(std::str::from_utf8(&row[1..11]).unwrap(), &column.hex(&varying)[14..]);
    assert!(CompanyPrefix::parse("9506000").is_ok());
    // 24 reserved bits end the tag of an SSCC.
    let sscc = self::spec("sscc#9506000#18", CharacterSet::Numeric);
    let column = self::renderer(&sscc, "9506000").epc_column(None, None).unwrap();
    assert_eq!((column.after(), column.len()), (6, 24));
}
