//! Statistics of a million codes of each permuted type: all are different, character frequencies are those of a uniform
//! distribution, and successive codes are uncorrelated.
//!
//! The key is fixed, so the figures are the same in every run and no test can fail by chance.

use super::*;

const COUNT: usize = 1_000_000;

/// How far χ² may lie above its mean, in standard deviations. A random value exceeds 6 about once in a hundred million.
const SIGMAS: f64 = 6.0;

fn million(namespace: &str, set: CharacterSet) -> (PoolSpec, Vec<u8>) {
    let spec = spec(namespace, set);
    let permutation = permutation(&spec);
    let mut bytes = vec![0; COUNT * permutation.width()];
    // An arbitrary start inside the pool.
    permutation.fill(123_456, &mut bytes).unwrap();
    (spec, bytes)
}

fn check_chi_square(counts: &[u32], expected: &[f64], what: &str) {
    let (mut chi_square, mut cells) = (0.0, 0.0);
    for (count, expected) in counts.iter().zip(expected) {
        if *expected == 0.0 {
            assert_eq!(*count, 0, "{what}");
        } else {
            chi_square += (f64::from(*count) - expected).powi(2) / expected;
            cells += 1.0;
        }
    }
    let freedom: f64 = cells - 1.0;
    let limit = freedom + SIGMAS * (2.0 * freedom).sqrt();
    assert!(chi_square <= limit, "{what}: χ² {chi_square:.1} above {limit:.1}");
}

/// The expected number of occurrences of each digit at a place (from the left) in uniformly distributed codes of the pool.
fn expected(spec: &PoolSpec, place: usize) -> Vec<f64> {
    let radix = u128::from(spec.character_set.radix());
    let total = COUNT as f64;
    let first: u128 = match (spec.code_type, spec.character_set) {
        (_, CharacterSet::Rfid96) => 100_000_000_000,
        (CodeType::Cpi, _) => 10_u128.pow(u32::from(spec.length) - 1),
        _ => 0,
    };
    let from_right = u32::from(spec.length) - 1 - u32::try_from(place).unwrap();
    let (unit, period) = (radix.pow(from_right), radix.pow(from_right).saturating_mul(radix));
    // Numbers below `end` with this digit at the place.
    let below = |end: u128, digit: u128| end / period * unit + (end % period).saturating_sub(digit * unit).min(unit);
    (0..radix)
        .map(|digit| {
            let count = below(first + spec.space(), digit) - below(first, digit);
            total * count as f64 / spec.space() as f64
        })
        .collect()
}

fn check(namespace: &str, set: CharacterSet) {
    let (spec, bytes) = million(namespace, set);
    let width = usize::from(spec.length);
    let symbols = set.symbols();
    let radix = symbols.len();
    let mut digit_of = [usize::MAX; 256];
    for (digit, symbol) in symbols.iter().enumerate() {
        digit_of[usize::from(*symbol)] = digit;
    }

    let mut sorted: Vec<&[u8]> = bytes.chunks(width).collect();
    sorted.sort_unstable();
    assert!(sorted.is_sorted_by(|a, b| a < b), "two equal codes of {namespace}");

    let mut counts = vec![vec![0_u32; radix]; width];
    let mut steps = vec![vec![0_u32; radix]; width];
    let mut before: Option<&[u8]> = None;
    let mut ascending = 0_u32;
    for code in bytes.chunks(width) {
        for (place, byte) in code.iter().enumerate() {
            let digit = digit_of[usize::from(*byte)];
            counts[place][digit] += 1;
            if let Some(before) = before {
                let last = digit_of[usize::from(before[place])];
                steps[place][(digit + radix - last) % radix] += 1;
            }
        }
        ascending += u32::from(before.is_some_and(|before| before < code));
        before = Some(code);
    }
    for place in 0..width {
        let expected = expected(&spec, place);
        let what = format!("{namespace} {set}, place {place}");
        check_chi_square(&counts[place], &expected, &what);
        // The differences between successive codes at a place are uniform if all digits are equally likely. (The first digits
        // of 96-bit serials and of cpi serials are not; a deviation of a thousandth would show in a million codes.)
        let even = COUNT as f64 / radix as f64;
        if expected.iter().all(|count| (count / even - 1.0).abs() < 1e-4) {
            let even = vec![(COUNT - 1) as f64 / radix as f64; radix];
            check_chi_square(&steps[place], &even, &format!("steps of {what}"));
        }
    }
    // Ascending pairs are as frequent as descending ones: a million coin flips deviate by less than 6 · 500 from the half.
    // (Successive comparisons share a code, which makes the deviation smaller still.)
    let half = COUNT as f64 / 2.0;
    assert!((f64::from(ascending) - half).abs() < SIGMAS * 500.0, "{namespace}: {ascending} up");
}

#[test]
fn a_million_sgtin_serials() {
    check("sgtin#19506000134359#8", CharacterSet::Alphanumeric);
}

#[test]
fn a_million_sgtin_serials_for_96_bit_tags() {
    check("sgtin#19506000134359#12", CharacterSet::Rfid96);
}

#[test]
fn a_million_grai_serials() {
    check("grai#9506000134352#16", CharacterSet::Uppercase);
}

#[test]
fn a_million_short_codes() {
    check("short_code#deployment#7", CharacterSet::Alphanumeric);
}

#[test]
fn a_million_giai_references() {
    check("giai#9506000#20", CharacterSet::Alphanumeric);
}

#[test]
fn a_million_gdti_serials() {
    check("gdti#9506000134352#11", CharacterSet::Hex);
}

#[test]
fn a_million_itip_serials() {
    check("itip#195060001343590102#9", CharacterSet::Uppercase);
}

#[test]
fn a_million_cpi_serials() {
    check("cpi#9506000A1#12", CharacterSet::Numeric);
}

#[test]
fn a_million_sgcn_serials() {
    check("sgcn#9506000134352#12", CharacterSet::Numeric);
}
