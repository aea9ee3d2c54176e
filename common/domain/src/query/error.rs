//! [`QueryError`]: why a query is refused, with the status, code and reason that Directus answers.
//!
//! Pure data: the HTTP layer turns each [`QueryError`] into one entry of `errors`.

use serde_json::{Map, Value};

/// Why a query is refused. The `reason` is shown to the client and contains no internal detail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A parameter has a wrong form or value: 400 `INVALID_QUERY`.
    #[error("Invalid query. {reason}.")]
    InvalidQuery {
        /// What is wrong, without a closing full stop.
        reason: String,
    },
    /// A `SEARCH` body has a wrong form: 400 `INVALID_PAYLOAD`.
    #[error("Invalid payload. {reason}.")]
    InvalidPayload {
        /// What is wrong, without a closing full stop.
        reason: String,
    },
    /// A field, a collection or a row that the caller may not read: 403 `FORBIDDEN`.
    #[error("{}", .reason.as_deref().unwrap_or("You don't have permission to access this."))]
    Forbidden {
        /// Given for fields and collections; absent for rows, so that an unknown row and a forbidden one look the same.
        reason: Option<String>,
    },
}

impl QueryError {
    /// An `INVALID_QUERY` with this reason.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::InvalidQuery { reason: reason.into() }
    }

    /// An `INVALID_PAYLOAD` with this reason.
    pub fn payload(reason: impl Into<String>) -> Self {
        Self::InvalidPayload { reason: reason.into() }
    }

    /// A `FORBIDDEN` without a reason: the row does not exist or the caller may not read it.
    pub fn forbidden() -> Self {
        Self::Forbidden { reason: None }
    }

    /// A collection that does not exist or that the caller may not read. `path` is the dotted path to it, `""` for the root.
    pub fn forbidden_collection(path: &str, collection: &str) -> Self {
        let place = place(path);
        Self::Forbidden {
            reason: Some(format!(
                "You don't have permission to access collection \"{collection}\" or it does not exist. Queried in {place}."
            )),
        }
    }

    /// Fields that do not exist in `collection` or that the caller may not read.
    pub fn forbidden_fields(path: &str, collection: &str, fields: &[String]) -> Self {
        let place = place(path);
        let named: Vec<String> = fields.iter().map(|f| format!("\"{f}\"")).collect();
        let named = named.join(", ");
        let (noun, verb) = if fields.len() == 1 { ("field", "it does") } else { ("fields", "they do") };
        Self::Forbidden {
            reason: Some(format!(
                "You don't have permission to access {noun} {named} in collection \"{collection}\" or {verb} not exist. Queried in {place}."
            )),
        }
    }

    /// The HTTP status: 400 or 403.
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidQuery { .. } | Self::InvalidPayload { .. } => 400,
            Self::Forbidden { .. } => 403,
        }
    }

    /// The `code` of the envelope.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidQuery { .. } => "INVALID_QUERY",
            Self::InvalidPayload { .. } => "INVALID_PAYLOAD",
            Self::Forbidden { .. } => "FORBIDDEN",
        }
    }

    /// The `extensions` of the envelope: `reason` if there is one, then `code`.
    pub fn extensions(&self) -> Map<String, Value> {
        let reason = match self {
            Self::InvalidQuery { reason } | Self::InvalidPayload { reason } => Some(reason),
            Self::Forbidden { reason } => reason.as_ref(),
        };
        let mut out = Map::new();
        if let Some(reason) = reason {
            out.insert("reason".into(), Value::String(reason.clone()));
        }
        out.insert("code".into(), Value::String(self.code().into()));
        out
    }
}

/// The first characters of a text of the client, for a message: messages are bounded.
pub(in crate::query) fn shown(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn place(path: &str) -> String {
    if path.is_empty() { "root".into() } else { format!("\"{path}\"") }
}
