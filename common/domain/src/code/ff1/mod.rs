//! FF1, a keyed permutation of the numbers 0 … radix^length − 1 (NIST SP 800-38G, algorithms 7 and 8), over
//! integers and in batches.
//!
//! The standard speaks of strings of numerals; a string of `length` numerals is a number below radix^length,
//! and both halves of the string are numbers below 2^64 for every domain used here. So a half is a `u64`, a
//! whole number a `u128`, and no string or big integer is ever made:
//!
//! - The function of a round is a CBC-MAC over `P ‖ Q` whose last block alone depends on the data. What comes
//!   before it is folded once into a template, so that a round is one AES block.
//! - Rounds of 64 numbers run in lockstep: `encrypt_blocks` gets 64 independent blocks and keeps the AES unit busy.
//! - The reduction modulo radix^m multiplies by a precomputed reciprocal (`reduce.rs`).
//!
//! Pure; knows nothing of codes.

mod cipher;
mod reduce;
mod walk;

#[cfg(test)]
mod tests;

pub use walk::Walk;

use cipher::{Cipher, Lanes};
use reduce::Reducer;

/// Numbers that run in lockstep. The widest AES implementation of the crate `aes` takes 64 blocks at once.
pub(super) const LANES: usize = 64;

/// Fewest values a domain may have (NIST SP 800-38G Rev. 1, section 5.1).
pub const MIN_DOMAIN: u128 = 1_000_000;

/// Below this many numbers a full group of 64 costs more than blocks of their own.
const WORTH_PADDING: usize = 8;

const ROUNDS: usize = 10;

/// Why a permutation cannot be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ff1Error {
    /// An AES key has 16, 24 or 32 bytes.
    #[error("an AES key must have 16, 24 or 32 bytes")]
    KeyLength,
    /// The standard allows a radix of 2 to 65,536.
    #[error("the radix must be 2 to 65,536")]
    Radix,
    /// The domain has fewer than a million values.
    #[error("the domain must have at least 1,000,000 values")]
    DomainTooSmall,
    /// The longer half of a number does not fit 64 bits, or the limit of a walk exceeds the domain.
    #[error("the domain is too large")]
    DomainTooLarge,
    /// The tweak is longer than 2^32 − 1 bytes.
    #[error("the tweak is too long")]
    Tweak,
}

/// A permutation of 0 … radix^length − 1 under an AES key and a tweak.
#[derive(Clone)]
pub struct Ff1 {
    cipher: Cipher,
    /// The last block of `P ‖ Q` of each round, everything but the data: the chaining value of the blocks before,
    /// the end of the tweak, and the number of the round.
    templates: [u128; ROUNDS],
    /// radix^v: the modulus of the right half, by which a number is cut in two.
    right: u64,
    left_reducer: Reducer,
    right_reducer: Reducer,
    left_length: u32,
    right_length: u32,
    domain: u128,
}

impl std::fmt::Debug for Ff1 {
    /// Without key and templates, from which codes could be predicted.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ff1").field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl Ff1 {
    /// Sets the permutation up.
    ///
    /// # Errors
    /// [`Ff1Error`] unless the key has 16, 24 or 32 bytes, the radix is 2 to 65,536, radix^length is at least
    /// 1,000,000, and radix^⌈length ÷ 2⌉ is below 2^64.
    pub fn new(key: &[u8], radix: u32, length: u32, tweak: &[u8]) -> Result<Self, Ff1Error> {
        if !(2..=1 << 16).contains(&radix) {
            return Err(Ff1Error::Radix);
        }
        let cipher = Cipher::new(key).ok_or(Ff1Error::KeyLength)?;
        let left_length = length / 2;
        let right_length = length - left_length;
        let power = |exponent| u64::from(radix).checked_pow(exponent);
        let (left, right) = power(left_length).zip(power(right_length)).ok_or(Ff1Error::DomainTooLarge)?;
        let domain = u128::from(left) * u128::from(right);
        if domain < MIN_DOMAIN {
            return Err(Ff1Error::DomainTooSmall);
        }
        // b of the standard: bytes of the greatest right half. At most 8, since that half is below 2^64.
        let bytes = (u64::BITS - (right - 1).leading_zeros()).div_ceil(8);
        let tweak_length = u32::try_from(tweak.len()).map_err(|_| Ff1Error::Tweak)?;
        let chained = chain(&cipher, first_block(radix, left_length, length, tweak_length), tweak, bytes);
        let mut templates = [chained; ROUNDS];
        for (round, template) in (0_u128..).zip(&mut templates) {
            // The round's number stands just before the `bytes` bytes of data that end the block.
            *template ^= round << (8 * bytes);
        }
        // d of the standard is 4⌈b ÷ 4⌉ + 4 bytes of output: 8 up to b = 4, else 12.
        let wide = bytes > 4;
        Ok(Self {
            cipher,
            templates,
            right,
            left_reducer: Reducer::new(left, wide),
            right_reducer: Reducer::new(right, wide),
            left_length,
            right_length,
            domain,
        })
    }

    /// How many numbers are permuted: radix^length.
    #[must_use]
    pub const fn domain(&self) -> u128 {
        self.domain
    }

    /// The image of a number; `None` if it lies outside the domain.
    #[must_use]
    pub fn encrypt(&self, number: u128) -> Option<u128> {
        let (left, right) = self.split(number)?;
        let (mut left, mut right) = ([left], [right]);
        self.forward(&mut left, &mut right);
        Some(self.join(left[0], right[0]))
    }

    /// The number whose image this is; `None` if it lies outside the domain.
    #[must_use]
    pub fn decrypt(&self, image: u128) -> Option<u128> {
        let (left, right) = self.split(image)?;
        let (mut left, mut right) = ([left], [right]);
        self.backward(&mut left, &mut right);
        Some(self.join(left[0], right[0]))
    }

    /// Replaces every number by its image, 64 at a time. `None`, and nothing is replaced, if one lies outside
    /// the domain.
    pub fn encrypt_all(&self, numbers: &mut [u128]) -> Option<()> {
        self.replace_all(numbers, Self::forward)
    }

    /// Replaces every image by its number, 64 at a time. `None`, and nothing is replaced, if one lies outside
    /// the domain.
    pub fn decrypt_all(&self, images: &mut [u128]) -> Option<()> {
        self.replace_all(images, Self::backward)
    }

    /// Writes the images of `start`, `start + 1`, … until `images` is full. `None`, and nothing is written, if
    /// the range leaves the domain.
    pub fn encrypt_range(&self, start: u128, images: &mut [u128]) -> Option<()> {
        let mut rest = images;
        self.halves_of_range(start, rest.len(), |left, right| {
            let (now, later) = std::mem::take(&mut rest).split_at_mut(left.len());
            for ((image, left), right) in now.iter_mut().zip(left).zip(right) {
                *image = self.join(*left, *right);
            }
            rest = later;
        })
    }

    /// Gives the images of `start … start + count − 1` as halves, in order and at most 64 at a time. `None`, and
    /// nothing is given, if the range leaves the domain.
    ///
    /// Halves are what both ends want: the next number is the next right half, and the numerals of a number are
    /// the numerals of its left half and then those of its right half.
    pub(super) fn halves_of_range(
        &self,
        start: u128,
        count: usize,
        mut take: impl FnMut(&[u64], &[u64]),
    ) -> Option<()> {
        let count_wide = u128::try_from(count).ok()?;
        if start.checked_add(count_wide)? > self.domain {
            return None;
        }
        if count == 0 {
            return Some(());
        }
        let (mut next_left, mut next_right) = self.split(start)?;
        let mut remaining = count;
        while remaining > 0 {
            let here = remaining.min(LANES);
            let (mut left, mut right) = ([0; LANES], [0; LANES]);
            for (left, right) in left.iter_mut().zip(&mut right).take(here) {
                (*left, *right) = (next_left, next_right);
                next_right += 1;
                if next_right == self.right {
                    (next_left, next_right) = (next_left.wrapping_add(1), 0);
                }
            }
            let run = lanes_for(here);
            self.forward(&mut left[..run], &mut right[..run]);
            take(&left[..here], &right[..here]);
            remaining -= here;
        }
        Some(())
    }

    /// Numerals of the left half and of the right half.
    pub(super) const fn half_lengths(&self) -> (u32, u32) {
        (self.left_length, self.right_length)
    }

    /// The halves of a number of the domain.
    pub(super) fn split(&self, number: u128) -> Option<(u64, u64)> {
        if number >= self.domain {
            return None;
        }
        // Division of 128 bits is many times slower, and most domains are below 2^64.
        if let Ok(number) = u64::try_from(number) {
            return Some((number / self.right, number % self.right));
        }
        let right = u128::from(self.right);
        Some((u64::try_from(number / right).ok()?, u64::try_from(number % right).ok()?))
    }

    /// The number of two halves.
    pub(super) fn join(&self, left: u64, right: u64) -> u128 {
        u128::from(left) * u128::from(self.right) + u128::from(right)
    }

    fn replace_all(&self, numbers: &mut [u128], run: impl Fn(&Self, &mut [u64], &mut [u64])) -> Option<()> {
        if numbers.iter().any(|number| *number >= self.domain) {
            return None;
        }
        for group in numbers.chunks_mut(LANES) {
            let (mut left, mut right) = ([0; LANES], [0; LANES]);
            for ((number, left), right) in group.iter().zip(&mut left).zip(&mut right) {
                (*left, *right) = self.split(*number)?;
            }
            let lanes = lanes_for(group.len());
            run(self, &mut left[..lanes], &mut right[..lanes]);
            for ((number, left), right) in group.iter_mut().zip(left).zip(right) {
                *number = self.join(left, right);
            }
        }
        Some(())
    }

    /// Ten rounds forward on up to 64 pairs of halves.
    pub(super) fn forward(&self, left: &mut [u64], right: &mut [u64]) {
        if let ([left], [right]) = (&mut *left, &mut *right) {
            self.one::<true>(left, right);
        } else {
            let mut lanes = Lanes::new(self.templates[0], right);
            for round in 0..ROUNDS {
                let next = self.templates.get(round + 1).copied().unwrap_or_default();
                self.round::<true>(&mut lanes, round, left, right, next);
            }
        }
    }

    /// Ten rounds backward on up to 64 pairs of halves.
    pub(super) fn backward(&self, left: &mut [u64], right: &mut [u64]) {
        if let ([left], [right]) = (&mut *left, &mut *right) {
            self.one::<false>(left, right);
        } else {
            let mut lanes = Lanes::new(self.templates[ROUNDS - 1], left);
            for round in (0..ROUNDS).rev() {
                let next = self.templates.get(round.wrapping_sub(1)).copied();
                self.round::<false>(&mut lanes, round, left, right, next.unwrap_or_default());
            }
        }
    }

    /// The halves do not trade places after a round as in the standard: even rounds change the left one, odd rounds
    /// the right one, which comes to the same.
    fn round<const FORWARD: bool>(
        &self,
        lanes: &mut Lanes,
        round: usize,
        left: &mut [u64],
        right: &mut [u64],
        next_template: u128,
    ) {
        let (reducer, target) =
            if round.is_multiple_of(2) { (&self.left_reducer, left) } else { (&self.right_reducer, right) };
        lanes.round::<FORWARD>(&self.cipher, reducer, target, next_template);
    }

    /// Ten rounds on one pair: codes are read back one by one, and need not pay for 64 blocks.
    fn one<const FORWARD: bool>(&self, left: &mut u64, right: &mut u64) {
        for step in 0..ROUNDS {
            let round = if FORWARD { step } else { ROUNDS - 1 - step };
            let template = self.templates[round];
            if round.is_multiple_of(2) {
                let output = self.cipher.encrypt(template ^ u128::from(*right));
                *left = self.left_reducer.combine::<FORWARD>(*left, output);
            } else {
                let output = self.cipher.encrypt(template ^ u128::from(*left));
                *right = self.right_reducer.combine::<FORWARD>(*right, output);
            }
        }
    }
}

/// How many lanes to run for so many numbers: all of them when that is cheaper than fewer.
const fn lanes_for(numbers: usize) -> usize {
    if numbers > WORTH_PADDING { LANES } else { numbers }
}

/// The block P of the standard (algorithm 7, step 5).
fn first_block(radix: u32, left_length: u32, length: u32, tweak_length: u32) -> u128 {
    let mut block = [1, 2, 1, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    // The radix takes three bytes; 65,536 is the greatest, so the fourth is always 0.
    block[3..6].copy_from_slice(&radix.to_be_bytes()[1..]);
    block[7] = left_length.to_le_bytes()[0];
    block[8..12].copy_from_slice(&length.to_be_bytes());
    block[12..].copy_from_slice(&tweak_length.to_be_bytes());
    u128::from_be_bytes(block)
}

/// CBC-MAC over P and the blocks of Q, up to and including the last one without its final encryption and with
/// the round's number and the data still 0. Q is the tweak, zeros, one byte for the round, `bytes` of data; the
/// zeros fill it up to whole blocks (algorithm 7, step 6.i).
fn chain(cipher: &Cipher, first: u128, tweak: &[u8], bytes: u32) -> u128 {
    let data = usize::try_from(bytes).unwrap_or(8) + 1;
    let mut padded = tweak.to_vec();
    padded.resize((tweak.len() + data).next_multiple_of(16), 0);
    padded
        .as_chunks::<16>()
        .0
        .iter()
        .fold(first, |chained, block| cipher.encrypt(chained) ^ u128::from_be_bytes(*block))
}
