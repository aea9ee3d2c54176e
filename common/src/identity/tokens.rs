//! A cache of the users of static tokens.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::directory::User;

/// Maximum number of cached tokens. When it is reached, the cache is emptied.
const MAX_TOKENS: usize = 10_000;

/// The last known user of each token hash. An entry is only a guess: it allows reading the token and the user together,
/// and rows before it is known whether the guess is right. The token and the user are read for every request, so a
/// revoked token is refused from the next request on.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Arc<User>>>);

impl Tokens {
    /// The last known user of the token.
    pub(super) fn guess(&self, hash: &str) -> Option<Arc<User>> {
        self.0.lock().ok()?.get(hash).cloned()
    }

    /// Forgets a token that no user has any more, so that nothing is read ahead for it.
    pub(super) fn forget(&self, hash: &str) {
        if let Ok(mut known) = self.0.lock() {
            known.remove(hash);
        }
    }

    /// Remembers the user of a token.
    pub(super) fn learn(&self, hash: &str, user: &User) {
        if let Ok(mut known) = self.0.lock() {
            if known.get(hash).is_some_and(|known| **known == *user) {
                return;
            }
            if known.len() >= MAX_TOKENS {
                known.clear();
            }
            known.insert(hash.to_owned(), Arc::new(user.clone()));
        }
    }
}
