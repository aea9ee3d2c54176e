//! Errors in the form that Directus gives them: status, code and message. Details of a failure are logged and never
//! sent to the client.

use lambda_http::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{
    context::SecretError, identity::IdentityError, operations::OperationError, query::QueryError,
    reservation::FieldError, store::StoreError,
};

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The operation refused or failed.
    #[error(transparent)]
    Operation(OperationError),
    /// A path that does not exist: 404.
    #[error("no route {0}")]
    RouteNotFound(String),
    /// A method that the path does not have (GraphQL): 405.
    #[error("method {current} is not allowed")]
    MethodNotAllowed {
        /// The method used.
        current: String,
        /// The methods that the path supports.
        allowed: &'static [&'static str],
    },
    /// Too many requests: 429, with the seconds to wait.
    #[error("too many requests")]
    RequestsExceeded(u32),
}

impl ApiError {
    /// 400 INVALID_PAYLOAD: a body, header or encoding that cannot be used.
    #[must_use]
    pub fn invalid_payload(reason: impl Into<String>) -> Self {
        Self::Operation(OperationError::InvalidPayload(reason.into()))
    }

    /// 400 INVALID_QUERY: a query parameter or an answer that would be too large.
    #[must_use]
    pub fn invalid_query(reason: impl Into<String>) -> Self {
        Self::Operation(OperationError::InvalidQuery(reason.into()))
    }

    /// 503 SERVICE_UNAVAILABLE; the reason is for the log.
    #[must_use]
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Operation(OperationError::Unavailable(reason.into()))
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        use OperationError as Operation;
        let operation = match self {
            // Rows of a batch may be bad for several reasons. The first one decides, as if it were the only one.
            Self::Operation(Operation::Rows(rows)) => match rows.first() {
                Some((_, first)) => first,
                None => return StatusCode::BAD_REQUEST,
            },
            Self::Operation(error) => error,
            Self::RouteNotFound(_) => return StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => return StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestsExceeded(_) => return StatusCode::TOO_MANY_REQUESTS,
        };
        match operation {
            Operation::InvalidCredentials => StatusCode::UNAUTHORIZED,
            Operation::Forbidden(_) => StatusCode::FORBIDDEN,
            Operation::InvalidQuery(_)
            | Operation::TooManyItems(_)
            | Operation::InvalidPayload(_)
            | Operation::FailedValidation(_)
            | Operation::RecordNotUnique { .. }
            | Operation::Rows(_) => StatusCode::BAD_REQUEST,
            Operation::KeyReused(_) | Operation::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Operation::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Operation::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The entries of `errors`: `message` and `extensions`, the code last as Directus has it.
    #[must_use]
    pub fn entries(&self) -> Vec<Value> {
        match self {
            Self::Operation(error) => operation_entries(error),
            Self::RouteNotFound(path) => {
                vec![entry(&format!("Route {path} doesn't exist."), "ROUTE_NOT_FOUND", json!({ "path": path }))]
            }
            Self::MethodNotAllowed { current, allowed } => {
                let list = allowed.iter().map(|method| format!("\"{method}\"")).collect::<Vec<_>>().join(", ");
                vec![entry(
                    &format!("Invalid method \"{current}\" used. Should be one of {list}."),
                    "METHOD_NOT_ALLOWED",
                    json!({ "current": current, "allowed": allowed }),
                )]
            }
            Self::RequestsExceeded(seconds) => {
                vec![entry("Too many requests.", "REQUESTS_EXCEEDED", json!({ "reset_after_seconds": seconds }))]
            }
        }
    }

    /// Whether this is a fault of the service, which operators must see in the log, and not a mistake of the client.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.status().is_server_error()
    }
}

fn operation_entries(error: &OperationError) -> Vec<Value> {
    use OperationError as Operation;
    match error {
        Operation::InvalidCredentials => vec![entry("Invalid user credentials.", "INVALID_CREDENTIALS", json!({}))],
        Operation::Forbidden(None) => vec![entry("You don't have permission to access this.", "FORBIDDEN", json!({}))],
        Operation::Forbidden(Some(reason)) => vec![entry(reason, "FORBIDDEN", json!({ "reason": reason }))],
        Operation::InvalidQuery(reason) => vec![because("Invalid query", "INVALID_QUERY", reason)],
        Operation::TooManyItems(limit) => {
            let reason =
                format!("The query would have to read more than {limit} items. Filter by \"id\", or ask for less");
            vec![because("Invalid query", "INVALID_QUERY", &reason)]
        }
        Operation::InvalidPayload(reason) | Operation::KeyReused(reason) => {
            vec![because("Invalid payload", "INVALID_PAYLOAD", reason)]
        }
        Operation::Unprocessable(reason) => vec![because("Can't process content", "UNPROCESSABLE_CONTENT", reason)],
        Operation::FailedValidation(errors) => errors.iter().map(failed).collect(),
        Operation::RecordNotUnique { collection, field, value } => vec![entry(
            &format!("Value \"{value}\" for field \"{field}\" in collection \"{collection}\" has to be unique."),
            "RECORD_NOT_UNIQUE",
            json!({ "collection": collection, "field": field, "value": value }),
        )],
        Operation::Rows(rows) => {
            let of_row = |(row, error): &(usize, OperationError)| {
                operation_entries(error).into_iter().map(|entry| with_index(entry, *row)).collect::<Vec<_>>()
            };
            rows.iter().flat_map(of_row).collect()
        }
        Operation::Unavailable(_) => {
            vec![entry("The service is temporarily unavailable. Please try again.", "SERVICE_UNAVAILABLE", json!({}))]
        }
        Operation::Internal(_) => vec![entry("An unexpected error occurred.", "INTERNAL_SERVER_ERROR", json!({}))],
    }
}

fn entry(message: &str, code: &str, details: Value) -> Value {
    let mut extensions: Map<String, Value> = details.as_object().cloned().unwrap_or_default();
    extensions.insert("code".to_owned(), json!(code));
    json!({ "message": message, "extensions": extensions })
}

/// Adds the index of a row of a batch: after `path`, which is the place within the row; otherwise before the code.
fn with_index(mut entry: Value, row: usize) -> Value {
    if let Some(extensions) = entry.get_mut("extensions").and_then(Value::as_object_mut) {
        let before = if extensions.contains_key("path") { "type" } else { "code" };
        let mut out = Map::with_capacity(extensions.len() + 1);
        for (name, value) in std::mem::take(extensions) {
            if name == before {
                out.insert("index".to_owned(), json!(row));
            }
            out.insert(name, value);
        }
        *extensions = out;
    }
    entry
}

fn because(what: &str, code: &str, reason: &str) -> Value {
    let reason = reason.strip_suffix('.').unwrap_or(reason);
    entry(&format!("{what}. {reason}."), code, json!({ "reason": reason }))
}

fn failed(error: &FieldError) -> Value {
    let mut details = json!({ "field": error.field, "path": [], "type": error.kind });
    if let (Some(valid), Some(details)) = (&error.valid, details.as_object_mut()) {
        details.insert("valid".to_owned(), (**valid).clone());
    }
    entry(&format!("Validation failed for field \"{}\". {}", error.field, error.reason), "FAILED_VALIDATION", details)
}

impl From<OperationError> for ApiError {
    fn from(error: OperationError) -> Self {
        Self::Operation(error)
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::Operation(error.into())
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        Self::Operation(error.into())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Operation(error.into())
    }
}

impl From<SecretError> for ApiError {
    fn from(error: SecretError) -> Self {
        Self::Operation(error.into())
    }
}
