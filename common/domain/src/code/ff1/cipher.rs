//! The AES side of a round: build the blocks, encrypt them together, hand the output to the reducer.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};

use super::LANES;
use super::reduce::{Reduce, Reducer};

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
            16 => Aes128::new_from_slice(key).ok().map(Box::new).map(Self::Aes128),
            24 => Aes192::new_from_slice(key).ok().map(Box::new).map(Self::Aes192),
            32 => Aes256::new_from_slice(key).ok().map(Box::new).map(Self::Aes256),
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
}

/// The blocks of up to 64 numbers between two rounds.
pub(super) struct Lanes {
    blocks: [Block; LANES],
    used: usize,
}

impl Lanes {
    /// The blocks of the first round: its template with the halves that enter its function.
    pub(super) fn new(template: u128, source: &[u64]) -> Self {
        let mut blocks = [Block::default(); LANES];
        for (block, half) in blocks.iter_mut().zip(source) {
            *block = (template ^ u128::from(*half)).to_be_bytes().into();
        }
        Self { blocks, used: source.len().min(LANES) }
    }

    /// One round: every half of `target` becomes itself plus the function's output (less it, backward), modulo the
    /// reducer's modulus. What was the target is what enters the next round's function, so its blocks are made in
    /// the same pass.
    pub(super) fn round<const FORWARD: bool>(
        &mut self,
        cipher: &Cipher,
        reducer: &Reducer,
        target: &mut [u64],
        next_template: u128,
    ) {
        let Some(blocks) = self.blocks.get_mut(..self.used) else {
            return;
        };
        cipher.encrypt_blocks(blocks);
        // The kind of reduction is the same for all: choose it once, outside the loop.
        match reducer {
            Reducer::NarrowMask(by) => absorb::<_, FORWARD>(by, blocks, target, next_template),
            Reducer::WideMask(by) => absorb::<_, FORWARD>(by, blocks, target, next_template),
            Reducer::Narrow(by) => absorb::<_, FORWARD>(by, blocks, target, next_template),
            Reducer::Folded(by) => absorb::<_, FORWARD>(by, blocks, target, next_template),
            Reducer::Wide(by) => absorb::<_, FORWARD>(by, blocks, target, next_template),
            Reducer::Full(by) => absorb::<_, FORWARD>(by, blocks, target, next_template),
        }
    }
}

fn absorb<R: Reduce, const FORWARD: bool>(reducer: &R, blocks: &mut [Block], target: &mut [u64], next_template: u128) {
    for (half, block) in target.iter_mut().zip(blocks) {
        *half = reducer.combine::<FORWARD>(*half, u128::from_be_bytes((*block).into()));
        *block = (next_template ^ u128::from(*half)).to_be_bytes().into();
    }
}
