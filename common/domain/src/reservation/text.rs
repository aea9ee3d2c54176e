//! Validation rules of the text members.

use serde_json::Value;

use super::{FieldError, number_text};

/// Maximum number of characters of a text member.
pub const MAX_LENGTH: usize = 255;

/// Maximum number of characters of `error_message`. 100 messages of this length, with 4 bytes per character, fit one transaction
/// of DynamoDB (4 MB).
pub const MAX_MESSAGE: usize = 8_000;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_at_most_255_characters() {
        assert!(text("reference_id", &Value::from("ü".repeat(255))).is_ok());
        assert_eq!(text("reference_id", &Value::from("ü".repeat(256))).unwrap_err().kind, "max_length");
        assert!(text("error_message", &Value::from("x".repeat(8_000))).is_ok());
        assert_eq!(text("error_message", &Value::from("x".repeat(8_001))).unwrap_err().kind, "max_length");
        assert_eq!(text("product", &Value::from(true)).unwrap_err().kind, "string");
    }
}
