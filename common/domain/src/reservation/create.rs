//! Creation of a reservation from a client's input.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{ExportType, FieldError, Refusal, Reservation, Rules, Status, Timestamp, members::Members, url_suffix};
use crate::code::{CharacterSet, CodeError, CodeRequest, CodeType, LotAndDates, validate_request};

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
    /// The format of the export, or its profile. The operation must check that there is such a profile.
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
    /// Lot and dates of the items.
    pub lot_and_dates: LotAndDates,
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
        let lot_and_dates = LotAndDates {
            lot: members.lot(),
            expiry_date: members.day("expiry_date"),
            production_date: members.day("production_date"),
            best_before: members.day("best_before"),
        };
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
        if let Some(quantity) = quantity {
            check_rows(export_type, quantity, &mut errors);
        }
        if let Some(code_type) = code_type {
            check_codes(code_type, product.as_deref(), length, character_set, rules, &mut errors);
            check_lot_and_dates(code_type, &lot_and_dates, url_suffix.as_deref(), &mut errors);
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
                lot_and_dates,
            }),
            _ => Err(Refusal::Invalid(errors)),
        }
    }

    /// The reservation that this draft becomes.
    #[must_use]
    pub fn into_reservation(self, birth: Birth) -> Reservation {
        let LotAndDates { lot, production_date, best_before, expiry_date } = self.lot_and_dates;
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
            export_type: Some(self.export_type.to_string()),
            export_file: None,
            url_suffix: self.url_suffix,
            product: self.product,
            quantity_reserved: None,
            error_message: None,
            reference_id: self.reference_id,
            purchase_order: self.purchase_order,
            length: self.length,
            character_set: self.character_set,
            lot,
            expiry_date,
            production_date,
            best_before,
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

/// Checks that a file of the type can hold the codes. Adds no error for a member that already has one.
pub(super) fn check_rows(export_type: ExportType, quantity: i64, errors: &mut Vec<FieldError>) {
    let Some(format) = export_type.format() else { return };
    if let Err(error) = format.check_rows(quantity.try_into().unwrap_or(0))
        && !errors.iter().any(|error| error.field == "export_type")
    {
        let error = FieldError::new("export_type", "lte", sentence(&error.to_string()));
        errors.push(FieldError { valid: Some(Box::new(json!(format.max_rows()))), ..error });
    }
}

/// Checks lot and dates: whether codes of the type have them, the order of the dates, and that the suffix of the links
/// says nothing else about them. Adds at most one error per member, and none for a member that already has one.
pub(super) fn check_lot_and_dates(
    code_type: CodeType,
    known: &LotAndDates,
    suffix: Option<&str>,
    errors: &mut Vec<FieldError>,
) {
    let mut add = |error: FieldError| {
        if !errors.iter().any(|known| known.field == error.field) {
            errors.push(error);
        }
    };
    let dates = [
        ("expiry_date", known.expiry_date),
        ("production_date", known.production_date),
        ("best_before", known.best_before),
    ];
    if !code_type.has_lot_and_dates() {
        let lot = known.lot.as_ref().map(|_| "lot");
        for field in lot.into_iter().chain(dates.into_iter().filter_map(|(field, date)| date.map(|_| field))) {
            let reason = format!("Codes of type {code_type} have no lot and no dates; leave {field} out.");
            add(FieldError::new(field, "null", reason));
        }
        return;
    }
    for (field, date) in dates {
        if let (Some(produced), Some(date)) = (known.production_date, date)
            && date < produced
        {
            let reason = format!("Value has to be {produced}, the production_date, or a later day.");
            add(FieldError { valid: Some(Box::new(json!(produced))), ..FieldError::new(field, "gte", reason) });
        }
    }
    if let Some(suffix) = suffix {
        url_suffix::check_beside(suffix, known).unwrap_or_else(add);
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::reservation::update::{Editor, apply};

    fn input(code_type: &str, members: &Value) -> Value {
        let product = match code_type {
            "sgtin" => json!("/01/19361758000003"),
            "itip" => json!("/8006/095060001343520102"),
            _ => Value::Null,
        };
        let mut input = json!({"reserved_for": "A", "code_type": code_type, "quantity": 1, "product": product});
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        input
    }

    fn created(code_type: &str, members: &Value) -> Result<Reservation, Vec<FieldError>> {
        let now = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
        let birth = Birth { id: Uuid::from_u128(1), incarnation: Uuid::from_u128(2), user: "u".into(), now };
        match Draft::parse(&input(code_type, members), &Rules::default()) {
            Ok(draft) => Ok(draft.into_reservation(birth)),
            Err(Refusal::Invalid(errors)) => Err(errors),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// The errors of an input and of the same change of a reservation without lot and dates.
    fn refused(code_type: &str, members: &Value) -> Vec<(&'static str, &'static str, String)> {
        let entries = |errors: &[FieldError]| -> Vec<_> {
            errors.iter().map(|error| (error.field, error.kind, error.reason.clone())).collect()
        };
        let at_creation = entries(&created(code_type, members).unwrap_err());
        let plain = created(code_type, &json!({})).unwrap();
        let editor = Editor { user: "u".into(), now: Timestamp::parse("2026-01-02T03:04:05Z").unwrap() };
        let changed = apply(&plain, members, &Rules::default(), &editor, |_| unreachable!());
        let Err(Refusal::Invalid(errors)) = changed else { panic!("{changed:?}") };
        assert_eq!(entries(&errors), at_creation, "{members}");
        at_creation
    }

    #[test]
    fn a_trade_item_and_its_pieces_have_lot_and_dates() {
        let all = json!({"lot": "L/1", "expiry_date": "2027-12-31", "production_date": "2026-05-01",
            "best_before": "2026-05-01"});
        for code_type in ["sgtin", "itip"] {
            let item = created(code_type, &all).unwrap();
            let stored = serde_json::to_value(&item).unwrap();
            for (member, value) in all.as_object().unwrap() {
                assert_eq!(&stored[member], value);
            }
            assert_eq!(serde_json::from_value::<Reservation>(stored).unwrap(), item);
            assert_eq!(item.lot_and_dates().count(), 4);
            let nulls = json!({"lot": null, "expiry_date": null, "production_date": null, "best_before": null});
            assert!(created(code_type, &nulls).unwrap().lot_and_dates().is_empty());
            assert_eq!(created(code_type, &json!({"lot": 123})).unwrap().lot.as_deref(), Some("123"));
        }
    }

    #[test]
    fn each_rule_of_lot_and_dates_names_its_member() {
        let no_day = "Value has to be a day of the calendar in the form YYYY-MM-DD.";
        let years = "The year has to be 2000 to 2075, because codes hold two digits of it.";
        for (members, field, kind, reason) in [
            (
                json!({"lot": ""}),
                "lot",
                "regex",
                "Value has to be 1 to 20 letters A-Z, a-z, digits and characters of !\"%&'()*+,-./:;<=>?_.",
            ),
            (json!({"lot": true}), "lot", "string", "Value has to be a string."),
            (
                json!({"lot": ".."}),
                "lot",
                "regex",
                "Value must not be . or .., which clients remove from the path of a link.",
            ),
            (json!({"expiry_date": "2027-12-00"}), "expiry_date", "regex", no_day),
            (json!({"best_before": "2027-02-29"}), "best_before", "regex", no_day),
            (json!({"production_date": 20_270_101}), "production_date", "regex", no_day),
            (json!({"production_date": "1999-12-31"}), "production_date", "regex", years),
            (json!({"expiry_date": "2076-01-01"}), "expiry_date", "regex", years),
            (
                json!({"production_date": "2027-01-02", "expiry_date": "2027-01-01"}),
                "expiry_date",
                "gte",
                "Value has to be 2027-01-02, the production_date, or a later day.",
            ),
            (
                json!({"production_date": "2027-01-02", "best_before": "2027-01-01"}),
                "best_before",
                "gte",
                "Value has to be 2027-01-02, the production_date, or a later day.",
            ),
            (
                json!({"lot": "A", "url_suffix": "?lot=A"}),
                "url_suffix",
                "regex",
                "A key must not be lot if the reservation has the member lot.",
            ),
            (
                json!({"expiry_date": "2027-12-31", "url_suffix": "?exp=271231"}),
                "url_suffix",
                "regex",
                "A key must not be exp if the reservation has the member expiry_date.",
            ),
        ] {
            assert_eq!(refused("sgtin", &members), [(field, kind, reason.to_owned())], "{members}");
        }
    }

    #[test]
    fn other_types_refuse_each_member_by_name() {
        for code_type in CodeType::ALL.into_iter().filter(|code_type| !code_type.has_lot_and_dates()) {
            if code_type.needs_product() {
                continue;
            }
            for member in ["lot", "expiry_date", "production_date", "best_before"] {
                let value = if member == "lot" { "A" } else { "2027-12-31" };
                let reason = format!("Codes of type {code_type} have no lot and no dates; leave {member} out.");
                assert_eq!(refused(code_type.as_str(), &json!({ member: value })), [(member, "null", reason)]);
                assert!(created(code_type.as_str(), &json!({ member: null })).is_ok());
            }
        }
    }

    #[test]
    fn dates_may_be_equal_and_are_compared_with_those_that_stay() {
        let item = created("sgtin", &json!({"production_date": "2027-01-02", "expiry_date": "2027-01-02"})).unwrap();
        let editor = Editor { user: "u".into(), now: Timestamp::parse("2026-01-02T03:04:05Z").unwrap() };
        let change = |members: Value| apply(&item, &members, &Rules::default(), &editor, |_| unreachable!());
        let Err(Refusal::Invalid(errors)) = change(json!({"production_date": "2027-01-03"})) else {
            panic!("accepted")
        };
        assert_eq!((errors[0].field, errors[0].valid.as_deref()), ("expiry_date", Some(&json!("2027-01-03"))));
        assert!(change(json!({"production_date": "2027-01-03", "expiry_date": null})).is_ok());
        assert!(change(json!({"reference_id": "x"})).is_ok());
        let Err(Refusal::Invalid(errors)) = change(json!({"code_type": "sscc", "product": null})) else { panic!() };
        assert_eq!(errors.iter().map(|error| error.field).collect::<Vec<_>>(), ["expiry_date", "production_date"]);
    }
}
