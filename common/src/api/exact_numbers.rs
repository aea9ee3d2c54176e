//! Numbers in members that are texts, exactly as the client wrote them.
//!
//! A parsed JSON number has 64 bits: `12345678901234567890123` has lost its last digits by then, and a fraction may differ
//! in its last one. So where a text member holds such a number, the text of the number is read from the body again.

use std::collections::HashMap;

use serde_json::{Value, value::RawValue};

use crate::reservation::{TEXTS, json_number_text};

/// Replaces numbers that are not exact by their texts: in text members of the rows of a body, which is a row, an array of
/// rows, or an object with a row in `data`.
pub(super) fn keep(value: &mut Value, body: &[u8]) {
    if !concerns(value) {
        return;
    }
    let Ok(raw) = serde_json::from_slice::<&RawValue>(body) else { return };
    match value {
        Value::Array(rows) => {
            let raws: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
            rows.iter_mut().zip(raws).for_each(|(row, raw)| keep_in(row, raw));
        }
        one => {
            keep_in(one, raw);
            if let (Some(data), Some(raw)) = (one.get_mut("data"), members(raw).get("data")) {
                keep_in(data, raw);
            }
        }
    }
}

/// Whether a text member holds a number that may not be exact.
fn concerns(value: &Value) -> bool {
    let in_row = |row: &Value| TEXTS.iter().any(|name| row.get(name).is_some_and(Value::is_f64));
    match value {
        Value::Array(rows) => rows.iter().any(in_row),
        one => in_row(one) || one.get("data").is_some_and(in_row),
    }
}

fn keep_in(row: &mut Value, raw: &RawValue) {
    let raw = members(raw);
    for name in TEXTS {
        if let (Some(member), Some(raw)) = (row.get_mut(name), raw.get(name))
            && member.is_f64()
        {
            *member = Value::String(json_number_text(raw.get()));
        }
    }
}

/// The members of an object; none of another value. Of a repeated name the last one counts, as in the parsed value.
fn members(raw: &RawValue) -> HashMap<String, &RawValue> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept(body: &str) -> Value {
        let mut value = serde_json::from_str(body).unwrap();
        keep(&mut value, body.as_bytes());
        value
    }

    #[test]
    fn whole_numbers_of_any_length_stay_as_they_are_written() {
        let long = "9".repeat(300);
        for (number, text) in [
            ("12345678901234567890123", "12345678901234567890123"),
            ("-18446744073709551616", "-18446744073709551616"),
            (long.as_str(), long.as_str()),
            ("1000.0", "1000"),
            ("-0", "0"),
            ("1e21", "1e+21"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("123456789.123456789123456789", "123456789.12345679"),
        ] {
            for body in [
                format!("{{\"reference_id\": {number} , \"quantity\":1.5}}"),
                format!(" [ {{\"quantity\":1.5,\"reference_id\":{number}}}, 5 ]"),
                format!("{{\"keys\":[],\"data\":{{\"reference_id\":{number},\"quantity\":1.5}}}}"),
                format!("{{\"reference_id\":1.5,\"reference_id\":{number},\"quantity\":1.5}}"),
            ] {
                let value = kept(&body);
                let row = value.get("data").or_else(|| value.get(0)).unwrap_or(&value);
                assert_eq!((&row["reference_id"], &row["quantity"]), (&json!(text), &json!(1.5)), "{body}");
            }
        }
    }

    #[test]
    fn other_values_are_left() {
        for body in ["[]", "{}", "[[1.5]]", "{\"data\":1.5}", "{\"product\":5,\"reference_id\":\"1.50\",\"data\":null}"]
        {
            assert_eq!(kept(body), serde_json::from_str::<Value>(body).unwrap(), "{body}");
        }
        assert_eq!(kept("{\"reference_id\":{\"id\":1.5}}"), json!({"reference_id": {"id": 1.5}}));
    }
}
