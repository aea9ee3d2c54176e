//! Whole export files in parts, plain and gzipped.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::samples::{self, HEAD_ID, Sample};
use crate::export::gzip;
use crate::export::naive::Naive;
use crate::export::{Cursor, ExportFile, ExportType, FileHead, Format, PartPlan, PartPolicy};
use crate::reservation::RENDERER_VERSION;

/// Parts so small that a few hundred rows make several.
const TINY: PartPolicy = PartPolicy { single_max: 2_000, part_len: 2_000, max_part_len: 1 << 20, max_parts: 10_000 };

fn file(sample: &Sample, export_type: ExportType, quantity: u64, policy: &PartPolicy) -> ExportFile {
    let head = FileHead { reservation: HEAD_ID, code_type: sample.code_type };
    ExportFile::compile(export_type, sample.renderer.clone(), 77, quantity, &head, policy).unwrap()
}

fn expected(sample: &Sample, format: Format, quantity: u64) -> String {
    let head = FileHead { reservation: HEAD_ID, code_type: sample.code_type };
    Naive { format, renderer: &sample.renderer, start_index: 77, quantity, head }.file()
}

/// Every part with the cursor it was made at.
fn parts(file: &ExportFile) -> Vec<(Cursor, Vec<u8>)> {
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

fn decompressed(bytes: &[u8]) -> String {
    let mut text = String::new();
    MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
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
                let text = if export_type.is_gzip() {
                    assert_eq!(file.known_len(), None);
                    decompressed(&whole)
                } else {
                    assert_eq!(file.known_len(), Some(whole.len() as u64));
                    String::from_utf8(whole).unwrap()
                };
                assert_eq!(text, expected(&sample, export_type.format(), quantity), "{export_type} {}", sample.name);
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
        for format in Format::ALL {
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
fn a_gzip_part_is_whole_members_and_nothing_of_the_clock() {
    let sample = samples::all().remove(0);
    for format in Format::ALL {
        let file = file(&sample, ExportType::new(format, true), 2_000, &TINY);
        let parts = parts(&file);
        assert!(parts.len() > 3);
        for (_, bytes) in &parts {
            // RFC 1952, section 2.3: deflate, no flags, no time, and an unknown system.
            assert_eq!(bytes[..8], [0x1F, 0x8B, 8, 0, 0, 0, 0, 0]);
            assert_eq!(bytes[9], 255);
            // Every part is a valid gzip file.
            assert!(decompressed(bytes).lines().count() > 1);
        }
    }
}

#[test]
fn a_gzip_part_ends_with_the_member_that_makes_it_long_enough() {
    let sample = samples::all().remove(0);
    for format in Format::ALL {
        let file = file(&sample, ExportType::new(format, true), 2_000, &TINY);
        let PartPlan::Collected { rows_per_member, part_len, .. } = file.plan() else {
            panic!("2,000 rows are collected in parts")
        };
        for pair in parts(&file).windows(2) {
            let [(at, bytes), (next, _)] = pair else { panic!("a part and the next") };
            assert_eq!((next.row - at.row) % rows_per_member, 0);
            let mut last_member = Vec::new();
            gzip::write_member(file.rows(), next.row - rows_per_member..next.row, &mut last_member).unwrap();
            assert!(bytes.ends_with(&last_member));
            assert!(bytes.len() as u64 >= part_len);
            assert!(((bytes.len() - last_member.len()) as u64) < part_len);
        }
    }
}

#[test]
fn the_last_part_that_may_be_takes_all_that_is_left() {
    let sample = samples::all().remove(0);
    for format in Format::ALL {
        let file = file(&sample, ExportType::new(format, true), 2_000, &TINY);
        let mut bytes = Vec::new();
        let last_that_may_be = Cursor { part: TINY.max_parts, row: 11 };
        let next = file.write_part(last_that_may_be, &mut bytes).unwrap();
        assert!(file.is_done(next));
        assert!(bytes.len() as u64 > 3 * TINY.part_len);
        let mut rest = Vec::new();
        file.rows().write(11..2_001, &mut rest).unwrap();
        assert!(decompressed(&bytes).as_bytes() == rest);
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
    for format in Format::ALL {
        let export_type = ExportType::new(format, false);
        let before = file(&sample, export_type, 700, &TINY);
        let after = file(&sample, export_type, 700, &PartPolicy { part_len: 5_000, ..TINY });
        let mut bytes = Vec::new();
        let mut at = before.write_part(Cursor::START, &mut bytes).unwrap();
        while !after.is_done(at) {
            at = after.write_part(at, &mut bytes).unwrap();
        }
        assert_eq!(String::from_utf8(bytes).unwrap(), expected(&sample, format, 700));
    }
}

#[test]
fn behind_the_end_there_is_nothing() {
    let sample = samples::all().remove(0);
    for export_type in ExportType::ALL {
        let file = file(&sample, export_type, 5, &TINY);
        let mut bytes = Vec::new();
        let end = Cursor { part: 2, row: 6 };
        assert_eq!(file.write_part(end, &mut bytes).unwrap(), end);
        assert!(bytes.is_empty());
    }
}

/// Pins the bytes of the current version: one digest of 300 rows of every sample in every format.
#[test]
fn the_bytes_of_a_version_never_change() {
    let mut digest = Sha256::new();
    for sample in samples::all() {
        for format in Format::ALL {
            let file = file(&sample, ExportType::new(format, false), 300, &TINY);
            parts(&file).iter().for_each(|(_, bytes)| digest.update(bytes));
        }
    }
    let digest = hex::encode(digest.finalize());
    // Compressed parts are left out: the output of the compression library may depend on the processor.
    let known = (2, "39eb5adeda82aaa5e6d953e4ceba409ead9b0f6ba3825b53268bf162dbd4c330");
    assert_eq!(
        (RENDERER_VERSION, digest.as_str()),
        known,
        "exports that one worker began are finished by another: with other bytes comes another RENDERER_VERSION"
    );
}
