//! Reserving: the form, what is said while a person fills it in, and what happens when it is sent.
//!
//! | file | what it is |
//! |---|---|
//! | `input` | what a form says, as the input of the API |
//! | `fields` | the fields |
//! | `wrong` | what is wrong with a form |
//! | `sample` | what the codes will look like |

mod fields;
mod input;
mod sample;
mod wrong;

use common::{
    operations::{self, OperationError, create},
    query::{Action, Collection},
};
use lambda_http::http::{HeaderName, StatusCode};
use maud::{Markup, html};
use serde_json::json;

use self::{
    fields::Fields,
    input::{MEMBERS, MORE, code_type, input, is_all_but_quantity},
    wrong::Wrong,
};
use super::{
    export_types::ExportTypes,
    failed::{is_from_elsewhere, once_more, to_sign_in},
    offered::Offered,
    sign_in,
};
use crate::{
    failure::Failure,
    form::{Form, with_bounded_query},
    layout::{Place, notice, page, page_at},
    reply::Reply,
    rows::{Row, query},
    said::Said,
    visit::Visit,
};

/// The header that makes htmx trigger an event when the answer is in its place: the form is checked with the new
/// fields.
const HX_TRIGGER: HeaderName = HeaderName::from_static("hx-trigger-after-settle");

/// Shows the form, with the values of the query if there are some.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn show(visit: &Visit<'_>) -> Result<Reply, Failure> {
    let form = Form::of_query(visit.call)?;
    if visit.user().is_none() {
        let is_elsewhere = is_from_elsewhere(visit);
        return Ok(Reply::html(if is_elsewhere { once_more(visit) } else { signed_out(visit, &form) }));
    }
    form_page(visit, &form, &new_key(), &Wrong::default()).await
}

fn new_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The fields that follow the type of code, for htmx.
///
/// # Errors
/// [`Failure::SignedOut`] without a session.
pub(crate) fn fields(visit: &Visit<'_>) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let form = Form::of_query(visit.call)?;
    let code_type = code_type(&form);
    let fields = Fields { visit, form: &form, wrong: &Wrong::default() };
    let fields = Reply::html(html! {
        (fields.product(code_type))
        (fields.of_type(code_type, true))
    });
    Ok(fields.header(HX_TRIGGER, "fields"))
}

/// The options of the field that follows the organisation: what a file can be. For htmx.
///
/// # Errors
/// [`Failure::SignedOut`] without a session; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn formats(visit: &Visit<'_>) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let form = Form::of_query(visit.call)?;
    let types = ExportTypes::of(visit, form.filled("reserved_for")).await?;
    let fields = Fields { visit, form: &form, wrong: &Wrong::default() };
    Ok(Reply::html(fields.export_types(&types)))
}

/// Says what is wrong with the form so far, and shows a sample when nothing is. Members that are still empty are not
/// wrong yet.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn check(visit: &Visit<'_>, form: &Form) -> Result<Reply, Failure> {
    if visit.user().is_none() {
        return Ok(with_what_was_written(visit, form));
    }
    let input = input(form);
    let mut wrong = Wrong::default();
    let mut is_complete = true;
    match create::check(visit.context, visit.session(), &input).await {
        Ok(()) => {}
        Err(OperationError::FailedValidation(mut errors)) => {
            let all = errors.len();
            errors.retain(|error| error.kind != "required" || form.filled(error.field).is_some());
            is_complete = errors.len() == all;
            // A message about the type is one about the product while that is missing.
            wrong = Wrong::of(visit, form, OperationError::FailedValidation(errors))?;
        }
        Err(error) => wrong = Wrong::of(visit, form, error)?,
    }
    let texts = visit.texts;
    let can_show = wrong.is_empty() && (is_complete || is_all_but_quantity(form));
    let panel = match can_show {
        true => {
            let mut input = input;
            if form.filled("quantity").is_none() {
                input["quantity"] = json!(1);
            }
            match operations::sample::of(visit.context, visit.session(), &input).await {
                Ok(found) => sample::panel(visit, &found),
                Err(error) => {
                    let why = Wrong::of(visit, form, error)?.into_messages();
                    sample::empty(visit, texts.sample_unknown, &why)
                }
            }
        }
        false => sample::empty(visit, texts.sample_empty, &[]),
    };
    Ok(Reply::html(html! {
        (panel)
        @for member in MEMBERS {
            p.error id={ "error-" (member) } hx-swap-oob="innerHTML" {
                @if let Some(message) = wrong.about(member) { (message) }
            }
        }
        div #form-errors hx-swap-oob="innerHTML" { (wrong.other_messages()) }
    }))
}

/// The address of the form with what was written.
fn address(form: &Form) -> String {
    with_bounded_query("/", &form.of_members(&MEMBERS))
}

/// The sign-in at the address of the form. It leads back to the form with the values of the address.
fn signed_out(visit: &Visit<'_>, form: &Form) -> Markup {
    let said = visit.session_cookie().map(|_| notice("note", visit.texts.session_over, &html! {}));
    let next = Some(address(form)).filter(|address| address != "/");
    sign_in::form_page(visit, next.as_deref(), said.as_ref(), None)
}

/// Leads to the sign-in, and then back to the form as it is: the session ended while it was filled.
fn with_what_was_written(visit: &Visit<'_>, form: &Form) -> Reply {
    to_sign_in(visit, &address(form))
}

/// Reserves. The key in the form makes a form that is sent twice one reservation.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn submit(visit: &Visit<'_>, form: &Form) -> Result<Reply, Failure> {
    if visit.user().is_none() {
        return Ok(with_what_was_written(visit, form));
    }
    let input = input(form);
    let body = input.to_string();
    let parameters = query(json!({ "fields": ["id"] }));
    let key = form.get("key");
    if key.chars().count() > create::MAX_KEY {
        // No form of this page has such a key, so there was no first one that it could repeat.
        let wrong = Wrong::other(Said::own(visit.texts.form_changed));
        return Ok(form_page(visit, form, &new_key(), &wrong).await?.with_status(StatusCode::BAD_REQUEST));
    }
    let request = create::Request { input: &input, body: body.as_bytes(), key: Some(key), query: &parameters };
    match create::create(visit.context, visit.session(), request).await {
        Ok(created) => {
            let id = Row::of(created).id().to_owned();
            Ok(Reply::see_other(&format!("/console/reservations/{id}")))
        }
        Err(OperationError::KeyReused(_)) => Ok(sent_before(visit, form)),
        Err(error) => {
            let wrong = Wrong::of(visit, form, error)?;
            Ok(form_page(visit, form, key, &wrong).await?.with_status(StatusCode::BAD_REQUEST))
        }
    }
}

/// The page about a form that was sent, and sent again with other values.
fn sent_before(visit: &Visit<'_>, form: &Form) -> Reply {
    let texts = visit.texts;
    let new_form = address(form);
    let content = html! {
        p.lead { (texts.sent_before) }
        p.actions {
            a.button.primary href="/console/reservations" { (texts.see_reservations) }
            a.button href=(new_form) { (texts.new_form) }
        }
    };
    Reply::html(page_at(visit, Place::Reserve, texts.reserve_title, &content, &new_form))
        .with_status(StatusCode::UNPROCESSABLE_ENTITY)
}

async fn form_page(visit: &Visit<'_>, form: &Form, key: &str, wrong: &Wrong) -> Result<Reply, Failure> {
    let texts = visit.texts;
    if visit.caller().may(Action::Create, Collection::CodeReservation).is_err() {
        let content = html! {
            p.lead { (texts.may_not_reserve) }
            p { a.button.primary href="/console/reservations" { (texts.see_reservations) } }
        };
        return Ok(Reply::html(page(visit, Place::Reserve, texts.reserve_title, &content)));
    }
    let offered = Offered::to(visit).await?;
    let types = ExportTypes::of(visit, form.filled("reserved_for").or(offered.only())).await?;
    let code_type = code_type(form);
    let fields = Fields { visit, form, wrong };
    let has_more = MORE.iter().any(|member| form.filled(member).is_some() || wrong.about(member).is_some());
    let content = html! {
        p.lead { (texts.reserve_lead) }
        @if !wrong.is_empty() { (wrong.summary(visit)) }
        div.split {
            form #reserve method="post" action="/console/reserve" {
                input type="hidden" name="key" value=(key);
                div.panel {
                    (fields.organisation(&offered))
                    (fields.code_type(code_type))
                    (fields.product(code_type))
                    div.pair {
                        (fields.quantity())
                        (fields.export_type(&types))
                    }
                    (fields.reference())
                    details.more open[has_more] {
                        summary { (texts.more_options) }
                        (fields.of_type(code_type, false))
                        (fields.url_suffix())
                    }
                    div #form-errors aria-live="polite" {}
                    p.actions { button #submit .primary type="submit" { (texts.submit_reserve) } }
                }
            }
            // What is written is checked while it is written: nothing is stored.
            aside #sample.panel aria-label=(texts.sample) hx-post="/console/reserve/check" hx-include="#reserve"
                hx-trigger="load, input delay:400ms from:#reserve, change delay:100ms from:#reserve, fields from:body"
                hx-sync="this:replace" {
                (sample::empty(visit, texts.sample_empty, &[]))
            }
        }
    };
    Ok(Reply::html(page_at(visit, Place::Reserve, texts.reserve_title, &content, &address(form))))
}
