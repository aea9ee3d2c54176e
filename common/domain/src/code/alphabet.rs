//! Numbers in positional notation, with the characters of a character set as digits.

use super::types::CharacterSet;

/// Writes and reads numbers of a fixed length with the characters of a set as digits, most significant digit first.
#[derive(Clone, Debug)]
pub(super) struct Alphabet {
    set: CharacterSet,
    /// Both characters of every two-digit number, so that one division by radix² produces two characters.
    pairs: Vec<[u8; 2]>,
}

impl Alphabet {
    pub(super) fn new(set: CharacterSet) -> Self {
        let symbols = set.symbols();
        let pairs = symbols.iter().flat_map(|first| symbols.iter().map(|second| [*first, *second])).collect();
        Self { set, pairs }
    }

    /// Writes each number into its row. `rows` is a sequence of rows of `stride` bytes; the number fills the `width` bytes
    /// from byte `from` of its row, with leading zeros. Every number must be below radix^width.
    pub(super) fn write_rows(&self, numbers: &[u64], rows: &mut [u8], stride: usize, from: usize, width: usize) {
        // One monomorphic loop per radix, so that the compiler divides by a constant.
        let pairs = self.pairs.as_slice();
        match self.set {
            CharacterSet::Alphanumeric => {
                write_rows::<62>(pairs, numbers, rows, stride, from, width);
            }
            CharacterSet::Uppercase => write_rows::<34>(pairs, numbers, rows, stride, from, width),
            CharacterSet::Hex => write_rows::<16>(pairs, numbers, rows, stride, from, width),
            CharacterSet::Numeric | CharacterSet::Rfid96 => {
                write_rows::<10>(pairs, numbers, rows, stride, from, width);
            }
        }
    }

    /// Parses a number. `None` if a character is not in the set or the number exceeds 64 bits.
    pub(super) fn read(&self, text: &[u8]) -> Option<u64> {
        let symbols = self.set.symbols();
        text.iter().try_fold(0_u64, |number, byte| {
            let digit = symbols.binary_search(byte).ok()?;
            number.checked_mul(u64::from(self.set.radix()))?.checked_add(u64::try_from(digit).ok()?)
        })
    }
}

fn write_rows<const RADIX: u64>(
    pairs: &[[u8; 2]],
    numbers: &[u64],
    rows: &mut [u8],
    stride: usize,
    from: usize,
    width: usize,
) {
    for (number, row) in numbers.iter().zip(rows.chunks_exact_mut(stride)) {
        if let Some(place) = row.get_mut(from..from + width) {
            write::<RADIX>(pairs, *number, place);
        }
    }
}

#[inline]
// The cast is lossless: the remainder is at most 62² − 1.
fn write<const RADIX: u64>(pairs: &[[u8; 2]], mut number: u64, place: &mut [u8]) {
    let square = RADIX * RADIX;
    let mut chunks = place.rchunks_exact_mut(2);
    for two in &mut chunks {
        if let Some(pair) = pairs.get((number % square) as usize) {
            two.copy_from_slice(pair);
        }
        number /= square;
    }
    // An odd width leaves one character: the second of a pair whose first character is the digit zero.
    if let ([first], Some([_, last])) = (chunks.into_remainder(), pairs.get((number % square) as usize)) {
        *first = *last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for set in CharacterSet::ALL {
            let alphabet = Alphabet::new(set);
            for width in 1..=10 {
                let end = u64::from(set.radix()).pow(width);
                let width = usize::try_from(width).unwrap();
                for number in [0, 1, end / 3, end - 1] {
                    let mut row = vec![b'.'; width + 3];
                    alphabet.write_rows(&[number], &mut row, width + 3, 2, width);
                    assert_eq!(alphabet.read(&row[2..width + 2]), Some(number));
                    assert_eq!((row[0], row[1], row[width + 2]), (b'.', b'.', b'.'));
                }
            }
        }
    }

    #[test]
    fn other_characters_and_too_great_numbers_are_not_read() {
        let alphabet = Alphabet::new(CharacterSet::Uppercase);
        for text in ["I", "O", "a", "A-", "Ä", " 1"] {
            assert_eq!(alphabet.read(text.as_bytes()), None, "{text}");
        }
        let digits = Alphabet::new(CharacterSet::Numeric);
        assert_eq!(digits.read(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(digits.read(b"18446744073709551616"), None);
    }
}
