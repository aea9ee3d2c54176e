//! `GET` and `SEARCH /items/code_reservation`: lists reservations.

use common::{
    api::{Answer, ApiError, Call, serve},
    context::Context,
    operations::read::{self, Asker},
    query::{Collection, parse_query_string, parse_search_body},
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    call.no_deeper()?;
    let asker = Asker { caller: &call.caller, now: call.now };
    let (query, answer) = if call.method.as_str() == "SEARCH" {
        search(context, asker, &call).await?
    } else {
        read::list(context, asker, &parse_query_string(&call.query)?).await?
    };
    Ok(Answer::of_list(&query, answer, call.now))
}

/// `SEARCH`: the query in the body, the keys that it is limited to.
async fn search(
    context: &Context,
    asker: Asker<'_>,
    call: &Call,
) -> Result<(common::query::Query, common::query::Answer), ApiError> {
    let body = parse_search_body(&call.json()?)?;
    let mut query = asker.query(Collection::CodeReservation, &body.query.unwrap_or_default())?;
    if let Some(keys) = body.keys {
        query.restrict_to_keys(&keys)?;
    }
    let answer = read::run(context, asker, &query).await?;
    Ok((query, answer))
}
