//! What a person sees instead of a page: what happened, in words, and what to do.

use common::operations::OperationError;
use lambda_http::http::{HeaderName, Method, StatusCode};
use maud::{Markup, html};

use crate::{
    back,
    failure::Failure,
    form::{own_path, with_query},
    layout::{Place, page},
    reply::Reply,
    said::Said,
    texts::fill,
    visit::Visit,
};

/// The header with which htmx opens another page.
const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

/// The page about a failure. It is logged if the service is at fault.
pub(crate) fn reply(visit: &Visit<'_>, failure: Failure) -> Reply {
    let (status, failure) = failure.status();
    let texts = visit.texts;
    let (title, text, details) = match failure {
        Failure::SignedOut => return signed_out(visit),
        Failure::NoPage => (texts.not_found_title, texts.not_found_lead, Vec::new()),
        Failure::Foreign => (texts.foreign_title, texts.foreign_lead, Vec::new()),
        Failure::SeveralSessions => (texts.several_sessions_title, texts.several_sessions_lead, Vec::new()),
        Failure::BadForm => (texts.invalid_title, texts.form_too_large, Vec::new()),
        Failure::Operation(OperationError::Forbidden(_)) => (texts.forbidden_title, texts.forbidden_lead, Vec::new()),
        Failure::Operation(error @ OperationError::Unavailable(_)) => {
            logged(visit, &error);
            (texts.unavailable_title, texts.unavailable_lead, Vec::new())
        }
        Failure::Operation(error @ OperationError::Internal(_)) => {
            logged(visit, &error);
            (texts.error_title, texts.internal_lead, Vec::new())
        }
        Failure::Operation(error) => (texts.invalid_title, texts.nothing_done, Said::of_error(visit, error)),
    };
    let is_fault = status.is_server_error();
    let content = html! {
        p.lead { (text) }
        @if !details.is_empty() {
            ul { @for message in &details { li { (message) } } }
        }
        @if is_fault {
            p.muted { (fill(texts.request_number, &[&visit.call.request_id])) }
        }
        p { a.button href="/" { (texts.to_start) } }
    };
    Reply::html(page(visit, Place::Elsewhere, title, &content)).with_status(status)
}

fn logged(visit: &Visit<'_>, error: &OperationError) {
    let request_id = &visit.call.request_id;
    tracing::error!(request_id, error = %error, "request {request_id} failed");
}

/// Leads to the sign-in, and back afterwards.
fn signed_out(visit: &Visit<'_>) -> Reply {
    if is_from_elsewhere(visit) {
        return Reply::html(once_more(visit));
    }
    let here = with_own_query(visit);
    let is_read = matches!(visit.call.method, Method::GET | Method::HEAD);
    // What a button does is not done by coming back, so the page of the button is shown.
    let page = here.rsplit_once('/').map_or("", |(page, _)| page);
    match (is_read, visit.is_part()) {
        (true, false) => to_sign_in(visit, &here),
        (false, false) if page.starts_with("/console/reservations/") => to_sign_in(visit, page),
        _ => to_sign_in(visit, ""),
    }
}

/// Leads to the sign-in, and to a page of these afterwards.
pub(super) fn to_sign_in(visit: &Visit<'_>, next: &str) -> Reply {
    let said = if visit.session_cookie().is_some() || visit.is_part() { "over" } else { "" };
    let next = own_path(next).map(back::carried).unwrap_or_default();
    let to = with_query("/console/sign-in", &[("next", &next), ("said", said)]);
    if visit.is_part() {
        // htmx does not show the sign-in within a part of a page.
        return Reply::html(html! {}).with_status(StatusCode::UNAUTHORIZED).header(HX_REDIRECT, &to);
    }
    Reply::see_other(&to)
}

fn with_own_query(visit: &Visit<'_>) -> String {
    match visit.call.query.as_str() {
        "" => visit.call.path.clone(),
        query => format!("{}?{query}", visit.call.path),
    }
}

/// Whether a link of another site led here. Then the browser keeps the session's cookie back (SameSite=Strict).
pub(super) fn is_from_elsewhere(visit: &Visit<'_>) -> bool {
    let is_navigation = visit.call.header("sec-fetch-mode") == Some("navigate");
    let is_foreign = visit.call.header("sec-fetch-site") == Some("cross-site");
    visit.call.method == Method::GET && is_navigation && is_foreign && visit.session_cookie().is_none()
}

/// A page that opens the same page once more, from here: the browser then sends the cookie.
pub(super) fn once_more(visit: &Visit<'_>) -> Markup {
    let here = with_own_query(visit);
    moving_on(visit, own_path(&here).unwrap_or("/"), visit.texts.service)
}

/// A page that moves on to another one of these pages.
pub(crate) fn moving_on(visit: &Visit<'_>, to: &str, title: &str) -> Markup {
    html! {
        (maud::DOCTYPE)
        html lang=(visit.language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content={ "0;url=" (to) };
                title { (title) }
                link rel="icon" href=(crate::assets::ICON.address) type="image/svg+xml";
                link rel="stylesheet" href=(crate::assets::STYLES.address);
            }
            body.plain {
                main {
                    h1 { (title) }
                    p { a.button href=(to) { (visit.texts.moving_on_link) } }
                }
            }
        }
    }
}
