//! Finds the users of tokens: static tokens of the `Directory` table, and JWTs of the deployment's OpenID Connect
//! issuer.
//!
//! May use [`crate::store`] and [`crate::config`]. HTTP headers and cookies are read in [`crate::api`].
//!
//! People sign in with a token or at the issuer (`code_flow`), and then have a session (`sessions`).

mod code_flow;
mod error;
mod https_client;
mod issuer;
mod sessions;
mod signatures;
mod tokens;

pub use code_flow::{CodeFlow, Login};
pub use error::IdentityError;
pub use issuer::Issuer;
pub use sessions::{
    HashedSession, LINK_SECONDS, MAX_SESSIONS, NewSession, SESSION_SECONDS, new_sign_in_link, random_secret,
};

use crate::{
    config::Oidc,
    directory::User,
    reservation::Timestamp,
    store::{AssumedUser, ReadAhead, Store, token_hash},
};
use tokens::Tokens;
use uuid::Uuid;

/// Finds the users of tokens.
pub struct Identity {
    issuer: Option<Issuer>,
    code_flow: Option<CodeFlow>,
    tokens: Tokens,
}

impl Identity {
    /// Accepts static tokens and, with an issuer, its JWTs.
    #[must_use]
    pub fn new(oidc: Option<Oidc>) -> Self {
        let issuer = oidc.clone().map(Issuer::new);
        let code_flow = issuer.clone().zip(oidc).and_then(|(issuer, oidc)| CodeFlow::new(issuer, &oidc));
        Self { issuer, code_flow, tokens: Tokens::default() }
    }

    /// The sign-in at the issuer; `None` if the deployment has none for people (`OidcClientId`).
    #[must_use]
    pub fn code_flow(&self) -> Option<&CodeFlow> {
        self.code_flow.as_ref()
    }

    /// The user of a token, whatever their status; `None` if no user has this static token or the JWT's subject, or if
    /// the static token has ended at `now`.
    ///
    /// # Errors
    /// [`IdentityError::InvalidToken`] for a JWT that does not verify, [`IdentityError::IssuerUnavailable`] when the
    /// issuer's keys cannot be fetched, [`IdentityError::Store`] when the `Directory` table does not answer.
    pub async fn user_of(&self, store: Store<'_>, token: &str, now: Timestamp) -> Result<Option<User>, IdentityError> {
        Ok(self.user_and_row(store, token, None, now).await?.0)
    }

    /// The issuer, for a token that is a JWT; `None` for a static token.
    fn issuer_of(&self, token: &str) -> Option<&Issuer> {
        self.issuer.as_ref().filter(|_| Issuer::is_jwt(token))
    }

    /// The user that a static token had at its last request in this process, if they could sign in then.
    pub fn assume(&self, token: &str, now: Timestamp) -> Option<AssumedUser> {
        if self.issuer_of(token).is_some() {
            return None;
        }
        let hash = token_hash(token);
        let user = self.tokens.guess(&hash)?.user.filter(|user| user.may_sign_in())?;
        Some(AssumedUser::new(hash, user, now))
    }

    /// As [`Identity::user_of`], and a reservation that is read in the same call, if this process knows whose the token was
    /// before. Without it the caller reads it, once it knows that the user may.
    ///
    /// # Errors
    /// As [`Identity::user_of`].
    pub async fn user_and_row(
        &self,
        store: Store<'_>,
        token: &str,
        row: Option<Uuid>,
        now: Timestamp,
    ) -> Result<(Option<User>, Option<ReadAhead>), IdentityError> {
        if let Some(issuer) = self.issuer_of(token) {
            return Ok((store.user_of_subject(&issuer.subject(token).await?).await?, None));
        }
        let hash = token_hash(token);
        let guess = self.tokens.guess(&hash).map(|known| known.id);
        let (user, ahead) = store.user_of_token_and_row(&hash, guess.as_deref(), row, now).await?;
        match &user {
            Some(user) => self.tokens.learn(&hash, user),
            None => self.tokens.forget(&hash),
        }
        Ok((user, ahead))
    }
}
