//! Random text for keys, secrets and names.

use rand::RngExt;

/// Random letters and digits.
pub(crate) fn random_text(length: usize) -> String {
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(length).map(char::from).collect()
}
