//! A cache of the users of static tokens.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::directory::User;

/// Maximum number of cached tokens. When it is reached, the cache is emptied.
const MAX_TOKENS: usize = 10_000;

/// Maximum length of the texts of a user that is kept whole, in bytes. Of others, only the id is kept.
const MAX_USER: usize = 4_096;

/// What is known of a token.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The id of its user.
    pub(super) id: String,
    /// The user, if it is not large.
    pub(super) user: Option<Arc<User>>,
}

impl Known {
    fn of(user: &User) -> Self {
        let texts = [&user.first_name, &user.last_name, &user.email, &user.external_identifier].into_iter().flatten();
        let own = user.organisations.limit().into_iter().flatten();
        let length: usize = texts.chain(own).map(String::len).sum();
        Self { id: user.id.clone(), user: (length <= MAX_USER).then(|| Arc::new(user.clone())) }
    }

    fn is_of(&self, user: &User) -> bool {
        self.id == user.id && self.user.as_ref().is_none_or(|known| **known == *user)
    }
}

/// The last known user of each token hash. An entry is only a guess: it allows reading the token and the user together,
/// and rows before it is known whether the guess is right. The token and the user are read for every request, so a
/// revoked token is refused from the next request on.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Known>>);

impl Tokens {
    /// The last known user of the token.
    pub(super) fn guess(&self, hash: &str) -> Option<Known> {
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
            if known.get(hash).is_some_and(|known| known.is_of(user)) {
                return;
            }
            if known.len() >= MAX_TOKENS {
                known.clear();
            }
            known.insert(hash.to_owned(), Known::of(user));
        }
    }
}
