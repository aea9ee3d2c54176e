//! The map between the indexes of a pool and the varying parts of its codes, in both directions.
//!
//! The varying part is the text in which the codes of a namespace differ: the serial or reference; for an `sscc` the
//! extension digit, serial reference and check digit; for a `gsrn` the service reference and check digit.

use super::alphabet::Alphabet;
use super::error::CodeError;
use super::ff1::{Ff1, Walk};
use super::pool::{PoolSpec, RFID96_FIRST};
use super::secret::PoolKey;
use super::types::{CharacterSet, CodeType, FIXED_KEY_LENGTH};

/// How many numbers are mapped at a time where a buffer is needed.
const GROUP: usize = 256;

/// A pool's map from index to varying part. It is injective: different indexes have different varying parts.
#[derive(Clone, Debug)]
pub struct Permutation {
    map: Map,
    alphabet: Alphabet,
    width: usize,
    space: u128,
}

#[derive(Clone, Debug)]
enum Map {
    /// FF1 over the numbers below radix^length; the text is the numerals.
    Whole(Ff1),
    /// FF1 with cycle walking below a limit, plus `first`: serials with a fixed number of digits and no leading 0.
    From { walk: Walk, first: u64 },
    /// The index itself, with a check digit over the whole key.
    Counted(CheckSum),
}

impl Permutation {
    /// Sets up the map of a pool.
    ///
    /// # Errors
    /// The error of [`PoolSpec::from_pool`] if the parts of the specification do not fit each other, or
    /// [`CodeError::Permutation`] if FF1 does not support the parameters.
    pub fn new(spec: &PoolSpec, key: &PoolKey) -> Result<Self, CodeError> {
        // The fields of a specification are public, so it is validated again.
        let spec = &PoolSpec::from_pool(spec.namespace.clone(), spec.character_set)?;
        let length = u32::from(spec.length);
        let key = key.bytes();
        let map = match (spec.code_type, spec.character_set) {
            (CodeType::Sscc | CodeType::Gsrn, _) => Map::Counted(CheckSum::new(spec)),
            (_, CharacterSet::Rfid96) => {
                Map::From { walk: Walk::new(Ff1::new(key, 2, 38, &[])?, spec.space())?, first: RFID96_FIRST }
            }
            (CodeType::Cpi, _) => Map::From {
                walk: Walk::new(Ff1::new(key, 10, length, &[])?, spec.space())?,
                first: 10_u64.saturating_pow(length.saturating_sub(1)),
            },
            (_, set) => Map::Whole(Ff1::new(key, set.radix(), length, &[])?),
        };
        let width = match &map {
            Map::Counted(_) => usize::from(FIXED_KEY_LENGTH) - spec.namespace.key.len(),
            _ => usize::from(spec.length),
        };
        Ok(Self { map, alphabet: Alphabet::new(spec.character_set), width, space: spec.space() })
    }

    /// Bytes of a varying part, the same for every index.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The varying part at an index; `None` outside the pool's space.
    #[must_use]
    pub fn varying(&self, index: u64) -> Option<String> {
        let mut bytes = vec![0; self.width];
        self.fill(index, &mut bytes).ok()?;
        String::from_utf8(bytes).ok()
    }

    /// The index that has this varying part; `None` if no index has it, such as an `sscc` or `gsrn` part with an incorrect
    /// check digit.
    #[must_use]
    pub fn index_of(&self, varying: &str) -> Option<u64> {
        let text = varying.as_bytes();
        if text.len() != self.width {
            return None;
        }
        match &self.map {
            Map::Whole(ff1) => {
                let (left, _) = ff1.half_lengths();
                let (left, right) = text.split_at_checked(usize::try_from(left).ok()?)?;
                let image = ff1.join(self.alphabet.read(left)?, self.alphabet.read(right)?);
                u64::try_from(ff1.decrypt(image)?).ok()
            }
            Map::From { walk, first } => {
                let number = self.alphabet.read(text)?.checked_sub(*first)?;
                u64::try_from(walk.decrypt(u128::from(number))?).ok()
            }
            Map::Counted(check) => {
                let (_, body) = text.split_last()?;
                let index = self.alphabet.read(body)?;
                let mut again = text.to_vec();
                check.close(&mut again);
                (again == text).then_some(index)
            }
        }
    }

    /// Fills `out` with the varying parts of consecutive indexes, starting at `start`.
    ///
    /// # Errors
    /// [`CodeError::OutOfRange`] if an index is outside the pool's space or the length of `out` is not a multiple of
    /// [`Permutation::width`]. `out` is then unchanged.
    pub fn fill(&self, start: u64, out: &mut [u8]) -> Result<(), CodeError> {
        let count = out.len() / self.width;
        let end = u64::try_from(count).ok().and_then(|count| start.checked_add(count)).ok_or(CodeError::OutOfRange)?;
        if !out.len().is_multiple_of(self.width) || u128::from(end) > self.space {
            return Err(CodeError::OutOfRange);
        }
        match &self.map {
            Map::Whole(ff1) => self.fill_whole(ff1, start, out),
            Map::From { walk, first } => self.fill_from(walk, *first, start, out),
            Map::Counted(check) => {
                self.fill_counted(check, start, out);
                Some(())
            }
        }
        .ok_or(CodeError::OutOfRange)
    }

    fn fill_whole(&self, ff1: &Ff1, start: u64, out: &mut [u8]) -> Option<()> {
        let (left_width, right_width) = ff1.half_lengths();
        let left_width = usize::try_from(left_width).ok()?;
        let right_width = usize::try_from(right_width).ok()?;
        let count = out.len() / self.width;
        let mut rest = out;
        ff1.halves_of_range(u128::from(start), count, |left, right| {
            let (rows, later) = std::mem::take(&mut rest).split_at_mut(left.len() * self.width);
            let alphabet = &self.alphabet;
            alphabet.write_rows(left, rows, self.width, 0, left_width);
            alphabet.write_rows(right, rows, self.width, left_width, right_width);
            rest = later;
        })
    }

    fn fill_from(&self, walk: &Walk, first: u64, start: u64, out: &mut [u8]) -> Option<()> {
        let (mut images, mut numbers) = ([0_u128; GROUP], [0_u64; GROUP]);
        let mut next = u128::from(start);
        for rows in out.chunks_mut(GROUP * self.width) {
            let count = rows.len() / self.width;
            walk.encrypt_range(next, &mut images[..count])?;
            for (number, image) in numbers.iter_mut().zip(&images).take(count) {
                *number = u64::try_from(*image).ok()?.checked_add(first)?;
            }
            self.alphabet.write_rows(&numbers[..count], rows, self.width, 0, self.width);
            next = next.checked_add(u128::try_from(count).ok()?)?;
        }
        Some(())
    }

    fn fill_counted(&self, check: &CheckSum, start: u64, out: &mut [u8]) {
        let mut numbers = [0_u64; GROUP];
        let mut next = start;
        for rows in out.chunks_mut(GROUP * self.width) {
            for number in &mut numbers {
                *number = next;
                // Numbers beyond the last index may wrap; they are not written.
                next = next.wrapping_add(1);
            }
            self.alphabet.write_rows(&numbers, rows, self.width, 0, self.width - 1);
            for row in rows.chunks_exact_mut(self.width) {
                check.close(row);
            }
        }
    }
}

/// Computes the check digit of an 18-digit key whose company prefix is fixed.
#[derive(Clone, Debug)]
struct CheckSum {
    /// The weighted sum of the company prefix.
    of_prefix: u32,
    /// Whether the first varying digit precedes the prefix, as the extension digit of an SSCC does.
    extension: bool,
}

impl CheckSum {
    fn new(spec: &PoolSpec) -> Self {
        let extension = spec.code_type == CodeType::Sscc;
        // Weights alternate from the right over the 17 digits before the check digit; the leftmost of them has weight 3.
        let first = usize::from(extension);
        let of_prefix = spec
            .namespace
            .key
            .bytes()
            .zip(first..)
            .map(|(byte, place)| u32::from(byte.wrapping_sub(b'0')) * if place % 2 == 0 { 3 } else { 1 })
            .sum();
        Self { of_prefix, extension }
    }

    /// Sets the last byte of a varying part to the check digit of the key.
    fn close(&self, row: &mut [u8]) {
        let Some((check, body)) = row.split_last_mut() else {
            return;
        };
        let value = |byte: &u8| u32::from(byte.wrapping_sub(b'0'));
        let (extension, reference) = match body.split_first() {
            Some((first, reference)) if self.extension => (3 * value(first), reference),
            _ => (0, &*body),
        };
        let mut sum = self.of_prefix + extension;
        let mut weight = 3;
        for byte in reference.iter().rev() {
            sum += weight * value(byte);
            weight ^= 2;
        }
        *check = match (10 - sum % 10) % 10 {
            digit @ 0..10 => b'0' + u8::try_from(digit).unwrap_or(0),
            _ => b'0',
        };
    }
}
