//! Checks the text of a document before it is parsed: counts tokens, bounds nesting, and replaces escaped surrogate
//! pairs. Pure: no I/O.
//!
//! The parser is recursive, so nesting must be bounded before. It also panics at an escaped surrogate, which clients
//! with JSON encoders send in pairs for characters beyond the basic multilingual plane. One pass over the bytes, in
//! linear time.

use std::borrow::Cow;

/// Maximum tokens of a document; the limit of Directus.
pub(crate) const MAX_TOKENS: usize = 5_000;

/// Maximum length of a name or number, in bytes. The validation compares an unknown name with all known ones, to suggest
/// one of them, and the time for that grows with its length.
const MAX_NAME: usize = 100;

/// Maximum nesting of brackets of all kinds.
const MAX_NESTING: usize = 50;

/// Checks the text of a document. Gives the text to parse.
///
/// # Errors
/// A message for the client when there are too many tokens, too deep nesting, or a surrogate without its other half.
pub(crate) fn scan(text: &str) -> Result<Cow<'_, str>, String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut tokens = 0_usize;
    let mut nesting = 0_usize;
    let mut surrogates = false;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | 0xef | 0xbb | 0xbf => {
                at += 1;
                continue;
            }
            b'#' => {
                at = end_of(bytes, at, |byte| byte != b'\n' && byte != b'\r');
                continue;
            }
            b'"' => {
                let string = string_end(bytes, at);
                surrogates |= string.surrogates;
                at = string.end;
            }
            b'{' | b'(' | b'[' => {
                nesting += 1;
                at += 1;
            }
            b'}' | b')' | b']' => {
                nesting = nesting.saturating_sub(1);
                at += 1;
            }
            b'.' => at = end_of(bytes, at, |byte| byte == b'.'),
            _ if is_word(byte) => {
                let start = at;
                at = end_of(bytes, at, is_word);
                if at - start > MAX_NAME {
                    return Err(format!("Document contains a name or number of more than {MAX_NAME} characters."));
                }
            }
            _ => at += 1,
        }
        tokens += 1;
        if tokens > MAX_TOKENS {
            return Err(format!("Document contains more than {MAX_TOKENS} tokens. Parsing aborted."));
        }
        if nesting > MAX_NESTING {
            return Err(format!("Document is nested more than {MAX_NESTING} levels deep. Parsing aborted."));
        }
    }
    if surrogates { join_surrogates(text).map(Cow::Owned) } else { Ok(Cow::Borrowed(text)) }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+')
}

fn end_of(bytes: &[u8], at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len())
}

struct StringToken {
    end: usize,
    surrogates: bool,
}

/// The end of a string or block string. An unterminated one ends with the line or the text; the parser reports it.
fn string_end(bytes: &[u8], start: usize) -> StringToken {
    if bytes.get(start..start + 3) == Some(b"\"\"\"") {
        let mut at = start + 3;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if rest.starts_with(b"\\\"\"\"") {
                at += 4;
            } else if rest.starts_with(b"\"\"\"") {
                return StringToken { end: at + 3, surrogates: false };
            } else {
                at += 1;
            }
        }
        return StringToken { end: bytes.len(), surrogates: false };
    }
    let mut at = start + 1;
    let mut surrogates = false;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return StringToken { end: at + 1, surrogates },
            b'\n' | b'\r' => return StringToken { end: at, surrogates },
            b'\\' => {
                surrogates |= escaped_unit(bytes, at).is_some_and(is_surrogate);
                at += 2;
            }
            _ => at += 1,
        }
    }
    StringToken { end: bytes.len(), surrogates }
}

/// The code unit of the escape `\uXXXX` at this position.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn is_surrogate(unit: u16) -> bool {
    (0xd800..=0xdfff).contains(&unit)
}

/// Replaces pairs of escaped surrogates with their characters.
fn join_surrogates(text: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        if byte != b'\\' {
            at += 1;
            continue;
        }
        let Some(high) = escaped_unit(bytes, at).filter(|unit| is_surrogate(*unit)) else {
            at += 2;
            continue;
        };
        let low = escaped_unit(bytes, at + 6).unwrap_or_default();
        let Some(Ok(character)) = char::decode_utf16([high, low]).next() else {
            return Err("Syntax Error: Invalid Unicode escape sequence: a surrogate without its other half.".to_owned());
        };
        out.push_str(text.get(copied..at).unwrap_or_default());
        out.push(character);
        at += 12;
        copied = at;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_longest_length_and_a_string_has_not() {
        let name = |length: usize| format!("{{ {} }}", "a".repeat(length));
        assert!(scan(&name(MAX_NAME)).is_ok());
        assert!(scan(&name(MAX_NAME + 1)).unwrap_err().contains("100 characters"));
        assert!(scan(&format!("{{ a(b: \"{}\") }}", "a".repeat(100_000))).is_ok());
    }

    #[test]
    fn a_document_of_many_tokens_is_refused_and_a_long_string_is_one_token() {
        assert!(scan(&"a ".repeat(MAX_TOKENS)).is_ok());
        assert!(scan(&"a ".repeat(MAX_TOKENS + 1)).is_err());
        assert!(scan(&format!("{{ a(b: \"{}\") }}", "x y ".repeat(100_000))).is_ok());
        assert!(scan(&format!("#{}", "a ".repeat(100_000))).is_ok());
        assert!(scan(&format!("\"\"\"{}\"\"\"", "{ \\\"\"\" ".repeat(10_000))).is_ok());
    }

    #[test]
    fn deep_nesting_is_refused_whatever_the_brackets() {
        for bracket in ["{", "[", "(", "{a(b:["] {
            assert!(scan(&bracket.repeat(1_000)).is_err(), "{bracket}");
        }
        assert!(scan(&"{}".repeat(1_000)).is_ok());
        assert!(scan("\"{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{\"").is_ok());
    }

    #[test]
    fn escaped_surrogates_become_characters_in_pairs_only() {
        assert_eq!(scan(r#"{ a(b: "x\uD83D\uDE00y") }"#).unwrap(), "{ a(b: \"x\u{1f600}y\") }");
        assert_eq!(scan(r#"{ a(b: "\\uD83D") }"#).unwrap(), r#"{ a(b: "\\uD83D") }"#);
        for lone in [r#""\uD83D""#, r#""\uDE00\uD83D""#, r#""\uD83D\u0041""#, r#""\uD83Dx""#] {
            assert!(scan(lone).is_err(), "{lone}");
        }
    }

    #[test]
    fn what_the_scan_lets_through_never_stops_the_parser() {
        let texts = [
            r#"{ a(b: "\uD83D\uDE00") }"#,
            "{ a(b: 1e999999) }",
            "{ a(b: \"\\",
            "{ a(b: \"\"\"x",
            "query($a: [ID!]!) { a }",
        ];
        for text in texts {
            if let Ok(text) = scan(text) {
                let _ = async_graphql::parser::parse_query(text);
            }
        }
    }
}
