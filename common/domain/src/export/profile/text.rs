//! [`Text`]: text of a profile with slots, `({code})`. Two braces stand for one.

use std::fmt::{self, Write as _};

use super::source::Source;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Characters of the profile itself.
    Own(String),
    /// What stands here in each file.
    Slot(Source),
}

/// A text with slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

impl Text {
    /// A text that is one slot.
    pub(super) fn slot(source: Source) -> Self {
        Self(vec![Piece::Slot(source)])
    }

    /// A text without slots.
    pub(super) fn constant(text: &str) -> Self {
        Self(if text.is_empty() { Vec::new() } else { vec![Piece::Own(text.to_owned())] })
    }

    /// Reads a text.
    ///
    /// # Errors
    /// A sentence about the first slot that cannot be read.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut own = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            own.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                own.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                own.push('}');
                rest = after;
            } else if let Some(slot) = from.strip_prefix('{') {
                let (name, after) = slot.split_once('}').ok_or_else(|| {
                    format!("{from:.40} has no closing brace; a brace of the text itself is written twice")
                })?;
                let source = Source::parse(name).ok_or_else(|| unknown(name))?;
                if !own.is_empty() {
                    pieces.push(Piece::Own(std::mem::take(&mut own)));
                }
                pieces.push(Piece::Slot(source));
                rest = after;
            } else {
                return Err(
                    "a closing brace has no opening one; a brace of the text itself is written twice".to_owned()
                );
            }
        }
        own.push_str(rest);
        if !own.is_empty() {
            pieces.push(Piece::Own(own));
        }
        Ok(Self(pieces))
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The sources of its slots.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Slot(source) => Some(*source),
            Piece::Own(_) => None,
        })
    }

    /// Its own characters.
    pub(super) fn own(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Own(text) => Some(text.as_str()),
            Piece::Slot(_) => None,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The sentence about a source that does not exist.
pub(super) fn unknown(name: &str) -> String {
    let all: Vec<&str> = Source::ALL.into_iter().map(Source::as_str).collect();
    format!("{name:?} is no source; the sources are {}", all.join(", "))
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Slot(source) => write!(f, "{{{}}}", source.as_str())?,
                Piece::Own(text) => {
                    for character in text.chars() {
                        f.write_char(character)?;
                        if matches!(character, '{' | '}') {
                            f.write_char(character)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_and_written_alike() {
        for text in
            ["", "plain", "{code}", "a{code}b{position}", "{{\"a\":\"{code}\"}}", "}}{{", "{code}{code}", "ü{{{code}}}"]
        {
            assert_eq!(Text::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Text::constant("{a}").to_string(), "{{a}}");
        assert_eq!(Text::parse("{{a}}").unwrap(), Text::constant("{a}"));
        assert_eq!(Text::parse("{code}").unwrap(), Text::slot(Source::Code));
    }

    #[test]
    fn what_is_no_slot_is_named() {
        for (text, part) in [
            ("{code", "no closing brace"),
            ("code}", "no opening one"),
            ("{}", "\"\" is no source"),
            ("{codes}", "\"codes\" is no source; the sources are position, "),
            ("{ code }", "\" code \" is no source"),
        ] {
            let error = Text::parse(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
