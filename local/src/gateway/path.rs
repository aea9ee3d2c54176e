//! Percent-decoding of paths (RFC 3986, section 2.1).

use percent_encoding::percent_decode_str;

/// A path or a path segment, percent-decoded, as events contain it.
#[must_use]
pub(super) fn decode(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_arrives_decoded() {
        assert_eq!(decode("/items/code_reservation/a%20b%C3%A9"), "/items/code_reservation/a bé");
        assert_eq!(decode("/x/%2541"), "/x/%41");
    }
}
