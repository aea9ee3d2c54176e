//! Signing in with a token, and signing out.

use lambda_http::http::StatusCode;
use maud::{Markup, html};

use crate::{
    back,
    failure::Failure,
    form::{Form, with_query},
    layout::{Place, notice, page_at},
    reply::Reply,
    visit::Visit,
};

/// Maximum length of a token that is looked at (bytes): that of a JWT with many claims.
const MAX_TOKEN: usize = 8_192;

/// Shows the form, or moves on if somebody is signed in.
///
/// # Errors
/// [`Failure::BadForm`] for a query that is too large.
pub(crate) fn show(visit: &Visit<'_>) -> Result<Reply, Failure> {
    let query = Form::of_query(visit.call)?;
    let next = back::path_of(query.get("next"));
    if visit.user().is_some() {
        return Ok(Reply::see_other(next.as_deref().unwrap_or("/")));
    }
    let texts = visit.texts;
    let said = match query.get("said") {
        "over" => Some(notice("note", texts.session_over, &html! {})),
        "out" => Some(notice("good", texts.signed_out, &html! {})),
        _ => None,
    };
    Ok(Reply::html(form_page(visit, next.as_deref(), said.as_ref(), None)))
}

/// The page with the form. `said` is what happened before, `wrong` what is wrong with the token.
pub(crate) fn form_page(visit: &Visit<'_>, next: Option<&str>, said: Option<&Markup>, wrong: Option<&str>) -> Markup {
    let texts = visit.texts;
    let issuer = visit.context.identity().code_flow().is_some();
    let content = html! {
        p.lead { (texts.sign_in_lead) }
        @if let Some(said) = said { (said) }
        div.panel.narrow {
            @if issuer {
                p { a.button.primary.wide href=(with_query("/console/sign-in/oidc", &[("next", &next.map(back::carried).unwrap_or_default())])) { (texts.oidc) } }
                p.hint { (texts.oidc_hint) }
                hr;
            }
            form method="post" action="/console/sign-in" {
                input type="hidden" name="next" value=(next.unwrap_or_default());
                div.field {
                    label for="token" { (texts.token) }
                    p.hint #token-hint { (texts.token_hint) }
                    @if let Some(wrong) = wrong { p.error #token-error role="alert" { (wrong) } }
                    input #token type="password" name="token" autocomplete="current-password" spellcheck="false"
                        autocapitalize="none" required aria-describedby="token-hint token-error"
                        aria-invalid=[wrong.map(|_| "true")] autofocus[!issuer || wrong.is_some()];
                }
                button.primary.wide[!issuer] type="submit" { (texts.sign_in) }
            }
        }
    };
    // Another language must not lose where to go then.
    page_at(visit, Place::Elsewhere, texts.sign_in, &content, next.unwrap_or("/"))
}

/// Begins a session with the token of the form. A session that the browser has ends.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB or the issuer does not answer.
pub(crate) async fn submit(visit: &Visit<'_>, form: &Form) -> Result<Reply, Failure> {
    let (token, next) = (form.get("token"), back::path_of(form.get("next")));
    let next = next.as_deref();
    if token.is_empty() {
        let page = form_page(visit, next, None, Some(visit.texts.token_missing));
        return Ok(Reply::html(page).with_status(StatusCode::BAD_REQUEST));
    }
    let (identity, store) = (visit.context.identity(), visit.context.store());
    let begun = match token.len() {
        ..=MAX_TOKEN => identity.sign_in_with_token(store, token, visit.call.now).await?,
        _ => None,
    };
    let Some(session) = begun else {
        let page = form_page(visit, next, None, Some(visit.texts.token_wrong));
        return Ok(Reply::html(page).with_status(StatusCode::UNAUTHORIZED));
    };
    if let Some(former) = visit.session_cookie() {
        identity.sign_out(store, &former).await?;
    }
    Ok(Reply::see_other(next.unwrap_or("/")).beginning(visit.call, &session))
}

/// Ends the session, here and in the table.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB does not answer. Then the person is still signed in.
pub(crate) async fn sign_out(visit: &Visit<'_>) -> Result<Reply, Failure> {
    if let Some(session) = visit.session_cookie() {
        visit.context.identity().sign_out(visit.context.store(), &session).await?;
    }
    Ok(Reply::see_other("/console/sign-in?said=out").ending(visit.call))
}
