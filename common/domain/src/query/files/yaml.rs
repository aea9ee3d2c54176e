//! A list as YAML 1.2 in block style.
//!
//! A text is plain if no YAML reader can take it for another type, otherwise quoted; with line breaks it is a literal block
//! (`|`), with too long lines a folded block (`>`). Every YAML reader returns the same text.

use serde_json::{Map, Value};

const WIDTH: usize = 80;

/// The whole document, with its last line break.
pub(in crate::query) fn write(data: &Value) -> String {
    let mut out = String::new();
    match data {
        Value::Array(items) if !items.is_empty() => sequence(items, 0, &mut out),
        Value::Object(members) if !members.is_empty() => mapping(members, 0, &mut out),
        plain => {
            out.push_str(&scalar(plain, 0));
            out.push('\n');
        }
    }
    out
}

fn sequence(items: &[Value], depth: usize, out: &mut String) {
    for item in items {
        indent(depth, out);
        out.push_str("- ");
        let mut inner = String::new();
        match item {
            Value::Object(members) if !members.is_empty() => mapping(members, depth + 1, &mut inner),
            Value::Array(nested) if !nested.is_empty() => sequence(nested, depth + 1, &mut inner),
            plain => {
                out.push_str(&scalar(plain, depth + 1));
                out.push('\n');
                continue;
            }
        }
        // The first line of the item is on the line of its dash.
        out.push_str(inner.get(2 * (depth + 1)..).unwrap_or(&inner));
    }
}

fn mapping(members: &Map<String, Value>, depth: usize, out: &mut String) {
    for (name, value) in members {
        indent(depth, out);
        out.push_str(&key(name));
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                mapping(inner, depth + 1, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                sequence(items, depth + 1, out);
            }
            plain => {
                out.push(' ');
                out.push_str(&scalar(plain, depth + 1));
                out.push('\n');
            }
        }
    }
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

fn key(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { single_quoted(name) }
}

fn scalar(value: &Value, depth: usize) -> String {
    match value {
        Value::Null => "null".into(),
        Value::String(text) => string(text, depth),
        Value::Array(_) => "[]".into(),
        Value::Object(_) => "{}".into(),
        other => other.to_string(),
    }
}

fn string(text: &str, depth: usize) -> String {
    if text.is_empty() {
        return "''".into();
    }
    if !text.chars().all(is_printable) {
        return double_quoted(text);
    }
    let available = WIDTH.saturating_sub(2 * depth).max(WIDTH.min(40));
    let lines: Vec<&str> = text.split('\n').collect();
    let foldable = lines.iter().any(|line| line.chars().count() > available && !line.starts_with(' '));
    if lines.len() == 1 && !foldable {
        return if is_plain(text) { text.to_owned() } else { single_quoted(text) };
    }
    // A block that begins with a space needs an indentation indicator.
    let indicator = if lines.iter().find(|l| !l.is_empty()).is_some_and(|l| l.starts_with(' ')) { "2" } else { "" };
    let chomp = match (text.ends_with('\n'), text.ends_with("\n\n") || text == "\n") {
        (_, true) => "+",
        (true, false) => "",
        (false, _) => "-",
    };
    let (sign, body) = if foldable { ('>', fold(text, available)) } else { ('|', text.to_owned()) };
    let body = body.strip_suffix('\n').unwrap_or(&body).to_owned();
    let mut out = format!("{sign}{indicator}{chomp}");
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(depth, &mut out);
            out.push_str(line);
        }
    }
    out
}

/// Breaks long lines at spaces; a real line break becomes two.
fn fold(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut before_is_more_indented = true;
    for (at, line) in text.split('\n').enumerate() {
        let more_indented = line.starts_with(' ');
        if at > 0 {
            out.push('\n');
            if !before_is_more_indented && !more_indented && !line.is_empty() {
                out.push('\n');
            }
        }
        out.push_str(&fold_line(line, width));
        if at == 0 || !line.is_empty() {
            before_is_more_indented = more_indented || line.is_empty();
        }
    }
    out
}

fn fold_line(line: &str, width: usize) -> String {
    if line.is_empty() || line.starts_with(' ') {
        return line.to_owned();
    }
    let chars: Vec<char> = line.chars().collect();
    let mut out: Vec<String> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for at in 0..chars.len().saturating_sub(1) {
        // A break goes where one space stands between two words.
        if chars.get(at) != Some(&' ') || chars.get(at + 1) == Some(&' ') || at == 0 {
            continue;
        }
        if at - start > width {
            let cut = if end > start { end } else { at };
            out.push(chars.iter().skip(start).take(cut - start).collect());
            start = cut + 1;
        }
        end = at;
    }
    if chars.len() - start > width && end > start {
        out.push(chars.iter().skip(start).take(end - start).collect());
        start = end + 1;
    }
    out.push(chars.iter().skip(start).collect());
    out.join("\n")
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a1}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\u{0}' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{85}' => out.push_str("\\N"),
            '\u{a0}' => out.push_str("\\_"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xff => out.push_str(&format!("\\x{:02X}", u32::from(c))),
            c => out.push_str(&format!("\\u{:04X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// Whether a text can be written without quotes.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let last_ok = text.chars().last().is_some_and(|c| !c.is_whitespace() && c != ':');
    let indicator = "-?:,[]{}#&*!|=>'\"%@`";
    let first_ok = !first.is_whitespace() && !indicator.contains(first);
    let mut previous = ' ';
    let inside_ok = text.chars().all(|c| {
        let ok = match c {
            '#' => !previous.is_whitespace(),
            ' ' => previous != ':',
            '\t' => false,
            _ => true,
        };
        previous = c;
        ok
    });
    first_ok && last_ok && inside_ok && text.chars().all(is_printable) && !is_ambiguous(text)
}

/// Whether a reader would take the text for a number, a date, a truth value or null, in YAML 1.1 or 1.2.
fn is_ambiguous(text: &str) -> bool {
    const WORDS: [&str; 32] = [
        "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", "y", "Y", "yes", "Yes", "YES",
        "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF", "<<", "=", ".inf", ".nan", ".NaN", "-.inf",
    ];
    WORDS.contains(&text) || is_number(text) || is_sexagesimal(text) || is_date(text)
}

fn is_number(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(special) = text.strip_prefix('.')
        && ["inf", "Inf", "INF", "nan", "NaN", "NAN"].contains(&special)
    {
        return true;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return !digits.is_empty() && digits.chars().all(|c| c == '_' || c.is_digit(radix));
        }
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |t: &str| t.chars().all(|c| c == '_' || c.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let some_digit = mantissa.chars().any(|c| c.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && e.chars().all(|c| c.is_ascii_digit())
    });
    some_digit && !whole.starts_with('_') && digits(whole) && digits(fraction) && !text.ends_with('_') && exponent_ok
}

fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (groups, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.chars().all(|c| c == '_' || c.is_ascii_digit());
    groups.contains(':') && groups.split(':').all(|g| !g.is_empty() && digits(g)) && digits(fraction)
}

/// A date, or an instant to the second, as YAML 1.1 writes them.
fn is_date(text: &str) -> bool {
    let short = |t: &str| matches!(t.len(), 1 | 2) && t.bytes().all(|b| b.is_ascii_digit());
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    if year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) || !short(month) {
        return false;
    }
    let Some(at) = rest.find(['T', 't', ' ']) else {
        return month.len() == 2 && rest.len() == 2 && short(rest);
    };
    let (day, time) = rest.split_at(at);
    short(day) && crate::query::dates::parse_instant(text).is_some() && time.matches(':').count() >= 2
}
