//! Conversions of JavaScript that clients of Directus can observe: `Number(x)`, `String(x)` and truthiness.
//!
//! `limit=0x10` is 16 and `limit=` is 0 because Directus converts numbers this way (ECMA-262, StringToNumber).

use crate::reservation::{self, float_text};
use serde_json::Value;

/// The largest whole number that JavaScript holds exactly.
pub(in crate::query) const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// `Number(text)`: NaN if the text is not a number.
pub(in crate::query) fn number_from_text(text: &str) -> f64 {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if text.is_empty() {
        return 0.0;
    }
    for (prefixes, radix) in [(["0x", "0X"], 16), (["0o", "0O"], 8), (["0b", "0B"], 2)] {
        for prefix in prefixes {
            if let Some(digits) = text.strip_prefix(prefix) {
                return whole_number(digits, radix);
            }
        }
    }
    match text {
        "Infinity" | "+Infinity" => return f64::INFINITY,
        "-Infinity" => return f64::NEG_INFINITY,
        _ => {}
    }
    let decimal = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if decimal { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

fn whole_number(digits: &str, radix: u32) -> f64 {
    if digits.is_empty() {
        return f64::NAN;
    }
    let mut value = 0.0;
    for c in digits.chars() {
        match c.to_digit(radix) {
            Some(d) => value = value * f64::from(radix) + f64::from(d),
            None => return f64::NAN,
        }
    }
    value
}

/// `Number(value)` of any JSON value.
pub(in crate::query) fn number(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Number(n) => n.as_f64().unwrap_or(f64::NAN),
        Value::String(s) => number_from_text(s),
        Value::Array(items) => match items.as_slice() {
            [] => 0.0,
            [one] => number_from_text(&text(one)),
            _ => f64::NAN,
        },
        Value::Object(_) => f64::NAN,
    }
}

/// `String(number)`: a whole number has no fraction, a large one an exponent.
pub(in crate::query) fn number_text(value: f64) -> String {
    float_text(value)
}

/// `String(value)` of any JSON value.
pub(in crate::query) fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        // The texts that writes store, so that a condition finds them. Whole numbers of 64 bits keep all digits, which
        // JavaScript would round.
        Value::Number(n) => reservation::number_text(n),
        Value::String(s) => s.clone(),
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(|v| if v.is_null() { String::new() } else { text(v) }).collect();
            parts.join(",")
        }
        Value::Object(_) => "[object Object]".into(),
    }
}

/// Whether a value counts as true in a condition (ECMA-262, ToBoolean).
pub(in crate::query) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64().is_some_and(|f| f != 0.0),
        Value::String(s) => !s.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
