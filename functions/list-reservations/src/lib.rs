//! `GET` and `SEARCH /items/code_reservation`: lists reservations.

use common::{
    api::{Answer, ApiError, Call, serve},
    context::Context,
    operations::{
        batch::parse_keys,
        read::{self, Asker},
    },
    query::{Collection, Filter, parse_query_string, parse_search_body},
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
        let keys: Vec<_> = keys.into_iter().map(Into::into).collect();
        let ids = parse_keys(&keys)?.into_iter().map(|id| id.to_string());
        query.and_filter(Filter::any_of(Collection::CodeReservation, "id", ids)?);
    }
    let answer = read::run(context, asker, &query).await?;
    Ok((query, answer))
}
