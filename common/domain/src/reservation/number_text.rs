//! The text of a JSON number, for members that are texts.

use serde_json::Number;

/// A whole number as it is written, any other number as JavaScript prints it (ECMA-262, Number::toString): `1000.0` and
/// `1e3` are `1000`, `1e21` is `1e+21`. JSON does not tell `1000.0` from `1000`, and most clients cannot.
///
/// A parsed number has 64 bits. [`json_number_text`] is exact for all of them.
#[must_use]
pub fn number_text(number: &Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(float) => float_text(float),
        None => number.to_string(),
    }
}

/// As [`number_text`], of a number as JSON writes it (RFC 8259, section 6): a whole number of any length stays as it is.
#[must_use]
pub fn json_number_text(json: &str) -> String {
    let is_whole = json.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    match json.parse() {
        // JavaScript has a negative zero, but prints it without its sign.
        Ok(float) if !is_whole || json == "-0" => float_text(float),
        _ => json.to_owned(),
    }
}

/// A number as JavaScript prints it.
#[must_use]
pub fn float_text(number: f64) -> String {
    ryu_js::Buffer::new().format(number).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_stay_and_others_are_as_javascript_prints_them() {
        for (json, text) in [
            ("0", "0"),
            ("-7", "-7"),
            ("1000", "1000"),
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("1000.0", "1000"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1e3", "1000"),
            ("1E+3", "1000"),
            ("1e21", "1e+21"),
            ("1e20", "100000000000000000000"),
            ("0.1", "0.1"),
            ("0.10", "0.1"),
            ("1.50", "1.5"),
            ("0.000001", "0.000001"),
            ("1e-7", "1e-7"),
            ("-1.5e-9", "-1.5e-9"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("0.30000000000000004", "0.30000000000000004"),
        ] {
            let number: Number = serde_json::from_str(json).unwrap();
            assert_eq!(number_text(&number), text, "{json}");
            assert_eq!(json_number_text(json), text, "{json}");
        }
    }

    #[test]
    fn the_text_of_a_number_is_exact_where_the_parsed_number_is_not() {
        for (json, text) in [
            ("18446744073709551616", "18446744073709551616"),
            ("-12345678901234567890123456789", "-12345678901234567890123456789"),
            ("123456789012345680000.0", "123456789012345680000"),
            ("12345678901234567890.5", "12345678901234567000"),
        ] {
            assert_eq!(json_number_text(json), text);
        }
    }
}
