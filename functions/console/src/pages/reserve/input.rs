//! What a form says, as the input of the API.

use common::code::{CodeType, product_path};
use serde_json::{Map, Value, json};

use crate::form::Form;

/// The members of a reservation that the form has, in its order.
pub(super) const MEMBERS: [&str; 13] = [
    "reserved_for",
    "code_type",
    "product",
    "quantity",
    "export_type",
    "reference_id",
    "lot",
    "expiry_date",
    "best_before",
    "production_date",
    "length",
    "character_set",
    "url_suffix",
];

/// Those that are shown under "more".
pub(super) const MORE: [&str; 7] =
    ["lot", "expiry_date", "best_before", "production_date", "length", "character_set", "url_suffix"];

/// The dates among them.
pub(super) const DATES: [&str; 3] = ["expiry_date", "best_before", "production_date"];

/// The type of code in a form, the usual one if it names none.
pub(super) fn code_type(form: &Form) -> CodeType {
    form.get("code_type").parse().unwrap_or(CodeType::Sgtin)
}

/// The reservation that a form describes, as a client of the API would write it. Fields that the type of code does not
/// have are left out: they may hold what was written for another type.
pub(super) fn input(form: &Form) -> Value {
    let mut input = Map::new();
    let code_type = form.get("code_type").parse::<CodeType>().ok();
    for member in MEMBERS {
        let Some(value) = form.filled(member) else { continue };
        let belongs = match (member, code_type) {
            ("product", Some(code_type)) => code_type.needs_product(),
            ("length" | "character_set", Some(code_type)) => !code_type.is_counted(),
            ("lot" | "expiry_date" | "best_before" | "production_date", Some(code_type)) => {
                code_type.has_lot_and_dates()
            }
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

/// Whether every member that a sample needs has a value.
pub(super) fn is_all_but_quantity(form: &Form) -> bool {
    let needs_product = code_type(form).needs_product();
    form.filled("reserved_for").is_some() && (!needs_product || form.filled("product").is_some())
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
            ("lot", "L1"),
            ("expiry_date", "2027-12-31"),
            ("length", ""),
            ("unknown", "x"),
        ]);
        let expected = json!({ "reserved_for": "/417/1", "code_type": "sgtin", "product": "/01/09506000134352",
            "quantity": "100", "reference_id": "PO-1", "lot": "L1", "expiry_date": "2027-12-31" });
        assert_eq!(input(&form), expected);
    }

    #[test]
    fn what_the_type_does_not_have_is_left_out() {
        let form = form(&[
            ("code_type", "sscc"),
            ("product", "/01/1"),
            ("length", "9"),
            ("character_set", "hex"),
            ("lot", "L1"),
            ("best_before", "2027-12-31"),
        ]);
        assert_eq!(input(&form), json!({ "code_type": "sscc" }));
    }
}
