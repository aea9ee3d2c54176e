//! Items as the engine stores them: the JSON of the wire format, `{"name":{"S":"text"},…}` without white space. Single
//! attributes are cut out of it without parsing the others.

use memchr::memchr2;

/// The attributes of a projection. Only names at the top level.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Projection {
    names: Vec<String>,
    /// The lengths of the names, a bit each. Most attributes of an item have another length, and are compared with none.
    lengths: u64,
}

/// The bit of the length of a name.
fn length(name: &str) -> u64 {
    1 << (name.len() % 64)
}

impl Projection {
    /// The attributes that a projection expression names; `None` for what the engine has to check: paths into an
    /// attribute, names that are not defined or occur twice, and names without a placeholder, which may be reserved
    /// words. `id` is none.
    pub(super) fn of<'a>(expression: &str, name: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let mut names: Vec<String> = Vec::new();
        for part in expression.split(',').map(str::trim) {
            let real = if part == "id" { part } else { name(part)? };
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if real.is_empty() || !real.chars().all(is_plain) || names.iter().any(|known| known == real) {
                return None;
            }
            names.push(real.to_owned());
        }
        let lengths = names.iter().fold(0, |bits, name| bits | length(name));
        Some(Self { names, lengths })
    }

    /// Their names.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Appends the item with these attributes only; `None` if the text is not what the engine stores.
    pub(super) fn cut(&self, item: &str, out: &mut String) -> Option<()> {
        out.push('{');
        let mut left = self.names.len();
        let mut separator = "";
        let mut members = Members::of(item)?;
        while left > 0
            && let Some((name, value)) = members.member()?
        {
            if self.lengths & length(name) != 0 && self.names.iter().any(|wanted| wanted == name) {
                out.extend([separator, "\"", name, "\":", value]);
                separator = ",";
                left -= 1;
            }
        }
        out.push('}');
        Some(())
    }
}

/// The attributes of a stored item, in their order.
pub(super) struct Members<'a>(&'a str);

impl<'a> Members<'a> {
    /// The attributes of an item; `None` if the text is no object.
    pub(super) fn of(item: &'a str) -> Option<Self> {
        item.strip_prefix('{').map(Self)
    }

    /// The name of the next attribute, as it is written between the quotation marks, and the JSON of its value; the
    /// inner `None` at the end. The outer `None` if the text is not what the engine stores.
    pub(super) fn member(&mut self) -> Option<Option<(&'a str, &'a str)>> {
        if self.0.starts_with('}') {
            return Some(None);
        }
        let (name, after) = self.0.split_at_checked(text_len(self.0)?)?;
        let value = after.strip_prefix(':')?;
        let (value, after) = value.split_at_checked(value_len(value)?)?;
        self.0 = after.strip_prefix(',').unwrap_or(after);
        Some(Some((name.get(1..name.len() - 1)?, value)))
    }
}

/// What is before the text of an attribute that is one.
const TEXT: &str = "{\"S\":";

/// Appends a text as JSON.
pub(super) fn push_text(text: &str, out: &mut String) -> Option<()> {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.extend(["\"", text, "\""]);
    } else {
        out.push_str(&serde_json::to_string(text).ok()?);
    }
    Some(())
}

/// Appends an attribute that is a text as the engine stores it: its name, and the value.
pub(super) fn push_attribute(name: &str, text: &str, out: &mut String) -> Option<()> {
    push_text(name, out)?;
    out.push(':');
    push_value(text, out)
}

/// Appends the value of an attribute that is a text.
pub(super) fn push_value(text: &str, out: &mut String) -> Option<()> {
    out.push_str(TEXT);
    push_text(text, out)?;
    out.push('}');
    Some(())
}

/// The length of the text, with its quotation marks, with which JSON begins.
fn text_len(json: &str) -> Option<usize> {
    let bytes = json.as_bytes();
    let mut at = 1;
    bytes.first().filter(|first| **first == b'"')?;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// The length of the object with which JSON begins: the value of an attribute is one.
fn value_len(json: &str) -> Option<usize> {
    let bytes = json.as_bytes();
    // Most attributes are texts.
    if let Some(text) = json.strip_prefix(TEXT) {
        let len = TEXT.len() + text_len(text)?;
        if bytes.get(len) == Some(&b'}') {
            return Some(len + 1);
        }
    }
    let (mut at, mut depth) = (0_usize, 0_usize);
    loop {
        match bytes.get(at)? {
            b'"' => at += text_len(json.get(at..)?)?,
            b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
            b'}' | b']' => {
                (at, depth) = (at + 1, depth.checked_sub(1)?);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(expression: &str, item: &str) -> Option<String> {
        let names = [("#s", "status"), ("#a", "a"), ("#n", "none"), ("#p", "a.b")];
        let name = |wanted: &str| names.iter().find(|(name, _)| *name == wanted).map(|(_, real)| *real);
        let projection = Projection::of(expression, name)?;
        let mut out = String::new();
        projection.cut(item, &mut out).map(|()| out)
    }

    #[test]
    fn attributes_are_cut_out_whatever_their_values_contain() {
        let item = concat!(
            r#"{"a":{"M":{"id":{"S":"}"},"x":{"L":[{"N":"1"},{"S":"]\"}"}]}}},"#,
            r#""id":{"S":"q\\\"}{ü"},"status":{"S":"new"}}"#
        );
        assert_eq!(cut("id, #s", item).unwrap(), r#"{"id":{"S":"q\\\"}{ü"},"status":{"S":"new"}}"#);
        assert_eq!(cut("#a,#n", item).unwrap(), r#"{"a":{"M":{"id":{"S":"}"},"x":{"L":[{"N":"1"},{"S":"]\"}"}]}}}}"#);
        assert_eq!(cut("#n", item).unwrap(), "{}");
        assert_eq!(cut("id", "{}").unwrap(), "{}");
    }

    #[test]
    fn paths_unknown_names_and_broken_items_are_left_to_the_engine() {
        for expression in ["a.b", "#a[0]", "#none", "", "id,", "a", "id,id", "#p"] {
            assert_eq!(cut(expression, "{}"), None, "{expression}");
        }
        for item in ["", "[]", r#"{"id""#, r#"{"id":{"S":"x}"#, r#"{"id":{"S":"x"}"#] {
            assert_eq!(cut("#s, id, #n", item), None, "{item}");
        }
    }
}
