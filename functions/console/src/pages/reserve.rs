//! Reserving: the form, what is said while a person fills it in, a sample, and what happens when it is sent.

use std::collections::BTreeMap;

use common::{
    code::{CharacterSet, CodeType, product_path},
    operations::{OperationError, create, sample},
    query::{Action, Collection},
    reservation::{BUILT_IN_PROFILES, ExportType, Format},
};
use lambda_http::http::{HeaderName, StatusCode};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::{
    failed::{is_from_elsewhere, messages, once_more},
    offered::Offered,
};
use crate::{
    failure::Failure,
    form::Form,
    layout::{Place, notice, page},
    picture,
    reply::Reply,
    rows::{Row, query},
    texts::fill,
    visit::Visit,
};

/// The header that makes htmx trigger an event when the answer is in its place: the form is checked with the new fields.
const HX_TRIGGER: HeaderName = HeaderName::from_static("hx-trigger-after-settle");

/// The members of a reservation that the form has, in its order.
const MEMBERS: [&str; 9] = [
    "reserved_for",
    "code_type",
    "product",
    "quantity",
    "export_type",
    "reference_id",
    "url_suffix",
    "length",
    "character_set",
];

/// What is wrong with a form.
#[derive(Debug, Default)]
struct Wrong {
    /// The messages by member.
    members: BTreeMap<&'static str, String>,
    /// Those that concern no member of the form.
    others: Vec<String>,
}

impl Wrong {
    fn is_empty(&self) -> bool {
        self.members.is_empty() && self.others.is_empty()
    }
}

/// Shows the form, with the values of the query if there are some.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn show(visit: &Visit<'_>) -> Result<Reply, Failure> {
    if visit.user().is_none() {
        let is_elsewhere = is_from_elsewhere(visit);
        return if is_elsewhere { Ok(Reply::html(once_more(visit))) } else { super::sign_in::show(visit) };
    }
    let form = Form::of_query(visit.call)?;
    let key = uuid::Uuid::new_v4().to_string();
    form_page(visit, &form, &key, &Wrong::default()).await
}

/// The fields that follow the type of code, for htmx.
///
/// # Errors
/// [`Failure::SignedOut`] without a session.
pub(crate) async fn fields(visit: &Visit<'_>) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let form = Form::of_query(visit.call)?;
    let code_type = code_type(&form);
    let wrong = Wrong::default();
    let fields = Reply::html(html! {
        (product_field(visit, &form, code_type, &wrong))
        (serial_fields(visit, &form, code_type, &wrong, true))
    });
    Ok(fields.header(HX_TRIGGER, "fields"))
}

/// Says what is wrong with the form so far, and shows a sample when nothing is. Members that are still empty are not
/// wrong yet.
///
/// # Errors
/// [`Failure::SignedOut`] without a session; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn check(visit: &Visit<'_>, form: &Form) -> Result<Reply, Failure> {
    visit.signed_in()?;
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
            wrong = explained(visit, OperationError::FailedValidation(errors))?;
        }
        Err(error) => wrong = explained(visit, error)?,
    }
    let texts = visit.texts;
    let can_show = wrong.is_empty() && (is_complete || is_all_but_quantity(form));
    let panel = match can_show {
        true => {
            let mut input = input;
            if form.filled("quantity").is_none() {
                input["quantity"] = json!(1);
            }
            match sample::of(visit.context, visit.session(), &input).await {
                Ok(sample) => sample_panel(visit, &sample),
                Err(error) => {
                    let why = explained(visit, error)?;
                    let why: Vec<_> = why.members.into_values().chain(why.others).collect();
                    empty_panel(visit, texts.sample_unknown, &why)
                }
            }
        }
        false => empty_panel(visit, texts.sample_empty, &[]),
    };
    Ok(Reply::html(html! {
        (panel)
        @for member in MEMBERS {
            @let message = wrong.members.get(member).map_or("", String::as_str);
            p.error id={ "error-" (member) } hx-swap-oob="innerHTML" { (message) }
        }
        div #form-errors hx-swap-oob="innerHTML" { (other_messages(&wrong)) }
    }))
}

/// Whether every member that a sample needs has a value.
fn is_all_but_quantity(form: &Form) -> bool {
    let needs_product = code_type(form).needs_product();
    form.filled("reserved_for").is_some() && (!needs_product || form.filled("product").is_some())
}

/// Reserves. The key in the form makes a form that is sent twice one reservation.
///
/// # Errors
/// [`Failure::SignedOut`] without a session; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn submit(visit: &Visit<'_>, form: &Form) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let input = input(form);
    let body = input.to_string();
    let parameters = query(json!({ "fields": ["id"] }));
    let key = form.get("key");
    let request = create::Request { input: &input, body: body.as_bytes(), key: Some(key), query: &parameters };
    match create::create(visit.context, visit.session(), request).await {
        Ok(created) => {
            let id = Row::of(created).id().to_owned();
            Ok(Reply::see_other(&format!("/console/reservations/{id}")))
        }
        Err(OperationError::KeyReused(_)) => Ok(sent_before(visit)),
        Err(error) => {
            let wrong = explained(visit, error)?;
            Ok(form_page(visit, form, key, &wrong).await?.with_status(StatusCode::BAD_REQUEST))
        }
    }
}

/// The page about a form that was sent, and sent again with other values.
fn sent_before(visit: &Visit<'_>) -> Reply {
    let texts = visit.texts;
    let content = html! {
        p.lead { (texts.sent_before) }
        p.actions {
            a.button.primary href="/console/reservations" { (texts.see_reservations) }
            a.button href="/" { (texts.new_form) }
        }
    };
    Reply::html(page(visit, Place::Reserve, texts.reserve_title, &content))
        .with_status(StatusCode::UNPROCESSABLE_ENTITY)
}

/// What an error says about the members of the form.
///
/// # Errors
/// The error itself if it is none about what was written.
fn explained(visit: &Visit<'_>, error: OperationError) -> Result<Wrong, Failure> {
    let mut wrong = Wrong::default();
    match error {
        OperationError::FailedValidation(errors) => {
            for error in errors {
                let message = visit.rule(&error);
                match MEMBERS.into_iter().find(|member| *member == error.field) {
                    Some(member) => drop(wrong.members.insert(member, message)),
                    None => wrong.others.push(message),
                }
            }
        }
        // The organisation does not exist for this person, whether or not there is one.
        OperationError::Forbidden(None) => {
            wrong.members.insert("reserved_for", visit.texts.forbidden_lead.to_owned());
        }
        error @ (OperationError::InvalidPayload(_) | OperationError::InvalidQuery(_)) => wrong.others = messages(error),
        error => return Err(Failure::Operation(error)),
    }
    Ok(wrong)
}

/// The type of code in a form, the usual one if it names none.
fn code_type(form: &Form) -> CodeType {
    form.get("code_type").parse().unwrap_or(CodeType::Sgtin)
}

/// The reservation that a form describes, as a client of the API would write it. Fields that the type of code does not
/// have are left out: they may hold what was written for another type.
fn input(form: &Form) -> Value {
    let mut input = Map::new();
    let code_type = form.get("code_type").parse::<CodeType>().ok();
    for member in MEMBERS {
        let Some(value) = form.filled(member) else { continue };
        let belongs = match (member, code_type) {
            ("product", Some(code_type)) => code_type.needs_product(),
            ("length" | "character_set", Some(code_type)) => !code_type.is_counted(),
            _ => true,
        };
        let value = match (member, code_type) {
            ("product", Some(code_type)) => product_path(code_type, value).into_owned(),
            _ => value.to_owned(),
        };
        if belongs {
            input.insert(member.to_owned(), json!(value));
        }
    }
    Value::Object(input)
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
    let code_type = code_type(form);
    let content = html! {
        p.lead { (texts.reserve_lead) }
        @if !wrong.is_empty() { (summary(visit, wrong)) }
        div.split {
            form #reserve method="post" action="/console/reserve" novalidate {
                input type="hidden" name="key" value=(key);
                div.panel {
                    (organisation_field(visit, form, &offered, wrong))
                    (type_field(visit, code_type, wrong))
                    (product_field(visit, form, code_type, wrong))
                    div.pair {
                        (quantity_field(visit, form, wrong))
                        (format_field(visit, form, wrong))
                    }
                    (text_field(visit, form, wrong, &TextField {
                        name: "reference_id", label: texts.reference, hint: texts.reference_hint, is_needed: false,
                        mode: None, width: None,
                    }))
                    details.more open[has_more(form, wrong)] {
                        summary { (texts.more_options) }
                        (text_field(visit, form, wrong, &TextField {
                            name: "url_suffix", label: texts.url_suffix, hint: texts.url_suffix_hint, is_needed: false,
                            mode: Some("url"), width: None,
                        }))
                        (serial_fields(visit, form, code_type, wrong, false))
                    }
                    div #form-errors aria-live="polite" {}
                    p.actions { button #submit .primary type="submit" { (texts.submit_reserve) } }
                }
            }
            // What is written is checked while it is written: nothing is stored.
            aside #sample.panel aria-label=(texts.sample) hx-post="/console/reserve/check" hx-include="#reserve"
                hx-trigger="load, input delay:400ms from:#reserve, change delay:100ms from:#reserve, fields from:body"
                hx-sync="this:replace" {
                (empty_panel(visit, texts.sample_empty, &[]))
            }
        }
    };
    Ok(Reply::html(page(visit, Place::Reserve, texts.reserve_title, &content)))
}

/// Whether one of the fields under "more" has a value or an error.
fn has_more(form: &Form, wrong: &Wrong) -> bool {
    ["url_suffix", "length", "character_set"]
        .into_iter()
        .any(|member| form.filled(member).is_some() || wrong.members.contains_key(member))
}

fn organisation_field(visit: &Visit<'_>, form: &Form, offered: &Offered, wrong: &Wrong) -> Markup {
    let (texts, name) = (visit.texts, "reserved_for");
    let only = match offered.organisations.as_slice() {
        [(only, _)] => only.as_str(),
        _ => "",
    };
    let chosen = form.filled(name).unwrap_or(only);
    let is_listed = chosen.is_empty() || offered.organisations.iter().any(|(id, _)| id == chosen);
    field(
        name,
        texts.organisation,
        if offered.is_open { texts.organisation_hint } else { "" },
        wrong,
        &html! {
            @if offered.is_open || !is_listed {
                input id=(name) name=(name) value=(chosen) list="organisations" required autocomplete="off" spellcheck="false"
                    aria-describedby=(described(name)) aria-invalid=[invalid(wrong, name)];
                datalist #organisations {
                    @for (id, label) in &offered.organisations { option value=(id) { (label) } }
                }
            } @else {
                select id=(name) name=(name) required aria-describedby=(described(name)) aria-invalid=[invalid(wrong, name)] {
                    @if offered.organisations.len() != 1 { option value="" selected[chosen.is_empty()] { "–" } }
                    @for (id, label) in &offered.organisations {
                        option value=(id) selected[id == chosen] {
                            (label) @if id != label { " (" (id) ")" }
                        }
                    }
                }
            }
        },
    )
}

fn type_field(visit: &Visit<'_>, chosen: CodeType, wrong: &Wrong) -> Markup {
    let (texts, name) = (visit.texts, "code_type");
    field(
        name,
        texts.code_type,
        "",
        wrong,
        &html! {
            select id=(name) name=(name) aria-describedby=(described(name)) aria-invalid=[invalid(wrong, name)]
                hx-get="/console/reserve/fields" hx-include="#reserve" hx-target="#product-field" hx-swap="outerHTML"
                hx-trigger="change" hx-disabled-elt="#submit, #product, #length, #character_set" {
                @for code_type in CodeType::ALL {
                    option value=(code_type.as_str()) selected[code_type == chosen] { (texts.code_type(code_type)) }
                }
            }
            noscript {
                button.quiet type="submit" formmethod="get" formaction="/" formnovalidate { (texts.update_fields) }
            }
        },
    )
}

/// The product, for the types that need one. Without, the place stays empty.
fn product_field(visit: &Visit<'_>, form: &Form, code_type: CodeType, wrong: &Wrong) -> Markup {
    let texts = visit.texts;
    html! {
        div #product-field {
            @if let Some(hint) = texts.product_hint(code_type) {
                (text_field(visit, form, wrong, &TextField {
                    name: "product", label: texts.product, hint, is_needed: true, mode: None, width: None,
                }))
            } @else {
                (no_message("product"))
            }
        }
    }
}

fn quantity_field(visit: &Visit<'_>, form: &Form, wrong: &Wrong) -> Markup {
    let texts = visit.texts;
    let most = visit.language.number(u64::from(visit.context.config().max_quantity));
    text_field(
        visit,
        form,
        wrong,
        &TextField {
            name: "quantity",
            label: texts.quantity,
            hint: &fill(texts.quantity_hint, &[&most]),
            is_needed: true,
            mode: Some("numeric"),
            width: None,
        },
    )
}

fn format_field(visit: &Visit<'_>, form: &Form, wrong: &Wrong) -> Markup {
    let (texts, name) = (visit.texts, "export_type");
    field(
        name,
        texts.export_type,
        "",
        wrong,
        &html! {
            select id=(name) name=(name) aria-describedby=(described(name)) aria-invalid=[invalid(wrong, name)] {
                (formats(visit, form.filled(name).unwrap_or(Format::Csv.as_str())))
            }
        },
    )
}

/// The formats of a file and the built-in profiles as options. A profile of the organisation stays chosen.
pub(super) fn formats(visit: &Visit<'_>, chosen: &str) -> Markup {
    let profiles = BUILT_IN_PROFILES.into_iter();
    let is_known = ExportType::NAMES.contains(&chosen) || BUILT_IN_PROFILES.contains(&chosen);
    html! {
        @for (export_type, name) in ExportType::ALL.into_iter().zip(ExportType::NAMES) {
            option value=(name) selected[name == chosen] {
                @let format = name.trim_end_matches(".gz").to_uppercase();
                @if export_type.is_gzip() { (fill(visit.texts.gzip, &[&format])) } @else { (format) }
            }
        }
        @for name in profiles.chain((!is_known && !chosen.is_empty()).then_some(chosen)) {
            option value=(name) selected[name == chosen] { (name) }
        }
    }
}

/// Length and character set, for the types whose codes do not count up. `is_swapped` says that htmx puts them in the
/// place of others.
fn serial_fields(visit: &Visit<'_>, form: &Form, code_type: CodeType, wrong: &Wrong, is_swapped: bool) -> Markup {
    let (texts, name) = (visit.texts, "character_set");
    let config = visit.context.config();
    let lengths = [config.default_length, config.default_numeric_length].map(|length| length.to_string());
    let chosen = form.get(name);
    html! {
        div #serial-fields hx-swap-oob=[is_swapped.then_some("true")] {
            @if !code_type.is_counted() {
                (text_field(visit, form, wrong, &TextField {
                    name: "length",
                    label: texts.length,
                    hint: &fill(texts.length_hint, &[&lengths[0], &lengths[1]]),
                    is_needed: false,
                    mode: Some("numeric"),
                    width: Some(2),
                }))
                (field(name, texts.character_set, texts.character_set_hint, wrong, &html! {
                    select id=(name) name=(name) aria-describedby=(described(name)) aria-invalid=[invalid(wrong, name)] {
                        option value="" { (texts.default_choice) }
                        @for set in CharacterSet::ALL.into_iter().filter(|set| code_type.allows(*set)) {
                            option value=(set.as_str()) selected[set.as_str() == chosen] { (character_set(visit, set)) }
                        }
                    }
                }))
            } @else {
                (no_message("length"))
                (no_message(name))
            }
        }
    }
}

/// The name of a character set.
pub(super) fn character_set(visit: &Visit<'_>, set: CharacterSet) -> &'static str {
    match set {
        CharacterSet::Alphanumeric => visit.texts.alphanumeric,
        CharacterSet::Uppercase => visit.texts.uppercase,
        CharacterSet::Numeric => visit.texts.numeric,
        CharacterSet::Hex => visit.texts.hex,
        CharacterSet::Rfid96 => visit.texts.rfid96,
    }
}

/// A field in which a person writes one line.
struct TextField<'a> {
    name: &'static str,
    label: &'a str,
    hint: &'a str,
    is_needed: bool,
    /// The keyboard that a phone shows.
    mode: Option<&'static str>,
    /// Maximum number of characters.
    width: Option<u8>,
}

fn text_field(visit: &Visit<'_>, form: &Form, wrong: &Wrong, text: &TextField<'_>) -> Markup {
    let name = text.name;
    let label =
        if text.is_needed { text.label.to_owned() } else { format!("{} ({})", text.label, visit.texts.optional) };
    field(
        name,
        &label,
        text.hint,
        wrong,
        &html! {
            input id=(name) name=(name) value=(form.get(name)) required[text.is_needed] inputmode=[text.mode]
                maxlength=[text.width] autocomplete="off" autocapitalize="none" spellcheck="false"
                aria-describedby=(described(name)) aria-invalid=[invalid(wrong, name)];
        },
    )
}

/// A label, what to write, what is wrong, and the control.
fn field(name: &str, label: &str, hint: &str, wrong: &Wrong, control: &Markup) -> Markup {
    let message = wrong.members.get(name).map_or("", String::as_str);
    html! {
        div.field {
            label for=(name) { (label) }
            (control)
            @if !hint.is_empty() { p.hint id={ "hint-" (name) } { (hint) } }
            p.error id={ "error-" (name) } aria-live="polite" { (message) }
        }
    }
}

/// The place of a message about a field that the type of code does not have: the check names all of them.
fn no_message(name: &str) -> Markup {
    html! { p.error id={ "error-" (name) } {} }
}

fn described(name: &str) -> String {
    format!("error-{name} hint-{name}")
}

fn invalid(wrong: &Wrong, name: &str) -> Option<&'static str> {
    wrong.members.contains_key(name).then_some("true")
}

/// What is wrong, with a link to each field.
fn summary(visit: &Visit<'_>, wrong: &Wrong) -> Markup {
    notice(
        "bad",
        visit.texts.errors_title,
        &html! {
            ul {
                @for (member, message) in &wrong.members {
                    li { a href={ "#" (member) } { (member_name(visit, member)) ": " (message) } }
                }
                @for message in &wrong.others { li { (message) } }
            }
        },
    )
}

fn other_messages(wrong: &Wrong) -> Markup {
    html! { @for message in &wrong.others { p.error { (message) } } }
}

/// The name of a member on this page.
pub(super) fn member_name(visit: &Visit<'_>, member: &str) -> &'static str {
    let texts = visit.texts;
    match member {
        "reserved_for" => texts.organisation,
        "code_type" => texts.code_type,
        "product" => texts.product,
        "quantity" => texts.quantity,
        "export_type" => texts.export_type,
        "reference_id" => texts.reference,
        "url_suffix" => texts.url_suffix,
        "length" => texts.length,
        _ => texts.character_set,
    }
}

/// The place of the sample while there is none, and why.
fn empty_panel(visit: &Visit<'_>, text: &str, why: &[String]) -> Markup {
    html! {
        h2 { (visit.texts.sample) }
        div.picture.empty aria-hidden="true" {}
        p.muted { (text) }
        @for message in why { p.error { (message) } }
    }
}

fn sample_panel(visit: &Visit<'_>, sample: &sample::Sample) -> Markup {
    let (texts, code) = (visit.texts, &sample.code);
    html! {
        h2 { (texts.sample) }
        p.badge.is-sample { (texts.sample_badge) }
        (picture::of(&code.digital_link, texts.sample_note))
        p.muted { (texts.sample_lead) }
        dl.facts {
            dt { (texts.code) } dd { code { (code.code) } }
            @if !code.digital_link.is_empty() { dt { (texts.link) } dd { code { (code.digital_link) } } }
            @if !code.element_string.is_empty() { dt { (texts.element_string) } dd { code { (code.element_string) } } }
        }
        @match sample.left {
            Some(left) => p.left { (fill(texts.left, &[&visit.language.number(left)])) }
            None => p.muted { (texts.left_hidden) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        pairs.iter().fold(Form::default(), |form, (name, value)| form.with(name, value))
    }

    #[test]
    fn a_form_becomes_the_input_of_the_api() {
        let form = form(&[
            ("reserved_for", "/417/1"),
            ("code_type", "sgtin"),
            ("product", "9506000134352"),
            ("quantity", "100"),
            ("reference_id", " PO-1 "),
            ("length", ""),
            ("unknown", "x"),
        ]);
        let expected = json!({ "reserved_for": "/417/1", "code_type": "sgtin", "product": "/01/09506000134352",
            "quantity": "100", "reference_id": "PO-1" });
        assert_eq!(input(&form), expected);
    }

    #[test]
    fn what_the_type_does_not_have_is_left_out() {
        let form = form(&[("code_type", "sscc"), ("product", "/01/1"), ("length", "9"), ("character_set", "hex")]);
        assert_eq!(input(&form), json!({ "code_type": "sscc" }));
    }
}
