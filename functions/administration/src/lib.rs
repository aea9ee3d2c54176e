//! `POST`, `PATCH` and `DELETE` of `/users` and `/items/organisation`, for administrators of all organisations. Parses the
//! request and calls `operations::administer`. This function alone may write the table Directory.

use common::{
    api::{Answer, ApiError, Call, Operation, serve},
    context::Context,
    operations::administer::{self, Administered},
    query::parse_query_string,
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

/// What a request does.
enum Does {
    Create,
    UpdateOne,
    UpdateMany,
    DeleteOne,
    DeleteMany,
}

/// What an operation does, and with which collection.
fn meaning(operation: Operation) -> Option<(Does, Administered)> {
    use Administered::{Organisations, Users};
    Some(match operation {
        Operation::CreateUsers => (Does::Create, Users),
        Operation::UpdateUser => (Does::UpdateOne, Users),
        Operation::UpdateUsers => (Does::UpdateMany, Users),
        Operation::DeleteUser => (Does::DeleteOne, Users),
        Operation::DeleteUsers => (Does::DeleteMany, Users),
        Operation::CreateOrganisations => (Does::Create, Organisations),
        Operation::UpdateOrganisation => (Does::UpdateOne, Organisations),
        Operation::UpdateOrganisations => (Does::UpdateMany, Organisations),
        Operation::DeleteOrganisation => (Does::DeleteOne, Organisations),
        Operation::DeleteOrganisations => (Does::DeleteMany, Organisations),
        _ => return None,
    })
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    let Some((does, of)) = call.operation().and_then(meaning) else { return Err(call.no_route()) };
    let session = call.session();
    let raw = parse_query_string(&call.query)?;
    let key = match of {
        Administered::Users => call.parameter("id").unwrap_or_default(),
        Administered::Organisations => call.rest(),
    };
    let data = match does {
        Does::Create => administer::create(context, session, of, &call.json()?, &raw).await?,
        Does::UpdateOne => administer::update_one(context, session, of, key, &call.json()?, &raw).await?,
        Does::UpdateMany => administer::update_many(context, session, of, &call.json()?, &raw).await?,
        Does::DeleteOne => {
            administer::delete_one(context, session, of, key, &raw).await?;
            return Ok(Answer::NoContent);
        }
        Does::DeleteMany => {
            administer::delete_many(context, session, of, &call.json()?, &raw).await?;
            return Ok(Answer::NoContent);
        }
    };
    Ok(Answer::of_write(session, of.collection(), &raw, data)?)
}
