//! [`Said`]: a message about what a person wrote, in the language of the page where the page has a text for it. What
//! the service says in English alone is marked, so that screen readers pronounce it as English.

use common::{
    api::ApiError,
    code::{CodeError, CodeRequest, CodeType, Day, product_path, validate_request},
    operations::OperationError,
    reservation::FieldError,
};
use maud::{Markup, Render, html};
use serde_json::Value;

use crate::{form::Form, language::Language, texts::fill, visit::Visit};

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// What the page says, in its language.
    own: String,
    /// What the service says, in English; empty if the page says all of it.
    english: String,
    /// Whether the page is English, so that nothing is marked.
    is_english: bool,
}

impl Render for Said {
    fn render(&self) -> Markup {
        let lang = (!self.is_english).then_some("en");
        html! {
            (self.own)
            @if !self.own.is_empty() && !self.english.is_empty() { " " }
            @match (self.english.as_str(), lang) {
                ("", _) => {},
                (text, None) => (text),
                (text, lang) => span lang=[lang] { (text) },
            }
        }
    }
}

impl Said {
    /// A text of the page.
    pub(crate) fn own(text: impl Into<String>) -> Self {
        Self { own: text.into(), ..Self::default() }
    }

    /// A message of the service. In another language than English it follows a text of the page.
    pub(crate) fn passed(visit: &Visit<'_>, text: impl Into<String>) -> Self {
        let is_english = visit.language == Language::English;
        let own = if is_english { String::new() } else { visit.texts.invalid_lead.to_owned() };
        Self { own, english: text.into(), is_english }
    }

    /// The messages of an error as the API gives them.
    pub(crate) fn of_error(visit: &Visit<'_>, error: OperationError) -> Vec<Self> {
        match error {
            OperationError::FailedValidation(errors) => {
                errors.iter().map(|error| Self::of_rule(visit, error, None)).collect()
            }
            error => {
                let entries = ApiError::from(error).entries();
                let messages = entries.iter().filter_map(|entry| entry["message"].as_str());
                messages.map(|message| Self::passed(visit, message)).collect()
            }
        }
    }

    /// What a rule of a member says. `form` is what was written, which tells more about a product.
    pub(crate) fn of_rule(visit: &Visit<'_>, error: &FieldError, form: Option<&Form>) -> Self {
        // No page has a field for the status. A change came too late, and the page shows the present one.
        if error.field == "status" {
            return Self::own(visit.texts.rule_status);
        }
        if visit.language == Language::English {
            return Self::passed(visit, &error.reason);
        }
        match general(visit, error).or_else(|| of_member(visit, error, form)) {
            Some(text) => Self::own(text),
            None => Self::passed(visit, &error.reason),
        }
    }
}

/// What the rules say that mean the same for every member.
fn general(visit: &Visit<'_>, error: &FieldError) -> Option<String> {
    let texts = visit.texts;
    let text = match error.kind {
        "required" => texts.rule_required,
        "in" => texts.rule_in,
        "gte" => texts.rule_gte,
        "lte" => texts.rule_lte,
        "max_length" => texts.rule_max_length,
        "integer" => texts.rule_integer,
        "null" => texts.rule_null,
        _ => return None,
    };
    let valid = match error.valid.as_deref() {
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        Some(Value::Number(number)) => {
            number.as_u64().map_or_else(|| number.to_string(), |number| visit.language.number(number))
        }
        // A date that must not be later than another.
        Some(Value::String(day)) => {
            return Some(fill(texts.rule_not_before, &[&visit.language.date(Day::parse(day)?)]));
        }
        _ => String::new(),
    };
    // A rule without its values says less than the API does.
    if valid.is_empty() && text.contains('{') { None } else { Some(fill(text, &[&valid])) }
}

/// What the rules of some members say.
fn of_member(visit: &Visit<'_>, error: &FieldError, form: Option<&Form>) -> Option<String> {
    let texts = visit.texts;
    Some(match error.field {
        "reference_id" => texts.rule_no_controls.to_owned(),
        "lot" => texts.rule_lot.to_owned(),
        "expiry_date" | "best_before" | "production_date" => {
            fill(texts.rule_day, &[&Day::FIRST_YEAR.to_string(), &Day::LAST_YEAR.to_string()])
        }
        "reserved_for" => texts.rule_company_prefix.to_owned(),
        "product" | "length" => return of_code(visit, error.field, form?),
        _ => return None,
    })
}

/// What the form of a product or a length says.
fn of_code(visit: &Visit<'_>, field: &str, form: &Form) -> Option<String> {
    let code_type = form.get("code_type").parse::<CodeType>().ok()?;
    let product = form.filled("product").map(|product| product_path(code_type, product));
    let request = CodeRequest {
        code_type,
        product: product.as_deref(),
        company_prefix: None,
        length: form.filled("length").and_then(|length| length.parse().ok()),
        character_set: form.filled("character_set").and_then(|set| set.parse().ok()),
    };
    let rules = visit.context.config().rules();
    let errors = validate_request(&request, &rules.serials, rules.strict_check_digits);
    let texts = visit.texts;
    match errors.into_iter().find(|error| error.field() == Some(field))? {
        CodeError::CheckDigit { found, expected } => {
            Some(fill(texts.rule_check_digit, &[&found.to_string(), &expected.to_string()]))
        }
        CodeError::ProductForm { .. } => Some(fill(texts.rule_product, &[texts.product_hint(code_type)?])),
        CodeError::Length { min, max, .. } => Some(fill(texts.rule_length, &[&min.to_string(), &max.to_string()])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_service_says_is_marked_and_never_markup() {
        let said = |own: &str, english: &str, is_english: bool| {
            Said { own: own.to_owned(), english: english.to_owned(), is_english }.render().into_string()
        };
        assert_eq!(said("Nein:", "No <b>", false), "Nein: <span lang=\"en\">No &lt;b&gt;</span>");
        assert_eq!(said("", "No.", true), "No.");
        assert_eq!(said("Nein.", "", false), "Nein.");
    }
}
