//! Sign-in of people at the deployment's issuer: the authorization code flow of OpenID Connect Core 1.0 (section 3.1)
//! with PKCE (RFC 7636, method S256), as a public client.
//!
//! The issuer's addresses are fetched at most once in ten minutes, and after a failure at most once in five seconds:
//! anyone may begin a sign-in.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::{IdentityError, Issuer, issuer::Discovery, sessions::random_secret};
use crate::config::{Oidc, is_safe};

/// How long the addresses of the issuer are used.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Minimum time from a failed fetch to the next one.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Maximum time of an exchange with the issuer.
const MAX_EXCHANGE: Duration = Duration::from_secs(6);

/// Maximum length of a code (bytes). RFC 6749 leaves it open; those of known issuers have some hundred.
const MAX_CODE: usize = 4_096;

/// The characters of a query that stand for themselves (RFC 3986, section 2.3).
const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A sign-in that began. The browser keeps it, in a cookie that no script and no other site can read, until the issuer
/// sends it back.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    /// Comes back with the code, so that a code of someone else's sign-in is refused (RFC 6749, section 10.12).
    pub state: String,
    /// Is in the ID token, so that one of another sign-in is refused.
    nonce: String,
    /// Its SHA-256 goes to the issuer first, itself with the code (RFC 7636, section 4).
    verifier: String,
}

impl Login {
    /// A sign-in with new secrets.
    #[must_use]
    pub fn begin() -> Self {
        Self { state: random_secret(), nonce: random_secret(), verifier: random_secret() }
    }
}

/// The sign-in at one issuer, as one client.
pub struct CodeFlow {
    issuer: Issuer,
    client_id: String,
    /// The last fetch of the discovery document.
    discovery: Mutex<Option<(Instant, Option<Discovery>)>>,
}

impl CodeFlow {
    /// `None` if the deployment is no client of the issuer.
    pub(super) fn new(issuer: Issuer, settings: &Oidc) -> Option<Self> {
        let client_id = settings.client_id.clone()?;
        Some(Self { issuer, client_id, discovery: Mutex::default() })
    }

    /// The address at which a person signs in. The issuer sends them back to `redirect_uri`.
    ///
    /// # Errors
    /// [`IdentityError::IssuerUnavailable`] when the issuer's addresses cannot be fetched or used.
    pub async fn address(&self, login: &Login, redirect_uri: &str) -> Result<String, IdentityError> {
        let endpoint = self.endpoint(|discovery| discovery.authorization_endpoint).await?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(login.verifier.as_bytes()));
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", redirect_uri),
            ("scope", "openid"),
            ("state", &login.state),
            ("nonce", &login.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let separator = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{endpoint}{separator}{query}"))
    }

    /// The `sub` of the person who signed in, for the code that the issuer sent back.
    ///
    /// # Errors
    /// [`IdentityError::InvalidToken`] for a code that the issuer does not accept or an ID token of another sign-in;
    /// [`IdentityError::IssuerUnavailable`] when the issuer does not answer.
    pub async fn subject(&self, login: &Login, code: &str, redirect_uri: &str) -> Result<String, IdentityError> {
        #[derive(Deserialize)]
        struct Tokens {
            id_token: String,
        }
        if code.is_empty() || code.len() > MAX_CODE {
            return Err(IdentityError::InvalidToken);
        }
        let endpoint = self.endpoint(|discovery| discovery.token_endpoint).await?;
        let form = form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("client_id", &self.client_id),
            ("code_verifier", &login.verifier),
        ]);
        let exchange = tokio::time::timeout(MAX_EXCHANGE, self.issuer.client().post_form(&endpoint, form));
        let answer = match exchange.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(error, "a code of the issuer could not be exchanged");
                return Err(IdentityError::InvalidToken);
            }
            Err(_) => return Err(IdentityError::IssuerUnavailable(endpoint)),
        };
        let tokens: Tokens = serde_json::from_slice(&answer).map_err(|_| IdentityError::InvalidToken)?;
        self.issuer.subject_of_sign_in(&tokens.id_token, &self.client_id, &login.nonce).await
    }

    async fn endpoint(&self, named: impl Fn(Discovery) -> Option<String>) -> Result<String, IdentityError> {
        let unusable = || IdentityError::IssuerUnavailable("its discovery document names no address to use".to_owned());
        let discovery = self.discovery().await?;
        named(discovery).filter(|address| is_safe(address)).ok_or_else(unusable)
    }

    /// The discovery document. Requests that come while it is fetched wait for it.
    async fn discovery(&self) -> Result<Discovery, IdentityError> {
        let mut last = self.discovery.lock().await;
        let is_fresh = |(at, found): &&(Instant, Option<Discovery>)| {
            at.elapsed() < if found.is_some() { LIFETIME } else { RETRY_INTERVAL }
        };
        let found = match last.as_ref().filter(is_fresh) {
            Some((_, found)) => found.clone(),
            None => {
                let fetched = tokio::time::timeout(MAX_EXCHANGE, self.issuer.discovery()).await;
                let fetched = fetched.unwrap_or_else(|_| Err("it does not answer in time".to_owned()));
                let found = fetched.map_err(|error| tracing::warn!(error, "the issuer cannot be asked")).ok();
                *last = Some((Instant::now(), found.clone()));
                found
            }
        };
        found.ok_or_else(|| IdentityError::IssuerUnavailable("its discovery document is missing".to_owned()))
    }
}

/// Pairs as a query or a form.
fn form(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, &PLAIN));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_in_has_secrets_of_its_own() {
        let (one, other) = (Login::begin(), Login::begin());
        let secrets = [&one.state, &one.nonce, &one.verifier, &other.state, &other.nonce, &other.verifier];
        let distinct: std::collections::BTreeSet<_> = secrets.iter().collect();
        assert_eq!(distinct.len(), 6);
        // RFC 7636, section 4.1: 43 to 128 characters.
        assert!(secrets.iter().all(|secret| secret.len() == 43));
    }

    #[test]
    fn the_values_of_a_form_are_encoded() {
        assert_eq!(form(&[("a", "x&y=z+ ü"), ("b", "~-._")]), "a=x%26y%3Dz%2B%20%C3%BC&b=~-._");
    }
}
