//! `DELETE /items/code_reservation/{id}` and `DELETE /items/code_reservation`: deletes one reservation, or many.

use common::{
    api::{Action, Answer, ApiError, Call, serve},
    context::Context,
    operations::{delete, read::Asker},
    reservation::COLLECTION,
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    call.no_deeper()?;
    call.caller.may(Action::Delete, COLLECTION)?;
    let asker = Asker { caller: &call.caller, now: call.now };
    match call.parameter("id") {
        Some(_) => delete::ids(context, asker, &[call.id()?]).await?,
        None => delete::many(context, asker, &call.json()?).await?,
    }
    Ok(Answer::NoContent)
}
