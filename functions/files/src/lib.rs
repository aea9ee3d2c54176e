//! `GET /files`, `/files/{id}`, `/assets/{id}` and `/assets/{id}/{name}`: rows of export files, and presigned links to
//! their content.

use common::{
    api::{Answer, ApiError, Call, Operation, serve},
    bucket::LinkMethod,
    context::Context,
    operations::files::{self, Download},
    query::{RawQuery, parse_query_string},
    reservation::Disposition,
};
use lambda_http::{Body, Request, Response, http::Method};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    let raw = parse_query_string(&call.query)?;
    let session = call.session();
    match call.operation() {
        Some(Operation::GetAsset | Operation::GetNamedAsset) => asset(context, &call, &raw).await,
        Some(Operation::GetFile) => {
            let id = call.parameter("id").unwrap_or_default();
            let (query, data) = files::one(context, session, id, &raw).await?;
            Ok(Answer::of_one(&query, data, call.now))
        }
        Some(Operation::ListFiles) => {
            let (query, answer) = files::list(context, session, &raw).await?;
            Ok(Answer::of_list(&query, answer, call.now))
        }
        _ => Err(call.no_route()),
    }
}

/// A link to the content of a file: as a redirect, or in the body with `redirect=false`.
async fn asset(context: &Context, call: &Call, raw: &RawQuery) -> Result<Answer, ApiError> {
    let redirects = redirects(raw)?;
    // A client follows a redirect with the method of its request. A link in a body is for GET.
    let method = if redirects && call.method == Method::HEAD { LinkMethod::Head } else { LinkMethod::Get };
    let disposition = if raw.get("download").is_some() { Disposition::Attachment } else { Disposition::Inline };
    let download = Download { method, disposition, name: call.parameter("name") };
    let link = files::link(context, call.session(), call.parameter("id").unwrap_or_default(), download).await?;
    Ok(if redirects { Answer::Redirect(link) } else { Answer::Link(link) })
}

/// The parameter `redirect`: `true` unless it is given.
///
/// # Errors
/// `INVALID_QUERY` for any other value than `true` and `false`, and for more than one.
fn redirects(raw: &RawQuery) -> Result<bool, ApiError> {
    let Some(value) = raw.get("redirect") else { return Ok(true) };
    match value.as_str() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err(ApiError::invalid_query("\"redirect\" has to be \"true\" or \"false\"")),
    }
}
