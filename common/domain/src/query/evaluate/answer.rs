//! [`Answer`]: the body of an answer.

use crate::query::budget::{Budget, Limit};
use crate::query::error::QueryError;
use serde::Serialize;
use serde_json::{Map, Value};
use std::io;

/// The body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// `meta`, if the query has it.
    pub meta: Option<Map<String, Value>>,
    /// `data`
    pub data: Value,
}

/// `{"meta": …, "data": …}` as text.
///
/// # Errors
/// `INVALID_QUERY` when the budget is spent, or the text is longer than an answer may be; then no more was written.
pub fn json_body(
    meta: Option<&Map<String, Value>>,
    data: &impl Serialize,
    budget: &Budget,
) -> Result<String, QueryError> {
    #[derive(Serialize)]
    struct Body<'a, T> {
        #[serde(skip_serializing_if = "Option::is_none")]
        meta: Option<&'a Map<String, Value>>,
        data: &'a T,
    }
    let mut text = BoundedText(Vec::new());
    let written = serde_json::to_writer(&mut text, &Body { meta, data });
    budget.check()?;
    // Every key is a text, so only a text that is too long ends here.
    written.map_err(|_| Limit::Text.error())?;
    String::from_utf8(text.0).map_err(|_| QueryError::invalid("The answer is no text"))
}

/// A text that refuses to become longer than an answer may be.
struct BoundedText(Vec<u8>);

impl io::Write for BoundedText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > Limit::Text.most() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
