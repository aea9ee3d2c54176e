//! `POST /items/code_reservation`: creates one reservation or several; either all of them or none. Parses the request
//! and calls `operations::create`.

use common::{
    api::{Answer, ApiError, Call, Operation, serve},
    context::Context,
    operations::create,
    query::{Collection, parse_query_string},
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    if call.operation() != Some(Operation::CreateReservations) {
        return Err(call.no_route());
    }
    let session = call.session();
    let (input, raw) = (call.rows()?, parse_query_string(&call.query)?);
    let request =
        create::Request { input: &input, body: call.body(), key: call.text_header("idempotency-key")?, query: &raw };
    let data = create::create(context, session, request).await?;
    Ok(Answer::of_write(session, Collection::CodeReservation, &raw, data)?)
}
