//! Update of a reservation with a client's input.

use serde_json::{Map, Value, json};

use super::{
    FieldError, Refusal, Render, Reservation, Rules, Status, Step, Timestamp,
    create::{check_codes, check_lot_and_dates, check_rows},
    members::{MAX_INTEGER, Members},
};
use crate::code::CodeType;

/// Members that a PATCH may contain but that keep their value, as in Directus.
pub const IGNORED: [&str; 7] =
    ["id", "user_created", "date_created", "user_updated", "date_updated", "export_file", "codes"];

/// Members that a client may set.
pub const SETTABLE: [&str; 17] = [
    "reserved_for",
    "code_type",
    "quantity",
    "status",
    "export_type",
    "url_suffix",
    "product",
    "quantity_reserved",
    "error_message",
    "reference_id",
    "purchase_order",
    "length",
    "character_set",
    "lot",
    "expiry_date",
    "production_date",
    "best_before",
];

/// Members that determine the codes and what they say about their items. They are fixed once a range exists.
const FIXED_BY_RANGE: [&str; 10] = [
    "code_type",
    "product",
    "quantity",
    "reserved_for",
    "length",
    "character_set",
    "lot",
    "expiry_date",
    "production_date",
    "best_before",
];

/// Members that determine the pool: the organisation, and what the namespace is made of.
const OF_POOL: [&str; 5] = ["reserved_for", "code_type", "product", "length", "character_set"];

/// Members that determine the running export. They are fixed while it runs.
const FIXED_WHILE_RUNNING: [&str; 2] = ["export_type", "url_suffix"];

/// Who makes the change, and when.
#[derive(Clone, Debug)]
pub struct Editor {
    /// The user.
    pub user: String,
    /// The time.
    pub now: Timestamp,
}

/// Applies a client's change to `current` and returns the object to write, with an incremented version.
///
/// `render` provides the settings of a new export; it is called only if the change starts one.
///
/// # Errors
/// [`Refusal::NotAnObject`] if the input is not an object, [`Refusal::UnknownField`] with the first unknown member, otherwise
/// [`Refusal::Invalid`] with every failed rule. No part of a refused change is applied.
pub fn apply(
    current: &Reservation,
    input: &Value,
    rules: &Rules,
    editor: &Editor,
    render: impl FnOnce(&Reservation) -> Render,
) -> Result<Reservation, Refusal> {
    let input = input.as_object().ok_or(Refusal::NotAnObject("the data of an update has to be an object"))?;
    if let Some(unknown) =
        input.keys().find(|key| !SETTABLE.contains(&key.as_str()) && !IGNORED.contains(&key.as_str()))
    {
        return Err(Refusal::UnknownField(unknown.clone()));
    }
    let mut members = Members::new(input, rules);
    let mut next = read(current, &mut members);
    let mut errors = members.errors;
    let (step, wanted) = step(current, input, &mut errors);
    fixed_members(current, &next, &mut errors);
    if errors.is_empty() {
        check_result(current, &next, rules, &mut errors);
    }
    if !errors.is_empty() {
        return Err(Refusal::Invalid(errors));
    }
    take_step(&mut next, step, wanted, editor.now, render);
    forget_message(current, &mut next, input);
    if input.get("status").and_then(Value::as_str) == Some(Status::New.as_str()) {
        // A request to process a seeded row makes it a normal row.
        next.seeded = false;
    }
    next.user_updated = Some(editor.user.clone());
    next.date_updated = Some(editor.now);
    next.version = current.version.saturating_add(1);
    Ok(next)
}

/// Copies `current` and replaces the members that the input contains.
fn read(current: &Reservation, members: &mut Members<'_>) -> Reservation {
    let mut next = current.clone();
    if members.has("reserved_for") {
        next.reserved_for = members.text("reserved_for").filter(|organisation| !organisation.is_empty());
        if next.reserved_for.is_none() && !members.errors.iter().any(|error| error.field == "reserved_for") {
            members.errors.push(FieldError::required("reserved_for"));
        }
    }
    if members.has("code_type") {
        next.code_type = members.code_type().map(|code_type| code_type.as_str().to_owned());
        if next.code_type.is_none() && !members.errors.iter().any(|error| error.field == "code_type") {
            members.errors.push(FieldError::required("code_type"));
        }
    }
    if members.has("quantity") {
        next.quantity = members.quantity();
        if next.quantity.is_none() && !members.errors.iter().any(|error| error.field == "quantity") {
            members.errors.push(FieldError::required("quantity"));
        }
    }
    if members.has("quantity_reserved") {
        next.quantity_reserved = members.quantity_reserved(next.quantity.unwrap_or(MAX_INTEGER));
    }
    if members.has("export_type") {
        let export_type = members.export_type().unwrap_or_default();
        next.export_type = Some(export_type.to_string());
    }
    if members.has("url_suffix") {
        next.url_suffix = members.url_suffix();
    }
    if members.has("product") {
        next.product = members.text("product");
    }
    if members.has("error_message") {
        next.error_message = members.text("error_message");
    }
    if members.has("reference_id") {
        next.reference_id = members.reference_id();
    }
    if members.has("purchase_order") {
        next.purchase_order = members.text("purchase_order");
    }
    if members.has("length") {
        next.length = members.length();
    }
    if members.has("character_set") {
        next.character_set = members.character_set();
    }
    if members.has("lot") {
        next.lot = members.lot();
    }
    for (field, date) in [
        ("expiry_date", &mut next.expiry_date),
        ("production_date", &mut next.production_date),
        ("best_before", &mut next.best_before),
    ] {
        if members.has(field) {
            *date = members.day(field);
        }
    }
    next
}

fn step(current: &Reservation, input: &Map<String, Value>, errors: &mut Vec<FieldError>) -> (Step, Status) {
    let stay = (Step::Stay, current.status);
    let wanted = match input.get("status") {
        None => return stay,
        Some(value) => value.as_str().and_then(Status::parse),
    };
    let Some(wanted) = wanted else {
        errors.push(FieldError::one_of("status", &Status::ALL.map(Status::as_str)));
        return stay;
    };
    let step = Step::of(current.status, wanted, current.range.is_some()).unwrap_or_else(|allowed| {
        let allowed = allowed.into_iter().map(Status::as_str).collect::<Vec<_>>();
        let reason = format!(
            "A reservation that is {} cannot be set to {wanted}; allowed now: {}.",
            current.status,
            allowed.join(", ")
        );
        errors.push(FieldError { reason, ..FieldError::one_of("status", &allowed) });
        Step::Stay
    });
    (step, wanted)
}

/// Refuses changes of members that determine the reserved codes or the running export.
fn fixed_members(current: &Reservation, next: &Reservation, errors: &mut Vec<FieldError>) {
    let running = current.status == Status::InProgress && current.range.is_some();
    let fixed = FIXED_BY_RANGE
        .into_iter()
        .filter(|_| current.range.is_some())
        .map(|field| (field, "cannot change once the codes are reserved"))
        .chain(
            FIXED_WHILE_RUNNING
                .into_iter()
                .filter(|_| running)
                .map(|field| (field, "cannot change while the export is being written")),
        );
    for (field, why) in fixed {
        let (old, new) = (member(current, field), member(next, field));
        if old != new && !errors.iter().any(|error| error.field == field) {
            errors.push(FieldError::only(field, old, format!("{field} {why}.")));
        }
    }
}

fn member(reservation: &Reservation, field: &str) -> Value {
    match field {
        "code_type" => json!(reservation.code_type),
        "product" => json!(reservation.product),
        "quantity" => json!(reservation.quantity),
        "reserved_for" => json!(reservation.reserved_for),
        "length" => json!(reservation.length),
        "character_set" => json!(reservation.character_set),
        "export_type" => json!(reservation.export_type),
        "url_suffix" => json!(reservation.url_suffix),
        "lot" => json!(reservation.lot),
        "expiry_date" => json!(reservation.expiry_date),
        "production_date" => json!(reservation.production_date),
        "best_before" => json!(reservation.best_before),
        _ => Value::Null,
    }
}

fn is_changed(current: &Reservation, next: &Reservation, field: &str) -> bool {
    member(current, field) != member(next, field)
}

/// Removes the message of an error once it is about another pool or another organisation, unless the input sets it. The
/// message may contain figures that only the organisation of `current` may read.
fn forget_message(current: &Reservation, next: &mut Reservation, input: &Map<String, Value>) {
    let concerns_pool = OF_POOL.into_iter().any(|field| is_changed(current, next, field));
    if concerns_pool && !input.contains_key("error_message") {
        next.error_message = None;
    }
}

/// Checks rules that concern several members, if one of them changed.
fn check_result(current: &Reservation, next: &Reservation, rules: &Rules, errors: &mut Vec<FieldError>) {
    // The namespace does not depend on the organisation.
    let changed = OF_POOL.into_iter().any(|field| field != "reserved_for" && is_changed(current, next, field));
    let code_type = next.code_type.as_deref().and_then(|text| text.parse::<CodeType>().ok());
    if changed && let Some(code_type) = code_type {
        check_codes(code_type, next.product.as_deref(), next.length, next.character_set, rules, errors);
    }
    let of_links = |item: &Reservation| (item.code_type.clone(), item.lot_and_dates(), item.url_suffix.clone());
    if of_links(current) != of_links(next)
        && let Some(code_type) = code_type
    {
        check_lot_and_dates(code_type, &next.lot_and_dates(), next.url_suffix.as_deref(), errors);
    }
    if ["export_type", "quantity"].into_iter().any(|field| is_changed(current, next, field))
        && let Some(export_type) = next.export_type.as_deref().and_then(|text| text.parse().ok())
    {
        check_rows(export_type, next.quantity.unwrap_or(0), errors);
    }
    if let (Some(quantity), Some(reserved)) = (next.quantity, next.quantity_reserved)
        && is_changed(current, next, "quantity")
        && reserved > quantity
    {
        errors.push(FieldError::at_least("quantity", reserved));
    }
}

fn take_step(
    next: &mut Reservation,
    step: Step,
    wanted: Status,
    now: Timestamp,
    render: impl FnOnce(&Reservation) -> Render,
) {
    match step {
        Step::Stay => {}
        Step::Close | Step::Stop => {
            next.status = wanted;
            // The stream record of this write makes `reserve-codes` find the upload by its key and abort it.
            next.export = None;
        }
        Step::Reopen => {
            next.status = Status::New;
            next.error_message = None;
            next.attempts = 0;
            next.woken = false;
            next.progress_at = Some(now);
        }
        Step::Again => {
            let render = render(next);
            next.restart_export(render, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reservation::{
        ExportProgress, Range,
        create::{Birth, Draft},
    };
    use uuid::Uuid;

    fn at(second: u32) -> Timestamp {
        Timestamp::parse(&format!("2026-01-02T03:04:{second:02}Z")).unwrap()
    }

    fn fresh() -> Reservation {
        let input = json!({"reserved_for": "/417/9312345000012", "code_type": "sgtin", "quantity": 100,
            "export_type": "csv", "product": "/01/19361758000003", "reference_id": "BATCH-2024-001"});
        let birth = Birth { id: Uuid::from_u128(7), incarnation: Uuid::from_u128(8), user: "u1".into(), now: at(1) };
        Draft::parse(&input, &Rules::default()).unwrap().into_reservation(birth)
    }

    fn allocated(status: Status) -> Reservation {
        let mut item = fresh();
        item.status = status;
        item.generation = 3;
        item.range = Some(Range {
            namespace: "sgtin#19361758000003#8".parse().unwrap(),
            pool_number: 5,
            character_set: crate::code::CharacterSet::Alphanumeric,
            check: "c".into(),
            start: 0,
            count: 100,
        });
        item.render = Some(render(&item));
        item.export = Some(ExportProgress {
            upload_id: Some("up".into()),
            next_part: 4,
            next_row: 90,
            crc32: 7,
            len: 0,
            restarts: 0,
        });
        item.quantity_reserved = Some(50);
        item.attempts = 2;
        item
    }

    fn render(item: &Reservation) -> Render {
        Render {
            export_type: item.export_type.clone().unwrap(),
            url_suffix: item.url_suffix.clone(),
            digital_link_domain: "https://id.gs1.org".into(),
            short_code_domain: None,
            company_prefix: None,
            lot_and_dates: item.lot_and_dates(),
            profile: None,
            version: 1,
        }
    }

    fn patch(item: &Reservation, input: &Value) -> Result<Reservation, Refusal> {
        apply(item, input, &Rules::default(), &Editor { user: "u2".into(), now: at(2) }, render)
    }

    fn refused(item: &Reservation, input: &Value) -> Vec<(&'static str, &'static str)> {
        match patch(item, input).unwrap_err() {
            Refusal::Invalid(errors) => errors.iter().map(|error| (error.field, error.kind)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_example_of_the_specification_works_before_and_after_the_codes_are_reserved() {
        let input = json!({"status": "complete", "quantity_reserved": 100, "reference_id": "BATCH-2024-001-UPDATED"});
        for item in [fresh(), allocated(Status::Complete)] {
            let next = patch(&item, &input).unwrap();
            assert_eq!((next.status, next.quantity_reserved), (Status::Complete, Some(100)));
            assert_eq!(next.reference_id.as_deref(), Some("BATCH-2024-001-UPDATED"));
            assert_eq!((next.user_updated.as_deref(), next.date_updated), (Some("u2"), Some(at(2))));
            assert_eq!(next.version, item.version + 1);
        }
    }

    #[test]
    fn audit_members_file_codes_and_id_stay_and_an_unknown_member_is_named() {
        let item = fresh();
        let next = patch(
            &item,
            &json!({"id": "x", "codes": [1], "export_file": "f", "user_created": "me",
            "date_created": "2020-01-01", "user_updated": "me", "date_updated": null}),
        )
        .unwrap();
        assert_eq!(Reservation { user_updated: None, date_updated: None, version: 1, ..next }, item);
        assert_eq!(patch(&item, &json!({"nope": 1})), Err(Refusal::UnknownField("nope".into())));
    }

    #[test]
    fn a_message_about_a_pool_does_not_go_with_the_reservation_to_another_pool_or_organisation() {
        let refused = Reservation {
            status: Status::Error,
            error_message: Some("Only 39 codes are left.".into()),
            length: Some(6),
            ..fresh()
        };
        for change in [
            json!({"reserved_for": "/417/5555999200016"}),
            json!({"code_type": "short_code", "product": null}),
            json!({"product": "/01/09506000134352"}),
            json!({"length": 7}),
            json!({"length": null}),
            json!({"character_set": "hex"}),
            json!({"reserved_for": "/417/5555999200016", "status": "complete"}),
        ] {
            let next = patch(&refused, &change).unwrap();
            assert_eq!(next.error_message, None, "{change}");
            let mut named = change.clone();
            named["error_message"] = json!("by the client");
            assert_eq!(patch(&refused, &named).unwrap().error_message.as_deref(), Some("by the client"), "{change}");
        }
        for change in [
            json!({"reference_id": "other"}),
            json!({"quantity": 20}),
            // These are what they were.
            json!({"reserved_for": "/417/9312345000012", "product": "/01/19361758000003", "length": 6}),
            json!({"status": "complete"}),
        ] {
            assert_eq!(patch(&refused, &change).unwrap().error_message, refused.error_message, "{change}");
        }
    }

    #[test]
    fn what_the_codes_are_made_of_is_fixed_once_they_are_reserved() {
        let done = allocated(Status::Complete);
        for (field, value) in [
            ("code_type", json!("grai")),
            ("product", json!("/01/09361758000003")),
            ("quantity", json!(7)),
            ("reserved_for", json!("/417/5555999200016")),
            ("length", json!(9)),
            ("character_set", json!("hex")),
            ("lot", json!("LOT-1")),
            ("expiry_date", json!("2027-12-31")),
            ("production_date", json!("2026-05-01")),
            ("best_before", json!("2027-11-30")),
        ] {
            assert_eq!(refused(&done, &json!({ field: value })), [(field, "eq")], "{field}");
            if field != "code_type" {
                assert!(patch(&fresh(), &json!({ field: value })).is_ok(), "{field}");
            }
        }
        let same = json!({"code_type": "sgtin", "quantity": 100, "product": "/01/19361758000003"});
        assert!(patch(&done, &same).is_ok());
        assert!(patch(&done, &json!({"export_type": "xml", "url_suffix": "?a=b"})).is_ok());
        let running = allocated(Status::InProgress);
        assert_eq!(refused(&running, &json!({"export_type": "xml"})), [("export_type", "eq")]);
        assert_eq!(refused(&running, &json!({"url_suffix": "?a=b"})), [("url_suffix", "eq")]);
    }

    #[test]
    fn new_on_a_finished_reservation_makes_the_export_again_and_keeps_codes_and_file() {
        for status in [Status::Complete, Status::Error] {
            let mut item = allocated(status);
            item.export_file = Some("old".into());
            item.error_message = Some("broke".into());
            let next = patch(&item, &json!({"status": "new", "export_type": "json"})).unwrap();
            assert_eq!((next.status, next.generation), (Status::InProgress, 4));
            assert_eq!((&next.range, next.incarnation), (&item.range, item.incarnation));
            assert_eq!(next.export, Some(ExportProgress::begin()));
            assert_eq!(next.render.unwrap().export_type, "json");
            assert_eq!((next.attempts, next.quantity_reserved, next.error_message), (0, Some(0), None));
            assert_eq!(next.export_file.as_deref(), Some("old"));
        }
    }

    #[test]
    fn a_workbook_is_refused_for_more_rows_than_it_holds() {
        let full = patch(&fresh(), &json!({"export_type": "xlsx", "quantity": 1_048_575})).unwrap();
        assert_eq!(refused(&full, &json!({"quantity": 1_048_576})), [("export_type", "lte")]);
        let more = patch(&fresh(), &json!({"quantity": 1_048_576})).unwrap();
        let Err(Refusal::Invalid(errors)) = patch(&more, &json!({"export_type": "xlsx"})) else { panic!("accepted") };
        assert_eq!(errors[0].reason, "A file of type xlsx holds 1048575 codes at most; take csv for more.");
        assert_eq!(errors[0].valid.as_deref(), Some(&json!(1_048_575)));
        assert!(patch(&more, &json!({"export_type": "csv.gz"})).is_ok());
        // A row of another system keeps what it has.
        let odd = Reservation { export_type: Some("xlsx".into()), ..more };
        assert!(patch(&odd, &json!({"reference_id": "x"})).is_ok());
        assert!(patch(&odd, &json!({"export_type": "xml"})).is_ok());
    }

    #[test]
    fn stopping_closing_and_reopening_follow_the_contract() {
        let stopped = patch(&allocated(Status::InProgress), &json!({"status": "error"})).unwrap();
        assert_eq!((stopped.status, stopped.export), (Status::Error, None));
        let mut failed = fresh();
        failed.status = Status::Error;
        failed.error_message = Some("no prefix".into());
        failed.attempts = 3;
        let reopened = patch(&failed, &json!({"status": "new"})).unwrap();
        assert_eq!((reopened.status, reopened.error_message, reopened.attempts), (Status::New, None, 0));
        assert_eq!(refused(&fresh(), &json!({"status": "in_progress"})), [("status", "in")]);
        assert_eq!(refused(&fresh(), &json!({"status": "nonsense"})), [("status", "in")]);
        assert_eq!(refused(&allocated(Status::InProgress), &json!({"status": "complete"})), [("status", "in")]);
        assert_eq!(refused(&allocated(Status::Complete), &json!({"status": "error"})), [("status", "in")]);
    }

    #[test]
    fn asking_for_new_makes_a_seeded_row_one_of_ours() {
        let mut item = fresh();
        item.seeded = true;
        assert!(!patch(&item, &json!({"status": "new"})).unwrap().seeded);
        assert!(patch(&item, &json!({"reference_id": "x"})).unwrap().seeded);
    }

    #[test]
    fn quantity_reserved_is_between_zero_and_quantity() {
        assert_eq!(refused(&fresh(), &json!({"quantity_reserved": 101})), [("quantity_reserved", "lte")]);
        assert_eq!(refused(&fresh(), &json!({"quantity_reserved": -1})), [("quantity_reserved", "gte")]);
        assert_eq!(patch(&fresh(), &json!({"quantity_reserved": null})).unwrap().quantity_reserved, None);
    }
}
