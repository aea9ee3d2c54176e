//! The file name of a reservation's export, and how a file name is written in a header.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Reservation;

/// Maximum number of characters before the extension.
const MAX_STEM: usize = 120;

/// The name under which a reservation's export is downloaded: `<reference_id>.<ext>`, or
/// `code_reservation-<first 8 characters of the id>.<ext>` if the reference has no character that a name can keep.
///
/// Characters that file systems or shells treat specially (separators, wildcards, quotes, control characters) are replaced by
/// `_`.
#[must_use]
pub fn file_name(reservation: &Reservation, extension: &str) -> String {
    let stem = reservation.reference_id.as_deref().map(safe).filter(|stem| !stem.is_empty());
    let stem = stem.unwrap_or_else(|| format!("code_reservation-{}", &reservation.id.to_string()[..8]));
    format!("{stem}.{extension}")
}

fn safe(text: &str) -> String {
    let replaced: String = text
        .chars()
        .map(|c| if c.is_control() || r#"/\:*?"<>|"#.contains(c) || is_invisible(c) { '_' } else { c })
        .take(MAX_STEM)
        .collect();
    // A leading dot hides a file. Some systems cannot store a trailing dot or space.
    replaced.trim_matches(|c: char| c == '.' || c.is_whitespace()).to_owned()
}

/// Whether the character changes how other characters are displayed: text that is displayed right to left can hide the
/// extension.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// What a client should do with a file (RFC 6266, section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Show it, if the client can.
    Inline,
    /// Save it.
    Attachment,
}

/// The characters that RFC 8187 allows unencoded in an extended value: `attr-char`.
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The value of a `Content-Disposition` header (RFC 6266): a name in ASCII for old clients and, if the two differ, the name in
/// UTF-8 (RFC 8187).
///
/// Path separators and control characters are replaced by `_`, because a name is not a path (RFC 6266, section 4.3).
#[must_use]
pub fn content_disposition(disposition: Disposition, name: &str) -> String {
    let kind = match disposition {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
    };
    let name: String = name.chars().map(|c| if c.is_control() || r"/\".contains(c) { '_' } else { c }).collect();
    let plain: String =
        name.chars().map(|c| if c.is_ascii_graphic() && !r#""\%"#.contains(c) || c == ' ' { c } else { '_' }).collect();
    if plain == name {
        return format!("{kind}; filename=\"{plain}\"");
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, ATTR_CHAR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel_as_rfc_6266_says() {
        use Disposition::{Attachment, Inline};
        assert_eq!(content_disposition(Attachment, "BATCH 1.csv"), "attachment; filename=\"BATCH 1.csv\"");
        assert_eq!(
            content_disposition(Inline, "codes PO-567 é.json"),
            "inline; filename=\"codes PO-567 _.json\"; filename*=UTF-8''codes%20PO-567%20%C3%A9.json"
        );
        assert_eq!(
            content_disposition(Attachment, "a\"\r\nX: ../y"),
            "attachment; filename=\"a___X: .._y\"; filename*=UTF-8''a%22__X%3A%20.._y"
        );
    }

    #[test]
    fn a_name_is_safe_and_never_empty() {
        for (reference, name) in [
            ("BATCH-2024-001", "BATCH-2024-001"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("a\\b:c*d?e\"f<g>h|i", "a_b_c_d_e_f_g_h_i"),
            ("Zürich 5", "Zürich 5"),
            (" .x. ", "x"),
            ("a\u{202e}b", "a_b"),
        ] {
            assert_eq!(safe(reference), name, "{reference}");
        }
        assert_eq!(safe("..."), "");
        assert_eq!(safe(&"x".repeat(500)).len(), MAX_STEM);
    }
}
