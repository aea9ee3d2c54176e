//! Verifies JSON Web Tokens of the deployment's OpenID Connect issuer.
//!
//! RS256 and ES256 (RFC 7518), `iss`, `aud`, `exp` and `nbf` are checked. The issuer's keys are found through its discovery
//! document (OpenID Connect Discovery 1.0, section 4) and cached. An unknown key id causes a fetch, at most once a minute,
//! so that tokens with invented key ids cause no load at the issuer.
//!
//! One fetch runs at a time, in a task of its own: a request that is cancelled does not cancel the fetch that others wait
//! for, and no lock is held meanwhile.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use super::{IdentityError, https_client::HttpsClient, signatures};
use crate::config::{Oidc, is_safe};

/// Age at which keys are fetched again.
const KEYS_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Maximum age of keys that are used while the issuer cannot be reached. The issuer may have revoked older ones.
const MAX_KEYS_AGE: Duration = Duration::from_secs(60 * 60);

/// Minimum time from a successful fetch to the next one, for tokens with unknown key ids.
const MIN_INTERVAL: Duration = Duration::from_secs(60);

/// Minimum time from a failed fetch to the next one.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Maximum time of a fetch: the discovery document and the keys.
const MAX_FETCH: Duration = Duration::from_secs(6);

/// Maximum difference between the clocks of the issuer and this service (seconds).
const LEEWAY: u64 = 30;

/// The claims that are read.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Seconds since 1970; RFC 7519, section 2, allows fractions.
    exp: f64,
    /// Of an ID token: the value that the sign-in sent (OpenID Connect Core 1.0, section 2).
    #[serde(default)]
    nonce: Value,
    /// Of an ID token: the client for which it was issued.
    #[serde(default)]
    azp: Value,
}

/// What is read of the discovery document (OpenID Connect Discovery 1.0, section 3).
#[derive(Clone, Deserialize)]
pub(super) struct Discovery {
    issuer: String,
    jwks_uri: String,
    /// Where people sign in.
    pub(super) authorization_endpoint: Option<String>,
    /// Where a code is exchanged for tokens.
    pub(super) token_endpoint: Option<String>,
}

/// The cached keys, and the fetches so far.
#[derive(Default)]
struct Keys {
    set: Option<(JwkSet, Instant)>,
    /// The end of the last fetch that ended, and whether it succeeded.
    last: Option<(Instant, bool)>,
    /// The running fetch. The sender is dropped when it ends, also by a panic.
    running: Option<watch::Receiver<()>>,
}

/// Verifies the tokens of one issuer.
#[derive(Clone)]
pub struct Issuer(Arc<Source>);

/// The issuer and its cached keys. A fetch shares them with the requests.
struct Source {
    settings: Oidc,
    client: HttpsClient,
    keys: Mutex<Keys>,
}

impl Issuer {
    /// An issuer. Its keys are fetched when the first token arrives.
    #[must_use]
    pub fn new(settings: Oidc) -> Self {
        signatures::install();
        Self(Arc::new(Source { settings, client: HttpsClient::default(), keys: Mutex::default() }))
    }

    /// Whether a token has the form of a JWT: three parts, the first of them a header (RFC 7515, section 7.1).
    #[must_use]
    pub fn is_jwt(token: &str) -> bool {
        token.bytes().filter(|byte| *byte == b'.').count() == 2 && decode_header(token).is_ok()
    }

    /// The `sub` of a token that the issuer signed for this audience and that has not expired.
    ///
    /// # Errors
    /// [`IdentityError::InvalidToken`] for any other token; [`IdentityError::IssuerUnavailable`] when the issuer's keys
    /// cannot be fetched.
    pub async fn subject(&self, token: &str) -> Result<String, IdentityError> {
        Ok(self.claims(token, &self.0.settings.audience).await?.sub)
    }

    /// The same with the end of the token (seconds since 1970).
    ///
    /// # Errors
    /// As [`Issuer::subject`].
    pub(super) async fn subject_until(&self, token: &str) -> Result<(String, i64), IdentityError> {
        let claims = self.claims(token, &self.0.settings.audience).await?;
        #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
        Ok((claims.sub, claims.exp as i64))
    }

    /// The `sub` of an ID token that the issuer signed for this client and this sign-in (OpenID Connect Core 1.0, section
    /// 3.1.3.7).
    ///
    /// # Errors
    /// As [`Issuer::subject`].
    pub(super) async fn subject_of_sign_in(
        &self,
        id_token: &str,
        client: &str,
        nonce: &str,
    ) -> Result<String, IdentityError> {
        let claims = self.claims(id_token, client).await?;
        let is_for_client = claims.azp.is_null() || claims.azp == client;
        let is_answer = claims.nonce == nonce;
        if is_for_client && is_answer { Ok(claims.sub) } else { Err(IdentityError::InvalidToken) }
    }

    /// The discovery document.
    ///
    /// # Errors
    /// Why it cannot be used, for the log.
    pub(super) async fn discovery(&self) -> Result<Discovery, String> {
        self.0.discovery().await
    }

    /// The HTTPS client for the issuer.
    pub(super) fn client(&self) -> &HttpsClient {
        &self.0.client
    }

    async fn claims(&self, token: &str, audience: &str) -> Result<Claims, IdentityError> {
        let header = decode_header(token).map_err(|_| IdentityError::InvalidToken)?;
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256) {
            return Err(IdentityError::InvalidToken);
        }
        let key = self.key(header.kid.as_deref()).await?.ok_or(IdentityError::InvalidToken)?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.0.settings.issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        let claims = decode::<Claims>(token, &key, &validation).map_err(|_| IdentityError::InvalidToken)?;
        Ok(claims.claims)
    }

    /// The key of this id; without an id, the issuer's only key.
    async fn key(&self, kid: Option<&str>) -> Result<Option<DecodingKey>, IdentityError> {
        if let Some(mut fetch) = self.0.fetch_for(kid) {
            // The error says that the fetch ended and dropped its sender. Nothing is ever sent.
            _ = fetch.changed().await;
        }
        let keys = self.0.keys();
        match &keys.set {
            Some((set, fetched)) if fetched.elapsed() <= MAX_KEYS_AGE => Ok(find(set, kid)),
            _ => Err(IdentityError::IssuerUnavailable(self.0.settings.issuer.clone())),
        }
    }
}

impl Source {
    fn keys(&self) -> MutexGuard<'_, Keys> {
        // A panic between two assignments cannot leave a wrong key.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fetch to wait for, started if none is running; `None` if the cache has the key, or a fetch was tried just now.
    fn fetch_for(self: &Arc<Self>, kid: Option<&str>) -> Option<watch::Receiver<()>> {
        let mut keys = self.keys();
        let fresh = keys.set.as_ref().filter(|(_, fetched)| fetched.elapsed() <= KEYS_LIFETIME);
        if fresh.is_some_and(|(set, _)| find(set, kid).is_some()) {
            return None;
        }
        if let Some(running) = keys.running.as_ref().filter(|running| running.has_changed().is_ok()) {
            return Some(running.clone());
        }
        let interval = |succeeded| if succeeded { MIN_INTERVAL } else { RETRY_INTERVAL };
        if keys.last.is_some_and(|(at, succeeded)| at.elapsed() < interval(succeeded)) {
            return None;
        }
        let (ends, running) = watch::channel(());
        keys.running = Some(running.clone());
        let source = Arc::clone(self);
        tokio::spawn(async move {
            let fetched = tokio::time::timeout(MAX_FETCH, source.fetch()).await;
            let fetched = fetched.unwrap_or_else(|_| Err("it does not answer in time".to_owned()));
            let mut keys = source.keys();
            keys.last = Some((Instant::now(), fetched.is_ok()));
            match fetched {
                Ok(set) => keys.set = Some((set, Instant::now())),
                // For a while, tokens that are signed with a cached key still work.
                Err(error) => tracing::warn!(error, "the keys of the issuer cannot be fetched"),
            }
            // After the result: a request that sees the end finds it.
            drop(ends);
        });
        Some(running)
    }

    async fn fetch(&self) -> Result<JwkSet, String> {
        let discovery = self.discovery().await?;
        serde_json::from_slice(&self.client.get(&discovery.jwks_uri).await?).map_err(|error| error.to_string())
    }

    async fn discovery(&self) -> Result<Discovery, String> {
        let base = self.settings.issuer.trim_end_matches('/');
        let document = self.client.get(&format!("{base}/.well-known/openid-configuration")).await?;
        let discovery: Discovery = serde_json::from_slice(&document).map_err(|error| error.to_string())?;
        if discovery.issuer.trim_end_matches('/') != base {
            return Err("the discovery document is another issuer's".to_owned());
        }
        if !is_safe(&discovery.jwks_uri) {
            return Err("the keys lie at an address that is not https".to_owned());
        }
        Ok(discovery)
    }
}

fn find(set: &JwkSet, kid: Option<&str>) -> Option<DecodingKey> {
    let jwk = match (kid, set.keys.as_slice()) {
        (Some(kid), _) => set.find(kid)?,
        (None, [only]) => only,
        (None, _) => return None,
    };
    DecodingKey::from_jwk(jwk).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::Semaphore,
    };

    use super::*;

    /// The public key of RFC 7515, appendix A.3.
    const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","kid":"k1",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

    #[derive(Clone, Copy, PartialEq)]
    enum Mode {
        Works,
        Fails,
        /// The keys are followed by spaces without end.
        Endless,
    }

    /// A simulated issuer. It answers as many requests as `permits` allows.
    struct Server {
        mode: Mutex<Mode>,
        permits: Semaphore,
        asked: AtomicUsize,
        address: String,
    }

    impl Server {
        async fn start() -> (Arc<Self>, Issuer) {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let server = Arc::new(Self {
                mode: Mutex::new(Mode::Works),
                permits: Semaphore::new(1_000),
                asked: AtomicUsize::new(0),
                address: address.clone(),
            });
            let serving = Arc::clone(&server);
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let server = Arc::clone(&serving);
                    tokio::spawn(async move {
                        let mut request = vec![0; 4_096];
                        let length = stream.read(&mut request).await.unwrap();
                        server.permits.acquire().await.unwrap().forget();
                        let mode = *server.mode.lock().unwrap();
                        let is_discovery = String::from_utf8_lossy(&request[..length]).starts_with("GET /.well-known");
                        let (status, body) = match (mode, is_discovery) {
                            (Mode::Fails, _) => ("503 Unavailable", String::new()),
                            (_, true) => ("200 OK", server.discovery()),
                            (_, false) => ("200 OK", KEYS.to_owned()),
                        };
                        if is_discovery {
                            server.asked.fetch_add(1, Ordering::SeqCst);
                        }
                        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n{body}");
                        stream.write_all(head.as_bytes()).await.unwrap();
                        // The client closes the connection when it has read enough, which ends the loop.
                        while mode == Mode::Endless && !is_discovery && stream.write_all(&[b' '; 4_096]).await.is_ok() {
                        }
                    });
                }
            });
            (server, Issuer::new(Oidc { issuer: address, audience: "codes".to_owned(), client_id: None }))
        }

        fn discovery(&self) -> String {
            format!(r#"{{"issuer":"{0}","jwks_uri":"{0}/keys"}}"#, self.address)
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    /// Makes the last fetch, and the keys, older.
    fn age(issuer: &Issuer, by: Duration) {
        let mut keys = issuer.0.keys();
        if let Some((_, fetched)) = &mut keys.set {
            *fetched -= by;
        }
        if let Some((at, _)) = &mut keys.last {
            *at -= by;
        }
    }

    async fn is_found(issuer: &Issuer, kid: &str) -> Result<bool, IdentityError> {
        issuer.key(Some(kid)).await.map(|key| key.is_some())
    }

    #[tokio::test]
    async fn a_request_that_is_cancelled_leaves_its_fetch_to_the_others() {
        let (server, issuer) = Server::start().await;
        // Nothing is answered yet.
        server.permits.forget_permits(1_000);
        let cancelled = tokio::time::timeout(Duration::from_millis(20), is_found(&issuer, "k1")).await;
        assert!(cancelled.is_err());
        let both = async { tokio::join!(is_found(&issuer, "k1"), is_found(&issuer, "k2")) };
        let release = async { server.permits.add_permits(1_000) };
        let ((known, unknown), ()) = tokio::join!(both, release);
        assert!(known.unwrap() && !unknown.unwrap());
        assert_eq!(server.asked(), 1);
    }

    #[tokio::test]
    async fn unknown_keys_are_fetched_once_a_minute_and_failures_are_repeated_after_seconds() {
        let (server, issuer) = Server::start().await;
        *server.mode.lock().unwrap() = Mode::Fails;
        for _ in 0..3 {
            assert!(is_found(&issuer, "k1").await.is_err());
        }
        assert_eq!(server.asked(), 1);
        *server.mode.lock().unwrap() = Mode::Works;
        age(&issuer, RETRY_INTERVAL);
        assert!(is_found(&issuer, "k1").await.unwrap());
        for _ in 0..3 {
            assert!(!is_found(&issuer, "invented").await.unwrap());
        }
        age(&issuer, RETRY_INTERVAL);
        assert!(!is_found(&issuer, "invented").await.unwrap());
        assert_eq!(server.asked(), 2);
        age(&issuer, MIN_INTERVAL);
        assert!(!is_found(&issuer, "invented").await.unwrap());
        assert_eq!(server.asked(), 3);
    }

    #[tokio::test]
    async fn old_keys_are_used_for_a_while_when_the_issuer_is_away_and_not_longer() {
        let (server, issuer) = Server::start().await;
        assert!(is_found(&issuer, "k1").await.unwrap());
        *server.mode.lock().unwrap() = Mode::Fails;
        age(&issuer, KEYS_LIFETIME + Duration::from_secs(1));
        assert!(is_found(&issuer, "k1").await.unwrap());
        assert_eq!(server.asked(), 2, "keys of this age are fetched again");
        age(&issuer, MAX_KEYS_AGE - KEYS_LIFETIME);
        assert!(matches!(is_found(&issuer, "k1").await, Err(IdentityError::IssuerUnavailable(_))));
        *server.mode.lock().unwrap() = Mode::Works;
        age(&issuer, RETRY_INTERVAL);
        assert!(is_found(&issuer, "k1").await.unwrap());
    }

    #[tokio::test]
    async fn an_answer_without_end_is_given_up() {
        let (server, issuer) = Server::start().await;
        *server.mode.lock().unwrap() = Mode::Endless;
        let error = issuer.0.fetch().await.unwrap_err();
        assert!(error.contains("more than 1048576 bytes"), "{error}");
    }

    #[test]
    fn a_static_token_is_no_jwt() {
        for token in ["local-token", "a.b.c", "", "..", "one.two", "0123456789abcdef.0123.456"] {
            assert!(!Issuer::is_jwt(token), "{token}");
        }
        assert!(Issuer::is_jwt("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ4In0.c2ln"));
    }
}
