//! `POST /items/code_reservation`: creates one reservation, or many, all or nothing.

use common::{
    api::{Answer, ApiError, Call, serve},
    context::Context,
    operations::{create, read::Asker},
    query::parse_query_string,
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    call.no_deeper()?;
    let asker = Asker { caller: &call.caller, now: call.now };
    let request = create::Request {
        input: &call.json()?,
        body: call.body(),
        key: call.header("idempotency-key"),
        query: &parse_query_string(&call.query)?,
    };
    Ok(Answer::Data(create::create(context, asker, request).await?))
}
