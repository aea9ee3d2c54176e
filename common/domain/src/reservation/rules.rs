//! The settings of a deployment on which validation depends.

use crate::code::SerialDefaults;

/// The settings of a deployment on which validation depends.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Maximum `quantity`.
    pub max_quantity: u32,
    /// Whether a `product` with an incorrect check digit is refused.
    pub strict_check_digits: bool,
    /// Defaults for length and character set of serials.
    pub serials: SerialDefaults,
}

impl Default for Rules {
    fn default() -> Self {
        Self { max_quantity: 100_000_000, strict_check_digits: false, serials: SerialDefaults::default() }
    }
}
