//! The name that the file of a reservation is downloaded under.

use super::Reservation;

/// The most characters before the extension.
const MAX_STEM: usize = 120;

/// `<reference_id>.<ext>`, or `code_reservation-<first 8 of the id>.<ext>` where the reference is empty or leaves nothing.
///
/// What file systems or shells treat specially becomes `_`: separators, wildcards, quotes, control characters.
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
    // A leading dot hides a file, a trailing dot or blank cannot be stored on some systems.
    replaced.trim_matches(|c: char| c == '.' || c.is_whitespace()).to_owned()
}

/// Characters that change how the others are shown (a name that reads backwards hides its extension).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

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
