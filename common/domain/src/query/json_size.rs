//! How many values a JSON text has, counted before it is parsed.

/// An upper bound of the number of values and names in a JSON text (RFC 8259), without parsing it: the separators and
/// opening brackets outside of strings, plus one. A text of one megabyte can have half a million values, each of which
/// takes seventy bytes once it is parsed.
#[must_use]
pub fn json_values(text: &[u8]) -> usize {
    let mut values = 1_usize;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b',' | b':' | b'[' | b'{' => values += 1,
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    values
}

fn skip_string<'a>(bytes: &mut impl Iterator<Item = &'a u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => _ = bytes.next(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn counted(value: &Value) -> usize {
        1 + match value {
            Value::Array(items) => items.iter().map(counted).sum(),
            Value::Object(members) => members.values().map(|value| 1 + counted(value)).sum(),
            _ => 0,
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            r#"[a-z,:"\\\[\]{}]{0,8}"#.prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((r#"[a-z,:"\\]{0,4}"#, inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_has_more_values_than_counted(value in any_json()) {
            let values = json_values(value.to_string().as_bytes());
            prop_assert!(values >= counted(&value), "{values} {value}");
            prop_assert!(values <= 2 * counted(&value), "{values} {value}");
        }
    }

    #[test]
    fn separators_in_strings_do_not_count() {
        assert_eq!(json_values(br#"{"a,b": "[{\",:"}"#), 3);
        assert_eq!(json_values(b"\"open, string"), 1);
        assert_eq!(json_values(b""), 1);
    }
}
