//! Ids of codes: UUIDs that encode a pool and an index, readable only with the key.

use uuid::{Uuid, Variant};

use super::ff1::{Ff1, LANES};

/// Bits of a pool number. Together with the 64 bits of an index they fill the 122 free bits of a UUID of version 8.
pub const POOL_NUMBER_BITS: u32 = 58;

/// Derives a pool number from a random number: its lower 58 bits.
#[must_use]
pub const fn pool_number(random: u64) -> u64 {
    random & ((1 << POOL_NUMBER_BITS) - 1)
}

/// The key that encrypts ids. An id is a UUID of version 8 (RFC 9562, section 5.8) whose free bits are pool number and index,
/// encrypted with FF1 in radix 2. Ids are stable, can be decoded with the key alone, and do not reveal how many codes exist.
#[derive(Clone, Debug)]
pub struct IdKey(Ff1);

impl IdKey {
    /// Free bits of a UUID of version 8.
    pub(super) const BITS: u32 = 122;

    /// Wraps a permutation of the numbers below 2^122.
    pub(super) const fn new(ff1: Ff1) -> Self {
        Self(ff1)
    }

    /// The id of the code at an index of a pool. Only the lower 58 bits of the pool number are used (see [`pool_number`]).
    #[must_use]
    pub fn encode(&self, pool_number: u64, index: u64) -> Uuid {
        let plain = plain(pool_number, index);
        let (mut left, mut right) = ([half(plain >> 61)], [half(plain)]);
        self.0.forward(&mut left, &mut right);
        spread(left[0], right[0])
    }

    /// The ids of the codes of a range, in order: the same as [`IdKey::encode`] of each index, but faster.
    #[must_use]
    pub fn encode_range(&self, pool_number: u64, range: std::ops::Range<u64>) -> Vec<Uuid> {
        let (mut left, mut right) = ([0; LANES], [0; LANES]);
        let wanted = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut ids = Vec::with_capacity(wanted.min(1 << 16));
        let mut first = range.start;
        while first < range.end {
            let count = (range.end - first).min(LANES as u64);
            for ((left, right), index) in left.iter_mut().zip(&mut right).zip(first..first + count) {
                let plain = plain(pool_number, index);
                (*left, *right) = (half(plain >> 61), half(plain));
            }
            // In the last round the lanes beyond `count` hold numbers of the round before; their results are ignored.
            self.0.forward(&mut left, &mut right);
            ids.extend(
                left.iter().zip(&right).zip(first..first + count).map(|((left, right), _)| spread(*left, *right)),
            );
            first += count;
        }
        ids
    }

    /// Pool number and index of an id; `None` unless it is a UUID of version 8. An id that was never issued decodes too,
    /// to a pool that almost certainly does not exist.
    #[must_use]
    pub fn decode(&self, id: Uuid) -> Option<(u64, u64)> {
        if id.get_version_num() != 8 || id.get_variant() != Variant::RFC4122 {
            return None;
        }
        let spread = id.as_u128();
        let image = (spread >> 80) << 74 | ((spread >> 64) & 0xfff) << 62 | (spread & LAST_62);
        let (mut left, mut right) = ([half(image >> 61)], [half(image)]);
        self.0.backward(&mut left, &mut right);
        let plain = u128::from(left[0]) << 61 | u128::from(right[0]);
        Some((u64::try_from(plain >> 64).ok()?, u64::try_from(plain & u128::from(u64::MAX)).ok()?))
    }
}

/// The plaintext of an id: pool number and index in one number.
fn plain(pool_number: u64, index: u64) -> u128 {
    u128::from(self::pool_number(pool_number)) << 64 | u128::from(index)
}

/// The UUID that holds two encrypted halves.
fn spread(left: u64, right: u64) -> Uuid {
    let image = u128::from(left) << 61 | u128::from(right);
    // Layout: 48 bits, 4 bits of version, 12 bits, 2 bits of variant, 62 bits.
    let spread = (image >> 74) << 80 | ((image >> 62) & 0xfff) << 64 | (image & LAST_62);
    Uuid::new_v8(spread.to_be_bytes())
}

const LAST_62: u128 = (1 << 62) - 1;

/// The lower 61 bits.
// The cast is lossless: 61 bits fit into 64.
const fn half(number: u128) -> u64 {
    (number & ((1 << 61) - 1)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::code::Secret;

    fn key() -> IdKey {
        Secret::new(&[3; 32]).unwrap().id_key()
    }

    #[test]
    fn a_range_has_the_ids_of_its_codes() {
        for range in [0..0, 7..8, 0..64, 5..70, 1_000..1_129, u64::MAX - 66..u64::MAX] {
            let one_by_one: Vec<Uuid> = range.clone().map(|index| key().encode(9, index)).collect();
            assert_eq!(key().encode_range(9, range), one_by_one);
        }
    }

    proptest! {
        #[test]
        fn an_id_leads_back_to_pool_and_index(number: u64, index: u64) {
            let key = key();
            let id = key.encode(number, index);
            prop_assert_eq!(id.get_version_num(), 8);
            prop_assert_eq!(id.get_variant(), Variant::RFC4122);
            prop_assert_eq!(key.decode(id), Some((pool_number(number), index)));
            prop_assert_eq!(key.encode(pool_number(number), index), id);
        }

        #[test]
        fn every_uuid_of_version_8_is_the_id_of_one_code(bytes: [u8; 16]) {
            let key = key();
            let id = Uuid::new_v8(bytes);
            let (number, index) = key.decode(id).unwrap();
            prop_assert_eq!(key.encode(number, index), id);
        }
    }

    #[test]
    fn other_uuids_are_no_ids() {
        assert_eq!(key().decode(Uuid::nil()), None);
        assert_eq!(key().decode(Uuid::max()), None);
        let id = key().encode(1, 1).as_u128();
        assert_eq!(key().decode(Uuid::from_u128(id ^ 1 << 76)), None);
        assert_eq!(key().decode(Uuid::from_u128(id ^ 1 << 63)), None);
    }

    #[test]
    fn the_edges_of_both_numbers_survive() {
        let last = (1 << POOL_NUMBER_BITS) - 1;
        for number in [0, 1, last] {
            for index in [0, 1, u64::MAX] {
                assert_eq!(key().decode(key().encode(number, index)), Some((number, index)));
            }
        }
    }
}
