//! GraphQL over HTTP as Directus does it: parameters in the body of a POST or in the query string of a GET, and the
//! forms of errors. It must not execute anything.

use common::{
    api::{Answer, ApiError, Call},
    query::parse_query_string,
};
use lambda_http::http::{Method, StatusCode};
use serde_json::{Map, Value as Json, json};

/// The parameters of a GraphQL request.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// The document.
    pub(crate) query: String,
    /// The name of the operation to execute, when the document has several.
    pub(crate) operation_name: Option<String>,
    /// The variables.
    pub(crate) variables: Map<String, Json>,
}

/// Why a request has no `data`. Each kind has its own form.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request is wrong; the answer is a REST error.
    Api(ApiError),
    /// The document is invalid: entries of `extensions.errors`, status 400.
    Document(Vec<Json>),
    /// The document cannot be executed with these variables or this operation name: an entry of `errors`, status 200.
    Request(Json),
    /// The parameters themselves are unusable: status 400.
    Execution(String),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl Failure {
    /// The answer to the client.
    ///
    /// # Errors
    /// The error itself for `Failure::Api`, which has the form of a REST error.
    pub(crate) fn into_answer(self) -> Result<Answer, ApiError> {
        let refused = |message: &str, code: &str, errors: Json| {
            let entry = json!({ "message": message, "extensions": { "errors": errors, "code": code } });
            Ok(Answer::JsonWith(StatusCode::BAD_REQUEST, json!({ "errors": [entry] })))
        };
        match self {
            Self::Api(error) => Err(error),
            Self::Document(errors) => refused("GraphQL validation error.", "GRAPHQL_VALIDATION", Json::Array(errors)),
            Self::Execution(message) => refused("GraphQL execution error.", "GRAPHQL_EXECUTION", json!([message])),
            Self::Request(error) => Ok(Answer::Json(json!({ "errors": [error] }))),
        }
    }
}

impl Parameters {
    /// Reads the parameters of a request.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` when there is no document; `METHOD_NOT_ALLOWED` for a method other than GET, HEAD and POST.
    pub(crate) fn read(call: &Call) -> Result<Self, Failure> {
        let members = match call.method {
            Method::GET | Method::HEAD => from_query_string(&call.query)?,
            Method::POST => match call.json()? {
                Json::Object(members) => members,
                _ => Map::new(),
            },
            _ => {
                let current = call.method.to_string();
                return Err(ApiError::MethodNotAllowed { current, allowed: &["GET", "POST"] }.into());
            }
        };
        let query = match members.get("query") {
            Some(Json::String(text)) if !text.is_empty() => text.clone(),
            None | Some(Json::Null | Json::String(_) | Json::Bool(false)) => {
                return Err(ApiError::invalid_payload("Must provide query string").into());
            }
            Some(other) => {
                return Err(Failure::Document(vec![
                    json!({ "message": format!("Body must be a string. Received: {other}.") }),
                ]));
            }
        };
        let variables = match members.get("variables") {
            None | Some(Json::Null) => Map::new(),
            Some(Json::Object(variables)) => variables.clone(),
            Some(_) => {
                return Err(Failure::Execution(
                    "Variables must be provided as an Object where each property is a variable value. Perhaps look to see if \
                     an unparsed JSON string was provided."
                        .to_owned(),
                ));
            }
        };
        let operation_name = members.get("operationName").and_then(Json::as_str).map(str::to_owned);
        Ok(Self { query, operation_name, variables })
    }

    /// Whether the method may only execute queries.
    pub(crate) fn reads_only(call: &Call) -> bool {
        call.method != Method::POST
    }
}

/// The parameters of a GET. `variables` is JSON text.
fn from_query_string(query: &str) -> Result<Map<String, Json>, Failure> {
    let parsed = parse_query_string(query).map_err(ApiError::from)?;
    let mut members = Map::new();
    for name in ["query", "operationName", "variables"] {
        if let Some(value) = parsed.get(name) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(Json::String(text)) = members.get("variables") {
        let variables = if text.is_empty() {
            Json::Null
        } else {
            serde_json::from_str(text).map_err(|_| ApiError::invalid_query("Variables are invalid JSON"))?
        };
        members.insert("variables".to_owned(), variables);
    }
    Ok(members)
}
