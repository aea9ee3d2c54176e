//! The AES side of a round: build the blocks, encrypt them together, hand the output to the reducer.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};

use super::LANES;
use super::reduce::{Mask, Narrow, Reduce, Reducer};

/// AES under a key of 128, 192 or 256 bits. Pools use 256; NIST's vectors need all three.
///
/// Boxed, since an expanded key is 240 bytes and a permutation is moved about.
#[derive(Clone)]
pub(super) enum Cipher {
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
}

impl Cipher {
    /// `None` unless the key has 16, 24 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Aes128::new_from_slice(key)
                .ok()
                .map(Box::new)
                .map(Self::Aes128),
            24 => Aes192::new_from_slice(key)
                .ok()
                .map(Box::new)
                .map(Self::Aes192),
            32 => Aes256::new_from_slice(key)
                .ok()
                .map(Box::new)
                .map(Self::Aes256),
            _ => None,
        }
    }

    /// One block.
    pub(super) fn encrypt(&self, block: u128) -> u128 {
        let mut blocks = [Block::from(block.to_be_bytes())];
        self.encrypt_blocks(&mut blocks);
        u128::from_be_bytes(blocks[0].into())
    }

    fn encrypt_blocks(&self, blocks: &mut [Block]) {
        match self {
            Self::Aes128(aes) => aes.encrypt_blocks(blocks),
            Self::Aes192(aes) => aes.encrypt_blocks(blocks),
            Self::Aes256(aes) => aes.encrypt_blocks(blocks),
        }
    }

    /// One round on up to 64 pairs: `target[k]` becomes `target[k] ± F(source[k])` modulo the reducer's modulus,
    /// plus when `FORWARD`.
    pub(super) fn round<const FORWARD: bool>(
        &self,
        template: u128,
        reducer: &Reducer,
        source: &[u64],
        target: &mut [u64],
    ) {
        if let ([source], [target]) = (source, &mut *target) {
            // Single codes are read back one by one: spare them the 64 blocks.
            let output = self.encrypt(template ^ u128::from(*source));
            *target = reducer.combine::<FORWARD>(*target, output);
            return;
        }
        let mut blocks = [Block::default(); LANES];
        for (block, half) in blocks.iter_mut().zip(source) {
            *block = (template ^ u128::from(*half)).to_be_bytes().into();
        }
        let used = source.len().min(LANES);
        self.encrypt_blocks(&mut blocks[..used]);
        // The kind of reduction is the same for all: choose it once, outside the loop.
        match reducer {
            Reducer::NarrowMask(mask) => absorb::<Mask<false>, FORWARD>(mask, &blocks, target),
            Reducer::WideMask(mask) => absorb::<Mask<true>, FORWARD>(mask, &blocks, target),
            Reducer::Narrow(narrow) => absorb::<Narrow, FORWARD>(narrow, &blocks, target),
            Reducer::Folded(folded) => absorb::<_, FORWARD>(folded, &blocks, target),
            Reducer::Wide(wide) => absorb::<_, FORWARD>(wide, &blocks, target),
            Reducer::Full(full) => absorb::<_, FORWARD>(full, &blocks, target),
        }
    }
}

fn absorb<R: Reduce, const FORWARD: bool>(
    reducer: &R,
    blocks: &[Block; LANES],
    target: &mut [u64],
) {
    for (half, block) in target.iter_mut().zip(blocks) {
        *half = reducer.combine::<FORWARD>(*half, u128::from_be_bytes((*block).into()));
    }
}
