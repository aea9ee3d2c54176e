//! Users and organisations, for administrators of all organisations. They are changed with the command `admin`.

use common::operations::{OperationError, organisations, users};
use maud::{Markup, html};
use serde_json::json;

use crate::{
    failure::Failure,
    form::{Form, with_query},
    layout::{Place, beyond, page},
    reply::Reply,
    rows::{Row, query},
    texts::fill,
    visit::Visit,
};

/// Rows on one page.
const PAGE: usize = 50;

/// Checks that the person is an administrator of all organisations.
fn administrator(visit: &Visit<'_>) -> Result<(), Failure> {
    visit.signed_in()?;
    if visit.caller().sees_pools() { Ok(()) } else { Err(OperationError::no_row().into()) }
}

fn number(form: &Form) -> usize {
    form.get("page").parse::<usize>().unwrap_or(1).clamp(1, 10_000)
}

/// Shows a page of users.
///
/// # Errors
/// [`Failure::SignedOut`] without a session; `FORBIDDEN` for others than administrators of all organisations;
/// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn users(visit: &Visit<'_>) -> Result<Reply, Failure> {
    administrator(visit)?;
    let number = number(&Form::of_query(visit.call)?);
    let parameters = query(json!({
        "fields": ["id", "first_name", "last_name", "email", "status", "role.name"],
        "sort": ["last_name", "first_name", "id"],
        "limit": PAGE + 1,
        "offset": (number - 1) * PAGE,
    }));
    let rows = Row::all(users::list(visit.context, visit.session(), &parameters).await?.1.data);
    let texts = visit.texts;
    let table = html! {
        table {
            thead { tr { th scope="col" { (texts.name) } th scope="col" { (texts.email) } th scope="col" { (texts.role) }
                th scope="col" { (texts.user_status) } } }
            tbody {
                @for row in rows.iter().take(PAGE) {
                    @let names = ["first_name", "last_name"].iter().filter_map(|name| row.text(name)).collect::<Vec<_>>();
                    tr {
                        th scope="row" { @if names.is_empty() { code { (row.id()) } } @else { (names.join(" ")) } }
                        td data-label=(texts.email) { (row.text("email").unwrap_or("–")) }
                        td data-label=(texts.role) { (role(visit, row)) }
                        td data-label=(texts.user_status) { (visit.texts.user_status(row.text("status").unwrap_or("–"))) }
                    }
                }
            }
        }
    };
    Ok(list(visit, Place::Users, (texts.users_title, texts.users_lead), &table, number, rows.len()))
}

fn role(visit: &Visit<'_>, row: &Row) -> String {
    let name = row.related("role").and_then(|role| role.text("name").map(str::to_owned));
    match name.as_deref() {
        Some("Administrator") => visit.texts.role_admin.to_owned(),
        Some("Writer") => visit.texts.role_writer.to_owned(),
        Some("Reader") => visit.texts.role_reader.to_owned(),
        Some(other) => other.to_owned(),
        None => "–".to_owned(),
    }
}

/// Shows a page of organisations.
///
/// # Errors
/// As [`users`].
pub(crate) async fn organisations(visit: &Visit<'_>) -> Result<Reply, Failure> {
    administrator(visit)?;
    let number = number(&Form::of_query(visit.call)?);
    let parameters = query(json!({
        "fields": ["id", "organisation_name", "city"],
        "sort": ["organisation_name", "id"],
        "limit": PAGE + 1,
        "offset": (number - 1) * PAGE,
    }));
    let rows = Row::all(organisations::list(visit.context, visit.session(), &parameters).await?.1.data);
    let texts = visit.texts;
    let table = html! {
        table {
            thead { tr { th scope="col" { (texts.name) } th scope="col" { (texts.id) } th scope="col" { (texts.city) } th scope="col" { (texts.reservations) } } }
            tbody {
                @for row in rows.iter().take(PAGE) {
                    tr {
                        th scope="row" { (row.organisation()) }
                        td data-label=(texts.id) { code { (row.id()) } }
                        td data-label=(texts.city) { (row.text("city").unwrap_or("–")) }
                        td data-label=(texts.reservations) {
                            a href=(with_query("/console/reservations", &[("reserved_for", row.id())])) {
                                (texts.see_reservations) span.visually-hidden { " " (row.organisation()) }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(list(
        visit,
        Place::Organisations,
        (texts.organisations_title, texts.organisations_lead),
        &table,
        number,
        rows.len(),
    ))
}

/// A page with a table and links to the pages before and after.
fn list(
    visit: &Visit<'_>,
    place: Place,
    (title, lead): (&str, &str),
    table: &Markup,
    number: usize,
    found: usize,
) -> Reply {
    let texts = visit.texts;
    let to = |number: usize| with_query(&visit.call.path, &[("page", &number.to_string())]);
    let shown = fill(texts.page_number, &[&visit.language.number(number as u64)]);
    let content = html! {
        p.lead { (lead) }
        @if found == 0 && number > 1 {
            (beyond(visit, &to(1)))
        } @else if found == 0 {
            div.panel.empty { p.muted { (texts.no_rows) } }
        } @else {
            div.panel { (table) }
        }
        @if found > 0 && (number > 1 || found > PAGE) {
            nav.pages aria-label=(shown) {
                @if number > 1 { a.button rel="prev" href=(to(number - 1)) { (texts.back) } }
                span.muted { (shown) }
                @if found > PAGE { a.button rel="next" href=(to(number + 1)) { (texts.more) } }
            }
        }
    };
    Reply::html(page(visit, place, title, &content))
}
