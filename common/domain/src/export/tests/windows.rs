//! Comparison of the fast writer with the simple one, byte for byte, for whole files and for windows.

use proptest::prelude::*;

use super::samples::{self, HEAD_ID, Sample};
use crate::export::naive::Naive;
use crate::export::{FileHead, Format, Rows};

/// An arbitrary start inside the pool.
const START_INDEX: u64 = 12_345;

fn pair(sample: &Sample, format: Format, quantity: u64) -> (Rows, Naive<'_>) {
    let head = FileHead { reservation: HEAD_ID, code_type: sample.code_type };
    let rows = Rows::compile(format, sample.renderer.clone(), START_INDEX, quantity, &head).unwrap();
    let naive = Naive { format, renderer: &sample.renderer, start_index: START_INDEX, quantity, head };
    (rows, naive)
}

fn written(rows: &Rows, positions: std::ops::Range<u64>) -> String {
    let mut out = Vec::new();
    rows.write(positions.clone(), &mut out).unwrap();
    assert_eq!(out.len() as u64, rows.rows_len(positions.clone()), "length of {positions:?} known beforehand");
    String::from_utf8(out).unwrap()
}

#[test]
fn a_file_of_any_type_and_format_equals_the_plain_writers() {
    for sample in samples::all() {
        for format in Format::ALL {
            for quantity in [1, 2, 9, 10, 11, 99, 100, 101, 3_333] {
                let (rows, naive) = pair(&sample, format, quantity);
                let file = written(&rows, 1..quantity + 1);
                assert_eq!(file.len() as u64, rows.total_len());
                assert_eq!(file, naive.file(), "{} of {quantity} {}", format, sample.name);
            }
        }
    }
}

#[test]
fn positions_grow_a_digit_where_they_should() {
    for sample in samples::all() {
        for format in Format::TEXTS {
            let quantity = 100_000_001;
            let (rows, naive) = pair(&sample, format, quantity);
            for power in 1..=8 {
                let first_longer = 10_u64.pow(power);
                let window = (first_longer - 3.min(first_longer - 1))..(first_longer + 2);
                assert_eq!(written(&rows, window.clone()), naive.window(window.clone()), "{format} {window:?}");
            }
            let around_a_million = 999_850..1_000_150;
            assert_eq!(written(&rows, around_a_million.clone()), naive.window(around_a_million));
        }
    }
}

#[test]
fn the_last_row_of_the_largest_file_is_right() {
    for sample in samples::all() {
        for format in Format::ALL {
            let largest = format.max_rows();
            let (rows, naive) = pair(&sample, format, largest);
            let window = largest - 150..largest + 1;
            assert_eq!(written(&rows, window.clone()), naive.window(window));
            let before = rows.rows_len(1..largest - 150);
            assert_eq!(before + rows.rows_len(largest - 150..largest + 1), rows.total_len());
        }
    }
}

#[test]
fn the_known_length_of_a_window_is_the_sum_of_its_rows() {
    // The expected length is summed row by row, independently of the formula.
    let sample = samples::all().remove(0);
    for format in Format::ALL {
        let (rows, naive) = pair(&sample, format, 12_000);
        let head = written(&rows, 1..2).len() as u64 - naive.window(1..2).len() as u64 + rows.prefix().len() as u64;
        let mut sum = head;
        for position in 1..12_000 {
            sum += (naive.window(position..position + 1).len() - if position == 1 { rows.prefix().len() } else { 0 })
                as u64;
            assert_eq!(rows.rows_len(1..position + 1), sum, "{format} {position}");
        }
    }
}

#[test]
fn positions_outside_the_file_are_no_rows() {
    let sample = samples::all().remove(0);
    for format in Format::ALL {
        let (rows, naive) = pair(&sample, format, 250);
        assert_eq!(written(&rows, 0..u64::MAX), naive.file());
        #[expect(clippy::reversed_empty_ranges, reason = "a window that ends before it begins")]
        for nothing in [0..1, 5..5, 7..3, 251..400, u64::MAX..u64::MAX] {
            assert_eq!(written(&rows, nothing), "");
        }
    }
}

#[test]
fn writing_appends() {
    let sample = samples::all().remove(0);
    let (rows, naive) = pair(&sample, Format::Json, 3);
    let mut out = b"before".to_vec();
    rows.write(1..4, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), format!("before{}", naive.file()));
}

#[test]
fn a_slot_holds_only_letters_and_digits() {
    for sample in samples::all() {
        let mut codes = vec![0; sample.renderer.width() * 10_000];
        sample.renderer.fill(START_INDEX, &mut codes).unwrap();
        assert!(codes.iter().all(u8::is_ascii_alphanumeric), "{}", sample.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_partition_makes_the_same_file(
        sample in any::<prop::sample::Index>(),
        format in prop::sample::select(Format::ALL.as_slice()),
        quantity in 1_u64..4_000,
        cuts in prop::collection::btree_set(1_u64..4_000, 0..12),
    ) {
        let samples = samples::all();
        let sample = sample.get(&samples);
        let (rows, _) = pair(sample, format, quantity);
        let whole = written(&rows, 1..quantity + 1);
        let mut joined = String::new();
        let mut first = 1;
        for cut in cuts.iter().copied().filter(|cut| *cut <= quantity).chain([quantity + 1]) {
            joined.push_str(&written(&rows, first..cut));
            first = cut;
        }
        prop_assert!(joined == whole, "{} {} {}", format, sample.name, quantity);
    }
}
