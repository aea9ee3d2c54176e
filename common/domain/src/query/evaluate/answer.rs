//! [`Answer`]: the body of an answer.

use serde::Serialize;
use serde_json::{Map, Value};

/// The body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// `meta`, if the query has it.
    pub meta: Option<Map<String, Value>>,
    /// `data`
    pub data: Value,
}

/// `{"meta": …, "data": …}` as text.
pub fn json_body(meta: Option<&Map<String, Value>>, data: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Body<'a, T> {
        #[serde(skip_serializing_if = "Option::is_none")]
        meta: Option<&'a Map<String, Value>>,
        data: &'a T,
    }
    // Serialization cannot fail: every key is a text.
    serde_json::to_string(&Body { meta, data }).unwrap_or_default()
}

impl Answer {
    /// `{"meta": …, "data": …}`
    pub fn into_body(self) -> Value {
        let mut body = Map::new();
        if let Some(meta) = self.meta {
            body.insert("meta".into(), Value::Object(meta));
        }
        body.insert("data".into(), self.data);
        Value::Object(body)
    }
}
