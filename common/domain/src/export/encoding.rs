//! The encodings of files: from text to bytes.
//!
//! A table of 27 characters is all that Windows-1252 needs beyond ISO 8859-1. A library for all encodings of the web would
//! be larger than the rest of this crate.

/// The characters of Windows-1252 in the places 80 to 9F. Five places have none (a zero).
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// The encoding of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// ISO 8859-1, the first 256 characters of Unicode.
    Latin1,
    /// Windows-1252, as Western editions of Windows use it.
    Windows1252,
}

impl Encoding {
    /// Every encoding, the default first.
    pub const ALL: [Self; 4] = [Self::Utf8, Self::Utf16Le, Self::Latin1, Self::Windows1252];

    /// The name in a profile.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Latin1 => "iso-8859-1",
            Self::Windows1252 => "windows-1252",
        }
    }

    /// The name in a media type (IANA, "Character Sets"). A file that begins with a byte order mark is `utf-16` (RFC 2781,
    /// section 3.3).
    #[must_use]
    pub const fn charset(self, has_mark: bool) -> &'static str {
        match self {
            Self::Utf16Le if has_mark => "utf-16",
            other => other.as_str(),
        }
    }

    /// Bytes of each character of ASCII.
    pub(super) const fn unit(self) -> usize {
        match self {
            Self::Utf16Le => 2,
            Self::Utf8 | Self::Latin1 | Self::Windows1252 => 1,
        }
    }

    /// The byte order mark; `None` for an encoding without one.
    #[must_use]
    pub const fn byte_order_mark(self) -> Option<&'static [u8]> {
        match self {
            Self::Utf8 => Some(b"\xEF\xBB\xBF"),
            Self::Utf16Le => Some(b"\xFF\xFE"),
            Self::Latin1 | Self::Windows1252 => None,
        }
    }

    /// Appends a text.
    ///
    /// # Errors
    /// The first character that the encoding lacks. Those before it are then appended.
    pub(super) fn encode(self, text: &str, out: &mut Vec<u8>) -> Result<(), char> {
        match self {
            Self::Utf8 => out.extend_from_slice(text.as_bytes()),
            Self::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Self::Latin1 | Self::Windows1252 => {
                for character in text.chars() {
                    out.push(self.byte(character).ok_or(character)?);
                }
            }
        }
        Ok(())
    }

    /// The text of some bytes, without a byte order mark. What is no character becomes U+FFFD.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        let text = match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Utf16Le => {
                let units =
                    bytes.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit.get(1).copied().unwrap_or(0)]));
                char::decode_utf16(units).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Windows1252 => bytes
                .iter()
                .map(|byte| match byte {
                    0x80..=0x9F => match WINDOWS_1252.get(usize::from(byte - 0x80)) {
                        Some('\0') | None => char::REPLACEMENT_CHARACTER,
                        Some(known) => *known,
                    },
                    other => char::from(*other),
                })
                .collect(),
        };
        text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
    }

    /// The first character of a text that the encoding lacks.
    #[must_use]
    pub fn lacks(self, text: &str) -> Option<char> {
        match self {
            Self::Utf8 | Self::Utf16Le => None,
            Self::Latin1 | Self::Windows1252 => text.chars().find(|character| self.byte(*character).is_none()),
        }
    }

    /// The byte of a character in an encoding of one byte a character.
    fn byte(self, character: char) -> Option<u8> {
        let byte = u8::try_from(character).ok();
        if self == Self::Latin1 {
            return byte;
        }
        let plain = byte.filter(|byte| !(0x80..=0x9F).contains(byte));
        let place = || WINDOWS_1252.iter().position(|known| *known == character && character != '\0');
        plain.or_else(|| u8::try_from(0x80 + place()?).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(encoding: Encoding, text: &str) -> Result<Vec<u8>, char> {
        let mut out = Vec::new();
        let result = encoding.encode(text, &mut out).map(|()| out);
        assert_eq!(encoding.lacks(text), result.as_ref().err().copied());
        result
    }

    #[test]
    fn texts_have_the_bytes_of_their_encoding() {
        assert_eq!(encoded(Encoding::Utf8, "aü€").unwrap(), "aü€".as_bytes());
        assert_eq!(encoded(Encoding::Utf16Le, "aü€𝄞").unwrap(), b"a\0\xfc\0\xac\x20\x34\xd8\x1e\xdd");
        assert_eq!(encoded(Encoding::Latin1, "aü\u{80}").unwrap(), b"a\xfc\x80");
        assert_eq!(encoded(Encoding::Latin1, "ab€"), Err('€'));
        assert_eq!(encoded(Encoding::Windows1252, "aü€–Ÿ").unwrap(), b"a\xfc\x80\x96\x9f");
        for lacking in ['\u{81}', '\u{8d}', '\u{8f}', '\u{90}', '\u{9d}', '\u{80}', 'Ω', '𝄞'] {
            assert_eq!(encoded(Encoding::Windows1252, &lacking.to_string()), Err(lacking));
        }
        assert_eq!(encoded(Encoding::Windows1252, "\0\x1d").unwrap(), b"\0\x1d");
    }

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for (encoding, text) in [
            (Encoding::Utf8, "aü€𝄞"),
            (Encoding::Utf16Le, "aü€𝄞"),
            (Encoding::Latin1, "aü\u{80}"),
            (Encoding::Windows1252, "aü€–Ÿ"),
        ] {
            let mut bytes = encoding.byte_order_mark().unwrap_or_default().to_vec();
            encoding.encode(text, &mut bytes).unwrap();
            assert_eq!(encoding.decode(&bytes), text);
        }
        assert_eq!(Encoding::Windows1252.decode(b"\x81"), "\u{fffd}");
    }

    #[test]
    fn a_byte_of_an_encoding_of_single_bytes_stands_for_one_character() {
        for encoding in [Encoding::Latin1, Encoding::Windows1252] {
            let all: Vec<u8> = ('\0'..='\u{ffff}').filter_map(|character| encoding.byte(character)).collect();
            let unique: std::collections::BTreeSet<_> = all.iter().collect();
            assert_eq!(unique.len(), all.len());
            assert_eq!(all.len(), if encoding == Encoding::Latin1 { 256 } else { 251 });
        }
    }
}
