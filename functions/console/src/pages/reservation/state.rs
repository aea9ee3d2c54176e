//! The state of a reservation: how far it is while it moves, and how it ended, with the file.

use common::{
    bucket::LinkMethod,
    operations::files::{self, Download},
    reservation::{Disposition, Status},
};
use lambda_http::http::{StatusCode, header};
use maud::{Markup, html};

use crate::{
    failure::Failure,
    form::with_query,
    pages::reservations::{badge, delay},
    reply::Reply,
    rows::Row,
    texts::fill,
    visit::Visit,
};

/// The state of a reservation that moves. It asks for itself until it has ended.
pub(super) fn moving(visit: &Visit<'_>, row: &Row, asked: u32) -> Markup {
    let (texts, language) = (visit.texts, visit.language);
    let address = format!("/console/reservations/{}/progress", row.id());
    let address = with_query(&address, &[("asked", &asked.to_string())]);
    let (quantity, reserved) = (row.number("quantity").unwrap_or(0), row.number("quantity_reserved").unwrap_or(0));
    let is_written = row.status() == Status::InProgress;
    let (heading, hint) =
        if is_written { (texts.writing, texts.writing_hint) } else { (texts.waiting, texts.waiting_hint) };
    html! {
        section #moving .panel.state hx-get=(address) hx-trigger={ "load delay:" (delay(asked)) "s, again" }
            hx-swap="outerHTML" {
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
pub(super) fn ended(visit: &Visit<'_>, row: &Row) -> Markup {
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
