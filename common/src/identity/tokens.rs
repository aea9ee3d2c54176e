//! A cache of which user each static token led to.

use std::{collections::HashMap, sync::Mutex};

/// The most tokens remembered; beyond it, everything is forgotten.
const MAX_TOKENS: usize = 10_000;

/// Which user each token hash led to when it was last seen. An entry is only a guess of which user to read together with
/// the token: the token is read again every time, so a revoked one ends with the next request.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<String, String>>);

impl Tokens {
    /// The user whom the token led to before.
    pub(super) fn guess(&self, hash: &str) -> Option<String> {
        self.0.lock().ok()?.get(hash).cloned()
    }

    /// Remembers the user of a token.
    pub(super) fn learn(&self, hash: &str, user: &str) {
        if let Ok(mut known) = self.0.lock() {
            if known.get(hash).is_some_and(|known| known == user) {
                return;
            }
            if known.len() >= MAX_TOKENS {
                known.clear();
            }
            known.insert(hash.to_owned(), user.to_owned());
        }
    }
}
