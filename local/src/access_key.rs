//! The access key of the embedded stores, and the verification of requests signed with it.

use axum::http::HeaderMap;
use chrono::{DateTime, NaiveDateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::random::random_text;

/// Maximum clock difference of a client, in seconds (AWS accepts five minutes).
const MAX_SKEW: i64 = 300;

/// An access key id and its secret.
#[derive(Clone)]
pub struct AccessKey {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: String,
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl AccessKey {
    /// A new key.
    #[must_use]
    pub fn random() -> Self {
        Self { id: format!("LOCAL{}", random_text(15)), secret: random_text(40) }
    }

    /// Parses the text that [`AccessKey::to_text`] produces; `None` if it has another form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (id, secret) = text.split_once(' ')?;
        let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_plain(id) && is_plain(secret)).then(|| Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// Id and secret on one line, separated by a space.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{} {}", self.id, self.secret)
    }

    /// Verifies that a `POST /` without a query was signed with this key (AWS Signature Version 4, "Create a signed AWS
    /// API request"). `header` gives the value of a header by its lower-case name.
    ///
    /// # Errors
    /// The error code that AWS answers: `MissingAuthenticationTokenException` without a signature,
    /// `IncompleteSignatureException` when a part is missing or malformed, `UnrecognizedClientException` for another
    /// key id, `RequestExpired` for a wrong time, `InvalidSignatureException` for a wrong signature.
    pub fn verify(
        &self,
        header: impl Fn(&str) -> Option<String>,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), &'static str> {
        const INCOMPLETE: &str = "IncompleteSignatureException";
        let authorization = header("authorization").ok_or("MissingAuthenticationTokenException")?;
        let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or(INCOMPLETE)?;
        let field = |name: &str| {
            let field = fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
            field.ok_or(INCOMPLETE)
        };
        let (id, scope) = field("Credential")?.split_once('/').ok_or(INCOMPLETE)?;
        if id != self.id {
            return Err("UnrecognizedClientException");
        }
        let [date, region, service, "aws4_request"] = scope.split('/').collect::<Vec<_>>()[..] else {
            return Err(INCOMPLETE);
        };
        let time = header("x-amz-date").ok_or(INCOMPLETE)?;
        let at = NaiveDateTime::parse_from_str(&time, "%Y%m%dT%H%M%SZ").map_err(|_| INCOMPLETE)?.and_utc();
        if !time.starts_with(date) || (now - at).num_seconds().abs() > MAX_SKEW {
            return Err("RequestExpired");
        }
        let signed = field("SignedHeaders")?;
        // Unsigned headers may have been changed in transit. The host, the time and the operation must be signed.
        if !["host", "x-amz-date", "x-amz-target"].iter().all(|name| signed.split(';').any(|other| other == *name)) {
            return Err(INCOMPLETE);
        }
        let mut canonical = String::from("POST\n/\n\n");
        for name in signed.split(';') {
            let value = header(name).ok_or(INCOMPLETE)?;
            let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            canonical += &format!("{name}:{value}\n");
        }
        canonical += &format!("\n{signed}\n{}", hex(&Sha256::digest(body)));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in [date, region, service, "aws4_request"] {
            key = mac(&key, part.as_bytes()).finalize().into_bytes().to_vec();
        }
        let claimed = unhex(field("Signature")?).ok_or(INCOMPLETE)?;
        // The comparison takes constant time.
        mac(&key, to_sign.as_bytes()).verify_slice(&claimed).map_err(|_| "InvalidSignatureException")
    }
}

/// The value of a header as it is signed; `None` without the header. Repeated headers are signed as one value, joined
/// by commas.
pub(crate) fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Option<Vec<_>> = headers.get_all(name).iter().map(|value| value.to_str().ok()).collect();
    values.filter(|values| !values.is_empty()).map(|values| values.join(","))
}

fn mac(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    // HMAC accepts keys of any length, so this error cannot occur. With an empty key no signature would match.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
    mac.update(text);
    mac
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
