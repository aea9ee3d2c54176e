//! The file name of a reservation's export, names that every system can store, and how a name is written in a header.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use unicode_segmentation::UnicodeSegmentation as _;

use super::Reservation;

/// Maximum length of a name in bytes of UTF-8. File systems store 255; browsers and sync programs add to a name while
/// they save it (`.crdownload`, ` (1)`).
const MAX_BYTES: usize = 200;

/// Characters of the reservation's id in a name. They are the last ones, because a UUID of version 7 begins with a
/// clock.
const ID_CHARACTERS: usize = 8;

/// Maximum length of one part of an extension, without its dot.
const MAX_EXTENSION: usize = 10;

/// The names of devices on Windows, in lower case. They are not stored as files, whatever the extension.
const DEVICES: [&str; 7] = ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"];

/// The name under which a reservation's export is downloaded: `<reference_id>-<last 8 characters of the id>.<ext>`.
/// Without a reference, or if nothing of it can be part of a name, `code_reservation` takes its place. Two reservations
/// with one reference have two names.
///
/// A long reference is cut, so that the name has 200 bytes at most and ends in its extension.
#[must_use]
pub fn file_name(reservation: &Reservation, extension: &str) -> String {
    let id = reservation.id.simple().to_string();
    let (_, last) = id.split_at(id.len().saturating_sub(ID_CHARACTERS));
    let ending = format!("-{last}.{extension}");
    let reference = reservation.reference_id.as_deref().and_then(storable);
    let stem = reference.as_deref().unwrap_or("code_reservation");
    format!("{}{ending}", cut(stem, MAX_BYTES.saturating_sub(ending.len())))
}

/// A name that every common system stores as it is, with 200 bytes at most and the extension of the given name (all of
/// `.csv.gz`). `None` if nothing of the name is left. A name of [`file_name`] is returned unchanged.
#[must_use]
pub fn safe_file_name(name: &str) -> Option<String> {
    let name = storable(name)?;
    if name.len() <= MAX_BYTES {
        return Some(name);
    }
    let (stem, extension) = split_extension(&name);
    // Without the white space at the end of the stem, the name may be that of a device.
    storable(&format!("{}{extension}", cut(stem, MAX_BYTES.saturating_sub(extension.len()))))
}

/// Replaces by `_` what systems refuse, interpret or hide: separators, wildcards, quotes, control and format
/// characters. Removes dots and white space at both ends: a leading dot hides a file, and Windows drops trailing ones.
/// `None` if nothing is left.
fn storable(text: &str) -> Option<String> {
    let replaced: String = text.chars().map(|c| if is_storable(c) { c } else { '_' }).collect();
    let name = replaced.trim_matches(is_dot_or_space);
    if is_device(name) {
        return Some(format!("_{name}"));
    }
    (!name.is_empty()).then(|| name.to_owned())
}

fn is_storable(c: char) -> bool {
    // `~` is part of the short names that Windows makes of long ones; Chromium replaces it, too.
    !(c.is_control() || r#"/\:*?"<>|~"#.contains(c) || is_format(c) || is_noncharacter(c))
}

/// Whether the character is invisible or changes how others are displayed: Unicode's category `Cf`, and the separators
/// of lines and paragraphs. Text that is displayed right to left can hide the extension.
fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

fn is_dot_or_space(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

/// Whether Windows takes the name for a device: it looks at what comes before the first dot, without trailing spaces.
fn is_device(name: &str) -> bool {
    let base = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let port = base.strip_prefix("com").or_else(|| base.strip_prefix("lpt"));
    let is_port = port.is_some_and(|number| {
        let mut characters = number.chars();
        matches!((characters.next(), characters.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    });
    is_port || DEVICES.contains(&base.as_str())
}

/// Splits a name before its extension: the last one or two dotted parts of a few letters and digits (`.csv`,
/// `.csv.gz`).
fn split_extension(name: &str) -> (&str, &str) {
    let before = |end: &str| {
        let (stem, part) = end.rsplit_once('.')?;
        let is_extension = (1..=MAX_EXTENSION).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        (is_extension && !stem.is_empty()).then_some(stem.len())
    };
    let Some(last) = before(name) else { return (name, "") };
    let at = name.get(..last).and_then(before).unwrap_or(last);
    name.split_at(at)
}

/// The longest beginning of at most this many bytes that ends between two characters as people see them (grapheme
/// clusters), without dots and white space at its end.
fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let ends = text.grapheme_indices(true).map(|(at, grapheme)| at + grapheme.len());
    // One cluster may be longer than the whole name.
    let end = ends.take_while(|end| *end <= bytes).last().unwrap_or_else(|| text.floor_char_boundary(bytes));
    text.get(..end).unwrap_or_default().trim_end_matches(is_dot_or_space)
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

/// The value of a `Content-Disposition` header (RFC 6266): a name in ASCII for old clients and, if the two differ, the
/// name in UTF-8 (RFC 8187). The name is made safe first ([`safe_file_name`]), since browsers refuse or change others.
#[must_use]
pub fn content_disposition(disposition: Disposition, name: &str) -> String {
    let kind = match disposition {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
    };
    let name = safe_file_name(name).unwrap_or_else(|| "download".to_owned());
    // Some clients decode `%41` in the plain form.
    let plain: String = name.chars().map(|c| if matches!(c, ' '..='~') && c != '%' { c } else { '_' }).collect();
    if plain == name {
        return format!("{kind}; filename=\"{plain}\"");
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, ATTR_CHAR))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::reservation::{
        ExportType, Rules, Timestamp,
        create::{Birth, Draft},
    };

    fn reservation(id: &str, reference: Option<&str>) -> Reservation {
        let body = json!({"reserved_for": "ORG-1", "code_type": "short_code", "quantity": 1});
        let birth = Birth {
            id: Uuid::parse_str(id).unwrap(),
            incarnation: Uuid::nil(),
            user: "u".to_owned(),
            now: Timestamp::parse("2025-03-31T12:00:00.000Z").unwrap(),
        };
        let mut made = Draft::parse(&body, &Rules::default()).unwrap().into_reservation(birth);
        made.reference_id = reference.map(str::to_owned);
        made
    }

    const ID: &str = "0190a6b0-1f7a-7000-8000-0123456789ab";

    fn named(reference: &str, extension: &str) -> String {
        file_name(&reservation(ID, Some(reference)), extension)
    }

    #[test]
    fn a_name_is_the_reference_and_the_end_of_the_id() {
        assert_eq!(named("BATCH-2024-001", "csv"), "BATCH-2024-001-456789ab.csv");
        assert_eq!(named("Zürich 5", "csv.gz"), "Zürich 5-456789ab.csv.gz");
        for nothing in [None, Some(""), Some("..."), Some(" . ")] {
            assert_eq!(file_name(&reservation(ID, nothing), "xml"), "code_reservation-456789ab.xml", "{nothing:?}");
        }
        // Two ids of version 7 that were made in the same minute differ at their ends.
        let (one, other) = ("01936f2e-8a10-7c41-9d52-7f0c11a2b3c4", "01936f2e-8a10-7c41-9d52-7f0c11a2b3c5");
        let names = [one, other].map(|id| file_name(&reservation(id, Some("PO 7")), "csv"));
        assert_eq!(names, ["PO 7-11a2b3c4.csv", "PO 7-11a2b3c5.csv"]);
    }

    #[test]
    fn a_name_has_200_bytes_at_most_and_keeps_the_id_and_the_extension() {
        let family = "\u{1f469}\u{1f3fd}"; // a person and a skin tone: one grapheme of eight bytes
        for unit in ["x", "é", "e\u{301}", "漢", "\u{1f4e6}", family, "각", "a\u{300}\u{301}\u{302}", ". ", "\u{301}"]
        {
            for count in [1, 60, 120, 255] {
                for extension in ExportType::NAMES {
                    let reference: String = unit.chars().cycle().take(count).collect();
                    let name = named(&reference, extension);
                    assert!(name.len() <= MAX_BYTES, "{name}");
                    let stem = name.strip_suffix(&format!("-456789ab.{extension}")).unwrap();
                    let kept = reference.trim_matches(is_dot_or_space);
                    assert!(kept.starts_with(stem) || stem == "code_reservation", "{name}");
                    assert!(!stem.ends_with(is_dot_or_space));
                    if stem.len() < kept.len() {
                        let whole: Vec<&str> = kept.graphemes(true).collect();
                        let begun: Vec<&str> = stem.graphemes(true).collect();
                        assert!(whole.starts_with(&begun) || whole.len() == 1, "{name} ends in a part of a character");
                    }
                }
            }
        }
        // 120 characters of three bytes, which made a name of 364 bytes.
        let name = named(&"漢".repeat(120), "csv");
        assert_eq!((name.len(), name.chars().filter(|c| *c == '漢').count()), (199, 62));
    }

    #[test]
    fn a_name_is_one_that_every_system_stores() {
        for (given, safe) in [
            ("BATCH-2024-001.csv", "BATCH-2024-001.csv"),
            ("codes PO-567 é.json", "codes PO-567 é.json"),
            ("100% (a+b) [c] {d} #e & f's; g, h.csv", "100% (a+b) [c] {d} #e & f's; g, h.csv"),
            ("../../etc/passwd", "_.._etc_passwd"),
            (r#"a\b:c*d?e"f<g>h|i~1"#, "a_b_c_d_e_f_g_h_i_1"),
            (" .x. ", "x"),
            (".htaccess", "htaccess"),
            ("x.csv . .", "x.csv"),
            ("\u{3000}x\u{a0}", "x"),
            ("a\0b\tc\r\nd\u{7f}e\u{85}f", "a_b_c__d_e_f"),
            // Displayed as `invoicevsc.exe` and the like.
            ("a\u{202e}b\u{2066}c\u{61c}d\u{200f}e", "a_b_c_d_e"),
            ("a\u{200b}b\u{feff}c\u{ad}d\u{e0041}e\u{2028}f", "a_b_c_d_e_f"),
            ("a\u{ffff}b\u{fdd0}c\u{1fffe}d", "a_b_c_d"),
            ("CON", "_CON"),
            ("nul.csv", "_nul.csv"),
            ("Aux .tar.gz", "_Aux .tar.gz"),
            ("com1.csv.gz", "_com1.csv.gz"),
            ("COM¹", "_COM¹"),
            ("lpt³.txt", "_lpt³.txt"),
            ("LPT0", "_LPT0"),
            ("conin$", "_conin$"),
            ("PRN. . .", "_PRN"),
            ("CON-1", "CON-1"),
            ("COM10.csv", "COM10.csv"),
            ("COMA.csv", "COMA.csv"),
            ("console.csv", "console.csv"),
            ("x.nul", "x.nul"),
        ] {
            assert_eq!(safe_file_name(given).as_deref(), Some(safe), "{given:?}");
        }
        for nothing in ["", ".", "..", " . . ", "\u{3000}"] {
            assert_eq!(safe_file_name(nothing), None, "{nothing:?}");
        }
        // A reference becomes a part of a name: its first dot ends what Windows compares with its devices.
        assert_eq!(named("COM1.2", "csv"), "_COM1.2-456789ab.csv");
        assert_eq!(named("a/b\u{202e}", "csv"), "a_b_-456789ab.csv");
    }

    #[test]
    fn a_long_name_is_cut_before_its_extension() {
        let long = "漢".repeat(120);
        let safe = |name: String| safe_file_name(&name).unwrap();
        for extension in [".csv", ".csv.gz", ".ndjson.gz", ".tar.gz"] {
            assert_eq!(safe(format!("{long}{extension}")).trim_start_matches('漢'), extension);
        }
        // What follows the last dot is no extension if it is long or holds other characters.
        for no_extension in [format!("{long}.{}", "x".repeat(11)), format!("{long}.é"), format!("{long}. ")] {
            assert_eq!(safe(no_extension), "漢".repeat(66));
        }
        assert_eq!(safe(format!("a.{}", "x".repeat(300))), format!("a.{}", "x".repeat(198)));
        assert_eq!(safe(format!("CON{}x.csv", " ".repeat(300))), "_CON.csv");
        assert_eq!(safe(format!("e{}.csv", "\u{301}".repeat(300))).len(), 199, "one character longer than a name");
    }

    #[test]
    fn names_travel_as_rfc_6266_says() {
        use Disposition::{Attachment, Inline};
        assert_eq!(content_disposition(Attachment, "BATCH 1.csv"), "attachment; filename=\"BATCH 1.csv\"");
        assert_eq!(
            content_disposition(Inline, "codes PO-567 é.json"),
            "inline; filename=\"codes PO-567 _.json\"; filename*=UTF-8''codes%20PO-567%20%C3%A9.json"
        );
        assert_eq!(
            content_disposition(Attachment, "a%41'b,c;d(e).csv"),
            "attachment; filename=\"a_41'b,c;d(e).csv\"; filename*=UTF-8''a%2541%27b%2Cc%3Bd%28e%29.csv"
        );
        assert_eq!(content_disposition(Attachment, "a\"\r\nX: ../y"), "attachment; filename=\"a___X_ .._y\"");
        assert_eq!(content_disposition(Inline, "..."), "inline; filename=\"download\"");
    }

    proptest! {
        #[test]
        fn a_safe_name_stays_as_it_is(name in "\\PC{0,80}|.{0,300}|(CON|nul|com[0-9¹²³])[ .]{0,250}[a-z.]{0,9}") {
            if let Some(safe) = safe_file_name(&name) {
                prop_assert!(safe.len() <= MAX_BYTES && !safe.is_empty());
                prop_assert!(!safe.starts_with(is_dot_or_space) && !safe.ends_with(is_dot_or_space));
                prop_assert!(!is_device(&safe) && safe.chars().all(is_storable));
                prop_assert_eq!(safe_file_name(&safe), Some(safe));
            }
            for export_type in ExportType::NAMES {
                let made = named(&name, export_type);
                let ending = format!("-456789ab.{export_type}");
                prop_assert!(made.ends_with(&ending));
                prop_assert_eq!(safe_file_name(&made), Some(made));
            }
        }
    }
}
