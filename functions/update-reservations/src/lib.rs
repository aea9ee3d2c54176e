//! `PATCH /items/code_reservation/{id}` and `PATCH /items/code_reservation`: updates one reservation or several.

use common::{
    api::{Answer, ApiError, Call, Operation, serve},
    context::Context,
    operations::update,
    query::{Collection, parse_query_string},
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    let is_one = match call.operation() {
        Some(Operation::UpdateReservation) => true,
        Some(Operation::UpdateReservations) => false,
        _ => return Err(call.no_route()),
    };
    let session = call.session();
    let (body, raw) = (call.rows()?, parse_query_string(&call.query)?);
    let data = if is_one {
        update::one(context, session, call.id()?, &body, &raw).await?
    } else {
        update::many(context, session, &body, &raw).await?
    };
    Ok(Answer::of_write(session, Collection::CodeReservation, &raw, data)?)
}
