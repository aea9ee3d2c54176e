//! `GET` and `SEARCH /items/code_reservation`: lists reservations. Other methods that no route names arrive here too, since
//! API Gateway knows `SEARCH` only as `ANY`; they have no route.

use common::{
    api::{Answer, ApiError, Call, Operation, serve},
    context::Context,
    operations::{
        Session,
        read::{self, List},
    },
    query::{Collection, Query, parse_query_string, parse_search_body},
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    let session = call.session();
    let (query, list) = match call.operation() {
        Some(Operation::SearchReservations) => search(context, session, &call).await?,
        Some(Operation::ListReservations) => read::list(context, session, &parse_query_string(&call.query)?).await?,
        _ => return Err(call.no_route()),
    };
    Ok(match query.export {
        Some(_) => {
            let answer = list.into_answer(&query)?;
            Answer::of_list(&query, answer, call.now)
        }
        None => Answer::JsonText(list.json(&query, session.budget)?),
    })
}

/// `SEARCH`: the body contains the query, the keys to which it is restricted, or both. Without a query in the body,
/// that of the query string counts.
async fn search(context: &Context, session: Session<'_>, call: &Call) -> Result<(Query, List), ApiError> {
    let body = parse_search_body(&call.json()?)?;
    let raw = body.query.map_or_else(|| parse_query_string(&call.query), Ok)?;
    let mut query = session.query(Collection::CodeReservation, &raw)?;
    if let Some(keys) = body.keys {
        query.restrict_to_keys(&keys)?;
    }
    let list = read::run(context, session, &query).await?;
    Ok((query, list))
}
