//! Relations in a client's input: as in Directus, a key or an object that contains the key.

use std::borrow::Cow;

use serde_json::Value;

use super::OperationError;

/// Relations that a client may set, and the collections that they point to.
const RELATIONS: [(&str, &str); 2] = [("reserved_for", "organisation"), ("purchase_order", "purchase_order")];

/// The input with each relation of the form `{"id": key}` replaced by the key.
///
/// # Errors
/// `FORBIDDEN`, with the collection in the reason, for any other object: it would create or change a row of that
/// collection, which no caller may do.
pub(super) fn keys_of_relations(input: &Value) -> Result<Cow<'_, Value>, OperationError> {
    let mut out = Cow::Borrowed(input);
    for (field, collection) in RELATIONS {
        let Some(nested) = input.get(field).and_then(Value::as_object) else { continue };
        let key = nested.get("id").filter(|key| key.is_string() && nested.len() == 1);
        let key = key.ok_or_else(|| OperationError::no_collection(collection))?;
        if let Some(member) = out.to_mut().get_mut(field) {
            *member = key.clone();
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_with_a_key_is_the_key_and_any_other_object_is_forbidden() {
        let input = json!({"reserved_for": {"id": "o"}, "purchase_order": "p", "product": {"id": "x"}});
        let read = keys_of_relations(&input).unwrap();
        assert_eq!(*read, json!({"reserved_for": "o", "purchase_order": "p", "product": {"id": "x"}}));
        assert!(matches!(keys_of_relations(&json!({"quantity": 1})), Ok(Cow::Borrowed(_))));
        for nested in [json!({}), json!({"id": 5}), json!({"id": "o", "city": "Sydney"}), json!({"name": "New"})] {
            let refused = keys_of_relations(&json!({"reserved_for": nested})).unwrap_err();
            assert!(matches!(refused, OperationError::Forbidden(Some(reason)) if reason.contains("\"organisation\"")));
        }
    }
}
