//! The first codes of an export, as evidence of how far a pool was used.

use std::io::Read;

use common::query::CodeLookup;
use flate2::read::{DeflateDecoder, GzDecoder};

/// Bytes at the beginning of an export that are enough for two rows of every format.
pub const ENOUGH: u32 = 64 * 1024;

/// The codes of the first rows, two at most, of the beginning of an export. `extension` is that of its key. Empty if
/// the bytes have another form.
#[must_use]
pub fn first_codes(extension: &str, bytes: &[u8]) -> Vec<CodeLookup> {
    let plain = plain(extension, bytes, ENOUGH.into());
    let format = extension.strip_suffix(".gz").unwrap_or(extension);
    let text = String::from_utf8_lossy(&plain);
    // The last line may be cut off.
    let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
    let lines = whole.lines();
    let rows = |row: fn(&str) -> Option<CodeLookup>| lines.clone().filter_map(row).take(2).collect();
    match format {
        "csv" => of_csv(whole),
        "txt" => rows(|line| Some(of_text(line)).filter(|_| !line.is_empty())),
        "json" | "ndjson" => rows(of_json),
        "xml" => rows(of_xml),
        "yaml" => of_yaml(whole),
        "xlsx" => rows(of_sheet),
        _ => Vec::new(),
    }
}

/// The rows in an export, or in its beginning, as text: without compression, and of a workbook the sheet. At most
/// `most` bytes of a compressed file. Empty if the bytes are no such file.
#[must_use]
pub fn plain(extension: &str, bytes: &[u8], most: u64) -> Vec<u8> {
    let mut plain = Vec::new();
    // The beginning of a compressed file ends in the middle, which is an error at its end.
    let _ = match extension {
        "xlsx" => DeflateDecoder::new(last_member(bytes).unwrap_or_default()).take(most).read_to_end(&mut plain),
        _ if extension.ends_with(".gz") => GzDecoder::new(bytes).take(most).read_to_end(&mut plain),
        _ => {
            plain.extend_from_slice(bytes);
            Ok(0)
        }
    };
    plain
}

/// The data of the member of a zip archive whose length is not stated before it, and what follows.
fn last_member(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        // APPNOTE 6.3, section 4.3.7.
        let header = bytes.get(..30).filter(|header| header.starts_with(b"PK\x03\x04"))?;
        let number = |at: usize| {
            let two = header.get(at..at + 2).and_then(|two| two.try_into().ok());
            usize::from(u16::from_le_bytes(two.unwrap_or_default()))
        };
        let data = bytes.get(30 + number(26) + number(28)..)?;
        if number(6) & 8 != 0 {
            return Some(data);
        }
        bytes = data.get(number(18) | number(20) << 16..)?;
    }
}

/// The lookup of a row: by its element string, or by its code if it has none (a short code).
fn of_row(code: &str, element_string: &str) -> CodeLookup {
    of_text(if element_string.is_empty() { code } else { element_string })
}

/// The lookup of what an export writes: an element string with brackets, a link, or a code. Not of what people scan: the
/// digits of a code are no data of a symbol here.
fn of_text(text: &str) -> CodeLookup {
    let text = text.trim().to_owned();
    if text.starts_with('(') {
        CodeLookup::EpcJoinKey(text)
    } else if text.contains('/') {
        CodeLookup::DigitalLink(text)
    } else {
        CodeLookup::Code { code: text, product: None }
    }
}

fn of_csv(text: &str) -> Vec<CodeLookup> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let rows = reader.records().map_while(Result::ok);
    rows.filter_map(|row| Some(of_row(row.get(1)?, row.get(3)?))).take(2).collect()
}

fn of_json(line: &str) -> Option<CodeLookup> {
    let row: serde_json::Value = serde_json::from_str(line.trim_end_matches(',')).ok()?;
    Some(of_row(row.get("code")?.as_str()?, row.get("element_string")?.as_str()?))
}

fn of_sheet(line: &str) -> Option<CodeLookup> {
    let mut cells = line.strip_prefix("<row><c><v>")?.split("<c s=\"1\"").skip(1);
    let text = |cell: &str| Some(cell.split_once("<t>")?.1.split_once("</t>")?.0.to_owned());
    let (code, element_string) = (text(cells.next()?)?, cells.nth(1)?);
    Some(of_row(&code, &text(element_string).unwrap_or_default()))
}

/// Of a code and its element string only the lot can have a character that XML escapes, and no look-up needs the lot.
fn of_xml(line: &str) -> Option<CodeLookup> {
    let between = |begin: &str, end: &str| line.split_once(begin)?.1.split_once(end).map(|(text, _)| text);
    let element_string = between("<element_string>", "</element_string>")?;
    Some(of_row(between("<value>", "</value>")?, element_string))
}

fn of_yaml(text: &str) -> Vec<CodeLookup> {
    let member = |line: &str, name: &str| {
        let value = line.trim_start().strip_prefix(name)?.strip_prefix(": \"")?.strip_suffix('"')?;
        Some(value.to_owned())
    };
    let mut found = Vec::new();
    let mut code = None;
    for line in text.lines() {
        code = member(line, "code").or(code);
        if let (Some(of_code), Some(element_string)) = (&code, member(line, "element_string")) {
            found.push(of_row(of_code, &element_string));
            code = None;
        }
    }
    found.truncate(2);
    found
}

#[cfg(test)]
mod tests {
    use common::{
        code::{CharacterSet, LotAndDates, PoolSpec, RenderOptions, Renderer, Secret},
        export::{Cursor, ExportFile, ExportType, FileHead, PartPolicy},
    };

    use super::*;

    #[test]
    fn the_first_two_codes_of_every_format_are_read() {
        let secret = Secret::new(&[7; 32]).unwrap();
        for (namespace, set) in [
            ("sgtin#09506000134352#8", CharacterSet::Alphanumeric),
            ("sscc#9506000#18", CharacterSet::Numeric),
            ("short_code#deployment#8", CharacterSet::Hex),
            ("cpi#9506000A/#1#12", CharacterSet::Numeric),
        ] {
            let spec = PoolSpec::from_pool(namespace.parse().unwrap(), set).unwrap();
            let options = RenderOptions {
                digital_link_domain: "https://id.example".to_owned(),
                short_code_domain: None,
                company_prefix: Some("9506000".to_owned()),
                url_suffix: Some("?a=1,2&b=x".to_owned()),
                lot_and_dates: LotAndDates { lot: Some("A\"<&'>(".to_owned()), ..LotAndDates::default() },
            };
            let renderer = || Renderer::new(&spec, &secret.pool_key(&spec.namespace), &options).unwrap();
            for (export_type, name) in ExportType::ALL.into_iter().zip(ExportType::NAMES) {
                let head = FileHead { reservation: "r", code_type: spec.code_type };
                let policy = PartPolicy::default();
                let (format, gzip) = (export_type.format().unwrap(), export_type.is_gzip());
                let file = ExportFile::compile(format, gzip, renderer(), 5, 9_000, &head, &policy).unwrap();
                let mut bytes = Vec::new();
                file.write_part(Cursor::START, &mut bytes).unwrap();
                bytes.truncate(ENOUGH as usize);
                let codes = first_codes(name, &bytes);
                let indexes: Vec<u64> = codes
                    .iter()
                    .map(|code| {
                        let spec_of = |namespace: &_| Some(spec.clone()).filter(|spec| spec.namespace == *namespace);
                        common::operations::indexes_in(&secret, code, spec_of).unwrap()[0].1
                    })
                    .collect();
                assert_eq!(indexes, [5, 6], "{namespace} {export_type}: {codes:?}");
            }
        }
    }

    #[test]
    fn other_bytes_have_no_codes() {
        for extension in ["csv", "json", "ndjson", "yaml", "xml", "xlsx", "csv.gz", "parquet", ""] {
            for bytes in
                [&b""[..], b"\xff\xfe\x00", b"hello", b"{\"a\":1}\n{\"code\":1}\n", b"\x1f\x8b\x08\0\0", b"PK\x03\x04"]
            {
                assert_eq!(first_codes(extension, bytes), [], "{extension} {bytes:?}");
            }
        }
    }
}
