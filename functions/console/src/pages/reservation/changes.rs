//! What a person may do with a reservation: write its file again, stop it, delete it.

use common::{
    operations::{OperationError, delete as deletion, update},
    query::{Action, Collection},
    reservation::Status,
};
use lambda_http::http::StatusCode;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{parsed, row, shown, whole};
use crate::{
    failure::Failure,
    form::{Form, with_query},
    layout::{Place, notice, page, page_at},
    pages::{export_types::ExportTypes, reservations::title},
    reply::Reply,
    rows::{Row, query},
    said::Said,
    texts::fill,
    visit::Visit,
};

/// What the person may do. `types` is what the file can be.
pub(super) fn actions(visit: &Visit<'_>, row: &Row, types: &ExportTypes) -> Markup {
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
                            (types.options(visit, row.text("export_type").unwrap_or_default()))
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
            @if visit.caller().may(Action::Create, Collection::CodeReservation).is_ok() {
                p { a.button href=(alike(row)) { (texts.alike) } }
            }
            @if visit.caller().may(Action::Delete, Collection::CodeReservation).is_ok() {
                p { a.button.danger href={ "/console/reservations/" (id) "/delete" } { (texts.delete) } }
            }
        }
    }
}

/// The form with the values of a reservation, but for its reference.
fn alike(row: &Row) -> String {
    let texts = ["reserved_for", "code_type", "product", "export_type", "url_suffix", "character_set", "lot"];
    let dates = ["expiry_date", "best_before", "production_date"];
    let numbers = ["quantity", "length"].map(|name| (name, row.number(name).map(|number| number.to_string())));
    let mut fields: Vec<(&str, &str)> =
        texts.into_iter().chain(dates).map(|name| (name, row.text(name).unwrap_or_default())).collect();
    fields.extend(numbers.iter().map(|(name, number)| (*name, number.as_deref().unwrap_or_default())));
    with_query("/", &fields)
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
    let messages = Said::of_error(visit, error);
    let shown = shown(visit, id).await?;
    let content = html! {
        (notice("bad", visit.texts.invalid_title, &html! { ul { @for message in &messages { li { (message) } } } }))
        (whole(visit, &shown))
    };
    let address = format!("/console/reservations/{}", shown.row.id());
    let page = page_at(visit, Place::Reservations, title(visit, &shown.row), &content, &address);
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
