//! Finding a code: by what a person pastes, scans or types, the reservation that issued it and its position.

use common::{
    code::{Code, Scanned, scanned},
    operations::{OperationError, code_forms, unique_code},
    reservation::uuid,
};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::reservations::{badge, title};
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

/// Maximum length of what is looked for, and of the product (characters). The longest link of a code has fewer.
const MAX_TEXT: usize = 2_048;

/// Shows the form, and what was found.
///
/// # Errors
/// [`Failure::SignedOut`] without a session; `SERVICE_UNAVAILABLE` when DynamoDB or the secret does not answer.
pub(crate) async fn show(visit: &Visit<'_>) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let form = Form::of_query(visit.call)?;
    let texts = visit.texts;
    let product = form.filled("product");
    let found = match form.filled("code") {
        None => None,
        // Before anything is read of it.
        Some(text) if is_too_long(text) || product.is_some_and(is_too_long) => {
            let most = visit.language.number(MAX_TEXT as u64);
            Some(notice("bad", texts.not_a_code, &html! { p { (fill(texts.find_too_long, &[&most])) } }))
        }
        Some(text) => Some(match filter(text, product) {
            None => notice("bad", texts.not_a_code, &html! { p { (texts.not_a_code_hint) } }),
            Some(filter) => looked_up(visit, filter).await?,
        }),
    };
    let content = html! {
        p.lead { (texts.find_lead) }
        form.panel #find method="get" action="/console/find" {
            div.field {
                label for="code" { (texts.find_label) }
                input #code name="code" value=(form.get("code")) required autocomplete="off" autocapitalize="none"
                    spellcheck="false" aria-describedby="code-hint" autofocus[found.is_none()];
                p.hint #code-hint { (texts.find_hint) }
            }
            div.field {
                label for="product" { (texts.find_product) " (" (texts.optional) ")" }
                input #product name="product" value=(form.get("product")) autocomplete="off" spellcheck="false"
                    aria-describedby="product-hint";
                p.hint #product-hint { (texts.find_product_hint) }
            }
            p.actions {
                button.primary type="submit" { (texts.find_button) }
                // Shown by the script where the browser reads codes.
                button #scan type="button" hidden data-stop=(texts.scan_stop) data-failed=(texts.scan_failed) { (texts.scan) }
            }
            div #camera hidden {
                video #video muted playsinline aria-label=(texts.scan_lead) {}
                p.hint { (texts.scan_lead) }
            }
            p.error #scan-error role="alert" {}
        }
        @if let Some(found) = found { (found) }
    };
    Ok(Reply::html(page(visit, Place::Find, texts.find_title, &content)))
}

fn is_too_long(text: &str) -> bool {
    text.chars().nth(MAX_TEXT).is_some()
}

/// The filter of `unique_code` for a text; `None` for one that is no code.
fn filter(text: &str, product: Option<&str>) -> Option<Value> {
    Some(match scanned(text, product)? {
        Scanned::Link(link) => json!({ "digital_link": { "_eq": link } }),
        Scanned::Elements(elements) => json!({ "epc_join_key": { "_eq": elements } }),
        Scanned::Tag(uri) if uri.contains(':') => json!({ "epc_hex": { "_eq": uri } }),
        // An asset may have an identifier of the same digits.
        Scanned::Tag(digits) => json!({ "_or": [{ "epc_hex": { "_eq": digits } }, { "code": { "_eq": text } }] }),
        Scanned::Code { code, product: Some(product) } => {
            json!({ "_and": [{ "code": { "_eq": code } }, { "product": { "_eq": product } }] })
        }
        Scanned::Code { code, product: None } => json!({ "code": { "_eq": code } }),
    })
}

async fn looked_up(visit: &Visit<'_>, filter: Value) -> Result<Markup, Failure> {
    let texts = visit.texts;
    let parameters = query(json!({
        "fields": ["position", "code", "digital_link", "reservation.id", "reservation.reference_id",
            "reservation.status", "reservation.quantity", "reservation.product", "reservation.reserved_for",
            "reservation.date_created", "reservation.error_message"],
        "filter": filter,
        "limit": 10,
    }));
    let rows = match unique_code::list(visit.context, visit.session(), &parameters).await {
        Ok((_, answer)) => Row::all(answer.data),
        Err(OperationError::InvalidQuery(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if rows.is_empty() {
        return Ok(notice("note", texts.not_found, &html! { p { (texts.not_found_hint) } }));
    }
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(reservation) = row.related("reservation") else { continue };
        let code = forms(visit, &reservation, row.number("position").unwrap_or(0)).await?;
        all.push(html! { (found(visit, row, &reservation, code.as_ref())) });
    }
    Ok(html! {
        section aria-labelledby="found" {
            h2 #found { (texts.found_title) }
            @for one in &all { (one) }
        }
    })
}

/// The forms of the code at a position (from 1) of a reservation.
async fn forms(visit: &Visit<'_>, reservation: &Row, position: u64) -> Result<Option<Code>, Failure> {
    let (Some(id), Some(offset)) = (uuid(reservation.id()), position.checked_sub(1)) else { return Ok(None) };
    let forms = code_forms::of(visit.context, visit.session(), id, offset..position).await?;
    Ok(forms.into_iter().next())
}

fn found(visit: &Visit<'_>, row: &Row, reservation: &Row, code: Option<&Code>) -> Markup {
    let (texts, language) = (visit.texts, visit.language);
    let numbers = [row.number("position").unwrap_or(0), reservation.number("quantity").unwrap_or(0)];
    let numbers = numbers.map(|number| language.number(number));
    let text = row.text("code").unwrap_or_default();
    let forms = code.map(|code| [(texts.link, &code.digital_link), (texts.element_string, &code.element_string)]);
    html! {
        div.panel.found {
            @if let Some(code) = code { (picture::of(visit, code, text)) }
            div {
                p { code { (text) } }
                p { (fill(texts.found_lead, &[&numbers[0], &numbers[1]])) }
                p {
                    a href={ "/console/reservations/" (reservation.id()) } { (title(visit, reservation)) } " "
                    (badge(visit, reservation))
                }
                dl.facts {
                    @for (name, value) in forms.into_iter().flatten() {
                        @if !value.is_empty() { dt { (name) } dd { code { (value) } } }
                    }
                    @if let Some(product) = reservation.text("product") { dt { (texts.product) } dd { (product) } }
                    @if let Some(organisation) = reservation.reserved_for() {
                        dt { (texts.organisation) } dd { (organisation) }
                    }
                    @if let Some(time) = reservation.time("date_created") {
                        dt { (texts.created) }
                        dd { time datetime=(time) data-local { (language.time(time)) " " (texts.time_zone) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_becomes_the_filter_of_its_form() {
        assert_eq!(
            filter("https://id.gs1.org/01/19361758000003/21/abc", None),
            Some(json!({ "digital_link": { "_eq": "https://id.gs1.org/01/19361758000003/21/abc" } }))
        );
        assert_eq!(
            filter("(01)19361758000003(21)abc", None),
            Some(json!({ "epc_join_key": { "_eq": "(01)19361758000003(21)abc" } }))
        );
        let digits = "3074257BF7194E4000001A85";
        assert_eq!(
            filter(digits, None),
            Some(json!({ "_or": [{ "epc_hex": { "_eq": digits } }, { "code": { "_eq": digits } }] }))
        );
        let uri = "urn:epc:tag:sgtin-96:3.0614141.812345.6789";
        assert_eq!(filter(uri, None), Some(json!({ "epc_hex": { "_eq": uri } })));
        assert!(filter("", None).is_none());
        assert!(!is_too_long(&"ü".repeat(MAX_TEXT)) && is_too_long(&"a".repeat(MAX_TEXT + 1)));
    }
}
