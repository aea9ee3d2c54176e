//! Verifies the signatures of JWTs with `ring`, which the process uses for TLS anyway.
//!
//! `jsonwebtoken` offers two other cryptographic libraries, and each would be compiled for this purpose only. It also
//! accepts a `CryptoProvider` of its user. The one in this module supports the two accepted algorithms and cannot sign.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use signature::{Error, Verifier};

/// `key_utils` serve to create key sets, which this service does not do.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Registers the provider for `jsonwebtoken` in this process. A second call has no effect.
pub(super) fn install() {
    // An error contains the provider that was registered before, which is this one.
    _ = PROVIDER.install_default();
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    match (algorithm, key.family()) {
        (Algorithm::RS256, AlgorithmFamily::Rsa) => Ok(Box::new(Rs256(key.clone()))),
        (Algorithm::ES256, AlgorithmFamily::Ec) => Ok(Box::new(Es256(key.clone()))),
        (Algorithm::RS256 | Algorithm::ES256, _) => Err(ErrorKind::InvalidKeyFormat.into()),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3), keys of 2,048 to 8,192 bits.
struct Rs256(DecodingKey);

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let verified = match self.0.kind() {
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            DecodingKeyKind::SecretOrDer(key) => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, signature)
            }
        };
        verified.map_err(|_| Error::new())
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

/// ECDSA on P-256 with SHA-256 (RFC 7518, section 3.4): the signature is r and s, 32 bytes each.
struct Es256(DecodingKey);

impl Verifier<Vec<u8>> for Es256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let key = self.0.try_get_as_bytes().map_err(|_| Error::new())?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Es256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{Validation, decode};
    use serde_json::Value;

    use super::*;

    // RFC 7515, appendix A.2: n, then the signature of the token.
    const RSA_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const RSA_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

    // RFC 7515, appendix A.3: x, y, and the signature.
    const EC_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const EC_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    const EC_SIGNATURE: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    /// The claims of both appendices.
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    fn is_valid(token: &str, algorithm: Algorithm, key: &DecodingKey) -> bool {
        install();
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        decode::<Value>(token, key, &validation).is_ok()
    }

    fn keys() -> [DecodingKey; 2] {
        [
            DecodingKey::from_rsa_components(RSA_MODULUS, "AQAB").unwrap(),
            DecodingKey::from_ec_components(EC_X, EC_Y).unwrap(),
        ]
    }

    #[test]
    fn the_signed_examples_of_rfc_7515_are_valid_and_no_other_signature_key_or_algorithm_is() {
        let [rsa, ec] = keys();
        let rs256 = format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}.{RSA_SIGNATURE}");
        let es256 = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.{EC_SIGNATURE}");
        assert!(is_valid(&rs256, Algorithm::RS256, &rsa));
        assert!(is_valid(&es256, Algorithm::ES256, &ec));

        assert!(!is_valid(&rs256, Algorithm::RS256, &ec));
        assert!(!is_valid(&es256, Algorithm::ES256, &rsa));
        assert!(!is_valid(&rs256, Algorithm::RS512, &rsa));
        for (token, algorithm, key) in [(&rs256, Algorithm::RS256, &rsa), (&es256, Algorithm::ES256, &ec)] {
            let last = token.rfind('.').unwrap() + 1;
            for at in [25, 60, last, last + 40] {
                let mut bytes = token.clone().into_bytes();
                bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
                assert!(!is_valid(&String::from_utf8(bytes).unwrap(), algorithm, key), "{algorithm:?} {at}");
            }
            assert!(!is_valid(&token[..last], algorithm, key));
            assert!(!is_valid(&token[..token.len() - 4], algorithm, key));
        }
    }
    /// A key of 1,024 bits, made for this test, and its signature of the same claims.
    const SHORT_MODULUS: &str = "-j5323hONZok-wYAhPyznH1_3hHUcgEqCb3drGBEa0kmYp_jYvrXJQlj0I7PR3YSkn0b5FSi9rK4aSyH5S6SVG1w9FrTGF8uPov9CfGP1mzWV69mjQDPEqqFnCAQXrf49wqWkSlORu8ypzOEDKNrLSlPxhQJqJ3hvdt0dBlzPh8";
    const SHORT_SIGNATURE: &str = "jckWSZ9M2VM1SvtUAi-oth2yt5QGhdzIftXXGdoyyoMlHypVTefW9Ic9oow5CiLatfFPJLregWpVI7hsvCq0MJM8WUPaVsPlxKGCkllIm2Xw_484SVWjhrSVu44Rnj1e4QbDVw_QAlKDkMh2G05ifsQMSfiQE2p15207xS79D4A";

    /// A key on P-384, made for this test, and its signature of the same claims with SHA-256.
    const P384_X: &str = "JAbKgaWPUPLM1PesqmjhxOet8byouqlP_f7UZD6RT_vVY8GdUqlR0UbuZjDZRf8K";
    const P384_Y: &str = "gWCnl8fjpSemJgbFbyyBiBx6nLY7cbSboCO7-0yjOwlc3jqIlgFtF45ed6Ox9J-f";
    const P384_SIGNATURE: &str = "dh9uG4GndBE_Zk-MmrUM30y1lIiT0iur1BeIm9VnH8Mqi5xJ9T1koARvQ5tgwkECyI1kWZwEVGKT7l9NDrWkFuwNpJshv0yfEQ9hHWPkEeWGgIxjaOjvIoquxQAgDkPB";

    #[test]
    fn a_short_rsa_key_a_key_on_another_curve_and_a_der_signature_are_refused() {
        let rs256 = format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}.{SHORT_SIGNATURE}");
        let short = DecodingKey::from_rsa_components(SHORT_MODULUS, "AQAB").unwrap();
        assert!(!is_valid(&rs256, Algorithm::RS256, &short));

        let es256 = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.{P384_SIGNATURE}");
        let p384 = DecodingKey::from_ec_components(P384_X, P384_Y).unwrap();
        assert!(!is_valid(&es256, Algorithm::ES256, &p384));

        // r and s of the example, as the two integers of a DER sequence (RFC 3279, section 2.2.3): another encoding of a
        // right signature.
        let [_, ec] = keys();
        let signature = URL_SAFE_NO_PAD.decode(EC_SIGNATURE).unwrap();
        let mut der = Vec::new();
        for number in signature.chunks(32) {
            let sign = usize::from(number[0] >= 0x80);
            der.extend([0x02, 32 + sign as u8]);
            der.extend(&[0][..sign]);
            der.extend(number);
        }
        let der = [&[0x30, der.len() as u8][..], &der].concat();
        let key = UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_ASN1, ec.try_get_as_bytes().unwrap());
        let message = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}");
        assert!(key.verify(message.as_bytes(), &der).is_ok(), "the test's own encoding is right");
        assert!(!is_valid(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(der)), Algorithm::ES256, &ec));
    }
}
