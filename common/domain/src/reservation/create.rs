//! Creation of a reservation from a client's input.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{ExportType, FieldError, Refusal, Reservation, Rules, Status, Timestamp, members::Members};
use crate::code::{CharacterSet, CodeError, CodeRequest, CodeType, validate_request};

/// The validated input of a client. Every rule that can be checked without the tables holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The id, if the client chose one.
    pub id: Option<Uuid>,
    /// The organisation. The operation must check that the client may use it.
    pub reserved_for: String,
    /// The type of code.
    pub code_type: CodeType,
    /// The number of codes.
    pub quantity: i64,
    /// The format of the export.
    pub export_type: ExportType,
    /// The query of the Digital Links.
    pub url_suffix: Option<String>,
    /// The product's key path.
    pub product: Option<String>,
    /// The client's reference.
    pub reference_id: Option<String>,
    /// A key of a collection of another system; it is stored and not checked.
    pub purchase_order: Option<String>,
    /// Length of the serials.
    pub length: Option<u8>,
    /// Character set of the serials.
    pub character_set: Option<CharacterSet>,
}

/// The members of a new reservation that the service itself sets.
#[derive(Clone, Debug)]
pub struct Birth {
    /// The id that is used if the client chose none: a UUID of version 7, so that ids sort by time.
    pub id: Uuid,
    /// The incarnation.
    pub incarnation: Uuid,
    /// The user who creates the reservation.
    pub user: String,
    /// The time of creation.
    pub now: Timestamp,
}

impl Draft {
    /// Parses and validates a client's input. Unknown members, and members that a client must not set, are ignored.
    ///
    /// # Errors
    /// [`Refusal::NotAnObject`] if the input is not an object; otherwise [`Refusal::Invalid`] with every failed rule.
    pub fn parse(input: &Value, rules: &Rules) -> Result<Self, Refusal> {
        let input: &Map<String, Value> =
            input.as_object().ok_or(Refusal::NotAnObject("a code reservation has to be an object"))?;
        let mut members = Members::new(input, rules);

        let id = members.id();
        let reserved_for = members.text("reserved_for").filter(|organisation| !organisation.is_empty());
        let code_type = members.code_type();
        let quantity = members.quantity();
        let export_type = members.export_type().unwrap_or_default();
        let url_suffix = members.url_suffix();
        let product = members.text("product");
        let reference_id = members.reference_id();
        let purchase_order = members.text("purchase_order");
        let length = members.length();
        let character_set = members.character_set();
        let mut errors = members.errors;

        if let Some(status) = input.get("status").filter(|status| !status.is_null() && **status != json!("new")) {
            let reason = format!("A new reservation cannot have the status {status}.");
            errors.push(FieldError::only("status", json!(Status::New.as_str()), reason));
        }
        let missing = [
            ("reserved_for", reserved_for.is_none()),
            ("code_type", code_type.is_none()),
            ("quantity", quantity.is_none()),
        ];
        for (field, missing) in missing {
            if missing && !errors.iter().any(|error| error.field == field) {
                errors.push(FieldError::required(field));
            }
        }
        if let Some(code_type) = code_type {
            check_codes(code_type, product.as_deref(), length, character_set, rules, &mut errors);
        }
        match (errors.is_empty(), reserved_for, code_type, quantity) {
            (true, Some(reserved_for), Some(code_type), Some(quantity)) => Ok(Self {
                id,
                reserved_for,
                code_type,
                quantity,
                export_type,
                url_suffix,
                product,
                reference_id,
                purchase_order,
                length,
                character_set,
            }),
            _ => Err(Refusal::Invalid(errors)),
        }
    }

    /// The reservation that this draft becomes.
    #[must_use]
    pub fn into_reservation(self, birth: Birth) -> Reservation {
        Reservation {
            id: self.id.unwrap_or(birth.id),
            user_created: Some(birth.user),
            date_created: Some(birth.now),
            user_updated: None,
            date_updated: None,
            reserved_for: Some(self.reserved_for),
            code_type: Some(self.code_type.as_str().to_owned()),
            quantity: Some(self.quantity),
            status: Status::New,
            export_type: Some(self.export_type.as_str().to_owned()),
            export_file: None,
            url_suffix: self.url_suffix,
            product: self.product,
            quantity_reserved: None,
            error_message: None,
            reference_id: self.reference_id,
            purchase_order: self.purchase_order,
            length: self.length,
            character_set: self.character_set,
            incarnation: birth.incarnation,
            generation: 0,
            version: 1,
            range: None,
            render: None,
            export: None,
            attempts: 0,
            woken: false,
            progress_at: Some(birth.now),
            seeded: false,
        }
    }
}

/// Checks the members that depend on the type of code: product, length and character set. Adds at most one error per member,
/// and none for a member that already has one.
pub(super) fn check_codes(
    code_type: CodeType,
    product: Option<&str>,
    length: Option<u8>,
    character_set: Option<CharacterSet>,
    rules: &Rules,
    errors: &mut Vec<FieldError>,
) {
    let request = CodeRequest { code_type, product, company_prefix: None, length, character_set };
    for error in validate_request(&request, &rules.serials, rules.strict_check_digits) {
        let field = error.field().unwrap_or("code_type");
        let kind = match error {
            CodeError::ProductMissing { .. } => "required",
            CodeError::Length { .. } => "length",
            CodeError::CharacterSet { .. } => "in",
            _ => "regex",
        };
        if !errors.iter().any(|error| error.field == field) {
            errors.push(FieldError::new(field, kind, sentence(&error.to_string())));
        }
    }
}

/// Turns an error message of [`crate::code`] into a sentence: capital first letter, full stop at the end.
#[must_use]
pub fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase()).into_iter();
    let text: String = first.chain(characters).collect();
    if text.ends_with('.') { text } else { text + "." }
}
