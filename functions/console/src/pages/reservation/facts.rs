//! What is known of a reservation: its members, and its times.

use common::{
    code::Day,
    reservation::{ExportType, Timestamp},
};
use maud::{Markup, html};

use crate::{rows::Row, visit::Visit};

/// The members that are set.
pub(super) fn members(visit: &Visit<'_>, row: &Row) -> Markup {
    let (texts, language) = (visit.texts, visit.language);
    let key = row.text("reserved_for").map(str::to_owned);
    let name = row.reserved_for().filter(|name| key.as_ref() != Some(name));
    let code_type = row.code_type().map(|code_type| texts.code_type(code_type));
    let set = row.text("character_set").and_then(|text| text.parse().ok()).map(|set| texts.character_set(set));
    let length = row.number("length").map(|length| length.to_string());
    let quantity = row.number("quantity").map(|quantity| language.number(quantity));
    let date = |member: &str| row.text(member).and_then(Day::parse).map(|day| language.date(day));
    let facts: [(&str, Option<String>); 11] = [
        (texts.code_type, code_type.map(str::to_owned)),
        (texts.product, row.text("product").map(str::to_owned)),
        (texts.amount, quantity),
        (texts.export_type, row.text("export_type").map(export_type)),
        (texts.lot, row.text("lot").map(str::to_owned)),
        (texts.expiry_date, date("expiry_date")),
        (texts.best_before, date("best_before")),
        (texts.production_date, date("production_date")),
        (texts.url_suffix, row.text("url_suffix").map(str::to_owned)),
        (texts.length, length),
        (texts.character_set_label, set.map(str::to_owned)),
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

/// When it was asked for, reserved and written, and by whom.
pub(super) fn times(visit: &Visit<'_>, row: &Row, reserved_at: Option<Timestamp>) -> Markup {
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

/// The name of a format or a profile. A profile's is shown as it is written over the API.
fn export_type(name: &str) -> String {
    if ExportType::NAMES.contains(&name) { name.to_uppercase() } else { name.to_owned() }
}
