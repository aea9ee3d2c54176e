//! The buckets of the template, with their CORS rules.

use serde_json::Value;

use super::{TemplateError, number};

/// A bucket of the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its CORS rules; the first one that fits a request counts.
    pub cors: Vec<CorsRule>,
}

/// A CORS rule: what pages of which origins may do. An origin and a header may hold one `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsRule {
    /// Origins that may send requests.
    pub origins: Vec<String>,
    /// Methods of these requests.
    pub methods: Vec<String>,
    /// Request headers that a preflight may ask for.
    pub headers: Vec<String>,
    /// Response headers that a page may read.
    pub exposed: Vec<String>,
    /// How long a browser keeps the answer of a preflight, in seconds.
    pub max_age: Option<i64>,
}

impl Bucket {
    /// A bucket without CORS rules.
    #[must_use]
    pub fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), cors: Vec::new() }
    }

    pub(super) fn read(name: &str, properties: &Value) -> Result<Self, TemplateError> {
        let rules = properties.pointer("/CorsConfiguration/CorsRules").and_then(Value::as_array);
        let cors = rules.into_iter().flatten().map(|rule| CorsRule::read(name, rule)).collect::<Result<_, _>>()?;
        Ok(Self { name: name.to_owned(), cors })
    }
}

impl CorsRule {
    fn read(bucket: &str, rule: &Value) -> Result<Self, TemplateError> {
        let list = |member: &str| {
            let items = rule.get(member).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let (origins, methods) = (list("AllowedOrigins"), list("AllowedMethods"));
        if origins.is_empty() || methods.is_empty() {
            return Err(TemplateError::new(format!("a CORS rule of {bucket} has no origins or no methods")));
        }
        let (headers, exposed) = (list("AllowedHeaders"), list("ExposedHeaders"));
        Ok(Self { origins, methods, headers, exposed, max_age: number(rule.get("MaxAge")) })
    }
}
