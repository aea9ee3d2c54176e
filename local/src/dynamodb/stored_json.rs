//! Items as the engine stores them: the JSON of the wire format, `{"name":{"S":"text"},…}` without white space. Single
//! attributes are cut out of it without parsing the others.

use dynoxide::storage::Storage;
use memchr::memchr2;

/// A read that may be answered from the stored text.
pub(super) trait Answer {
    /// The body of the answer; `None` if the engine has to answer.
    fn read(&self, storage: &Storage) -> Option<String>;
}

/// The attributes of a projection. Only names at the top level.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Projection(Vec<String>);

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
        Some(Self(names))
    }

    /// These attributes, each once.
    pub(super) fn to(names: &[&str]) -> Self {
        let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    /// Appends the item with these attributes only; `None` if the text is not what the engine stores.
    pub(super) fn cut(&self, item: &str, out: &mut String) -> Option<()> {
        out.push('{');
        let mut left = self.0.len();
        let mut rest = item.strip_prefix('{')?;
        let mut separator = "";
        while left > 0 && !rest.starts_with('}') {
            let (name, after) = rest.split_at_checked(text_len(rest)?)?;
            let value = after.strip_prefix(':')?;
            let (value, after) = value.split_at_checked(value_len(value)?)?;
            let plain = name.get(1..name.len() - 1)?;
            if self.0.iter().any(|wanted| wanted == plain) {
                out.extend([separator, name, ":", value]);
                separator = ",";
                left -= 1;
            }
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        out.push('}');
        Some(())
    }
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
