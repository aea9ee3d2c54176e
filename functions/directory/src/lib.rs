//! Users, organisations, export profiles, `/server/health`, `/server/ping`, the OpenAPI document, and the answer to every path that no
//! other function serves.

pub mod openapi;

use common::{
    api::{Answer, ApiError, Call, Operation, serve},
    context::Context,
    operations::{OperationError, export_profiles, organisations, users},
    query::{Action, Collection, RawQuery, parse_query_string},
};
use lambda_http::{
    Body, Request, Response,
    http::{Method, StatusCode},
};
use serde_json::json;

use openapi::View;

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    let Some(operation) = call.operation() else { return elsewhere(&call) };
    let session = call.session();
    let raw = parse_query_string(&call.query)?;
    match operation {
        Operation::Ping => Ok(Answer::Text("pong")),
        Operation::Health => health(context).await,
        Operation::OpenApi => Ok(Answer::Json(openapi::document(&View::of(&session), &context.config().rules()))),
        Operation::ListUsers => {
            let (query, answer) = users::list(context, session, &raw).await?;
            Ok(Answer::of_list(&query, answer, call.now))
        }
        Operation::GetMe => me(context, &call, &raw).await,
        Operation::GetUser => {
            let id = call.parameter("id").unwrap_or_default();
            let (query, data) = users::one(context, session, id, &raw).await?;
            Ok(Answer::of_one(&query, data, call.now))
        }
        Operation::ListOrganisations => {
            let (query, answer) = organisations::list(context, session, &raw).await?;
            Ok(Answer::of_list(&query, answer, call.now))
        }
        Operation::GetOrganisation => {
            let (query, data) = organisations::one(context, session, call.rest(), &raw).await?;
            Ok(Answer::of_one(&query, data, call.now))
        }
        Operation::ListExportProfiles => {
            let (query, answer) = export_profiles::list(context, session, &raw).await?;
            Ok(Answer::of_list(&query, answer, call.now))
        }
        Operation::GetExportProfile => {
            let id = call.parameter("id").unwrap_or_default();
            let (query, data) = export_profiles::one(context, session, id, &raw).await?;
            Ok(Answer::of_one(&query, data, call.now))
        }
        _ => Err(call.no_route()),
    }
}

/// The error for a request that no route names.
fn elsewhere(call: &Call) -> Result<Answer, ApiError> {
    let path = call.path.strip_prefix('/').unwrap_or(&call.path);
    let segments: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    match segments.as_slice() {
        // Directus has no PUT for items and no SEARCH for a single one, whatever the collection: these have no route.
        ["items", collection] if call.method != Method::PUT => other_collection(call, collection),
        ["items", collection, _] if call.method != Method::PUT && call.method.as_str() != "SEARCH" => {
            other_collection(call, collection)
        }
        // GET and POST are routes of the graphql function. Only unsupported methods arrive here.
        ["graphql"] | ["graphql", "system"] => {
            Err(ApiError::MethodNotAllowed { current: call.method.to_string(), allowed: &["GET", "POST"] })
        }
        _ => Err(call.no_route()),
    }
}

/// The caller's own account. As in Directus, a caller who may not read users is shown the `id`, whatever is asked for.
async fn me(context: &Context, call: &Call, raw: &RawQuery) -> Result<Answer, ApiError> {
    let session = call.session();
    let reads_users = call.caller.may(Action::Read, Collection::Users).is_ok();
    let (query, data) = match users::me(context, session, raw).await {
        Ok(_) | Err(OperationError::Forbidden(_)) if !reads_users => {
            let mut key = RawQuery::default();
            key.set("fields", json!("id"));
            key.set("export", raw.get("export").cloned().unwrap_or_default());
            users::me(context, session, &key).await?
        }
        shown => shown?,
    };
    Ok(Answer::of_one(&query, data, call.now))
}

/// The error for a collection that does not exist here, or for a method that an existing collection does not support.
fn other_collection(call: &Call, collection: &str) -> Result<Answer, ApiError> {
    match collection {
        // System collections are served under their own paths, not under `/items`.
        _ if collection.starts_with("directus_") => Err(OperationError::no_row().into()),
        // The collections that can be read have no SEARCH here.
        "export_profile" | "organisation" | "unique_code" if call.method.as_str() == "SEARCH" => {
            Err(ApiError::RouteNotFound(call.path.clone()))
        }
        "code_reservation" | "" => Err(ApiError::RouteNotFound(call.path.clone())),
        _ => Err(OperationError::no_collection(collection).into()),
    }
}

/// Reports whether DynamoDB and S3 can be reached: 200 if both answer, otherwise 503. The result may be 10 s old.
async fn health(context: &Context) -> Result<Answer, ApiError> {
    match context.health().await {
        Ok(()) => Ok(Answer::Json(json!({ "status": "ok" }))),
        Err(_) => Ok(Answer::JsonWith(StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "error" }))),
    }
}
