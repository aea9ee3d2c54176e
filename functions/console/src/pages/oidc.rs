//! Signing in at the deployment's issuer: there, and back with a code.

use common::identity::{HashedSession, IdentityError, Login, SESSION_SECONDS};
use lambda_http::http::StatusCode;
use maud::html;

use super::{
    failed::{is_from_elsewhere, moving_on},
    sign_in,
};
use crate::{
    back,
    failure::Failure,
    form::{Form, with_query},
    layout::notice,
    reply::Reply,
    visit::{StoredLogin, Visit},
};

/// The address to which the issuer sends a person back. It has to be registered there.
fn redirect_uri(visit: &Visit<'_>) -> String {
    format!("{}/console/sign-in/callback", visit.call.site.origin)
}

/// Leads to the issuer.
///
/// # Errors
/// [`Failure::NoPage`] without an issuer for people.
pub(crate) async fn begin(visit: &Visit<'_>) -> Result<Reply, Failure> {
    let flow = visit.context.identity().code_flow().ok_or(Failure::NoPage)?;
    let query = Form::of_query(visit.call)?;
    let next = back::path_of(query.get("next"));
    if is_from_elsewhere(visit) {
        // From here the browser sends the cookie of the session that is to end.
        let next = next.as_deref().map(back::carried).unwrap_or_default();
        let here = with_query("/console/sign-in/oidc", &[("next", &next)]);
        return Ok(Reply::html(moving_on(visit, &here, visit.texts.service)));
    }
    let login = Login::begin();
    match flow.address(&login, &redirect_uri(visit)).await {
        Ok(address) => {
            let former = visit.session_cookie().as_deref().and_then(HashedSession::of);
            let stored = StoredLogin { login, former, next: next.unwrap_or_else(|| "/".to_owned()) };
            Ok(Reply::see_other(&address).keeping_login(visit.call, &stored))
        }
        Err(error) => Ok(refused(visit, next.as_deref(), &error)),
    }
}

/// Begins a session for the person whom the issuer sends back. A session that the browser had ends.
///
/// # Errors
/// [`Failure::NoPage`] without an issuer for people; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn end(visit: &Visit<'_>) -> Result<Reply, Failure> {
    let identity = visit.context.identity();
    let flow = identity.code_flow().ok_or(Failure::NoPage)?;
    let query = Form::of_query(visit.call)?;
    let texts = visit.texts;
    // The state ties the answer to the browser that began: nobody can sign a person in with a code of their own.
    let begun = visit.login();
    let next = begun.as_ref().map(|stored| stored.next.clone());
    let next = next.as_deref();
    let Some(stored) = begun.filter(|stored| stored.login.state == query.get("state")) else {
        return Ok(again(visit, next, StatusCode::BAD_REQUEST, texts.oidc_failed));
    };
    if let Some(error) = query.filled("error") {
        let text = if error == "access_denied" { texts.oidc_cancelled } else { texts.oidc_failed };
        return Ok(again(visit, next, StatusCode::BAD_REQUEST, text));
    }
    let subject = match flow.subject(&stored.login, query.get("code"), &redirect_uri(visit)).await {
        Ok(subject) => subject,
        Err(error) => return Ok(refused(visit, next, &error)),
    };
    let now = visit.call.now;
    let ends_at = now.time().timestamp() + SESSION_SECONDS;
    let begun = identity.sign_in_subject(visit.context.store(), subject, ends_at, now).await?;
    let Some(session) = begun else {
        return Ok(again(visit, next, StatusCode::FORBIDDEN, texts.oidc_unknown));
    };
    // The one that the browser had when the sign-in began, and the one that it has now where it sends its cookie.
    let present = visit.session_cookie().as_deref().and_then(HashedSession::of);
    for former in [stored.former, present].into_iter().flatten() {
        identity.end_session(visit.context.store(), &former).await?;
    }
    // The cookie of the session does not come with a redirect from the issuer, so a page of this site moves on.
    Ok(Reply::html(moving_on(visit, &stored.next, texts.moving_on)).beginning(visit.call, &session))
}

fn refused(visit: &Visit<'_>, next: Option<&str>, error: &IdentityError) -> Reply {
    match error {
        IdentityError::InvalidToken => again(visit, next, StatusCode::BAD_REQUEST, visit.texts.oidc_failed),
        _ => {
            tracing::warn!(error = %error, "the issuer cannot be used");
            again(visit, next, StatusCode::SERVICE_UNAVAILABLE, visit.texts.oidc_unavailable)
        }
    }
}

/// The sign-in page with what went wrong. Signing in from there leads to the same page.
fn again(visit: &Visit<'_>, next: Option<&str>, status: StatusCode, text: &str) -> Reply {
    let said = notice("bad", text, &html! {});
    Reply::html(sign_in::form_page(visit, next, Some(&said), None)).with_status(status).forgetting_login(visit.call)
}
