//! A sequence of bits, most significant first.

/// Bits that are written and read field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    bits: Vec<bool>,
    /// The next bit that is read.
    at: usize,
}

impl Bits {
    pub(super) fn len(&self) -> usize {
        self.bits.len()
    }

    /// Appends a number in `count` bits; `None` if it has more.
    pub(super) fn push(&mut self, number: u64, count: u32) -> Option<()> {
        if number.checked_shr(count).unwrap_or(0) != 0 {
            return None;
        }
        self.bits.extend((0..count).rev().map(|place| number.checked_shr(place).unwrap_or(0) & 1 == 1));
        Some(())
    }

    /// Appends zeros up to a length.
    pub(super) fn pad(&mut self, len: usize) {
        self.bits.resize(len.max(self.bits.len()), false);
    }

    /// Reads a number of `count` bits, at most 64; `None` beyond the end.
    pub(super) fn take(&mut self, count: u32) -> Option<u64> {
        let end = self.at.checked_add(usize::try_from(count).ok()?)?;
        let bits = self.bits.get(self.at..end)?;
        self.at = end;
        Some(bits.iter().fold(0, |number, bit| (number << 1) | u64::from(*bit)))
    }

    /// Whether no bit that was not read is set.
    pub(super) fn is_rest_zero(&self) -> bool {
        self.bits.iter().skip(self.at).all(|bit| !bit)
    }

    /// The bits before `end` in hexadecimal digits, as many as are whole, and those that remain as a number.
    pub(super) fn hex_before(&self, end: usize) -> (String, u64, u32) {
        let bits = self.bits.get(..end).unwrap_or(&self.bits);
        let digits = bits.chunks_exact(4);
        let number = |bits: &[bool]| bits.iter().fold(0_u32, |number, bit| (number << 1) | u32::from(*bit));
        let rest = digits.remainder();
        let (carry, carried) = (number(rest), rest.len());
        let hex =
            digits.filter_map(|digit| char::from_digit(number(digit), 16)).map(|digit| digit.to_ascii_uppercase());
        // A remainder has at most three bits, so the cast loses nothing.
        (hex.collect(), carry.into(), carried as u32)
    }

    /// The bits of hexadecimal digits in either case; `None` for other characters.
    pub(super) fn of_hex(text: &str) -> Option<Self> {
        let mut bits = Self::default();
        for digit in text.chars() {
            bits.push(digit.to_digit(16)?.into(), 4)?;
        }
        Some(bits)
    }
}
