//! Users, organisations, `/server/health`, `/server/ping`, and the answer to every path that no other function serves.

use common::{
    api::{Answer, ApiError, Call, path_of, serve, serve_anyone},
    context::Context,
    operations::{OperationError, organisations, users},
    query::{Action, Collection, RawQuery, parse_query_string},
};
use lambda_http::{
    Body, Request, Response,
    http::{Method, StatusCode},
};
use serde_json::json;

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    let is_ping = path_of(&request).trim_end_matches('/') == "/server/ping";
    if is_ping && matches!(*request.method(), Method::GET | Method::HEAD) {
        return serve_anyone(context, request, Answer::Text("pong")).await;
    }
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    let segments: Vec<&str> = call.path.strip_prefix('/').unwrap_or(&call.path).split('/').collect();
    // A trailing slash does not change the path.
    let segments = match segments.as_slice() {
        [rest @ .., ""] if !rest.is_empty() => rest,
        all => all,
    };
    let reads = matches!(call.method, Method::GET | Method::HEAD);
    match segments {
        ["server", "health"] if reads => health(context).await,
        ["users"] if reads => {
            let (query, answer) = users::list(context, call.session(), &parse_query_string(&call.query)?).await?;
            Ok(Answer::of_list(&query, answer, call.now))
        }
        ["users", "me"] if reads => me(context, &call).await,
        ["users", _] if reads => {
            let id = call.parameter("id").unwrap_or_default();
            let (query, data) = users::one(context, call.session(), id, &parse_query_string(&call.query)?).await?;
            Ok(Answer::of_one(&query, data, call.now))
        }
        ["items", "organisation"] if reads => {
            let (query, answer) =
                organisations::list(context, call.session(), &parse_query_string(&call.query)?).await?;
            Ok(Answer::of_list(&query, answer, call.now))
        }
        // An organisation's id contains slashes, so the route captures it as a path. Without that variable the route
        // did not match.
        ["items", "organisation", ..] if reads => {
            let rest = call.parameter("proxy").ok_or_else(|| ApiError::RouteNotFound(call.path.clone()))?;
            let id = rest.strip_suffix('/').unwrap_or(rest);
            let (query, data) =
                organisations::one(context, call.session(), id, &parse_query_string(&call.query)?).await?;
            Ok(Answer::of_one(&query, data, call.now))
        }
        // Directus has no PUT for items and no SEARCH for a single one, whatever the collection, so these fall through
        // to `ROUTE_NOT_FOUND`.
        ["items", collection] if call.method != Method::PUT => other_collection(&call, collection),
        ["items", collection, _] if call.method != Method::PUT && call.method.as_str() != "SEARCH" => {
            other_collection(&call, collection)
        }
        // GET and POST are routes of the graphql function. Only unsupported methods arrive here.
        ["graphql"] | ["graphql", "system"] => {
            Err(ApiError::MethodNotAllowed { current: call.method.to_string(), allowed: &["GET", "POST"] })
        }
        _ => Err(ApiError::RouteNotFound(call.path.clone())),
    }
}

/// The caller's own account. As in Directus, a caller who may not read users is shown the `id`, whatever is asked for.
async fn me(context: &Context, call: &Call) -> Result<Answer, ApiError> {
    let (session, raw) = (call.session(), parse_query_string(&call.query)?);
    let reads_users = call.caller.may(Action::Read, Collection::Users).is_ok();
    let (query, data) = match users::me(context, session, &raw).await {
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
        "organisation" | "unique_code" if call.method.as_str() == "SEARCH" => {
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
