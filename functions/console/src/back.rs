//! The page that a person comes back to after signing in, as addresses and cookies carry it.
//!
//! A form to reserve may have thousands of bytes as a query, which would be encoded once more within another address, and
//! a cookie has 4,096 bytes at most. So a long path is compressed.

use std::io::{Read, Write};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

use crate::form::{MAX_PATH, own_path};

/// Maximum length of a path that stays readable (bytes).
const MAX_PLAIN: usize = 300;

/// A path as the value of a query or a cookie.
pub(crate) fn carried(path: &str) -> String {
    if path.len() <= MAX_PLAIN { path.to_owned() } else { packed(path) }
}

/// A path with letters, digits, `-` and `_` alone.
pub(crate) fn packed(path: &str) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    // Writing to memory cannot fail.
    let written = encoder.write_all(path.as_bytes()).and_then(|()| encoder.finish());
    URL_SAFE_NO_PAD.encode(written.unwrap_or_default())
}

/// The path of a value, if it is one of these pages ([`own_path`]).
pub(crate) fn path_of(value: &str) -> Option<String> {
    if value.starts_with('/') {
        return own_path(value).map(str::to_owned);
    }
    if value.is_empty() || value.len() > MAX_PATH {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
    let mut path = String::new();
    // One byte more than the limit, to notice a path that is too long without all of it.
    DeflateDecoder::new(&*bytes).take(MAX_PATH as u64 + 1).read_to_string(&mut path).ok()?;
    own_path(&path).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::with_query;

    #[test]
    fn a_path_comes_back_as_it_was_whatever_its_length() {
        for path in ["/", "/console/find?code=a%2Fb", &format!("/?reference_id={}", "%F0%9F%8D%8E".repeat(255))] {
            assert_eq!(path_of(&carried(path)).as_deref(), Some(path));
            assert_eq!(path_of(&packed(path)).as_deref(), Some(path));
        }
        assert_eq!(carried("/console/find"), "/console/find", "a short one is readable");
    }

    #[test]
    fn a_path_that_is_packed_is_checked_as_another_one() {
        for bad in ["", "//evil.example", "https://evil.example/", "/console/../x", "/console/sign-out", "/items/x"] {
            assert_eq!(path_of(&packed(bad)), None, "{bad}");
        }
        let long = format!("/console/{}", "a".repeat(10_000_000));
        assert!(packed(&long).len() > MAX_PATH && path_of(&packed(&long)).is_none());
        let long = format!("/console/{}", "a".repeat(1_000_000));
        assert!(packed(&long).len() < MAX_PATH && path_of(&packed(&long)).is_none(), "it is not unpacked as a whole");
        for bad in ["console", "%", "é", "AAAA", "a", &"A".repeat(9_000)] {
            assert_eq!(path_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_a_form_may_hold_fits_into_a_cookie_and_an_address() {
        // Characters without a pattern, of the longest encoding: the worst case for both.
        let mut state = 1_u32;
        let mut next = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        let reference: String = (0..255).filter_map(|_| char::from_u32(0x2_0000 + next(0xa000))).collect();
        let mut visible =
            |length: usize| -> String { (0..length).filter_map(|_| char::from_u32(0x21 + next(0x5e))).collect() };
        let (organisation, product, suffix, lot) = (visible(100), visible(40), visible(255), visible(20));
        let path = with_query(
            "/",
            &[
                ("reserved_for", &organisation),
                ("code_type", "short_code"),
                ("product", &product),
                ("quantity", "100000000"),
                ("export_type", &organisation),
                ("reference_id", &reference),
                ("lot", &lot),
                ("expiry_date", "2027-12-31"),
                ("best_before", "2027-12-31"),
                ("production_date", "2027-12-31"),
                ("length", "20"),
                ("character_set", "alphanumeric"),
                ("url_suffix", &suffix),
            ],
        );
        assert!(path.len() > 4_096 && path.len() < MAX_PATH, "{}", path.len());
        assert_eq!(path_of(&carried(&path)), Some(path.clone()));
        assert!(packed(&path).len() < 3_400, "{}", packed(&path).len());
    }
}
