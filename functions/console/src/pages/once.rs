//! The link that signs in once, which `local` prints. Opening it shows a page; only its button uses the link up. So a
//! preview of the link does not, and no other site can sign a person in by leading to it.

use lambda_http::http::StatusCode;
use maud::html;

use super::sign_in;
use crate::{
    failure::Failure,
    form::Form,
    layout::{Place, notice, page, person},
    reply::Reply,
    texts::fill,
    visit::Visit,
};

/// Shows whom the link signs in.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn show(visit: &Visit<'_>) -> Result<Reply, Failure> {
    let query = Form::of_query(visit.call)?;
    let (identity, store) = (visit.context.identity(), visit.context.store());
    let Some(user) = identity.user_of_link(store, query.get("key"), visit.call.now).await? else {
        return Ok(gone(visit));
    };
    let (texts, name) = (visit.texts, person(&user));
    let content = html! {
        p.lead { (fill(texts.once_lead, &[&name])) }
        form method="post" action="/console/sign-in/once" {
            input type="hidden" name="key" value=(query.get("key"));
            button.primary type="submit" autofocus { (fill(texts.once_button, &[&name])) }
        }
    };
    Ok(Reply::html(page(visit, Place::Elsewhere, texts.sign_in, &content)))
}

/// Uses the link up and begins a session. A session that the browser has ends.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn submit(visit: &Visit<'_>, form: &Form) -> Result<Reply, Failure> {
    let (identity, store) = (visit.context.identity(), visit.context.store());
    let Some(session) = identity.sign_in_with_link(store, form.get("key"), visit.call.now).await? else {
        return Ok(gone(visit));
    };
    if let Some(former) = visit.session_cookie() {
        identity.sign_out(store, &former).await?;
    }
    Ok(Reply::see_other("/").beginning(visit.call, &session))
}

fn gone(visit: &Visit<'_>) -> Reply {
    let said = notice("bad", visit.texts.once_gone, &html! {});
    Reply::html(sign_in::form_page(visit, None, Some(&said), None)).with_status(StatusCode::FORBIDDEN)
}
