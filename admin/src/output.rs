//! What a command prints: tables and sentences for people, JSON for scripts.
//!
//! Everything that people read passes through [`plain`]: a name in a table must not be able to control a terminal.

use std::io::{IsTerminal, Write};

use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;

/// Where a command prints.
pub struct Output<'a> {
    out: &'a mut (dyn Write + Send),
    err: &'a mut (dyn Write + Send),
    json: bool,
}

impl<'a> Output<'a> {
    /// Prints to `out`, as JSON if `json`, and warnings to `err`.
    pub fn new(out: &'a mut (dyn Write + Send), err: &'a mut (dyn Write + Send), json: bool) -> Self {
        Self { out, err, json }
    }

    /// Whether scripts read the output. Then nothing but one JSON document is printed, or one per line by
    /// [`Output::line`].
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a result: the value as JSON, or what `people` makes of it.
    ///
    /// # Errors
    /// [`Failure::NobodyReads`] when the output is closed.
    pub fn show<T: Serialize>(&mut self, value: &T, people: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        let text =
            if self.json { serde_json::to_string_pretty(value).map_err(std::io::Error::other)? } else { people(value) };
        writeln!(self.out, "{}", text.trim_end())?;
        Ok(self.out.flush()?)
    }

    /// Prints one line of a report that has many: the value as compact JSON, or what `people` makes of it.
    ///
    /// # Errors
    /// As [`Output::show`].
    pub fn line<T: Serialize>(&mut self, value: &T, people: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        let text = if self.json { serde_json::to_string(value).map_err(std::io::Error::other)? } else { people(value) };
        Ok(writeln!(self.out, "{text}")?)
    }

    /// Prints a remark for people; scripts do not get it.
    ///
    /// # Errors
    /// As [`Output::show`].
    pub fn note(&mut self, text: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { Ok(writeln!(self.out, "Note: {}\n", plain(text))?) }
    }

    /// Prints a warning apart from the result: a sentence, or an object with `warning` for scripts.
    pub fn warn(&mut self, text: &str) {
        let line = match self.json {
            true => json!({ "warning": text }).to_string(),
            false => format!("Warning: {}", plain(text)),
        };
        // A warning that nobody reads is no failure.
        let _ = writeln!(self.err, "{line}");
    }

    /// Prints bytes as they are, whatever `--json` says (a script, a page of the manual).
    ///
    /// # Errors
    /// As [`Output::show`].
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.out.write_all(bytes)?)
    }
}

/// A table with a line of headings. Without rows it is the sentence `empty`.
#[must_use]
pub fn table<const N: usize>(headings: [&str; N], rows: Vec<[String; N]>, empty: &str) -> String {
    if rows.is_empty() {
        return empty.to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings);
    for row in rows {
        table.add_row(row.map(|cell| plain(&cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    trimmed(&table.to_string())
}

/// A list of names and values, one per line.
#[must_use]
pub fn fields<N: AsRef<str>>(rows: &[(N, String)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in rows {
        table.add_row([plain(name.as_ref()), plain(value)]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    trimmed(&table.to_string())
}

fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Text without characters that control a terminal or the direction of writing; each is shown as its escape.
#[must_use]
pub fn plain(text: &str) -> String {
    let is_control = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_control(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// [`plain`] that keeps line breaks.
#[must_use]
pub fn plain_lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// Asks a question on the terminal. Without a terminal, or with `--json`, the answer must have been given by `--yes`.
///
/// # Errors
/// [`Failure::WrongUse`] when nobody can be asked; [`Failure::Refused`] when the answer is not `yes`.
pub fn confirm(output: &Output<'_>, question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if output.is_json() || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::WrongUse(format!("{question} Add --yes to do it without being asked.")));
    }
    write!(std::io::stderr(), "{} Type yes: ", plain_lines(question))?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Failure::Refused("Nothing was changed.".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let rows = vec![
            ["A".to_owned(), "한국".to_owned(), "x".to_owned()],
            ["BBB".to_owned(), "c".to_owned(), "y".to_owned()],
        ];
        assert_eq!(table(["id", "name", "end"], rows, ""), "id   name  end\nA    한국  x\nBBB  c     y");
        assert_eq!(table(["id"], Vec::new(), "There is nothing."), "There is nothing.");
    }

    #[test]
    fn no_text_controls_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{202e}d"), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(plain_lines("a\nb\u{7}"), "a\nb\\u{7}");
    }
}
