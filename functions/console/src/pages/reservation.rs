//! One reservation: its state while it moves, its members and times, its first codes as pictures, the file, and what a
//! person may do with it.

use common::{
    bucket::LinkMethod,
    operations::{
        OperationError, delete as deletion,
        files::{self, Download},
        read, unique_code, update,
    },
    query::{Action, Collection},
    reservation::{Disposition, Status, Timestamp, uuid},
};
use lambda_http::http::{HeaderName, StatusCode, header};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{
    failed::messages,
    reservations::{badge, delay, state, title},
    reserve,
};
use crate::{
    failure::Failure,
    form::{Form, with_query},
    layout::{Place, notice, page},
    picture,
    reply::Reply,
    rows::{Row, query, with_organisation},
    texts::fill,
    visit::Visit,
};

/// Codes that are shown as pictures.
const SHOWN: u64 = 6;

/// The members that are shown, besides those of related rows that not everyone may read.
const MEMBERS: [&str; 18] = [
    "id",
    "date_created",
    "reserved_for",
    "code_type",
    "quantity",
    "quantity_reserved",
    "status",
    "error_message",
    "product",
    "reference_id",
    "url_suffix",
    "length",
    "character_set",
    "export_type",
    "export_file.id",
    "export_file.filename_download",
    "export_file.filesize",
    "export_file.created_on",
];

/// The headers with which htmx puts an answer in another place than the one that asked.
const HX_RETARGET: HeaderName = HeaderName::from_static("hx-retarget");
const HX_RESWAP: HeaderName = HeaderName::from_static("hx-reswap");

/// What is shown of a reservation.
struct Shown {
    row: Row,
    /// When its codes were reserved.
    reserved_at: Option<Timestamp>,
    codes: Vec<Row>,
}

fn parsed(id: &str) -> Result<uuid::Uuid, Failure> {
    uuid(id).ok_or_else(|| OperationError::no_row().into())
}

/// Shows a reservation.
///
/// # Errors
/// [`Failure::SignedOut`] without a session; `FORBIDDEN` for one that does not exist for the person;
/// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn show(visit: &Visit<'_>, id: &str) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let shown = shown(visit, id).await?;
    let texts = visit.texts;
    let said = match Form::of_query(visit.call)?.get("said") {
        "again" if shown.row.status().is_open() => Some(texts.again_started),
        "stopped" => Some(texts.cancelled),
        _ => None,
    };
    let content = html! {
        @if let Some(said) = said { (notice("good", said, &html! {})) }
        (whole(visit, &shown))
    };
    Ok(Reply::html(page(visit, Place::Reservations, title(visit, &shown.row), &content)))
}

/// The part of the page that moves, for htmx. When the reservation has ended, the whole of it takes its place.
///
/// # Errors
/// As [`show`].
pub(crate) async fn progress(visit: &Visit<'_>, id: &str) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let row = row(visit, id).await?;
    let (texts, language) = (visit.texts, visit.language);
    let asked = Form::of_query(visit.call)?.get("asked").parse::<u32>().unwrap_or(0).saturating_add(1);
    if row.status().is_open() {
        let numbers = ["quantity_reserved", "quantity"].map(|member| language.number(row.number(member).unwrap_or(0)));
        let is_written = row.status() == Status::InProgress;
        return Ok(Reply::html(html! {
            (moving(visit, &row, asked))
            @if is_written { p #live hx-swap-oob="innerHTML" { (fill(texts.live_running, &[&numbers[0], &numbers[1]])) } }
        }));
    }
    let shown = shown(visit, id).await?;
    let said = fill(texts.live_done, &[title(visit, &shown.row), state(visit, &shown.row)]);
    let reply = Reply::html(html! {
        (whole(visit, &shown))
        p #live hx-swap-oob="innerHTML" { (said) }
    });
    Ok(reply.header(HX_RETARGET, "#reservation").header(HX_RESWAP, "outerHTML"))
}

async fn row(visit: &Visit<'_>, id: &str) -> Result<Row, Failure> {
    let mut members = MEMBERS.to_vec();
    if visit.caller().may(Action::Read, Collection::Users).is_ok() {
        members.extend(["user_created.id", "user_created.first_name", "user_created.last_name"]);
    }
    let parameters = query(with_organisation(visit, json!({ "fields": members })));
    let (_, data) = read::one(visit.context, visit.session(), parsed(id)?, &parameters).await?;
    Ok(Row::of(data))
}

async fn shown(visit: &Visit<'_>, id: &str) -> Result<Shown, Failure> {
    let row = row(visit, id).await?;
    let reserved_at = read::reserved_at(visit.context, visit.session(), parsed(id)?).await?;
    let has_codes = reserved_at.is_some() || row.number("quantity_reserved").is_some();
    let codes = if has_codes {
        let parameters = query(json!({
            "fields": ["position", "code", "digital_link"],
            "filter": { "reservation": { "_eq": row.id() } },
            "limit": SHOWN,
        }));
        Row::all(unique_code::list(visit.context, visit.session(), &parameters).await?.1.data)
    } else {
        Vec::new()
    };
    Ok(Shown { row, reserved_at, codes })
}

/// Everything but the heading.
fn whole(visit: &Visit<'_>, shown: &Shown) -> Markup {
    let Shown { row, reserved_at, codes } = shown;
    let texts = visit.texts;
    html! {
        div #reservation {
            @if row.status().is_open() { (moving(visit, row, 0)) } @else { (ended(visit, row)) }
            div.split.is-even {
                section.panel aria-labelledby="details" {
                    h2 #details { (texts.details) }
                    (members(visit, row))
                }
                section.panel aria-labelledby="times" {
                    h2 #times { (texts.times) }
                    (times(visit, row, *reserved_at))
                    (actions(visit, row))
                }
            }
            @if !codes.is_empty() { (first_codes(visit, row, codes)) }
        }
    }
}

/// The state of a reservation that moves. It asks for itself until it has ended.
fn moving(visit: &Visit<'_>, row: &Row, asked: u32) -> Markup {
    let (texts, language) = (visit.texts, visit.language);
    let address = format!("/console/reservations/{}/progress", row.id());
    let address = with_query(&address, &[("asked", &asked.to_string())]);
    let (quantity, reserved) = (row.number("quantity").unwrap_or(0), row.number("quantity_reserved").unwrap_or(0));
    let is_written = row.status() == Status::InProgress;
    let (heading, hint) =
        if is_written { (texts.writing, texts.writing_hint) } else { (texts.waiting, texts.waiting_hint) };
    html! {
        section #moving .panel.state hx-get=(address) hx-trigger={ "load delay:" (delay(asked)) "s" } hx-swap="outerHTML" {
            p.state-line { (badge(visit, row)) " " strong { (heading) } }
            @if is_written {
                progress max=(quantity) value=(reserved) aria-label=(texts.status_in_progress) {}
                p { (fill(texts.of_codes, &[&language.number(reserved), &language.number(quantity)])) }
            }
            p.muted { (hint) }
            noscript { p.muted { (texts.reload_hint) } }
        }
    }
}

/// The state of a reservation that has ended, with the file if there is one.
fn ended(visit: &Visit<'_>, row: &Row) -> Markup {
    let (texts, language) = (visit.texts, visit.language);
    let file = row.related("export_file");
    let message = row.text("error_message");
    html! {
        section.panel.state {
            p.state-line {
                (badge(visit, row)) " "
                strong {
                    @match (row.status(), &file, message) {
                        (Status::Complete, Some(_), _) => (texts.ready),
                        (Status::Complete, None, _) => (texts.no_file_closed),
                        (_, _, Some(_)) => (texts.failed),
                        _ => (texts.status_stopped),
                    }
                }
            }
            @if row.status() == Status::Error {
                @match message {
                    Some(message) => {
                        p.message lang="en" { (message) }
                        p.muted { (texts.failed_hint) }
                    }
                    None => p.muted { (texts.stopped_hint) }
                }
            }
            @if let Some(file) = file {
                div.file {
                    a.button.primary href={ "/console/files/" (file.id()) } { (texts.download) }
                    p {
                        span.file-name { (file.text("filename_download").unwrap_or(texts.file)) }
                        @if let Some(size) = file.number("filesize") {
                            " " span.muted { (fill(texts.file_size, &[&language.number(size)])) }
                        }
                    }
                }
                p.muted { (texts.download_hint) }
            }
        }
    }
}

fn members(visit: &Visit<'_>, row: &Row) -> Markup {
    let (texts, language) = (visit.texts, visit.language);
    let key = row.text("reserved_for").map(str::to_owned);
    let name = row.reserved_for().filter(|name| key.as_ref() != Some(name));
    let code_type = row.code_type().map(|code_type| texts.code_type(code_type));
    let set =
        row.text("character_set").and_then(|text| text.parse().ok()).map(|set| reserve::character_set(visit, set));
    let length = row.number("length").map(|length| length.to_string());
    let quantity = row.number("quantity").map(|quantity| language.number(quantity));
    let facts: [(&str, Option<String>); 7] = [
        (texts.code_type, code_type.map(str::to_owned)),
        (texts.product, row.text("product").map(str::to_owned)),
        (texts.amount, quantity),
        (texts.export_type, row.text("export_type").map(|format| format.to_uppercase())),
        (texts.url_suffix, row.text("url_suffix").map(str::to_owned)),
        (texts.length, length),
        (texts.character_set, set.map(str::to_owned)),
    ];
    html! {
        dl.facts {
            @if let Some(key) = key {
                dt { (texts.organisation) }
                dd {
                    @if let Some(name) = name { (name) br; }
                    code { (key) }
                }
            }
            @for (name, value) in facts {
                @if let Some(value) = value {
                    dt { (name) }
                    dd { (value) }
                }
            }
            dt { (texts.id) } dd { code { (row.id()) } }
        }
    }
}

fn times(visit: &Visit<'_>, row: &Row, reserved_at: Option<Timestamp>) -> Markup {
    let (texts, language) = (visit.texts, visit.language);
    let file = row.related("export_file").and_then(|file| file.time("created_on"));
    let creator = row.related("user_created").map(|user| {
        let names =
            ["first_name", "last_name"].iter().filter_map(|member| user.text(member)).collect::<Vec<_>>().join(" ");
        if names.is_empty() { user.id().to_owned() } else { names }
    });
    let times =
        [(texts.time_created, row.time("date_created")), (texts.time_reserved, reserved_at), (texts.time_file, file)];
    html! {
        dl.facts {
            @for (name, time) in times {
                @if let Some(time) = time {
                    dt { (name) }
                    dd { time datetime=(time) data-local { (language.time(time)) " " (texts.time_zone) } }
                }
            }
            @if let Some(creator) = creator.filter(|creator| !creator.is_empty()) {
                dt { (texts.created_by) } dd { (creator) }
            }
        }
    }
}

/// What the person may do.
fn actions(visit: &Visit<'_>, row: &Row) -> Markup {
    let texts = visit.texts;
    let id = row.id();
    let may_change = visit.caller().may(Action::Update, Collection::CodeReservation).is_ok();
    let is_open = row.status().is_open();
    let has_codes = row.number("quantity_reserved").is_some();
    html! {
        div.manage {
            @if may_change && !is_open {
                form method="post" action={ "/console/reservations/" (id) "/again" } {
                    div.field {
                        label for="again" { (texts.format) }
                        select #again name="export_type" {
                            (reserve::formats(visit, row.text("export_type").unwrap_or_default()))
                        }
                        p.hint { @if has_codes { (texts.write_again_hint) } @else { (texts.try_again_hint) } }
                    }
                    button type="submit" { @if has_codes { (texts.write_again) } @else { (texts.try_again) } }
                }
            }
            @if may_change && is_open {
                form method="post" action={ "/console/reservations/" (id) "/cancel" } {
                    button type="submit" { (texts.cancel) }
                    p.hint { (texts.cancel_hint) }
                }
            }
            @if visit.caller().may(Action::Delete, Collection::CodeReservation).is_ok() {
                p { a.button.danger href={ "/console/reservations/" (id) "/delete" } { (texts.delete) } }
            }
        }
    }
}

fn first_codes(visit: &Visit<'_>, row: &Row, codes: &[Row]) -> Markup {
    let (texts, language) = (visit.texts, visit.language);
    let last = codes.len() as u64;
    let numbers = [1, last, row.number("quantity").unwrap_or(last)].map(|number| language.number(number));
    html! {
        section.panel aria-labelledby="codes" {
            h2 #codes { (texts.first_codes) }
            p.muted { (fill(texts.codes_of, &[&numbers[0], &numbers[1], &numbers[2]])) }
            ul.codes {
                @for code in codes {
                    @let link = code.text("digital_link").unwrap_or_default();
                    @let text = code.text("code").unwrap_or_default();
                    li {
                        (picture::of(link, text))
                        p.muted { (fill(texts.position, &[&language.number(code.number("position").unwrap_or(0))])) }
                        p { code { (text) } }
                        @if !link.is_empty() { p.small-link { (link) } }
                    }
                }
            }
        }
    }
}

/// Leads to the bytes of a file, which the browser saves.
///
/// # Errors
/// [`Failure::SignedOut`] without a session; `FORBIDDEN` for a file that does not exist for the person.
pub(crate) async fn download(visit: &Visit<'_>, id: &str) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let download = Download { method: LinkMethod::Get, disposition: Disposition::Attachment, name: None };
    let link = files::link(visit.context, visit.session(), id, download).await?;
    Ok(Reply::see_other(&link.url).with_status(StatusCode::FOUND).header(header::PRAGMA, "no-cache"))
}

/// Writes the file once more, perhaps in another format.
///
/// # Errors
/// As [`show`].
pub(crate) async fn again(visit: &Visit<'_>, id: &str, form: &Form) -> Result<Reply, Failure> {
    let mut data = json!({ "status": Status::New.as_str() });
    if let Some(format) = form.filled("export_type") {
        data["export_type"] = json!(format);
    }
    change(visit, id, &data, "again").await
}

/// Stops the work on a reservation.
///
/// # Errors
/// As [`show`].
pub(crate) async fn cancel(visit: &Visit<'_>, id: &str) -> Result<Reply, Failure> {
    change(visit, id, &json!({ "status": Status::Error.as_str() }), "stopped").await
}

async fn change(visit: &Visit<'_>, id: &str, data: &Value, said: &str) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let parameters = query(json!({ "fields": ["id"] }));
    match update::one(visit.context, visit.session(), parsed(id)?, data, &parameters).await {
        Ok(_) => Ok(Reply::see_other(&with_query(&format!("/console/reservations/{id}"), &[("said", said)]))),
        Err(error @ (OperationError::FailedValidation(_) | OperationError::InvalidPayload(_))) => {
            refused(visit, id, error).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The page with why a change was refused, such as one that came too late.
async fn refused(visit: &Visit<'_>, id: &str, error: OperationError) -> Result<Reply, Failure> {
    let messages = match error {
        OperationError::FailedValidation(errors) => errors.iter().map(|error| visit.rule(error)).collect(),
        error => messages(error),
    };
    let shown = shown(visit, id).await?;
    let content = html! {
        (notice("bad", visit.texts.invalid_title, &html! { ul { @for message in &messages { li { (message) } } } }))
        (whole(visit, &shown))
    };
    let page = page(visit, Place::Reservations, title(visit, &shown.row), &content);
    Ok(Reply::html(page).with_status(StatusCode::BAD_REQUEST))
}

/// Asks whether to delete.
///
/// # Errors
/// As [`show`]; `FORBIDDEN` for those who may not delete.
pub(crate) async fn ask_delete(visit: &Visit<'_>, id: &str) -> Result<Reply, Failure> {
    visit.signed_in()?;
    visit.caller().may(Action::Delete, Collection::CodeReservation)?;
    let row = row(visit, id).await?;
    let texts = visit.texts;
    let quantity = visit.language.number(row.number("quantity").unwrap_or(0));
    let content = html! {
        div.panel.narrow {
            p { strong { (title(visit, &row)) } " · " (fill(texts.codes_count, &[&quantity])) }
            p { (texts.delete_lead) }
            p.muted { (texts.delete_codes) }
            form.actions method="post" action={ "/console/reservations/" (row.id()) "/delete" } {
                button.danger type="submit" { (texts.delete_confirm) }
                a.button href={ "/console/reservations/" (row.id()) } { (texts.keep) }
            }
        }
    };
    Ok(Reply::html(page(visit, Place::Reservations, texts.delete_title, &content)))
}

/// Deletes a reservation.
///
/// # Errors
/// As [`ask_delete`].
pub(crate) async fn delete(visit: &Visit<'_>, id: &str) -> Result<Reply, Failure> {
    visit.signed_in()?;
    deletion::by_ids(visit.context, visit.session(), &[parsed(id)?]).await?;
    Ok(Reply::see_other("/console/reservations?said=deleted"))
}
