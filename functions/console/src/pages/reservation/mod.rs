//! One reservation: its state while it moves, its members and times, its first codes as pictures, the file, and what a
//! person may do with it.
//!
//! | file | what it is |
//! |---|---|
//! | `state` | how far it is, and the file |
//! | `facts` | members and times |
//! | `codes` | the first codes |
//! | `changes` | what a person may do |

mod changes;
mod codes;
mod facts;
mod state;

use common::{
    code::Code,
    operations::{OperationError, code_forms, read},
    query::{Action, Collection},
    reservation::{Status, Timestamp, uuid},
};
use lambda_http::http::HeaderName;
use maud::{Markup, html};
use serde_json::json;

pub(crate) use self::{
    changes::{again, ask_delete, cancel, delete},
    state::download,
};
use super::{
    export_types::ExportTypes,
    reservations::{state as state_name, title},
};
use crate::{
    failure::Failure,
    form::Form,
    layout::{Place, notice, page},
    reply::Reply,
    rows::{Row, query, with_organisation},
    texts::fill,
    visit::Visit,
};

/// The members that are shown, besides those of related rows that not everyone may read.
const MEMBERS: [&str; 22] = [
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
    "lot",
    "expiry_date",
    "best_before",
    "production_date",
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

/// How often the page asks for the progress until it is said once more.
const SAID_EVERY: u32 = 5;

/// What is shown of a reservation.
struct Shown {
    row: Row,
    /// When its codes were reserved.
    reserved_at: Option<Timestamp>,
    codes: Vec<Code>,
    /// What the file can be.
    types: ExportTypes,
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
        // Not each time, so that a screen reader can say something else.
        let is_said = row.status() == Status::InProgress && asked % SAID_EVERY == 1;
        return Ok(Reply::html(html! {
            (state::moving(visit, &row, asked))
            @if is_said { p #live hx-swap-oob="innerHTML" { (fill(texts.live_running, &[&numbers[0], &numbers[1]])) } }
        }));
    }
    let shown = shown(visit, id).await?;
    let said = fill(texts.live_done, &[title(visit, &shown.row), state_name(visit, &shown.row)]);
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
    let (_, data) = read::one(visit.context, visit.session(), parsed(id)?, &parameters, None).await?;
    Ok(Row::of(data))
}

async fn shown(visit: &Visit<'_>, id: &str) -> Result<Shown, Failure> {
    let row = row(visit, id).await?;
    let reserved_at = read::reserved_at(visit.context, visit.session(), parsed(id)?).await?;
    let has_codes = reserved_at.is_some() || row.number("quantity_reserved").is_some();
    let codes = if has_codes {
        code_forms::of(visit.context, visit.session(), parsed(id)?, 0..codes::SHOWN).await?
    } else {
        Vec::new()
    };
    let may_repeat = !row.status().is_open() && visit.caller().may(Action::Update, Collection::CodeReservation).is_ok();
    let types = match may_repeat {
        true => ExportTypes::of(visit, row.text("reserved_for")).await?,
        false => ExportTypes::default(),
    };
    Ok(Shown { row, reserved_at, codes, types })
}

/// Everything but the heading.
fn whole(visit: &Visit<'_>, shown: &Shown) -> Markup {
    let Shown { row, reserved_at, codes, types } = shown;
    let texts = visit.texts;
    html! {
        div #reservation {
            @if row.status().is_open() { (state::moving(visit, row, 0)) } @else { (state::ended(visit, row)) }
            div.split.is-even {
                section.panel aria-labelledby="details" {
                    h2 #details { (texts.details) }
                    (facts::members(visit, row))
                }
                section.panel aria-labelledby="times" {
                    h2 #times { (texts.times) }
                    (facts::times(visit, row, *reserved_at))
                    (changes::actions(visit, row, types))
                }
            }
            @if !codes.is_empty() { (codes::first(visit, row, codes)) }
        }
    }
}
