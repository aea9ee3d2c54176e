//! The limits of a deployment that validation depends on.

use crate::code::SerialDefaults;

/// The limits of a deployment that validation depends on.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The largest `quantity`.
    pub max_quantity: u32,
    /// Whether a `product` with a wrong check digit is refused.
    pub strict_check_digits: bool,
    /// What a serial looks like when the request does not say.
    pub serials: SerialDefaults,
}

impl Default for Rules {
    fn default() -> Self {
        Self { max_quantity: 100_000_000, strict_check_digits: false, serials: SerialDefaults::default() }
    }
}
