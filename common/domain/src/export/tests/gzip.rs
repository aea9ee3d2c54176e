//! Gzipped files are one member, however they are cut into parts.

use std::io::Read;

use flate2::bufread::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use proptest::prelude::*;

use super::files::{TINY, expected, file, parts};
use super::samples::{self, HEAD_ID};
use crate::export::deflate::Deflate;
use crate::export::{Cursor, ExportType, FileHead, Format, PartPlan, PartPolicy, Rows, gzip};

/// RFC 1952, section 2.3: deflate, no flags, no time, no hint about the level, an unknown system.
const HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255];

/// The text of a gzip file that is one member and nothing else.
pub(super) fn decompressed(bytes: &[u8]) -> String {
    let mut decoder = GzDecoder::new(bytes);
    let mut text = String::new();
    decoder.read_to_string(&mut text).unwrap();
    assert!(decoder.into_inner().is_empty(), "bytes behind the member");
    text
}

/// What a part of a deflate stream holds, read without the parts before it.
pub(super) struct Inflated<'a> {
    pub(super) plain: Vec<u8>,
    pub(super) is_end: bool,
    /// The bytes behind the end of the stream.
    pub(super) rest: &'a [u8],
}

pub(super) fn inflated(part: &[u8]) -> Inflated<'_> {
    let mut decompress = Decompress::new(false);
    let mut plain = Vec::new();
    loop {
        plain.reserve(1 << 16);
        let (read, made) = (decompress.total_in(), decompress.total_out());
        let status = decompress.decompress_vec(&part[read as usize..], &mut plain, FlushDecompress::None).unwrap();
        let is_end = status == Status::StreamEnd;
        if is_end || (decompress.total_in(), decompress.total_out()) == (read, made) {
            return Inflated { plain, is_end, rest: &part[decompress.total_in() as usize..] };
        }
    }
}

/// CRC-32 by its definition, one bit after the other, of bytes that follow others.
pub(super) fn crc32(before: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!before, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

/// The checksum and the length that a member ends with.
fn trailer(bytes: &[u8]) -> (u32, u32) {
    let (head, length) = bytes.split_last_chunk().unwrap();
    let (_, checksum) = head.split_last_chunk().unwrap();
    (u32::from_le_bytes(*checksum), u32::from_le_bytes(*length))
}

#[test]
fn the_first_part_has_the_header_and_the_last_the_trailer() {
    let sample = samples::all().remove(0);
    for format in Format::TEXTS {
        for quantity in [1, 2_000] {
            let parts = parts(&file(&sample, ExportType::new(format, true), quantity, &TINY));
            assert!(if quantity == 1 { parts.len() == 1 } else { parts.len() > 3 });
            let text = expected(&sample, format, quantity);
            let (_, first) = parts.first().unwrap();
            assert_eq!(first[..10], HEADER);
            let (_, last) = parts.last().unwrap();
            assert_eq!(trailer(last), (crc32(0, text.as_bytes()), text.len() as u32));
        }
    }
}

#[test]
fn every_part_is_read_without_the_parts_before_it_and_ends_on_a_byte_boundary() {
    for sample in samples::all() {
        for format in Format::TEXTS {
            let file = file(&sample, ExportType::new(format, true), 2_000, &TINY);
            let parts = parts(&file);
            let last = parts.len() - 1;
            assert!(last > 1);
            let mut crc = 0;
            for (number, (at, bytes)) in parts.iter().enumerate() {
                assert_eq!(at.crc32, crc, "the cursor holds the checksum of the text before its row");
                let stream = if number == 0 { &bytes[HEADER.len()..] } else { bytes.as_slice() };
                let inflated = inflated(stream);
                let next = parts.get(number + 1).map_or(2_001, |(next, _)| next.row);
                let mut rows = Vec::new();
                file.rows().write(at.row..next, &mut rows).unwrap();
                assert!(inflated.plain == rows, "part {} of {format}", at.part);
                assert_eq!((inflated.is_end, inflated.rest.len()), if number == last { (true, 8) } else { (false, 0) });
                if number < last {
                    // An empty stored block (RFC 1951, section 3.2.4), which ends on a byte boundary.
                    assert!(stream.ends_with(&[0, 0, 0xFF, 0xFF]));
                }
                crc = crc32(crc, &rows);
            }
        }
    }
}

#[test]
fn a_part_ends_with_the_step_that_makes_it_long_enough() {
    let sample = samples::all().remove(0);
    for format in Format::TEXTS {
        let file = file(&sample, ExportType::new(format, true), 2_000, &TINY);
        let PartPlan::Collected { rows_per_step, part_len, .. } = file.plan() else {
            panic!("2,000 rows are collected in parts")
        };
        for pair in parts(&file).windows(2) {
            let [(at, bytes), (next, _)] = pair else { panic!("a part and the next") };
            assert_eq!((next.row - at.row) % rows_per_step, 0);
            let mut part = Deflate::begin(file.rows(), at.row, at.crc32);
            let mut again = if at.row == 1 { HEADER.to_vec() } else { Vec::new() };
            for end in (at.row..=next.row).step_by(rows_per_step as usize).skip(1) {
                assert!((again.len() as u64) < part_len);
                part.write_to(end, &mut again).unwrap();
            }
            assert!(again == *bytes);
            assert!(bytes.len() as u64 >= part_len);
        }
    }
}

#[test]
fn the_last_part_that_may_be_takes_all_that_is_left() {
    let sample = samples::all().remove(0);
    for format in Format::TEXTS {
        let file = file(&sample, ExportType::new(format, true), 2_000, &TINY);
        let mut before = Vec::new();
        file.rows().write(1..11, &mut before).unwrap();
        let mut bytes = Vec::new();
        let last_that_may_be = Cursor { part: TINY.max_parts, row: 11, crc32: crc32(0, &before), len: 0 };
        let next = file.write_part(last_that_may_be, &mut bytes).unwrap();
        assert!(file.is_done(next));
        assert!(bytes.len() as u64 > 3 * TINY.part_len);
        let mut rest = Vec::new();
        file.rows().write(11..2_001, &mut rest).unwrap();
        assert!(inflated(&bytes).plain == rest);
        assert_eq!(trailer(&bytes), (crc32(0, &[before, rest].concat()), file.rows().total_len() as u32));
    }
}

#[test]
fn the_bytes_of_a_part_do_not_depend_on_the_buffer_that_it_is_written_to() {
    let sample = samples::all().remove(0);
    for format in Format::TEXTS {
        // One part of several pieces of the compressor.
        let file = file(
            &sample,
            ExportType::new(format, true),
            40_000,
            &PartPolicy { part_len: 1 << 20, max_part_len: 1 << 30, ..TINY },
        );
        let write = |mut out: Vec<u8>| {
            let before = out.len();
            file.write_part(Cursor::START, &mut out).unwrap();
            out.split_off(before)
        };
        let bytes = write(Vec::new());
        assert!(bytes.len() > 200_000);
        for buffer in [Vec::with_capacity(bytes.len()), Vec::with_capacity(1 << 24), vec![7; 12_345]] {
            assert!(write(buffer) == bytes);
        }
    }
}

#[test]
fn the_trailer_of_more_than_4_gib_has_the_length_modulo_2_to_the_32() {
    let sample = samples::all().remove(0);
    let quantity = i32::MAX as u64;
    for format in Format::TEXTS {
        let file = file(&sample, ExportType::new(format, true), quantity, &PartPolicy::default());
        assert!(file.rows().total_len() > 1 << 32);
        // Only the last hundred rows are made; the checksum of the others is what a cursor would hold.
        let at = Cursor { part: 9_000, row: quantity - 99, crc32: 0x1234_5678, len: 0 };
        let (mut bytes, mut rows) = (Vec::new(), Vec::new());
        assert!(file.is_done(file.write_part(at, &mut bytes).unwrap()));
        file.rows().write(at.row..quantity + 1, &mut rows).unwrap();
        let expected = (crc32(at.crc32, &rows), (file.rows().total_len() % (1 << 32)) as u32);
        assert_eq!(trailer(&bytes), expected, "{format}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_partition_is_one_member_of_the_same_text(
        sample in any::<prop::sample::Index>(),
        format in prop::sample::select(Format::TEXTS.as_slice()),
        quantity in 1_u64..4_000,
        cuts in prop::collection::btree_set(2_u64..4_000, 0..12),
    ) {
        let samples = samples::all();
        let sample = sample.get(&samples);
        let head = FileHead { reservation: HEAD_ID, code_type: sample.code_type };
        let rows = Rows::compile(format, sample.renderer.clone(), 77, quantity, &head).unwrap();
        let (mut bytes, mut crc, mut row) = (HEADER.to_vec(), 0, 1);
        for cut in cuts.iter().copied().filter(|cut| *cut <= quantity).chain([quantity + 1]) {
            let mut part = Deflate::begin(&rows, row, crc);
            part.write_to(cut, &mut bytes).unwrap();
            (crc, row) = (part.crc(), cut);
        }
        gzip::trailer(crc, rows.total_len(), &mut bytes);
        let text = expected(sample, format, quantity);
        prop_assert!(decompressed(&bytes) == text, "{} {} {}", format, sample.name, quantity);
        prop_assert_eq!(trailer(&bytes), (crc32(0, text.as_bytes()), text.len() as u32));
    }
}
