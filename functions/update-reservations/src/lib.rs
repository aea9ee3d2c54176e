//! `PATCH /items/code_reservation/{id}` and `PATCH /items/code_reservation`: changes one reservation, or many.

use common::{
    api::{Action, Answer, ApiError, Call, serve},
    context::Context,
    operations::{read::Asker, update},
    query::parse_query_string,
    reservation::COLLECTION,
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    call.no_deeper()?;
    call.caller.may(Action::Update, COLLECTION)?;
    let asker = Asker { caller: &call.caller, now: call.now };
    let (body, raw) = (call.json()?, parse_query_string(&call.query)?);
    let data = match call.parameter("id") {
        Some(_) => update::one(context, asker, call.id()?, &body, &raw).await?,
        None => update::many(context, asker, &body, &raw).await?,
    };
    Ok(Answer::of_write(&raw, data, call.now))
}
