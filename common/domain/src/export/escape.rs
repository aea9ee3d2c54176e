//! How text is written where a format has characters of its own.

use super::{json, xml};

/// How the values in a file are escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escaping {
    /// Values are written as they are.
    #[default]
    None,
    /// For element content and attributes in quotes: the five predefined entities (XML 1.0, section 2.4).
    Xml,
    /// For strings in double quotes (RFC 8259, section 7).
    Json,
    /// For fields in double quotes: each quote is doubled (RFC 4180).
    Csv,
    /// For `^FD` after `^FH\`: `^`, `~`, the backslash and control characters are a backslash and two hexadecimal digits
    /// (ZPL II Programming Guide, `^FH`).
    Zpl,
}

impl Escaping {
    /// Every mode, the default first.
    pub const ALL: [Self; 5] = [Self::None, Self::Xml, Self::Json, Self::Csv, Self::Zpl];

    /// The name in a profile.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Xml => "xml",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Zpl => "zpl",
        }
    }

    /// Appends a text, escaped.
    pub(super) fn write(self, text: &str, out: &mut String) {
        match self {
            Self::None => out.push_str(text),
            Self::Xml => xml::escape(text, out),
            Self::Json => json::escape(text, out),
            Self::Csv => out.push_str(&text.replace('"', "\"\"")),
            Self::Zpl => zpl(text, out),
        }
    }
}

fn zpl(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '^' | '~' | '\\' | '\0'..='\u{1f}' | '\u{7f}' => {
                out.push('\\');
                // ASCII, so it has two digits.
                out.push_str(&format!("{:02X}", u32::from(character)));
            }
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(mode: Escaping, text: &str) -> String {
        let mut out = String::new();
        mode.write(text, &mut out);
        out
    }

    #[test]
    fn each_mode_writes_what_its_readers_undo() {
        let text = "a<b>&'\"\\^~_\u{1d}ü";
        assert_eq!(escaped(Escaping::None, text), text);
        assert_eq!(escaped(Escaping::Xml, "a<b>&'\""), "a&lt;b&gt;&amp;&apos;&quot;");
        let json = format!("\"{}\"", escaped(Escaping::Json, text));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        assert_eq!(escaped(Escaping::Csv, "a\"b"), "a\"\"b");
        assert_eq!(escaped(Escaping::Zpl, text), "a<b>&'\"\\5C\\5E\\7E_\\1Dü");
    }
}
