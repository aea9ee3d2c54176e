//! Sessions of people: a browser keeps an opaque text in a cookie instead of a token.
//!
//! The text is `NAME.SECRET`: the name of the user's sessions, and 32 random bytes of which the SHA-256 is stored.
//! Every request reads the session, and what it depends on, from the tables (consistent). So a session ends with the
//! next request after it was signed out, its token was revoked, or its user was disabled.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use serde::{Deserialize, Serialize};

use super::{Identity, IdentityError, Issuer};
use crate::{
    directory::User,
    reservation::Timestamp,
    store::{SessionGround, Store, StoreError, UserSession, UserSessions, sessions_name, token_hash},
};

/// How long a session lasts (seconds).
pub const SESSION_SECONDS: i64 = 8 * 60 * 60;

/// How long a link that signs in once can be used (seconds).
pub const LINK_SECONDS: i64 = 10 * 60;

/// Maximum number of sessions of a user. One more ends the oldest.
pub const MAX_SESSIONS: usize = 20;

/// Maximum tries of a write of a user's sessions that conflicts with another one.
const MAX_TRIES: u32 = 10;

/// Maximum length of a session's text that is looked at (bytes).
const MAX_TEXT: usize = 200;

/// Bytes of a session's secret, from the random number generator of the operating system.
const SECRET_BYTES: usize = 32;

/// A session that began.
#[derive(Clone)]
pub struct NewSession {
    /// The text for the cookie.
    pub text: String,
    /// Its user.
    pub user: User,
}

/// A session without its secret: enough to end it, and not to use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashedSession {
    /// The name of the user's sessions.
    name: String,
    /// The SHA-256 of the secret.
    hash: String,
}

impl HashedSession {
    /// The session with this text; `None` for a text of another form.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        parts(text).map(|(name, hash)| Self { name: name.to_owned(), hash })
    }
}

/// The text is not shown.
impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSession").field("user", &self.user.id).finish_non_exhaustive()
    }
}

/// A random secret as text.
#[must_use]
pub fn random_secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; SECRET_BYTES]>())
}

/// Stores a link that signs a user in once, within ten minutes, and gives its secret.
///
/// # Errors
/// [`StoreError::Busy`] when DynamoDB does not answer.
pub async fn new_sign_in_link(store: Store<'_>, user: &str, now: Timestamp) -> Result<String, StoreError> {
    let secret = random_secret();
    store.put_sign_in_link(&token_hash(&secret), user, seconds(now) + LINK_SECONDS).await?;
    Ok(secret)
}

fn seconds(now: Timestamp) -> i64 {
    now.time().timestamp()
}

/// The name and the hash in a session's text; `None` for a text of another form.
fn parts(text: &str) -> Option<(&str, String)> {
    let (name, secret) = text.split_once('.').filter(|_| text.len() <= MAX_TEXT)?;
    (is_name(name) && !secret.is_empty()).then(|| (name, token_hash(secret)))
}

/// Whether a text can be the name of a user's sessions.
fn is_name(name: &str) -> bool {
    (1..=MAX_TEXT).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Identity {
    /// Begins a session with a token: a static one, or a JWT of the issuer. `None` for a token that no user has who may
    /// sign in.
    ///
    /// # Errors
    /// [`IdentityError::IssuerUnavailable`] when the issuer's keys cannot be fetched; [`IdentityError::Store`] when
    /// DynamoDB does not answer.
    pub async fn sign_in_with_token(
        &self,
        store: Store<'_>,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<NewSession>, IdentityError> {
        let longest = seconds(now) + SESSION_SECONDS;
        if let Some(issuer) = self.issuer.as_ref().filter(|_| Issuer::is_jwt(token)) {
            let (subject, expires_at) = match issuer.subject_until(token).await {
                Ok(claims) => claims,
                Err(IdentityError::InvalidToken) => return Ok(None),
                Err(error) => return Err(error),
            };
            // A token that was pasted is not valid any longer as a session.
            return self.sign_in_subject(store, subject, longest.min(expires_at), now).await;
        }
        let user = self.user_of(store, token, now).await?;
        self.begin(store, user, SessionGround::Token(token_hash(token)), longest, now).await
    }

    /// Begins a session of the user whose tokens of the issuer have this `sub`, until a time (seconds since 1970).
    /// `None` if no user has it who may sign in.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when DynamoDB does not answer.
    pub async fn sign_in_subject(
        &self,
        store: Store<'_>,
        subject: String,
        ends_at: i64,
        now: Timestamp,
    ) -> Result<Option<NewSession>, IdentityError> {
        let user = store.user_of_subject(&subject).await?;
        self.begin(store, user, SessionGround::Subject(subject), ends_at, now).await
    }

    /// Begins a session with a link that signs in once, and uses it up. `None` for a link that was used or has expired.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when DynamoDB does not answer.
    pub async fn sign_in_with_link(
        &self,
        store: Store<'_>,
        secret: &str,
        now: Timestamp,
    ) -> Result<Option<NewSession>, IdentityError> {
        let Some(user) = store.take_sign_in_link(&token_hash(secret), seconds(now)).await? else { return Ok(None) };
        let user = store.user(&user).await?;
        self.begin(store, user, SessionGround::Link, seconds(now) + SESSION_SECONDS, now).await
    }

    /// Whom a link would sign in, without using it up.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when DynamoDB does not answer.
    pub async fn user_of_link(
        &self,
        store: Store<'_>,
        secret: &str,
        now: Timestamp,
    ) -> Result<Option<User>, IdentityError> {
        let Some(user) = store.sign_in_link(&token_hash(secret), seconds(now)).await? else { return Ok(None) };
        Ok(store.user(&user).await?.filter(User::may_sign_in))
    }

    /// The user of a session; `None` if there is no such session, it has ended, or what it depends on has.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when DynamoDB does not answer.
    pub async fn user_of_session(
        &self,
        store: Store<'_>,
        text: &str,
        now: Timestamp,
    ) -> Result<Option<User>, IdentityError> {
        let Some((name, hash)) = parts(text) else { return Ok(None) };
        let Some(all) = store.user_sessions(name).await? else { return Ok(None) };
        let found = all.sessions.iter().find(|session| session.hash == hash && session.ends_at > seconds(now));
        let Some(session) = found else { return Ok(None) };
        let user = match &session.ground {
            SessionGround::Token(hash) => store.user_of_token(hash, Some(&all.user), now).await?,
            SessionGround::Subject(subject) => store.user_of_subject(subject).await?,
            SessionGround::Link => store.user(&all.user).await?,
        };
        Ok(user.filter(|user| user.id == all.user && user.may_sign_in()))
    }

    /// Ends a session. A text of no session changes nothing.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when DynamoDB does not answer.
    pub async fn sign_out(&self, store: Store<'_>, text: &str) -> Result<(), IdentityError> {
        match HashedSession::of(text) {
            Some(session) => self.end_session(store, &session).await,
            None => Ok(()),
        }
    }

    /// Ends a session. One that does not exist changes nothing.
    ///
    /// # Errors
    /// As [`Identity::sign_out`].
    pub async fn end_session(&self, store: Store<'_>, session: &HashedSession) -> Result<(), IdentityError> {
        let HashedSession { name, hash } = session;
        // It may come from a cookie, so its parts may be anything.
        if !is_name(name) {
            return Ok(());
        }
        for _ in 0..MAX_TRIES {
            let Some(mut all) = store.user_sessions(name).await? else { return Ok(()) };
            let before = all.sessions.len();
            all.sessions.retain(|session| session.hash != *hash);
            if all.sessions.len() == before || store.put_user_sessions(&all).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended(MAX_TRIES).into())
    }

    /// Begins a session, and ends the oldest ones beyond [`MAX_SESSIONS`]. Its text is always new, whatever the browser
    /// sent.
    async fn begin(
        &self,
        store: Store<'_>,
        user: Option<User>,
        ground: SessionGround,
        ends_at: i64,
        now: Timestamp,
    ) -> Result<Option<NewSession>, IdentityError> {
        let Some(user) = user.filter(User::may_sign_in) else { return Ok(None) };
        let (name, secret) = (sessions_name(&user.id), random_secret());
        let session = UserSession { hash: token_hash(&secret), ground, ends_at };
        for _ in 0..MAX_TRIES {
            let read = store.user_sessions(&name).await?;
            let mut all = read.unwrap_or_else(|| UserSessions::none_of(&user.id));
            all.sessions.retain(|session| session.ends_at > seconds(now));
            let spare = (all.sessions.len() + 1).saturating_sub(MAX_SESSIONS);
            all.sessions.drain(..spare);
            all.sessions.push(session.clone());
            if store.put_user_sessions(&all).await? {
                return Ok(Some(NewSession { text: format!("{name}.{secret}"), user }));
            }
        }
        Err(StoreError::Contended(MAX_TRIES).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_another_form_names_no_session() {
        let (name, hash) = parts("0a1B.secret").unwrap();
        assert_eq!((name, hash), ("0a1B", token_hash("secret")));
        for text in
            ["", ".", "a", "a.", ".b", "xyz.secret", "a b.secret", "é.secret", &format!("a.{}", "b".repeat(200))]
        {
            assert!(parts(text).is_none(), "{text}");
            assert!(HashedSession::of(text).is_none(), "{text}");
        }
    }

    #[test]
    fn secrets_are_long_and_differ() {
        assert_eq!(random_secret().len(), 43);
        assert_ne!(random_secret(), random_secret());
    }
}
