//! `DELETE /items/code_reservation/{id}` and `DELETE /items/code_reservation`: deletes one reservation or several.

use common::{
    api::{Answer, ApiError, Call, Operation, serve},
    context::Context,
    operations::delete,
    query::parse_query_string,
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    let session = call.session();
    let beside = parse_query_string(&call.query)?;
    match call.operation() {
        Some(Operation::DeleteReservation) => {
            delete::no_selection(&beside)?;
            delete::by_ids(context, session, &[call.id()?]).await?;
        }
        Some(Operation::DeleteReservations) => delete::many(context, session, &call.json()?, &beside).await?,
        _ => return Err(call.no_route()),
    }
    Ok(Answer::NoContent)
}
