//! Keys: the deployment has one secret, and the key of every pool and the key of the ids are derived from it with HKDF and
//! SHA-256 (RFC 5869).
//!
//! The tables hold neither the secret nor a derived key, so reading the tables is not enough to predict codes. They hold a
//! check value of each pool key, which does not reveal the key.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

use super::error::CodeError;
use super::ff1::Ff1;
use super::id::IdKey;
use super::namespace::Namespace;

/// Minimum number of bytes of a secret.
pub const MIN_SECRET_BYTES: usize = 32;

/// The salt of the extraction. Changing any of these texts would change every key and so issue duplicate codes; therefore they
/// contain a version.
const SALT: &[u8] = b"code-reservation/v1";
const POOL: &[u8] = b"code-reservation/v1/pool/";
const ID: &[u8] = b"code-reservation/v1/id";
const CHECK: &[u8] = b"code-reservation/v1/check";
const SECRET_CHECK: &[u8] = b"code-reservation/v1/secret-check";

/// The secret of a deployment. Anyone who knows it can predict every code.
#[derive(Clone)]
pub struct Secret {
    /// The pseudorandom key that HKDF extracts from the secret.
    extracted: [u8; 32],
    id_key: IdKey,
}

impl Secret {
    /// Derives the keys from the secret's bytes. The bytes must be unpredictable, for example 64 random letters and digits or
    /// 32 random bytes.
    ///
    /// # Errors
    /// [`CodeError::SecretTooShort`] below 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, CodeError> {
        if bytes.len() < MIN_SECRET_BYTES {
            return Err(CodeError::SecretTooShort);
        }
        let extracted = Hkdf::<Sha256>::extract(Some(SALT), bytes).0.into();
        let id_key = IdKey::new(Ff1::new(&expand(&extracted, &[ID]), 2, IdKey::BITS, &[])?);
        Ok(Self { extracted, id_key })
    }

    /// The key of a namespace's permutation. Different namespaces get unrelated keys.
    #[must_use]
    pub fn pool_key(&self, namespace: &Namespace) -> PoolKey {
        PoolKey(expand(&self.extracted, &[POOL, namespace.to_string().as_bytes()]))
    }

    /// The check value of the secret itself, which the deployment stores once: 16 hexadecimal digits. It does not reveal
    /// the secret.
    #[must_use]
    pub fn check_value(&self) -> String {
        hex::encode(&expand(&self.extracted, &[SECRET_CHECK])[..8])
    }

    /// The key of the ids of codes.
    #[must_use]
    pub fn id_key(&self) -> IdKey {
        self.id_key.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The key of one pool's permutation: 32 bytes for AES-256. Never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct PoolKey([u8; 32]);

impl PoolKey {
    /// The check value that the pool's row stores: 16 hexadecimal digits, the same for the same key. It does not reveal the
    /// key. A mismatch means that the deployment has another secret, with which it would issue duplicate codes.
    #[must_use]
    pub fn check_value(&self) -> String {
        hex::encode(&expand(&self.0, &[CHECK])[..8])
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PoolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PoolKey(hidden)")
    }
}

/// HKDF-Expand to 32 bytes. Its only block is HMAC(key, info ‖ 0x01), and HKDF-Extract is the same HMAC of salt and input, so
/// this function calls `extract`: unlike the library's `expand`, which takes any length, it cannot fail.
fn expand(key: &[u8; 32], info: &[&[u8]]) -> [u8; 32] {
    let mut input = info.concat();
    input.push(1);
    Hkdf::<Sha256>::extract(Some(key), &input).0.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(text: &str) -> Namespace {
        text.parse().unwrap()
    }

    #[test]
    fn the_expansion_is_that_of_rfc_5869() {
        let secret = Secret::new(&[7; 32]).unwrap();
        let hkdf = Hkdf::<Sha256>::new(Some(SALT), &[7; 32]);
        let mut expected = [0; 32];
        hkdf.expand(b"code-reservation/v1/pool/sgtin#19361758000003#8", &mut expected).unwrap();
        assert_eq!(secret.pool_key(&namespace("sgtin#19361758000003#8")).bytes(), &expected);
    }

    #[test]
    fn keys_and_check_values_depend_on_namespace_and_secret() {
        let one = Secret::new(&[7; 32]).unwrap();
        let other = Secret::new(&[8; 32]).unwrap();
        let (eight, nine) = (namespace("sgtin#19361758000003#8"), namespace("sgtin#19361758000003#9"));
        assert_eq!(one.pool_key(&eight).check_value(), one.clone().pool_key(&eight).check_value());
        assert_ne!(one.pool_key(&eight).check_value(), one.pool_key(&nine).check_value());
        assert_ne!(one.pool_key(&eight).check_value(), other.pool_key(&eight).check_value());
        assert_eq!(one.pool_key(&eight).check_value().len(), 16);
        assert_eq!((one.check_value().len(), one.check_value()), (16, one.clone().check_value()));
        assert_ne!(one.check_value(), other.check_value());
    }

    /// Fails if one of the texts from which keys are derived changes: every issued code depends on them.
    #[test]
    fn the_derivation_never_changes() {
        let secret = Secret::new(b"0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(secret.pool_key(&namespace("sgtin#19361758000003#8")).check_value(), "8ec8baa46e23ef8d");
        assert_eq!(secret.check_value(), "9e3a9815661035c6");
    }

    #[test]
    fn a_short_secret_is_refused_and_none_is_shown() {
        assert_eq!(Secret::new(&[7; 31]).unwrap_err(), CodeError::SecretTooShort);
        let secret = Secret::new(&[7; 32]).unwrap();
        let key = secret.pool_key(&namespace("short_code#deployment#8"));
        assert_eq!(format!("{secret:?} {key:?}"), "Secret(hidden) PoolKey(hidden)");
    }
}
