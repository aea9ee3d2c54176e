//! Addition and subtraction of a round's output modulo radix^m, without division.
//!
//! A round's output y is the first 8 or 12 bytes of an AES block, as an unsigned number ("wide" when 12). With
//! μ = ⌊2^k ÷ m⌋ the quotient ⌊y·μ ÷ 2^k⌋ is short of ⌊y ÷ m⌋ by at most one or two, so that a few conditional
//! subtractions finish the reduction (Barrett; Handbook of Applied Cryptography, 14.42).

/// How a round's output enters a half.
pub(super) trait Reduce {
    /// `half ± y` modulo the modulus, plus when `FORWARD`; y is the beginning of the AES block `output`.
    fn combine<const FORWARD: bool>(&self, half: u64, output: u128) -> u64;
}

/// The reduction that fits a modulus and the width of y.
#[derive(Clone, Debug)]
pub(super) enum Reducer {
    NarrowMask(Mask<false>),
    WideMask(Mask<true>),
    Narrow(Narrow),
    Folded(Folded),
    Wide(Wide),
    Full(Full),
}

impl Reducer {
    /// For a modulus of 2 or more; not `wide` only if the modulus is at most 2^32.
    pub(super) fn new(modulus: u64, wide: bool) -> Self {
        match (modulus.is_power_of_two(), wide) {
            (true, false) => Self::NarrowMask(Mask(modulus - 1)),
            (true, true) => Self::WideMask(Mask(modulus - 1)),
            (false, false) => Self::Narrow(Narrow::new(modulus)),
            (false, true) if modulus < 1 << 32 => Self::Folded(Folded(Narrow::new(modulus))),
            (false, true) if modulus < 1 << 62 => Self::Wide(Wide::new(modulus)),
            (false, true) => Self::Full(Full(modulus)),
        }
    }

    pub(super) fn combine<const FORWARD: bool>(&self, half: u64, output: u128) -> u64 {
        match self {
            Self::NarrowMask(mask) => mask.combine::<FORWARD>(half, output),
            Self::WideMask(mask) => mask.combine::<FORWARD>(half, output),
            Self::Narrow(narrow) => narrow.combine::<FORWARD>(half, output),
            Self::Folded(folded) => folded.combine::<FORWARD>(half, output),
            Self::Wide(wide) => wide.combine::<FORWARD>(half, output),
            Self::Full(full) => full.combine::<FORWARD>(half, output),
        }
    }
}

/// The first 64 bits of the output.
// The cast loses nothing: the upper half of 128 bits is 64 bits.
const fn first_64(output: u128) -> u64 {
    (output >> 64) as u64
}

/// The upper 64 bits of a product.
#[inline]
fn high_product(a: u64, b: u64) -> u64 {
    first_64(u128::from(a) * u128::from(b))
}

/// `x` less `modulus` if that is not negative: the difference wraps to something greater otherwise.
#[inline]
fn lower(x: u64, modulus: u64) -> u64 {
    x.min(x.wrapping_sub(modulus))
}

/// `half ± rest` for two numbers below the modulus, which is below 2^63.
#[inline]
fn add_or_subtract<const FORWARD: bool>(half: u64, rest: u64, modulus: u64) -> u64 {
    let other = if FORWARD { rest } else { modulus - rest };
    lower(half + other, modulus)
}

/// A power of two: the low bits, here as the mask of them. `WIDE` when y has 12 bytes.
#[derive(Clone, Debug)]
pub(super) struct Mask<const WIDE: bool>(u64);

impl<const WIDE: bool> Reduce for Mask<WIDE> {
    #[inline]
    fn combine<const FORWARD: bool>(&self, half: u64, output: u128) -> u64 {
        // Only the low 64 bits of y count.
        let low = if WIDE { first_64(output << 32) } else { first_64(output) };
        let sum = if FORWARD { half.wrapping_add(low) } else { half.wrapping_sub(low) };
        sum & self.0
    }
}

/// A modulus of at most 2^32 and y of 8 bytes.
#[derive(Clone, Debug)]
pub(super) struct Narrow {
    modulus: u64,
    /// ⌊2^64 ÷ modulus⌋, for a modulus that does not divide 2^64.
    reciprocal: u64,
}

impl Narrow {
    const fn new(modulus: u64) -> Self {
        Self { modulus, reciprocal: u64::MAX / modulus }
    }

    /// `y` modulo the modulus: the quotient is short by at most one.
    #[inline]
    fn reduce(&self, y: u64) -> u64 {
        let quotient = high_product(y, self.reciprocal);
        lower(y.wrapping_sub(quotient.wrapping_mul(self.modulus)), self.modulus)
    }
}

impl Reduce for Narrow {
    #[inline]
    fn combine<const FORWARD: bool>(&self, half: u64, output: u128) -> u64 {
        let y = first_64(output);
        if FORWARD && let Some(sum) = y.checked_add(half) {
            // Nearly always: one reduction for both.
            return self.reduce(sum);
        }
        add_or_subtract::<FORWARD>(half, self.reduce(y), self.modulus)
    }
}

/// A modulus below 2^32 and y of 12 bytes: the first eight, then what is left of them with the last four.
/// The shorter half of an odd length, such as 62^5 of 62^11.
#[derive(Clone, Debug)]
pub(super) struct Folded(Narrow);

impl Reduce for Folded {
    #[inline]
    fn combine<const FORWARD: bool>(&self, half: u64, output: u128) -> u64 {
        let upper = self.0.reduce(first_64(output));
        let last_four = first_64(output << 32) & u64::from(u32::MAX);
        let rest = self.0.reduce(upper << 32 | last_four);
        add_or_subtract::<FORWARD>(half, rest, self.0.modulus)
    }
}

/// A modulus of n bits, 2^32 < modulus < 2^62, and y of 12 bytes.
#[derive(Clone, Debug)]
pub(super) struct Wide {
    modulus: u64,
    /// ⌊2^96 ÷ modulus⌋ · 2^(n − 33), so that the quotient is the upper half of a product.
    reciprocal: u64,
    /// n − 33: y without its lowest n − 1 bits is the first 64 bits of it without this many.
    shift: u32,
}

impl Wide {
    // The cast loses nothing: 2^96 ÷ m · 2^(n − 33) < 2^64, because m is above 2^(n − 1).
    const fn new(modulus: u64) -> Self {
        let shift = (u64::BITS - modulus.leading_zeros()) - 33;
        let reciprocal = ((1_u128 << 96) / modulus as u128) as u64;
        Self { modulus, reciprocal: reciprocal << shift, shift }
    }
}

impl Reduce for Wide {
    #[inline]
    fn combine<const FORWARD: bool>(&self, half: u64, output: u128) -> u64 {
        let quotient = high_product(first_64(output) >> self.shift, self.reciprocal);
        // Short by at most two, so the rest is below 3 · 2^62 and its low 64 bits are all of it.
        let rest = first_64(output << 32).wrapping_sub(quotient.wrapping_mul(self.modulus));
        let rest = lower(lower(rest, self.modulus), self.modulus);
        add_or_subtract::<FORWARD>(half, rest, self.modulus)
    }
}

/// A modulus of 63 or 64 bits, which no pool uses: plain division.
#[derive(Clone, Debug)]
pub(super) struct Full(u64);

impl Reduce for Full {
    fn combine<const FORWARD: bool>(&self, half: u64, output: u128) -> u64 {
        let modulus = u128::from(self.0);
        let rest = (output >> 32) % modulus;
        let other = if FORWARD { rest } else { modulus - rest };
        let sum = (u128::from(half) + other) % modulus;
        first_64(sum << 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the reduction must give, by plain division.
    fn expected(half: u64, output: u128, modulus: u64, wide: bool, forward: bool) -> u64 {
        let modulus = u128::from(modulus);
        let y = if wide { output >> 32 } else { output >> 64 } % modulus;
        let other = if forward { y } else { modulus - y };
        u64::try_from((u128::from(half) + other) % modulus).unwrap()
    }

    #[test]
    fn every_reduction_equals_division_at_its_edges() {
        let mut moduli = vec![];
        for bits in 1..64_u32 {
            for near in -2_i64..=2 {
                moduli.push((1_u64 << bits).wrapping_add_signed(near));
            }
        }
        moduli.extend([u64::MAX, u64::MAX - 1, 62_u64.pow(4), 62_u64.pow(5), 62_u64.pow(10)]);
        moduli.extend((1..20).map(|n| 10_u64.pow(n)));
        moduli.retain(|modulus| *modulus >= 2);
        for modulus in moduli {
            for wide in [false, true] {
                if !wide && modulus > 1 << 32 {
                    continue;
                }
                let reducer = Reducer::new(modulus, wide);
                let multiple = u128::from(modulus) << if wide { 32 } else { 64 };
                let edges = [
                    0,
                    1,
                    u128::MAX,
                    u128::MAX - 1,
                    u128::MAX >> 1,
                    multiple.wrapping_sub(1),
                    multiple,
                    multiple.wrapping_add(1),
                    (u128::MAX / multiple.max(1)).wrapping_mul(multiple),
                    (u128::MAX / multiple.max(1)).wrapping_mul(multiple).wrapping_sub(1),
                    0x0123_4567_89ab_cdef_fedc_ba98_7654_3210,
                ];
                for output in edges {
                    for half in [0, 1, modulus / 2, modulus - 1] {
                        let context = (modulus, wide, half, output);
                        assert_eq!(
                            reducer.combine::<true>(half, output),
                            expected(half, output, modulus, wide, true),
                            "{context:?}"
                        );
                        assert_eq!(
                            reducer.combine::<false>(half, output),
                            expected(half, output, modulus, wide, false),
                            "{context:?}"
                        );
                    }
                }
            }
        }
    }
}
