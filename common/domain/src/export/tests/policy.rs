//! The limits of parts, for every format and at the extremes.

use proptest::prelude::*;

use super::samples;
use crate::export::{ExportError, FileHead, Format, PartPlan, PartPolicy, RowLengths, Rows};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const MOST_ROWS: u64 = i32::MAX as u64;

/// Lengths of a file whose rows grow by `growth` bytes from the first to the last.
fn lengths(rows: u64, shortest_row: u64, growth: u64, around: u64) -> RowLengths {
    let longest_row = shortest_row + growth;
    RowLengths { rows, total_len: rows * longest_row - growth.min(rows) + around, shortest_row, longest_row, around }
}

/// Checks a plain plan against S3's limits.
fn check_plain(lengths: &RowLengths) {
    match PartPolicy::default().plan(lengths, false).unwrap() {
        PartPlan::Single => assert!(lengths.total_len <= 8 * MIB),
        PartPlan::Multipart { rows_per_part, parts } => {
            assert!(lengths.total_len > 8 * MIB);
            assert!((1..=10_000).contains(&parts), "{parts} parts");
            assert_eq!(u64::from(parts), lengths.rows.div_ceil(rows_per_part));
            if parts > 1 {
                assert!(rows_per_part * lengths.shortest_row >= 5 * MIB, "every part but the last is long enough");
            }
            assert!(rows_per_part * lengths.longest_row + lengths.around <= 5 * GIB);
            // Parts are not longer than necessary, because the parts in flight must fit the memory of a function.
            let needed = (8 * MIB).max(lengths.rows.div_ceil(10_000) * lengths.shortest_row);
            assert!((rows_per_part - 1) * lengths.shortest_row <= needed);
        }
        PartPlan::Collected { .. } => panic!("a plain file has parts of a fixed number of rows"),
    }
}

/// Checks a plan for gzip against S3's limits, for steps with the given compression ratios in rotation.
fn check_gzip(lengths: &RowLengths, permille: &[u64]) {
    let plan = PartPolicy::default().plan(lengths, true).unwrap();
    let PartPlan::Collected { rows_per_step, part_len, max_parts } = plan else {
        assert!(plan == PartPlan::Single && lengths.total_len <= 8 * MIB);
        return;
    };
    assert_eq!(max_parts, 10_000);
    assert_eq!(part_len, (8 * MIB).max(lengths.total_len.div_ceil(9_000)));
    let steps = lengths.rows.div_ceil(rows_per_step);
    assert!(steps <= 10_000);
    let (mut parts, mut part) = (0, 0);
    for (number, ratio) in (1..=steps).zip(permille.iter().cycle()) {
        // With the flush, and with the header and the trailer, which only the first and the last part have.
        part += (rows_per_step * lengths.longest_row + lengths.around) * ratio / 1_000 + 24;
        if part >= part_len || number == steps {
            assert!(part <= 5 * GIB);
            assert!(part >= 5 * MIB || number == steps);
            parts += 1;
            part = 0;
        }
    }
    assert!(parts <= 10_000, "{parts} parts");
}

#[test]
fn the_largest_file_of_every_format_and_type_keeps_every_limit() {
    for sample in samples::all() {
        let head = FileHead { reservation: samples::HEAD_ID, code_type: sample.code_type };
        for format in Format::ALL {
            for quantity in [1, 1_000, 50_000, 1_000_000, 100_000_000, MOST_ROWS] {
                let quantity = format.max_rows().min(quantity);
                let rows = Rows::compile(format, sample.renderer.clone(), 0, quantity, &head).unwrap();
                check_plain(&rows.lengths());
                check_gzip(&rows.lengths(), &[1, 300, 1_003]);
            }
        }
    }
}

#[test]
fn eight_mebibytes_are_one_request_and_a_byte_more_is_not() {
    for gzip in [false, true] {
        let exact = RowLengths { rows: 8_192, total_len: 8 * MIB, shortest_row: 1_024, longest_row: 1_024, around: 0 };
        assert_eq!(PartPolicy::default().plan(&exact, gzip).unwrap(), PartPlan::Single);
        let more = RowLengths { total_len: 8 * MIB + 1, around: 1, ..exact };
        assert_ne!(PartPolicy::default().plan(&more, gzip).unwrap(), PartPlan::Single);
    }
}

#[test]
fn a_file_that_no_parts_can_hold_is_refused() {
    for gzip in [false, true] {
        let error = PartPolicy::default().plan(&lengths(MOST_ROWS, 40_000, 0, 0), gzip).unwrap_err();
        assert!(matches!(error, ExportError::TooLong { total_len } if total_len == 40_000 * u128::from(MOST_ROWS)));
    }
}

#[test]
fn the_parts_of_a_plain_file_are_all_of_its_rows_once() {
    let policy = PartPolicy { single_max: 99, part_len: 100, ..PartPolicy::default() };
    for rows in [10, 11, 19, 20, 21, 1_000] {
        let plan = policy.plan(&lengths(rows, 10, 0, 0), false).unwrap();
        let PartPlan::Multipart { rows_per_part: 10, parts } = plan else { panic!("{plan:?}") };
        let mut next = 1;
        for n in 1..=parts {
            let positions = plan.part(n, rows).unwrap();
            assert_eq!(positions.start, next);
            assert!(positions.end - positions.start == 10 || n == parts);
            assert!(positions.end > positions.start);
            next = positions.end;
        }
        assert_eq!(next, rows + 1);
        assert_eq!((plan.part(0, rows), plan.part(parts + 1, rows)), (None, None));
    }
    assert_eq!(PartPlan::Single.part(1, 7), Some(1..8));
    assert_eq!(PartPlan::Single.part(2, 7), None);
}

proptest! {
    #[test]
    fn any_plain_file_keeps_every_limit(
        rows in prop_oneof![1..MOST_ROWS, 1..200_000_u64, Just(MOST_ROWS)],
        row in prop_oneof![7..3_000_u64, Just(7), Just(3_000)],
        growth in 0..30_u64,
        around in 0..500_u64,
    ) {
        check_plain(&lengths(rows, row, growth, around));
    }

    #[test]
    fn any_gzip_file_keeps_every_limit_whatever_its_steps_measure(
        rows in prop_oneof![1..MOST_ROWS, 1..200_000_u64, Just(MOST_ROWS)],
        row in prop_oneof![7..3_000_u64, Just(7), Just(3_000)],
        growth in 0..30_u64,
        permille in prop::collection::vec(1..1_004_u64, 1..40),
    ) {
        check_gzip(&lengths(rows, row, growth, 200), &permille);
    }

    #[test]
    fn a_tiny_policy_keeps_its_own_limits(rows in 1..5_000_u64, part_len in 1..3_000_u64, max_parts in 1..50_u32) {
        let policy = PartPolicy { single_max: part_len, part_len, max_parts, ..PartPolicy::default() };
        let lengths = lengths(rows, 40, 3, 20);
        if let PartPlan::Multipart { rows_per_part, parts } = policy.plan(&lengths, false).unwrap() {
            prop_assert!(parts <= max_parts);
            prop_assert!(rows_per_part * lengths.shortest_row >= part_len || parts == 1);
        } else {
            prop_assert!(lengths.total_len <= part_len);
        }
    }
}

#[test]
fn a_part_may_be_as_long_as_the_limit_and_no_byte_longer() {
    let lengths = RowLengths { rows: 100, total_len: 102_400, shortest_row: 1_024, longest_row: 1_024, around: 0 };
    let fits = |max_part_len, gzip| {
        let policy = PartPolicy { single_max: 0, part_len: 1_000, max_part_len, max_parts: 10 };
        match policy.plan(&lengths, gzip) {
            Ok(_) => true,
            Err(ExportError::TooLong { total_len: 102_400 }) => false,
            Err(error) => panic!("{error}"),
        }
    };
    // Ten parts of ten rows.
    assert_eq!([fits(10_239, false), fits(10_240, false)], [false, true]);
    // A part is complete at a ninth of the file, and can then have ten more rows, a thousandth of them and 64 bytes.
    let longest = 102_400_u64.div_ceil(9) + 10_240 + 10 + 64;
    assert_eq!([fits(longest - 1, true), fits(longest, true)], [false, true]);
}
