//! Validation rules of the text members.

use serde_json::Value;

use super::{FieldError, number_text};

/// Maximum number of characters of a text member.
pub(super) const MAX_LENGTH: usize = 255;

/// Maximum number of characters of `error_message`. 100 messages of this length, with 4 bytes per character, fit one transaction
/// of DynamoDB (4 MB).
pub(super) const MAX_MESSAGE: usize = 8_000;

/// Reads a text or null. A number is converted to its text ([`number_text`]).
///
/// # Errors
/// `string` if the value is of another type; `max_length` if the text is too long.
pub(super) fn text(field: &'static str, value: &Value) -> Result<Option<String>, FieldError> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Number(number) => number_text(number),
        _ => return Err(FieldError::new(field, "string", "Value has to be a string.")),
    };
    let most = if field == "error_message" { MAX_MESSAGE } else { MAX_LENGTH };
    if text.chars().count() > most {
        return Err(FieldError::too_long(field, most));
    }
    Ok(Some(text))
}

/// Refuses control characters. It is used for references, which become file names and cells of spreadsheets.
///
/// # Errors
/// `regex` if the text contains a control character.
pub(super) fn no_control_characters(field: &'static str, text: &str) -> Result<(), FieldError> {
    if text.chars().any(char::is_control) {
        return Err(FieldError::new(field, "regex", "Value must not contain control characters."));
    }
    Ok(())
}

/// Checks that the text is a query that can be appended to a Digital Link: `k=v&k2=v2`, with or without a leading `?`.
///
/// RFC 3986, section 3.4, defines the allowed characters. GS1 Digital Link URI Syntax 1.6, section 4.11, reserves all-digit keys
/// for Application Identifiers: a suffix with such a key would change what the link identifies.
///
/// # Errors
/// `regex` if the text is not such a query.
pub(super) fn url_suffix(text: &str) -> Result<(), FieldError> {
    let wrong = |reason: &str| Err(FieldError::new("url_suffix", "regex", reason));
    let query = text.strip_prefix('?').unwrap_or(text);
    if text.starts_with('?') && query.is_empty() {
        return wrong("Value has to name at least one key after the question mark.");
    }
    if !is_query(query) {
        return wrong(
            "Value has to be a query such as ?key=value of RFC 3986 characters, without # and without a path.",
        );
    }
    for pair in query.split('&').filter(|_| !query.is_empty()) {
        let key = pair.split('=').next().unwrap_or_default();
        if key.is_empty() {
            return wrong("Every part of the query needs a key.");
        }
        if pair == key {
            return wrong("Every key of the query needs a value, as in ?key=value.");
        }
        if key.contains(['/', '?']) {
            return wrong("Value has to be a query, without a path before it.");
        }
        if key.len() <= 4 && key.bytes().all(|b| b.is_ascii_digit()) {
            return wrong("A key must not be a GS1 application identifier.");
        }
    }
    Ok(())
}

fn is_query(query: &str) -> bool {
    let bytes = query.as_bytes();
    let hex = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_hexdigit);
    // RFC 3986: query = *( pchar / "/" / "?" ); pchar = unreserved / pct-encoded / sub-delims / ":" / "@".
    bytes.iter().enumerate().all(|(i, b)| match b {
        b'%' => hex(i + 1) && hex(i + 2),
        _ => b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(b),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_is_a_query_and_nothing_else() {
        for good in
            ["", "k=v", "?k=v", "?k=v&k2=v2", "?utm_source=box&x=%20y", "?redirect=https://e.example/p?q=1", "k="]
        {
            assert!(url_suffix(good).is_ok(), "{good}");
        }
        for bad in [
            "?",
            "#a",
            "k=v#a",
            "/path",
            "a b=c",
            "k=%2",
            "k=%zz",
            "k=ü",
            "&k=v",
            "=v",
            "k",
            "/path?x=1",
            "?k=v&a/b=c",
            "?01=1",
            "?k=v&8003=x",
            "k=\"v\"",
            "k=<v>",
        ] {
            assert!(url_suffix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_has_at_most_255_characters() {
        assert!(text("reference_id", &Value::from("ü".repeat(255))).is_ok());
        assert_eq!(text("reference_id", &Value::from("ü".repeat(256))).unwrap_err().kind, "max_length");
        assert!(text("error_message", &Value::from("x".repeat(8_000))).is_ok());
        assert_eq!(text("error_message", &Value::from("x".repeat(8_001))).unwrap_err().kind, "max_length");
        assert_eq!(text("product", &Value::from(true)).unwrap_err().kind, "string");
    }
}
