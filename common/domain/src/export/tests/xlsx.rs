//! Workbooks: the zip archive around the sheet, read by its directory, and what one cannot hold.

use super::files::{TINY, expected, file, parts};
use super::gzip::{Inflated, crc32, inflated};
use super::samples::{self, HEAD_ID};
use crate::code::{CharacterSet, LotAndDates, PoolSpec, RenderOptions, Renderer, Secret};
use crate::export::{Cursor, ExportError, ExportFile, ExportType, FileHead, Format, PartPolicy};

const XLSX: ExportType = ExportType::new(Format::Xlsx, false);

fn u16_at(bytes: &[u8], at: usize) -> usize {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()).into()
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// The members of an archive by its directory (APPNOTE 6.3, section 4.3). Every byte must belong to a member or to the
/// directory, and lengths and checksums must be right wherever they are stated.
fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let end = &bytes[bytes.len() - 22..];
    assert_eq!((&end[..4], u16_at(end, 20)), (&b"PK\x05\x06"[..], 0));
    let (count, directory_len, start) = (u16_at(end, 10), u32_at(end, 12), u32_at(end, 16));
    assert_eq!((u16_at(end, 8), start + directory_len + 22), (count, bytes.len()));
    let (mut members, mut at, mut next) = (Vec::new(), start, 0);
    for number in 1..=count {
        let entry = &bytes[at..];
        assert_eq!(&entry[..4], b"PK\x01\x02");
        let (flags, method, crc) = (u16_at(entry, 8), u16_at(entry, 10), u32_at(entry, 16));
        let (len, plain_len, name_len) = (u32_at(entry, 20), u32_at(entry, 24), u16_at(entry, 28));
        let name = &entry[46..46 + name_len];
        assert_eq!(u32_at(entry, 42), next, "the members are without gaps");
        assert_eq!(entry[12..16], [0, 0, 0x21, 0], "1980-01-01");
        at += 46 + name_len;

        let local = &bytes[next..];
        assert_eq!(&local[..4], b"PK\x03\x04");
        assert_eq!(
            (u16_at(local, 6), u16_at(local, 8), u16_at(local, 26), u16_at(local, 28)),
            (flags, method, name_len, 0)
        );
        assert_eq!((&local[30..30 + name_len], &local[10..14]), (name, &entry[12..16]));
        let data = &local[30 + name_len..][..len];
        let is_last = number == count;
        let plain = if is_last {
            assert_eq!((flags, method), (8, 8));
            assert_eq!((u32_at(local, 14), u32_at(local, 18), u32_at(local, 22)), (0, 0, 0));
            let Inflated { plain, is_end, rest } = inflated(data);
            assert!(is_end && rest.is_empty());
            let descriptor = &local[30 + name_len + len..];
            assert_eq!(&descriptor[..4], b"PK\x07\x08");
            assert_eq!((u32_at(descriptor, 4), u32_at(descriptor, 8), u32_at(descriptor, 12)), (crc, len, plain_len));
            plain
        } else {
            assert_eq!((flags, method), (0, 0));
            assert_eq!((u32_at(local, 14), u32_at(local, 18), u32_at(local, 22)), (crc, len, plain_len));
            data.to_vec()
        };
        assert_eq!((crc32(0, &plain) as usize, plain.len()), (crc, plain_len));
        next += 30 + name_len + len + if is_last { 16 } else { 0 };
        members.push((String::from_utf8(name.to_vec()).unwrap(), plain));
    }
    assert_eq!((next, at), (start, start + directory_len));
    members
}

/// The sheet of a workbook.
pub(super) fn sheet(bytes: &[u8]) -> String {
    let (name, sheet) = members(bytes).pop().unwrap();
    assert_eq!(name, "xl/worksheets/sheet1.xml");
    String::from_utf8(sheet).unwrap()
}

#[test]
fn a_workbook_has_its_members_in_order_and_all_are_well_formed() {
    let sample = samples::all().remove(0);
    for (quantity, policy) in [(1, PartPolicy::default()), (2_000, TINY)] {
        let parts = parts(&file(&sample, XLSX, quantity, &policy));
        assert!(if quantity == 1 { parts.len() == 1 } else { parts.len() > 3 });
        let bytes: Vec<u8> = parts.into_iter().flat_map(|(_, bytes)| bytes).collect();
        let members = members(&bytes);
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "[Content_Types].xml",
                "_rels/.rels",
                "xl/workbook.xml",
                "xl/_rels/workbook.xml.rels",
                "xl/styles.xml",
                "xl/worksheets/sheet1.xml"
            ]
        );
        for (name, content) in &members {
            let mut reader = quick_xml::Reader::from_reader(content.as_slice());
            reader.config_mut().check_end_names = true;
            let mut depth = 0;
            loop {
                match reader.read_event().unwrap_or_else(|error| panic!("{name}: {error}")) {
                    quick_xml::events::Event::Start(_) => depth += 1,
                    quick_xml::events::Event::End(_) => depth -= 1,
                    quick_xml::events::Event::Eof => break,
                    _ => {}
                }
            }
            assert_eq!(depth, 0, "{name}");
        }
        assert_eq!(sheet(&bytes), expected(&sample, Format::Xlsx, quantity));
    }
}

#[test]
fn a_cursor_holds_the_checksum_of_the_rows_and_the_length_of_the_file_before_it() {
    let sample = samples::all().remove(0);
    let file = file(&sample, XLSX, 2_000, &TINY);
    let (mut len, mut rows) = (0, Vec::new());
    let parts = parts(&file);
    for (number, (at, bytes)) in parts.iter().enumerate() {
        assert_eq!((at.len, at.crc32), (len, crc32(0, &rows)));
        let next = parts.get(number + 1).map_or(2_001, |(next, _)| next.row);
        file.rows().write(at.row..next, &mut rows).unwrap();
        len += bytes.len() as u64;
    }
}

#[test]
fn a_sheet_holds_so_many_rows_and_no_more() {
    let sample = samples::all().remove(0);
    let head = FileHead { reservation: HEAD_ID, code_type: sample.code_type };
    let compile = |quantity| {
        let policy = PartPolicy::default();
        ExportFile::compile(Format::Xlsx, false, sample.renderer.clone(), 0, quantity, &head, &policy)
    };
    let file = compile(1_048_575).unwrap();
    let mut last = Vec::new();
    file.rows().write(1_048_575..1_048_576, &mut last).unwrap();
    assert!(String::from_utf8(last).unwrap().starts_with("<row><c><v>1048575</v>"));
    assert!(matches!(compile(1_048_576), Err(ExportError::TooManyRows(_))));
}

/// A renderer whose links have a domain of this length, the longest suffix of characters that XML escapes most, and the
/// longest lot of them.
fn long(domain_len: usize) -> Renderer {
    let spec = PoolSpec::from_pool("sgtin#09506000134352#20".parse().unwrap(), CharacterSet::Alphanumeric).unwrap();
    let options = RenderOptions {
        digital_link_domain: format!("https://{}", "d".repeat(domain_len - 8)),
        company_prefix: Some("9506000".to_owned()),
        url_suffix: Some("k='&".repeat(63)),
        lot_and_dates: LotAndDates { lot: Some("\"".repeat(20)), ..LotAndDates::default() },
        ..RenderOptions::default()
    };
    Renderer::new(&spec, &Secret::new(&[b's'; 64]).unwrap().pool_key(&spec.namespace), &options).unwrap()
}

#[test]
fn no_sheet_needs_zip64_and_one_that_would_is_refused() {
    let compile = |domain_len, quantity| {
        let head = FileHead { reservation: HEAD_ID, code_type: crate::code::CodeType::Sgtin };
        ExportFile::compile(Format::Xlsx, false, long(domain_len), 0, quantity, &head, &PartPolicy::default())
    };
    // The longest domains have a name of 253 characters; whoever adds a path of 1,000 more has a full sheet still.
    let largest = compile(1_300, 1_048_575).unwrap();
    assert!(largest.rows().total_len() < u64::from(u32::MAX) / 100 * 99);
    let error = compile(4_000, 1_048_575).unwrap_err();
    assert!(matches!(error, ExportError::TooLong { total_len } if total_len > 4_000_000_000), "{error}");
    assert!(compile(4_000, 500_000).is_ok());
}

#[test]
fn a_part_can_be_made_again_from_its_cursor_alone() {
    let sample = samples::all().remove(0);
    let file = file(&sample, XLSX, 601, &TINY);
    let parts = parts(&file);
    let (at, bytes) = parts.last().unwrap();
    let mut again = Vec::new();
    let end = file.write_part(*at, &mut again).unwrap();
    assert!(again == *bytes && file.is_done(end));
    // Another length before it gives another directory.
    let mut other = Vec::new();
    file.write_part(Cursor { len: at.len + 1, ..*at }, &mut other).unwrap();
    assert!(other != *bytes);
}
