//! The list of reservations: the newest first, with filters and pages, and what moves in it.

use common::{
    code::{CodeType, product_path},
    operations::{OperationError, read},
    reservation::Status,
};
use lambda_http::http::StatusCode;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::offered::Offered;
use crate::{
    failure::Failure,
    form::{Form, with_query},
    layout::{Place, beyond, notice, page},
    reply::Reply,
    rows::{Row, equals, query, with_organisation},
    said::Said,
    texts::fill,
    visit::Visit,
};

/// Reservations on one page.
const PAGE: usize = 25;

/// Maximum number of a page. Later ones are found with filters.
const MAX_PAGE: usize = 400;

/// The filters, by the names of their fields.
const FILTERS: [&str; 5] = ["q", "status", "reserved_for", "product", "reference_id"];

/// The members of a row of the list.
const MEMBERS: [&str; 11] = [
    "id",
    "date_created",
    "reserved_for",
    "code_type",
    "quantity",
    "quantity_reserved",
    "status",
    "product",
    "reference_id",
    "error_message",
    "export_file",
];

/// Shows a page of the list.
///
/// # Errors
/// [`Failure::SignedOut`] without a session; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn show(visit: &Visit<'_>) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let form = Form::of_query(visit.call)?;
    let number = form.get("page").parse::<usize>().unwrap_or(1).clamp(1, MAX_PAGE);
    let texts = visit.texts;
    let offered = Offered::to(visit).await?;
    let (rows, refused) = match rows(visit, &form, number).await {
        Ok(rows) => (rows, None),
        // A search through too many rows: the person is told what to do.
        Err(Failure::Operation(error @ (OperationError::TooManyItems(_) | OperationError::InvalidQuery(_)))) => {
            (Vec::new(), Some(Said::of_error(visit, error)))
        }
        Err(failure) => return Err(failure),
    };
    let is_filtered = FILTERS.iter().any(|name| form.filled(name).is_some());
    let (has_more, rows) = (rows.len() > PAGE, rows.get(..PAGE.min(rows.len())).unwrap_or_default());
    let said = match form.get("said") {
        "deleted" => Some(notice("good", texts.deleted, &html! {})),
        _ => None,
    };
    let content = html! {
        @if let Some(said) = said { (said) }
        (filters(visit, &form, &offered, is_filtered))
        @if let Some(messages) = &refused {
            (notice("bad", texts.invalid_title, &html! {
                p { (texts.too_many_rows) }
                @for message in messages { p.muted { (message) } }
            }))
        } @else if rows.is_empty() && number > 1 {
            (beyond(visit, &address(&form, 1)))
        } @else if rows.is_empty() {
            (nothing(visit, is_filtered))
        } @else {
            ol.rows {
                @for row in rows { (item(visit, row, false)) }
            }
            (poller(&open_ids(rows), 0))
        }
        @if !rows.is_empty() { (pages(visit, &form, number, has_more)) }
    };
    let status = if refused.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(Reply::html(page(visit, Place::Reservations, texts.reservations_title, &content)).with_status(status))
}

/// The rows of a page, and one more if there is a next page.
async fn rows(visit: &Visit<'_>, form: &Form, number: usize) -> Result<Vec<Row>, Failure> {
    let status = form.filled("status").and_then(Status::parse).map(Status::as_str);
    let conditions = [
        equals("status", status),
        equals("reserved_for", form.filled("reserved_for")),
        form.filled("product").map(product),
        equals("reference_id", form.filled("reference_id")),
    ];
    let conditions: Vec<Value> = conditions.into_iter().flatten().collect();
    let mut parameters = json!({
        "fields": MEMBERS,
        "sort": ["-date_created"],
        "limit": PAGE + 1,
        "offset": (number - 1) * PAGE,
    });
    if !conditions.is_empty() {
        parameters["filter"] = json!({ "_and": conditions });
    }
    if let Some(search) = form.filled("q") {
        parameters["search"] = json!(search);
    }
    listed(visit, parameters).await
}

/// The condition for a product as a person writes it: its key path, or a number that may be the key of several types.
fn product(text: &str) -> Value {
    let mut paths: Vec<_> = CodeType::ALL.into_iter().map(|code_type| product_path(code_type, text)).collect();
    paths.retain(|path| path != text);
    paths.sort();
    paths.dedup();
    match paths.as_slice() {
        [] => json!({ "product": { "_eq": text } }),
        [one] => json!({ "product": { "_eq": one } }),
        several => json!({ "product": { "_in": several } }),
    }
}

async fn listed(visit: &Visit<'_>, parameters: Value) -> Result<Vec<Row>, Failure> {
    let parameters = query(with_organisation(visit, parameters));
    let (query, list) = read::list(visit.context, visit.session(), &parameters).await?;
    Ok(Row::all(list.into_answer(&query)?.data))
}

/// The rows that move, for htmx: their present state, and when to ask again. When all have ended, nothing asks any
/// more.
///
/// # Errors
/// [`Failure::SignedOut`] without a session; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn progress(visit: &Visit<'_>) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let form = Form::of_query(visit.call)?;
    let ids: Vec<&str> =
        form.get("ids").split(',').filter(|id| common::reservation::uuid(id).is_some()).take(PAGE).collect();
    let asked = form.get("asked").parse::<u32>().unwrap_or(0).saturating_add(1);
    let rows = if ids.is_empty() {
        Vec::new()
    } else {
        let filter = json!({ "id": { "_in": ids } });
        listed(visit, json!({ "fields": MEMBERS, "filter": filter, "limit": PAGE })).await?
    };
    let ended = rows.iter().filter(|row| !row.status().is_open());
    let said: Vec<String> =
        ended.map(|row| fill(visit.texts.live_done, &[title(visit, row), state(visit, row)])).collect();
    Ok(Reply::html(html! {
        (poller(&open_ids(&rows), asked))
        @for row in &rows { (item(visit, row, true)) }
        @if !said.is_empty() { p #live hx-swap-oob="innerHTML" { (said.join(" ")) } }
    }))
}

fn open_ids(rows: &[Row]) -> Vec<&str> {
    rows.iter().filter(|row| row.status().is_open()).map(Row::id).collect()
}

/// Asks for the rows that are not ended: soon at first, then less often.
fn poller(ids: &[&str], asked: u32) -> Markup {
    let address =
        with_query("/console/reservations/progress", &[("ids", &ids.join(",")), ("asked", &asked.to_string())]);
    html! {
        @if ids.is_empty() {
            div #poller {}
        } @else {
            div #poller hx-get=(address) hx-trigger={ "load delay:" (delay(asked)) "s, again" } hx-swap="outerHTML" {}
        }
    }
}

/// Seconds until a page asks again for what moves.
pub(super) fn delay(asked: u32) -> u32 {
    match asked {
        0..20 => 1,
        20..100 => 3,
        _ => 10,
    }
}

/// One reservation of the list. `is_swapped` says that htmx puts it in the place of the former.
fn item(visit: &Visit<'_>, row: &Row, is_swapped: bool) -> Markup {
    let (texts, language) = (visit.texts, visit.language);
    let id = row.id();
    let about = [
        row.code_type().map(|code_type| code_type.as_str().to_uppercase().replace('_', " ")),
        row.text("product").map(str::to_owned),
        row.reserved_for(),
    ];
    html! {
        li.row id={ "row-" (id) } hx-swap-oob=[is_swapped.then_some("true")] {
            div.row-main {
                a.row-title href={ "/console/reservations/" (id) } { (title(visit, row)) }
                p.muted { (about.into_iter().flatten().collect::<Vec<_>>().join(" · ")) }
            }
            div.row-state {
                (badge(visit, row))
                (count(visit, row))
            }
            div.row-time {
                @if let Some(time) = row.time("date_created") {
                    time datetime=(time) data-local { (language.time(time)) " " (texts.time_zone) }
                }
            }
            div.row-action {
                @if let Some(file) = row.related("export_file").filter(|_| row.status() == Status::Complete) {
                    a.button.small href={ "/console/files/" (file.id()) } {
                        (texts.download) span.visually-hidden { " " (title(visit, row)) }
                    }
                }
            }
        }
    }
}

/// What a reservation is called: its reference.
pub(super) fn title<'a>(visit: &Visit<'_>, row: &'a Row) -> &'a str {
    row.text("reference_id").unwrap_or(visit.texts.no_reference)
}

/// The word for the state of a reservation. One that was stopped has the status of a failed one, and no message.
pub(super) fn state(visit: &Visit<'_>, row: &Row) -> &'static str {
    match row.status() {
        Status::Error if row.text("error_message").is_none() => visit.texts.status_stopped,
        status => visit.texts.status(status),
    }
}

/// The state of a reservation as a badge.
pub(super) fn badge(visit: &Visit<'_>, row: &Row) -> Markup {
    let kind = match row.status() {
        Status::Error if row.text("error_message").is_none() => "is-stopped",
        Status::Error => "is-bad",
        Status::Complete => "is-good",
        Status::New | Status::InProgress => "is-open",
    };
    html! { span.badge.{ (kind) } { (state(visit, row)) } }
}

/// How many codes, and how far a running export is.
fn count(visit: &Visit<'_>, row: &Row) -> Markup {
    let (texts, language) = (visit.texts, visit.language);
    let quantity = row.number("quantity").unwrap_or(0);
    let reserved = row.number("quantity_reserved").unwrap_or(0);
    html! {
        @if row.status() == Status::InProgress {
            progress max=(quantity) value=(reserved) aria-label=(texts.status_in_progress) {}
            p.muted { (fill(texts.of_codes, &[&language.number(reserved), &language.number(quantity)])) }
        } @else {
            p.muted { (fill(texts.codes_count, &[&language.number(quantity)])) }
        }
    }
}

fn nothing(visit: &Visit<'_>, is_filtered: bool) -> Markup {
    let texts = visit.texts;
    html! {
        div.panel.empty {
            @if is_filtered {
                h2 { (texts.no_matches) }
                p.muted { (texts.no_matches_hint) }
                p { a.button href="/console/reservations" { (texts.clear_filter) } }
            } @else {
                h2 { (texts.no_reservations) }
                p.muted { (texts.no_reservations_hint) }
                p { a.button.primary href="/" { (texts.reserve_title) } }
            }
        }
    }
}

fn filters(visit: &Visit<'_>, form: &Form, offered: &Offered, is_filtered: bool) -> Markup {
    let texts = visit.texts;
    let chosen = form.get("reserved_for");
    let has_more = ["reserved_for", "product", "reference_id"].iter().any(|name| form.filled(name).is_some());
    html! {
        form.filters role="search" method="get" action="/console/reservations" {
            div.field.grow {
                label for="q" { (texts.search) }
                input #q type="search" name="q" value=(form.get("q")) aria-describedby="q-hint" autocomplete="off";
                p.hint #q-hint { (texts.search_hint) }
            }
            div.field {
                label for="status" { (texts.status) }
                select #status name="status" {
                    option value="" { (texts.any_status) }
                    @for status in Status::ALL {
                        option value=(status.as_str()) selected[form.get("status") == status.as_str()] { (texts.status(status)) }
                    }
                }
            }
            details.more.wide open[has_more] {
                summary { (texts.more) }
                div.trio {
                    div.field {
                        label for="reserved_for" { (texts.organisation) }
                        @if offered.organisations.is_empty() {
                            input #reserved_for name="reserved_for" value=(chosen) autocomplete="off" spellcheck="false";
                        } @else {
                            select #reserved_for name="reserved_for" {
                                option value="" { (texts.any_organisation) }
                                @for (id, name) in &offered.organisations {
                                    option value=(id) selected[id == chosen] { (name) }
                                }
                            }
                        }
                    }
                    @for (name, label) in [("product", texts.product), ("reference_id", texts.reference)] {
                        div.field {
                            label for=(name) { (label) }
                            input id=(name) name=(name) value=(form.get(name)) autocomplete="off" spellcheck="false"
                                placeholder=(texts.exact);
                        }
                    }
                }
            }
            p.actions {
                button.primary type="submit" { (texts.filter_button) }
                @if is_filtered { a.button href="/console/reservations" { (texts.clear_filter) } }
            }
        }
    }
}

/// The address of a page of the list with the same filters.
fn address(form: &Form, number: usize) -> String {
    let number = number.to_string();
    let mut fields: Vec<(&str, &str)> = FILTERS.iter().map(|name| (*name, form.get(name))).collect();
    fields.push(("page", &number));
    with_query("/console/reservations", &fields)
}

/// Links to the pages before and after.
fn pages(visit: &Visit<'_>, form: &Form, number: usize, has_more: bool) -> Markup {
    let texts = visit.texts;
    let shown = fill(texts.page_number, &[&visit.language.number(number as u64)]);
    html! {
        @if number > 1 || has_more {
            nav.pages aria-label=(shown) {
                @if number > 1 { a.button href=(address(form, number - 1)) rel="prev" { (texts.previous_page) } }
                span.muted { (shown) }
                @if has_more && number < MAX_PAGE {
                    a.button href=(address(form, number + 1)) rel="next" { (texts.next_page) }
                } @else if has_more {
                    span.muted { (texts.last_page) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_found_by_its_path_and_by_its_bare_number() {
        assert_eq!(product("/01/09506000134352"), json!({ "product": { "_eq": "/01/09506000134352" } }));
        assert_eq!(product("09506000134352"), json!({ "product": { "_eq": "/01/09506000134352" } }));
        let several = json!(["/01/09506000134352", "/253/9506000134352", "/255/9506000134352", "/8003/09506000134352"]);
        assert_eq!(product("9506000134352"), json!({ "product": { "_in": several } }));
        assert_eq!(product("shirt"), json!({ "product": { "_eq": "shirt" } }));
    }
}
