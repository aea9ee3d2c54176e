//! Check digits and tests for ASCII digits. Identifiers are strings, because leading zeros are significant.

/// The check digit of a string of ASCII digits: modulo 10, weights 3 and 1 alternating from the right
/// (GS1 General Specifications, section 7.9.1). `None` unless every byte is a digit.
#[must_use]
pub fn check_digit(digits: &str) -> Option<char> {
    let mut sum = 0_u32;
    for (place, byte) in digits.bytes().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return None;
        }
        let weight = if place % 2 == 0 { 3 } else { 1 };
        // Reduced at every step, so that a text of any length cannot overflow.
        sum = (sum + weight * u32::from(byte - b'0')) % 10;
    }
    char::from_digit((10 - sum) % 10, 10)
}

/// Whether the last digit is the correct check digit of the digits before it.
#[must_use]
pub fn has_check_digit(digits: &str) -> bool {
    digits
        .len()
        .checked_sub(1)
        .and_then(|end| digits.split_at_checked(end))
        .is_some_and(|(body, last)| check_digit(body).is_some_and(|digit| last.chars().eq([digit])) && !body.is_empty())
}

/// Whether the text is exactly `length` ASCII digits.
pub(super) fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys_have_the_digit_their_owners_printed() {
        // GTIN-13 of GS1's own examples, an SSCC and a GSRN of the General Specifications.
        for key in ["9506000134352", "0614141123452", "106141412345678908"] {
            assert!(has_check_digit(key), "{key}");
        }
        assert!(!has_check_digit("19361758000003"));
        assert!(has_check_digit("19361758000000"));
    }

    #[test]
    fn what_is_not_digits_has_no_check_digit() {
        assert_eq!(check_digit("12a"), None);
        assert!(!has_check_digit(""));
        assert!(!has_check_digit("0"));
        assert!(!has_check_digit("123é"));
    }
}
