//! `GET /items/unique_code` and `/items/unique_code/{id}`: lists codes and reads one. Codes are not stored; they are
//! computed from the ranges of the reservations.

use common::{
    api::{Answer, ApiError, Call, Operation, serve},
    context::Context,
    operations::unique_code,
    query::parse_query_string,
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    let session = call.session();
    let raw = parse_query_string(&call.query)?;
    match call.operation() {
        Some(Operation::GetCode) => {
            let (query, data) = unique_code::one(context, session, call.id().ok(), &raw).await?;
            Ok(Answer::of_one(&query, data, call.now))
        }
        Some(Operation::ListCodes) => {
            let (query, answer) = unique_code::list(context, session, &raw).await?;
            Ok(Answer::of_list(&query, answer, call.now))
        }
        _ => Err(call.no_route()),
    }
}
