//! `GET /files`, `/files/{id}`, `/assets/{id}` and `/assets/{id}/{name}`: rows of export files, and redirects to
//! presigned links to their content.

use common::{
    api::{Answer, ApiError, Call, serve},
    context::Context,
    operations::files,
    query::parse_query_string,
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    call.no_deeper()?;
    let session = call.session();
    let id = call.parameter("id");
    if call.path.starts_with("/assets/") {
        let download = call.query.split('&').any(|pair| pair == "download" || pair.starts_with("download="));
        let name = call.parameter("name").filter(|name| !name.is_empty());
        return Ok(Answer::Redirect(files::link(context, session, id.unwrap_or_default(), name, download).await?));
    }
    let raw = parse_query_string(&call.query)?;
    match id {
        Some(id) => {
            let (query, data) = files::one(context, session, id, &raw).await?;
            Ok(Answer::of_one(&query, data, call.now))
        }
        None => {
            let (query, answer) = files::list(context, session, &raw).await?;
            Ok(Answer::of_list(&query, answer, call.now))
        }
    }
}
