//! Cycle walking: a permutation of the numbers below a limit that is no power of a radix.
//!
//! Apply the permutation of a larger domain again and again until the number falls below the limit (Black and
//! Rogaway, "Ciphers with arbitrary finite domains", 2002, method 3). Each number lies on a cycle that returns to
//! itself, so this ends, and walking backward undoes it exactly.

use super::{Ff1, Ff1Error, LANES, lanes_for};

/// A permutation of 0 … limit − 1.
#[derive(Clone, Debug)]
pub struct Walk {
    ff1: Ff1,
    limit: u128,
}

impl Walk {
    /// Restricts a permutation to the numbers below `limit`. One call takes domain ÷ limit steps on average.
    ///
    /// # Errors
    /// [`Ff1Error::DomainTooLarge`] if the limit exceeds the domain, [`Ff1Error::DomainTooSmall`] if it is below
    /// 1,000,000 or below a tenth of the domain, where walks would get long.
    pub fn new(ff1: Ff1, limit: u128) -> Result<Self, Ff1Error> {
        if limit > ff1.domain() {
            Err(Ff1Error::DomainTooLarge)
        } else if limit < super::MIN_DOMAIN.max(ff1.domain() / 10) {
            Err(Ff1Error::DomainTooSmall)
        } else {
            Ok(Self { ff1, limit })
        }
    }

    /// The image of a number; `None` at the limit and above.
    #[must_use]
    pub fn encrypt(&self, number: u128) -> Option<u128> {
        self.walk(number, |number| self.ff1.encrypt(number))
    }

    /// The number whose image this is; `None` at the limit and above.
    #[must_use]
    pub fn decrypt(&self, image: u128) -> Option<u128> {
        self.walk(image, |image| self.ff1.decrypt(image))
    }

    fn walk(&self, number: u128, step: impl Fn(u128) -> Option<u128>) -> Option<u128> {
        if number >= self.limit {
            return None;
        }
        let mut here = step(number)?;
        while here >= self.limit {
            here = step(here)?;
        }
        Some(here)
    }

    /// Writes the images of `start`, `start + 1`, … until `images` is full. `None`, and nothing is written, if
    /// the range passes the limit.
    ///
    /// A lane whose number is still too great stays for the next step, and the others take new numbers, so that
    /// all 64 lanes are busy until the range ends.
    pub fn encrypt_range(&self, start: u128, images: &mut [u128]) -> Option<()> {
        let end = start.checked_add(u128::try_from(images.len()).ok()?)?;
        if end > self.limit {
            return None;
        }
        let (mut left, mut right, mut place) = ([0_u64; LANES], [0_u64; LANES], [0_usize; LANES]);
        let (mut busy, mut next) = (0, 0);
        while busy > 0 || next < images.len() {
            while busy < LANES && next < images.len() {
                let number = start.checked_add(u128::try_from(next).ok()?)?;
                (left[busy], right[busy]) = self.ff1.split(number)?;
                place[busy] = next;
                busy += 1;
                next += 1;
            }
            let run = lanes_for(busy);
            self.ff1.forward(&mut left[..run], &mut right[..run]);
            let mut staying = 0;
            for lane in 0..busy {
                let number = self.ff1.join(left[lane], right[lane]);
                if number < self.limit {
                    if let Some(image) = images.get_mut(place[lane]) {
                        *image = number;
                    }
                } else {
                    (left[staying], right[staying]) = (left[lane], right[lane]);
                    place[staying] = place[lane];
                    staying += 1;
                }
            }
            busy = staying;
        }
        Some(())
    }
}
