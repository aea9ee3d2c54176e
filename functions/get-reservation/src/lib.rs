//! `GET /items/code_reservation/{id}`: reads one reservation.

use common::{
    api::{Answer, ApiError, Call, Operation, serve},
    context::Context,
    operations::read,
    query::parse_query_string,
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, mut call: Call) -> Result<Answer, ApiError> {
    if call.operation() != Some(Operation::GetReservation) {
        return Err(call.no_route());
    }
    let row = call.take_row();
    let raw = parse_query_string(&call.query)?;
    let (query, data) = read::one(context, call.session(), call.id().ok(), &raw, row).await?;
    Ok(Answer::of_one(&query, data, call.now))
}
