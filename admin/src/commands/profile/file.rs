//! The file of a profile: YAML or JSON, with the line of each mistake.
//!
//! YAML is read with its events, because those know their lines. Only what JSON has as well is accepted: one document
//! without anchors, aliases and tags.

use std::{collections::BTreeMap, path::Path};

use common::export::profile::{Mistake, Profile};
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, value::RawValue};

use crate::failure::Failure;

/// Maximum size of a file in bytes. A profile has 8 KiB in its canonical form; a file may have comments.
const MAX_BYTES: u64 = 256 << 10;

/// Maximum depth of lists and objects in one another. A profile has three.
const MAX_DEPTH: usize = 16;

/// A value with the line at which each of its members begins.
#[derive(Debug, Default)]
struct Located {
    value: Value,
    /// By the path of the member, such as `columns[2].width`; empty for the whole.
    lines: BTreeMap<String, usize>,
}

impl Located {
    /// The line of a member, or of the nearest one around it.
    fn line(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return *line;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = path.get(..end).unwrap_or_default(),
                None if path.is_empty() => return 1,
                None => path = "",
            }
        }
    }
}

/// Reads a profile.
///
/// # Errors
/// [`Failure::WrongUse`] when the file cannot be read, is neither YAML nor JSON, or has mistakes: one line for each, with
/// its line in the file.
pub(super) fn read(path: &Path) -> Result<Profile, Failure> {
    let name = path.display();
    let wrong = |reason: String| Failure::WrongUse(format!("{name}: {reason}"));
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > MAX_BYTES {
        return Err(wrong(format!("{size} bytes are too many; {MAX_BYTES} at most are allowed")));
    }
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| wrong(format!("the file is not UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let mistakes = match extension.as_deref() {
        Some("json") => profile_of(json(text)),
        Some("yaml" | "yml") => profile_of(yaml(text)),
        _ => return Err(wrong("the name must end with .yaml, .yml or .json".to_owned())),
    };
    mistakes.map_err(|mistakes| {
        let lines: Vec<String> = mistakes.into_iter().map(|(line, text)| format!("{name}:{line}: {text}")).collect();
        Failure::WrongUse(lines.join("\n"))
    })
}

/// Mistakes, each with its line.
type Mistakes = Vec<(usize, String)>;

fn profile_of(located: Result<Located, (usize, String)>) -> Result<Profile, Mistakes> {
    let located = located.map_err(|mistake| vec![mistake])?;
    let line = |mistake: Mistake| (located.line(&mistake.path), mistake.to_string());
    Profile::read(&located.value).map_err(|mistakes| {
        let mut mistakes: Mistakes = mistakes.into_iter().map(line).collect();
        mistakes.sort_by_key(|(line, _)| *line);
        mistakes
    })
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The members of an object of JSON in their order, with the texts of their values.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = map.next_entry()? {
                    all.push(member);
                }
                Ok(all)
            }
        }
        deserializer.deserialize_map(All).map(Self)
    }
}

fn json(text: &str) -> Result<Located, (usize, String)> {
    let raw: &RawValue =
        serde_json::from_str(text).map_err(|error| (error.line().max(1), format!("this is not JSON: {error}")))?;
    let mut located = Located::default();
    located.value = json_value(text, raw, String::new(), 0, &mut located.lines)?;
    Ok(located)
}

fn json_value(
    text: &str,
    raw: &RawValue,
    path: String,
    depth: usize,
    lines: &mut BTreeMap<String, usize>,
) -> Result<Value, (usize, String)> {
    // The text of a value is a part of the file's text.
    let begins = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let line = 1 + text.get(..begins).unwrap_or_default().matches('\n').count();
    lines.insert(path.clone(), line);
    if depth > MAX_DEPTH {
        return Err((line, "lists and objects stand too deep in one another".to_owned()));
    }
    let wrong = |error: serde_json::Error| (line, error.to_string());
    match raw.get().bytes().next() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(raw.get()).map_err(wrong)?;
            let mut all = Map::new();
            for (name, raw) in members {
                let value = json_value(text, raw, join(&path, &name), depth + 1, lines)?;
                if all.insert(name.clone(), value).is_some() {
                    let line = lines.get(&join(&path, &name)).copied().unwrap_or(line);
                    return Err((line, format!("{name:?} stands here twice")));
                }
            }
            Ok(Value::Object(all))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(wrong)?;
            let items = items.into_iter().enumerate();
            items.map(|(place, raw)| json_value(text, raw, format!("{path}[{place}]"), depth + 1, lines)).collect()
        }
        _ => serde_json::from_str(raw.get()).map_err(wrong),
    }
}

/// A list or an object that is not at its end yet.
enum Open {
    List(String, Vec<Value>),
    /// With the name of the member whose value comes next.
    Object(String, Map<String, Value>, Option<String>),
}

fn yaml(text: &str) -> Result<Located, (usize, String)> {
    let mut located = Located::default();
    let mut open: Vec<Open> = Vec::new();
    let (mut root, mut documents) = (None, 0);
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| (error.marker().line().max(1), format!("this is not YAML: {}", error.info())))?;
        let line = span.start.line().max(1);
        let refused = |what: &str| Err((line, format!("{what} cannot stand in a profile")));
        let value = match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return refused("a second document");
                }
                continue;
            }
            Event::Alias(_) => return refused("an alias (*name)"),
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                return refused("an anchor (&name)");
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                return refused("a tag (!name)");
            }
            Event::Scalar(text, style, _, _) => match open.last_mut() {
                // A name, in an object that waits for one.
                Some(Open::Object(path, members, next @ None)) => {
                    if members.contains_key(&*text) {
                        return Err((line, format!("{text:?} stands here twice")));
                    }
                    located.lines.insert(join(path, &text), line);
                    *next = Some(text.into_owned());
                    continue;
                }
                _ => scalar(&text, style),
            },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if let Some(Open::Object(_, _, None)) = open.last() {
                    return refused("a member whose name is a list or an object");
                }
                if open.len() > MAX_DEPTH {
                    return refused("so deep a list or object");
                }
                let path = next_path(&open);
                located.lines.entry(path.clone()).or_insert(line);
                open.push(match event {
                    Event::SequenceStart(..) => Open::List(path, Vec::new()),
                    _ => Open::Object(path, Map::new(), None),
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(_, items)) => Value::Array(items),
                Some(Open::Object(_, members, _)) => Value::Object(members),
                None => continue,
            },
            _ => continue,
        };
        let path = next_path(&open);
        located.lines.entry(path).or_insert(line);
        match open.last_mut() {
            Some(Open::List(_, items)) => items.push(value),
            Some(Open::Object(_, members, name)) => {
                members.extend(name.take().map(|name| (name, value)));
            }
            None => root = Some(value),
        }
    }
    located.value = root.ok_or_else(|| (1, "the file is empty".to_owned()))?;
    Ok(located)
}

/// The path of the value that comes next.
fn next_path(open: &[Open]) -> String {
    match open.last() {
        None => String::new(),
        Some(Open::List(path, items)) => format!("{path}[{}]", items.len()),
        Some(Open::Object(path, _, name)) => join(path, name.as_deref().unwrap_or_default()),
    }
}

/// A scalar by the rules of YAML 1.2 (core schema): plain text can be null, a truth value or a number, other text is text.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        other => match other.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => {
                let float = other
                    .parse::<f64>()
                    .ok()
                    .filter(|_| other.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.'));
                let number = float.and_then(serde_json::Number::from_f64);
                number.map_or_else(|| Value::String(other.to_owned()), Value::Number)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_of_yaml_know_their_lines_and_types() {
        let text = "# a comment\nname: my-printer\nheader: true\ncolumns:\n  - name: a\n    width: 12\n\n  - {name: b, constant: '007'}\nrow: |\n  ^XA\n  {code}\nnothing:\n";
        let located = yaml(text).unwrap();
        assert_eq!(
            located.value,
            json!({"name": "my-printer", "header": true, "columns": [{"name": "a", "width": 12}, {"name": "b", "constant": "007"}],
                "row": "^XA\n{code}\n", "nothing": null})
        );
        for (path, line) in [
            ("", 2),
            ("name", 2),
            ("columns", 4),
            ("columns[0]", 5),
            ("columns[0].width", 6),
            ("columns[1].constant", 8),
            ("columns[1].source", 8),
            ("row", 9),
            ("missing", 2),
        ] {
            assert_eq!(located.line(path), line, "{path}");
        }
    }

    #[test]
    fn members_of_json_know_their_lines() {
        let text = "{\n  \"name\": \"a\",\n  \"columns\": [\n    {\"name\": \"b\"},\n    {\n      \"name\": \"c\"}]\n}";
        let located = json(text).unwrap();
        for (path, line) in [("name", 2), ("columns[0].name", 4), ("columns[1]", 5), ("columns[1].name", 6), ("x", 1)] {
            assert_eq!(located.line(path), line, "{path}");
        }
        assert_eq!(located.value["columns"][1], json!({"name": "c"}));
    }

    #[test]
    fn what_yaml_has_beyond_json_is_refused_with_its_line() {
        for (text, line, part) in [
            ("a: 1\nb: &x 2\n", 2, "anchor"),
            ("a: 1\nb: !!str 2\n", 2, "tag"),
            ("a: 1\na: 2\n", 2, "twice"),
            ("a: 1\n---\nb: 2\n", 2, "second document"),
            ("a: 1\n b: 2\n", 2, "not YAML"),
            ("a: [1, 2\n", 2, "not YAML"),
            ("", 1, "empty"),
            ("? [a]\n: b\n", 1, "a list or an object"),
        ] {
            let (found, message) = yaml(text).unwrap_err();
            assert!(message.contains(part), "{text:?}: {message}");
            assert!(found.abs_diff(line) <= 1, "{text:?}: line {found}: {message}");
        }
        assert!(yaml(&format!("a: {}", "[".repeat(50))).is_err());
        for (text, line, part) in [("{\"a\": 1,\n\"a\": 2}", 2, "twice"), ("{\n\"a\" 1}", 2, "not JSON")] {
            let (found, message) = json(text).unwrap_err();
            assert!(found == line && message.contains(part), "{text:?}: line {found}: {message}");
        }
    }
}
