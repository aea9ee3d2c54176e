//! `DELETE /items/code_reservation/{id}` and `DELETE /items/code_reservation`: deletes one reservation or several.

use common::{
    api::{Answer, ApiError, Call, serve},
    context::Context,
    operations::delete,
    query::{Action, Collection, parse_query_string},
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    call.no_deeper()?;
    call.caller.may(Action::Delete, Collection::CodeReservation)?;
    let session = call.session();
    let beside = parse_query_string(&call.query)?;
    match call.parameter("id") {
        Some(_) => {
            delete::no_selection(&beside)?;
            delete::by_ids(context, session, &[call.id()?]).await?;
        }
        None => delete::many(context, session, &call.json()?, &beside).await?,
    }
    Ok(Answer::NoContent)
}
