//! Verifies JSON Web Tokens of the deployment's OpenID Connect issuer, if one is configured.
//!
//! Accepts RS256 and ES256 (RFC 7518) and checks `iss`, `aud`, `exp` and `nbf`. The issuer's keys are found through its
//! discovery document (OpenID Connect Discovery 1.0, section 4) and cached. For an unknown key id the keys are fetched
//! again, at most once a minute, so that tokens with invented key ids cause no load on the issuer.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use aws_smithy_http_client::{Connector, proxy::ProxyConfig};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings},
    orchestrator::HttpRequest,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{IdentityError, signatures};
use crate::{
    config::{Oidc, is_safe},
    https::TLS,
};

/// How long keys are used before they are fetched again.
const KEYS_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Minimum time between two fetches, whatever tokens arrive.
const MIN_INTERVAL: Duration = Duration::from_secs(60);

/// Maximum difference between the clocks of the issuer and this service (seconds).
const LEEWAY: u64 = 30;

/// Maximum size of a document of the issuer (bytes).
const MAX_DOCUMENT: usize = 1 << 20;

/// The claims that are read.
#[derive(Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Default)]
struct Keys {
    set: Option<(JwkSet, Instant)>,
    tried: Option<Instant>,
}

/// Checks the tokens of one issuer.
pub struct Issuer {
    settings: Oidc,
    connector: OnceLock<Connector>,
    keys: Mutex<Keys>,
}

impl Issuer {
    /// An issuer. Its keys are fetched when the first token arrives.
    #[must_use]
    pub fn new(settings: Oidc) -> Self {
        signatures::install();
        Self { settings, connector: OnceLock::new(), keys: Mutex::default() }
    }

    /// The HTTPS client, built when the first keys are fetched: building one reads the root certificates.
    fn connector(&self) -> &Connector {
        self.connector.get_or_init(|| {
            let limits = HttpConnectorSettings::builder()
                .connect_timeout(Duration::from_secs(1))
                .read_timeout(Duration::from_secs(3))
                .build();
            Connector::builder()
                .tls_provider(TLS)
                .proxy_config(ProxyConfig::from_env())
                .connector_settings(limits)
                .build()
        })
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
        let header = decode_header(token).map_err(|_| IdentityError::InvalidToken)?;
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256) {
            return Err(IdentityError::InvalidToken);
        }
        let key = self.key(header.kid.as_deref()).await?.ok_or(IdentityError::InvalidToken)?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        let claims = decode::<Claims>(token, &key, &validation).map_err(|_| IdentityError::InvalidToken)?;
        Ok(claims.claims.sub)
    }

    /// The key of this id; without an id, the issuer's only key.
    async fn key(&self, kid: Option<&str>) -> Result<Option<DecodingKey>, IdentityError> {
        let mut keys = self.keys.lock().await;
        let found = keys.set.as_ref().and_then(|(set, _)| find(set, kid));
        let old = keys.set.as_ref().is_none_or(|(_, fetched)| fetched.elapsed() > KEYS_LIFETIME);
        let may_ask = keys.tried.is_none_or(|tried| tried.elapsed() > MIN_INTERVAL);
        if may_ask && (old || found.is_none()) {
            keys.tried = Some(Instant::now());
            match self.fetch().await {
                Ok(set) => {
                    let found = find(&set, kid);
                    keys.set = Some((set, Instant::now()));
                    return Ok(found);
                }
                // While the issuer is unavailable, tokens signed with a cached key still work.
                Err(error) => tracing::warn!(error, "the keys of the issuer cannot be fetched"),
            }
        }
        match &keys.set {
            Some(_) => Ok(found),
            None => Err(IdentityError::IssuerUnavailable(self.settings.issuer.clone())),
        }
    }

    async fn fetch(&self) -> Result<JwkSet, String> {
        let base = self.settings.issuer.trim_end_matches('/');
        let document = self.get(&format!("{base}/.well-known/openid-configuration")).await?;
        let discovery: Discovery = serde_json::from_slice(&document).map_err(|error| error.to_string())?;
        if discovery.issuer.trim_end_matches('/') != base {
            return Err("the discovery document is another issuer's".to_owned());
        }
        if !is_safe(&discovery.jwks_uri) {
            return Err("the keys lie at an address that is not https".to_owned());
        }
        serde_json::from_slice(&self.get(&discovery.jwks_uri).await?).map_err(|error| error.to_string())
    }

    async fn get(&self, address: &str) -> Result<Vec<u8>, String> {
        let request = HttpRequest::get(address).map_err(|error| error.to_string())?;
        let answer = self.connector().call(request).await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("{address} answers {}", answer.status().as_u16()));
        }
        let body = aws_smithy_types::byte_stream::ByteStream::new(answer.into_body());
        let bytes = tokio::time::timeout(Duration::from_secs(3), body.collect()).await;
        let bytes = bytes.map_err(|_| "the answer did not end".to_owned())?.map_err(|error| error.to_string())?;
        let bytes = bytes.into_bytes();
        if bytes.len() > MAX_DOCUMENT { Err("the answer is too long".to_owned()) } else { Ok(bytes.to_vec()) }
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
    use super::*;

    #[test]
    fn a_static_token_is_no_jwt() {
        for token in ["local-token", "a.b.c", "", "..", "one.two", "0123456789abcdef.0123.456"] {
            assert!(!Issuer::is_jwt(token), "{token}");
        }
        assert!(Issuer::is_jwt("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ4In0.c2ln"));
    }
}
