//! Errors as Directus writes them. What the client reads is here; what happened inside is for the log.

use lambda_http::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{
    context::SecretError,
    query::QueryError,
    reservation::{COLLECTION, FieldError, Refusal},
    store::StoreError,
};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A token that is unknown, malformed, expired or of an inactive user: 401.
    #[error("the token is not valid")]
    InvalidCredentials,
    /// 403; without a reason nobody can tell a row that does not exist from one of another organisation.
    #[error("forbidden: {0:?}")]
    Forbidden(Option<String>),
    /// A query parameter that cannot be used: 400.
    #[error("invalid query: {0}")]
    InvalidQuery(String),
    /// A body that cannot be used: 400.
    #[error("invalid payload: {0}")]
    InvalidPayload(String),
    /// An Idempotency-Key that was used with another body: 422.
    #[error("the idempotency key was used before: {0}")]
    KeyReused(String),
    /// Members that break a rule: 400, one entry each.
    #[error("{} member(s) break a rule", .0.len())]
    FailedValidation(Vec<FieldError>),
    /// A key that exists: 400.
    #[error("{field} {value} exists")]
    RecordNotUnique {
        /// The collection.
        collection: &'static str,
        /// The member.
        field: &'static str,
        /// The value that is taken.
        value: String,
    },
    /// A path that does not exist: 404.
    #[error("no route {0}")]
    RouteNotFound(String),
    /// A method that the path does not have (GraphQL): 405.
    #[error("method {current} is not allowed")]
    MethodNotAllowed {
        /// The method used.
        current: String,
        /// The methods that there are.
        allowed: &'static [&'static str],
    },
    /// Throttled: 429, with the seconds to wait.
    #[error("too many requests")]
    RequestsExceeded(u32),
    /// What we depend on does not answer: 503.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A fault of ours: 500.
    #[error("internal: {0}")]
    Internal(String),
}

impl ApiError {
    /// The refusal of a collection: no token, or a role that lacks the action.
    #[must_use]
    pub fn no_collection(collection: &str) -> Self {
        Self::Forbidden(Some(format!(
            "You don't have permission to access collection \"{collection}\" or it does not exist. Queried in root."
        )))
    }

    /// The refusal of a member.
    #[must_use]
    pub fn no_field(field: &str, collection: &str) -> Self {
        Self::Forbidden(Some(format!(
            "You don't have permission to access field \"{field}\" in collection \"{collection}\" or it does not exist. \
             Queried in root."
        )))
    }

    /// The refusal of a row: unknown, or of another organisation.
    #[must_use]
    pub fn no_row() -> Self {
        Self::Forbidden(None)
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::InvalidCredentials => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::InvalidQuery(_)
            | Self::InvalidPayload(_)
            | Self::FailedValidation(_)
            | Self::RecordNotUnique { .. } => StatusCode::BAD_REQUEST,
            Self::KeyReused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RouteNotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestsExceeded(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The entries of `errors`: `message` and `extensions`, the code last as Directus has it.
    #[must_use]
    pub fn entries(&self) -> Vec<Value> {
        match self {
            Self::InvalidCredentials => vec![entry("Invalid user credentials.", "INVALID_CREDENTIALS", json!({}))],
            Self::Forbidden(None) => vec![entry("You don't have permission to access this.", "FORBIDDEN", json!({}))],
            Self::Forbidden(Some(reason)) => vec![entry(reason, "FORBIDDEN", json!({ "reason": reason }))],
            Self::InvalidQuery(reason) => vec![because("Invalid query", "INVALID_QUERY", reason)],
            Self::InvalidPayload(reason) | Self::KeyReused(reason) => {
                vec![because("Invalid payload", "INVALID_PAYLOAD", reason)]
            }
            Self::FailedValidation(errors) => errors.iter().map(failed).collect(),
            Self::RecordNotUnique { collection, field, value } => vec![entry(
                &format!("Value \"{value}\" for field \"{field}\" in collection \"{collection}\" has to be unique."),
                "RECORD_NOT_UNIQUE",
                json!({ "collection": collection, "field": field, "value": value }),
            )],
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
            Self::Unavailable(_) => vec![entry(
                "The service is temporarily unavailable. Please try again.",
                "SERVICE_UNAVAILABLE",
                json!({}),
            )],
            Self::Internal(_) => vec![entry("An unexpected error occurred.", "INTERNAL_SERVER_ERROR", json!({}))],
        }
    }

    /// Whether it is a fault that an operator should see, rather than a client's mistake.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.status().is_server_error()
    }
}

fn entry(message: &str, code: &str, details: Value) -> Value {
    let mut extensions: Map<String, Value> = details.as_object().cloned().unwrap_or_default();
    extensions.insert("code".to_owned(), json!(code));
    json!({ "message": message, "extensions": extensions })
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

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(errors) => Self::FailedValidation(errors),
            Refusal::UnknownField(field) => Self::no_field(&field, COLLECTION),
            Refusal::NotAnObject(what) => Self::InvalidPayload(what.to_owned()),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooMany(limit) => Self::InvalidQuery(format!(
                "The query would have to read more than {limit} items. Filter by id, reserved_for, product or reference_id"
            )),
            StoreError::Busy(_) | StoreError::Contended(_) => Self::Unavailable(error.to_string()),
            StoreError::Refused(_) | StoreError::Corrupt { .. } => Self::Internal(error.to_string()),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::InvalidQuery { reason } => Self::InvalidQuery(reason),
            QueryError::InvalidPayload { reason } => Self::InvalidPayload(reason),
            QueryError::Forbidden { reason } => Self::Forbidden(reason),
        }
    }
}

impl From<SecretError> for ApiError {
    fn from(error: SecretError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
