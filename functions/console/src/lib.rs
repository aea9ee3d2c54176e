//! The pages for people: sign in, reserve codes, watch reservations, download files, find a code; pools, users and
//! organisations for administrators. `GET /` and `/console/…`.
//!
//! HTML is made here, and the pages work without scripts; htmx replaces parts of them where a browser runs it. Every
//! page calls the operations that REST and GraphQL call, with the rights and the budget of the person who is signed in.
//!
//! | file | what it is |
//! |---|---|
//! | `visit` | a request with the person who sends it; the cookies |
//! | `reply` | answers, compression, the headers that protect a page |
//! | `form` | fields of forms and queries; which paths may be led back to |
//! | `back` | the page to come back to after signing in, in addresses and cookies |
//! | `failure` | why a page cannot be shown |
//! | `layout` | the frame of every page |
//! | `pages/…` | the pages, one file or folder each |
//! | `said` | messages about what a person wrote |
//! | `picture`, `chart` | what is drawn |
//! | `language`, `texts/…` | languages, and what is said in them |
//! | `assets`, `static/…` | styles, scripts, htmx |
//!
//! No rule about codes or reservations must come in here, and no access to a table but through [`common::operations`]
//! and [`common::identity`].

mod assets;
mod back;
mod chart;
mod failure;
mod form;
mod language;
mod layout;
mod pages;
mod picture;
mod reply;
mod rows;
mod said;
mod texts;
mod visit;

use std::time::Duration;

use common::{
    api::{Answer, ApiError, Call, serve},
    context::Context,
};
use lambda_http::{Body, Request, Response, http::Method};

use crate::{failure::Failure, form::Form, language::Language, reply::Reply, visit::Visit};

/// Time that is kept to show a page about the end of a request's time.
const RESERVE: Duration = Duration::from_millis(500);

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    if let Some(asset) = assets::find(&call) {
        return Ok(Answer::Page(asset.into_page(&call)));
    }
    let language = Language::of(&call);
    let work = async { Ok::<_, common::operations::OperationError>(shown(context, &call, language).await) };
    // At the end of the time, too, a person gets a page.
    let bound = call.deadline.earlier(RESERVE).bound(context.host(), work);
    let shown = bound.await.unwrap_or_else(|over| Err(Failure::Operation(over)));
    let reply = match shown {
        Ok(reply) => reply,
        Err(failure) => pages::failed::reply(&Visit::of_anyone(context, &call, language), failure),
    };
    Ok(Answer::Page(reply.into_page(&call)))
}

/// The page of a request. A failure is shown within the frame of the person who is signed in.
async fn shown(context: &Context, call: &Call, language: Language) -> Result<Reply, Failure> {
    let visit = Visit::of_session(context, call, language).await?;
    let segments: Vec<&str> = call.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let shown = match call.method {
        Method::POST => submitted(&visit, &segments).await,
        _ => read(&visit, &segments).await,
    };
    Ok(shown.unwrap_or_else(|failure| pages::failed::reply(&visit, failure)))
}

/// A page that is read.
async fn read(visit: &Visit<'_>, segments: &[&str]) -> Result<Reply, Failure> {
    match segments {
        [] => pages::reserve::show(visit).await,
        ["console"] => Ok(Reply::see_other("/")),
        ["console", "sign-in"] => pages::sign_in::show(visit),
        ["console", "sign-in", "oidc"] => pages::oidc::begin(visit).await,
        ["console", "sign-in", "callback"] => pages::oidc::end(visit).await,
        ["console", "sign-in", "once"] => pages::once::show(visit).await,
        ["console", "reserve", "fields"] => pages::reserve::fields(visit),
        ["console", "reserve", "formats"] => pages::reserve::formats(visit).await,
        ["console", "reservations"] => pages::reservations::show(visit).await,
        ["console", "reservations", "progress"] => pages::reservations::progress(visit).await,
        ["console", "reservations", id] => pages::reservation::show(visit, id).await,
        ["console", "reservations", id, "progress"] => pages::reservation::progress(visit, id).await,
        ["console", "reservations", id, "delete"] => pages::reservation::ask_delete(visit, id).await,
        ["console", "files", id] => pages::reservation::download(visit, id).await,
        ["console", "find"] => pages::find::show(visit).await,
        ["console", "pools"] => pages::pools::show(visit).await,
        ["console", "users"] => pages::people::users(visit).await,
        ["console", "organisations"] => pages::people::organisations(visit).await,
        _ => Err(Failure::NoPage),
    }
}

/// What a form asks for. Forms of other sites are refused, whether or not a cookie came with them: one that signs in
/// would sign a person in as somebody else.
async fn submitted(visit: &Visit<'_>, segments: &[&str]) -> Result<Reply, Failure> {
    if !visit.call.site.is_sender() {
        return Err(Failure::Foreign);
    }
    let form = Form::posted(visit.call)?;
    match segments {
        ["console", "sign-in"] => pages::sign_in::submit(visit, &form).await,
        ["console", "sign-in", "once"] => pages::once::submit(visit, &form).await,
        ["console", "sign-out"] => pages::sign_in::sign_out(visit).await,
        ["console", "language"] => pages::language::submit(visit, &form),
        ["console", "reserve"] => pages::reserve::submit(visit, &form).await,
        ["console", "reserve", "check"] => pages::reserve::check(visit, &form).await,
        ["console", "reservations", id, "again"] => pages::reservation::again(visit, id, &form).await,
        ["console", "reservations", id, "cancel"] => pages::reservation::cancel(visit, id).await,
        ["console", "reservations", id, "delete"] => pages::reservation::delete(visit, id).await,
        _ => Err(Failure::NoPage),
    }
}
