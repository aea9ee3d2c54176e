//! Whole export files in parts, plain and gzipped.

use sha2::{Digest, Sha256};

use super::gzip::decompressed;
use super::samples::{self, HEAD_ID, Sample};
use super::xlsx::sheet;
use crate::export::naive::Naive;
use crate::export::{Cursor, ExportFile, ExportType, FileHead, Format, PartPlan, PartPolicy};
use crate::reservation::{Container, RENDERER_VERSION};

/// Parts so small that a few hundred rows make several.
pub(super) const TINY: PartPolicy =
    PartPolicy { single_max: 2_000, part_len: 2_000, max_part_len: 1 << 20, max_parts: 10_000 };

pub(super) fn file(sample: &Sample, export_type: ExportType, quantity: u64, policy: &PartPolicy) -> ExportFile {
    let head = FileHead { reservation: HEAD_ID, code_type: sample.code_type };
    let (format, gzip) = (export_type.format().unwrap(), export_type.is_gzip());
    ExportFile::compile(format, gzip, sample.renderer.clone(), 77, quantity, &head, policy).unwrap()
}

pub(super) fn expected(sample: &Sample, format: Format, quantity: u64) -> String {
    let head = FileHead { reservation: HEAD_ID, code_type: sample.code_type };
    Naive { format, renderer: &sample.renderer, start_index: 77, quantity, head }.file()
}

/// Every part with the cursor it was made at.
pub(super) fn parts(file: &ExportFile) -> Vec<(Cursor, Vec<u8>)> {
    let mut parts = Vec::new();
    let mut at = Cursor::START;
    while !file.is_done(at) {
        let mut bytes = Vec::new();
        let next = file.write_part(at, &mut bytes).unwrap();
        assert_eq!(next.part, at.part + 1);
        assert!(next.row > at.row);
        parts.push((at, bytes));
        at = next;
    }
    assert_eq!(at.row, file.rows().quantity() + 1);
    parts
}

/// The rows in a file.
fn plain(export_type: ExportType, bytes: Vec<u8>) -> String {
    match export_type.container() {
        None => String::from_utf8(bytes).unwrap(),
        Some(Container::Gzip) => decompressed(&bytes),
        Some(Container::Zip) => sheet(&bytes),
    }
}

#[test]
fn the_parts_of_any_file_make_the_whole_and_each_can_be_made_again_alone() {
    for sample in samples::all() {
        for export_type in ExportType::ALL {
            for quantity in [1, 20, 601] {
                let file = file(&sample, export_type, quantity, &TINY);
                let parts = parts(&file);
                for (at, bytes) in parts.iter().rev() {
                    let mut again = Vec::new();
                    file.write_part(*at, &mut again).unwrap();
                    assert!(again == *bytes, "part {} of {export_type}", at.part);
                }
                let whole: Vec<u8> = parts.iter().flat_map(|(_, bytes)| bytes).copied().collect();
                let known_len = export_type.container().is_none().then_some(whole.len() as u64);
                assert_eq!(file.known_len(), known_len);
                let text = plain(export_type, whole);
                assert_eq!(
                    text,
                    expected(&sample, export_type.format().unwrap(), quantity),
                    "{export_type} {}",
                    sample.name
                );
                for (_, bytes) in parts.iter().rev().skip(1) {
                    assert!(bytes.len() as u64 >= TINY.part_len, "every part but the last is long enough");
                }
            }
        }
    }
}

#[test]
fn parts_end_where_they_should_at_their_boundaries() {
    for sample in samples::all() {
        for format in Format::TEXTS {
            let export_type = ExportType::new(format, false);
            // A long file gives the number of rows per part. Then files of exactly two parts, one row less, one row more, and
            // a short last part.
            let PartPlan::Multipart { rows_per_part, .. } = file(&sample, export_type, 999, &TINY).plan() else {
                panic!("999 rows are more than one part")
            };
            for (quantity, in_last) in [
                (2 * rows_per_part - 1, rows_per_part - 1),
                (2 * rows_per_part, rows_per_part),
                (2 * rows_per_part + 1, 1),
                (3 * rows_per_part + 2, 2),
            ] {
                let file = file(&sample, export_type, quantity, &TINY);
                let parts = parts(&file);
                let PartPlan::Multipart { rows_per_part: same, parts: count } = file.plan() else { panic!("parts") };
                assert_eq!((same, count as usize), (rows_per_part, parts.len()));
                let (last, _) = parts.last().unwrap();
                assert_eq!(quantity + 1 - last.row, in_last);
                for (at, _) in &parts {
                    assert_eq!(file.cursor(at.part), Some(*at));
                }
                let text: Vec<u8> = parts.into_iter().flat_map(|(_, bytes)| bytes).collect();
                assert_eq!(String::from_utf8(text).unwrap(), expected(&sample, format, quantity));
            }
            // Files of exactly one part and of one row more.
            let one = file(&sample, export_type, rows_per_part, &PartPolicy { single_max: 0, ..TINY });
            assert_eq!(one.plan(), PartPlan::Multipart { rows_per_part, parts: 1 });
            assert_eq!(parts(&one).len(), 1);
            let more = file(&sample, export_type, rows_per_part + 1, &PartPolicy { single_max: 0, ..TINY });
            assert_eq!(parts(&more).len(), 2);
        }
    }
}

#[test]
fn a_policy_of_few_parts_gets_no_more() {
    let sample = samples::all().remove(0);
    let policy = PartPolicy { single_max: 10, part_len: 10, max_parts: 3, max_part_len: 1 << 30 };
    for export_type in ExportType::ALL {
        let file = file(&sample, export_type, 1_000, &policy);
        let parts = parts(&file);
        assert!(parts.len() <= 3, "{} parts of {export_type}", parts.len());
    }
}

#[test]
fn a_cursor_saved_under_another_policy_goes_on_where_it_was() {
    let sample = samples::all().remove(0);
    for export_type in ExportType::ALL {
        let before = file(&sample, export_type, 700, &TINY);
        for policy in [PartPolicy { part_len: 5_000, ..TINY }, PartPolicy::default()] {
            let after = file(&sample, export_type, 700, &policy);
            let mut bytes = Vec::new();
            let mut at = before.write_part(Cursor::START, &mut bytes).unwrap();
            assert!(!after.is_done(at));
            while !after.is_done(at) {
                at = after.write_part(at, &mut bytes).unwrap();
            }
            assert_eq!(plain(export_type, bytes), expected(&sample, export_type.format().unwrap(), 700));
        }
    }
}

#[test]
fn behind_the_end_there_is_nothing() {
    let sample = samples::all().remove(0);
    for export_type in ExportType::ALL {
        let file = file(&sample, export_type, 5, &TINY);
        let mut bytes = Vec::new();
        let end = Cursor { part: 2, row: 6, crc32: 9, len: 7 };
        assert_eq!(file.write_part(end, &mut bytes).unwrap(), end);
        assert!(bytes.is_empty());
    }
}

/// Pins the bytes of the current version: one digest of 300 rows of every sample in every format, plain, gzipped, and
/// as a workbook.
#[test]
fn the_bytes_of_a_version_never_change() {
    let digest = |formats: &[Format], gzip: bool| {
        let mut digest = Sha256::new();
        for sample in samples::all() {
            for format in formats {
                let file = file(&sample, ExportType::new(*format, gzip), 300, &TINY);
                parts(&file).iter().for_each(|(_, bytes)| digest.update(bytes));
            }
        }
        hex::encode(digest.finalize())
    };
    // A compressed part ends where its bytes are long enough. So another version of the compression library needs another
    // RENDERER_VERSION, too. Its output does not depend on the processor.
    assert_eq!(
        (
            RENDERER_VERSION,
            digest(&Format::TEXTS, false).as_str(),
            digest(&Format::TEXTS, true).as_str(),
            digest(&[Format::Xlsx], false).as_str(),
        ),
        (
            3,
            "39eb5adeda82aaa5e6d953e4ceba409ead9b0f6ba3825b53268bf162dbd4c330",
            "70add820af9f12de67a19ce000b7f768615e5972f9ddab8f14bbab7b2110c6b5",
            "4383a839fd2a8c6713f70f6c4a3456308ff382ff6f6d221039d69298d5bff2e4",
        ),
        "exports that one worker began are finished by another: with other bytes comes another RENDERER_VERSION"
    );
}
