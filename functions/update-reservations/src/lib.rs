//! `PATCH /items/code_reservation/{id}` and `PATCH /items/code_reservation`: updates one reservation or several.

use common::{
    api::{Answer, ApiError, Call, serve},
    context::Context,
    operations::update,
    query::{Action, Collection, parse_query_string},
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    call.no_deeper()?;
    call.caller.may(Action::Update, Collection::CodeReservation)?;
    let session = call.session();
    let (body, raw) = (call.rows()?, parse_query_string(&call.query)?);
    let data = match call.parameter("id") {
        Some(_) => update::one(context, session, call.id()?, &body, &raw).await?,
        None => update::many(context, session, &body, &raw).await?,
    };
    Ok(Answer::of_write(session, &raw, data)?)
}
