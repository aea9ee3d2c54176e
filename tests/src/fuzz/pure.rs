//! Entries of functions that do no I/O.

use std::str::FromStr as _;

use aws_lambda_events::event::dynamodb::Event;
use common::{
    code::{
        CharacterSet, CodeRequest, CodeType, CompanyPrefix, EpcTag, PoolSpec, RenderOptions, Renderer, Scanned, Secret,
        SerialDefaults, by_code, by_digital_link, by_epc, by_join_key, check_digit, element_string_of_epc,
        has_check_digit, is_short_link, link_domain, prefixes_conflict, product_key, scanned,
    },
    directory::Role,
    export::{
        FileHead,
        profile::{Particulars, Profile},
    },
    operations::freeze,
    query::{
        Access, Budget, Collection, RawQuery, Related, Row, parse, parse_for_write, parse_query_string,
        parse_search_body,
    },
    reservation::{
        ExportKey, Reservation, Rules, Timestamp, Values,
        create::{Birth, Draft},
        file_name, safe_file_name,
        update::{Editor, apply},
    },
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::offline::context;

/// The time of every request.
fn now() -> Option<Timestamp> {
    Timestamp::parse("2025-03-31T12:00:00.000Z")
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn row(value: Value) -> Row {
    members(value).into()
}

/// A query string, for each collection: parsed, run on rows and written as a file.
pub(super) fn query_string(input: &[u8]) {
    if let Ok(raw) = parse_query_string(&String::from_utf8_lossy(input)) {
        exercise(&raw);
    }
}

/// A filter as JSON, alone and in a `SEARCH` body.
pub(super) fn filter(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    exercise(&RawQuery::from_json(members(json!({ "filter": text }))));
    if let Ok(value) = serde_json::from_str::<Value>(&text) {
        exercise(&RawQuery::from_json(members(json!({ "filter": value, "deep": { "codes": { "_filter": value } } }))));
        if let Ok(body) = parse_search_body(&json!({ "query": { "filter": value } })) {
            exercise(&body.query.unwrap_or_default());
        }
    }
}

fn exercise(raw: &RawQuery) {
    let Some(now) = now() else { return };
    let user = row(json!({"id": "a0000000-0000-4000-8000-000000000001", "first_name": "A", "email": "a@example.com"}));
    let rows = ["new", "error"].map(|status| {
        row(json!({"id": "00000000-0000-4000-8000-000000000001", "user_created": user["id"],
            "date_created": "2024-12-31T23:59:59.999Z", "reserved_for": "ORG-1", "quantity": 10, "status": status,
            "reference_id": "=1", "purchase_order": null, "code_type": "sgtin"}))
    });
    for role in [Role::Admin, Role::Reader] {
        let access = Access::new(role, Some(user.clone()));
        for collection in Collection::ALL {
            let budget = Budget::default();
            let read = parse(raw, collection, &access, now.time(), &budget);
            // What selects the rows of a write can also be read, and never matches every row by mistake.
            if let Ok(selected) = parse_for_write(raw, collection, &access, now.time(), &Budget::default()) {
                assert!(read.is_ok(), "{raw:?}");
                assert!(selected.filter.is_some() || selected.search.is_some() || selected.window.limit == Some(-1));
            }
            let Ok(query) = read else { continue };
            let mut related = Related::within(&budget);
            related.insert(Collection::Users, user.clone());
            let _needs =
                (query.needs(), query.code_lookups(), query.conditions().map(|c| c.required_equalities().len()));
            let _one = query.run_one(rows.first(), &related);
            let Ok(answer) = query.run(&rows, &related) else { continue };
            if let Some(format) = query.export {
                let text = format.write(&query, &answer.data);
                let is_formula = |line: &str| line.trim_start_matches('"').starts_with(['=', '@']);
                assert!(!format.content_type().contains("csv") || !text.lines().any(is_formula), "{text}");
            }
        }
    }
}

/// A body: a new reservation, a change of it, and a `SEARCH`.
pub(super) fn body(input: &[u8]) {
    let (Ok(value), Some(now)) = (serde_json::from_slice::<Value>(input), now()) else { return };
    let _search = parse_search_body(&value);
    let rules = Rules::default();
    let birth = || Birth { id: Uuid::nil(), incarnation: Uuid::nil(), user: "u".to_owned(), now };
    let ours = json!({"reserved_for": "ORG-1", "code_type": "short_code", "quantity": 1});
    if let Ok(draft) = Draft::parse(&ours, &rules) {
        let current = draft.into_reservation(birth());
        let editor = Editor { user: "u".to_owned(), now };
        let _changed = apply(&current, &value, &rules, &editor, |item| freeze(item, None, context().config(), None));
    }
    if let Ok(draft) = Draft::parse(&value, &rules) {
        let item = draft.into_reservation(birth());
        let name = file_name(&item, "csv");
        assert!(!name.chars().any(|c| c.is_control() || c == '/' || c == '\\') && name.len() <= 200, "{name:?}");
        assert_eq!(safe_file_name(&name).as_ref(), Some(&name));
        // What was accepted can be stored and read again.
        let stored = serde_json::to_value(&item).and_then(serde_json::from_value);
        assert!(stored.is_ok_and(|read: Reservation| read == item));
    }
}

/// The key of an object in the bucket.
pub(super) fn export_key(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(key) = ExportKey::parse(&text) {
        assert_eq!(key.to_string(), text);
        let _id = key.file_id();
    }
}

/// A batch of the stream.
pub(super) fn stream_records(input: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<Event>(input) {
        let records = event.records.len();
        assert!(follow::reservations_of(event.records.clone()).len() <= records);
        let (reservations, unreadable) = reserve_codes::reservations_of(event.records);
        assert!(reservations.len() + unreadable.len() <= records);
    }
}

/// Company prefixes and the start of keys.
pub(super) fn prefixes(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (left, right) = text.split_once('\n').unwrap_or((&text, ""));
    for part in [left, right] {
        let _digits = (check_digit(part), has_check_digit(part));
        if let Ok(prefix) = CompanyPrefix::parse(part) {
            assert_eq!(prefix.as_str(), part);
            assert!(prefix.digits() > 0);
        }
    }
    assert_eq!(prefixes_conflict(left, right), prefixes_conflict(right, left), "the order does not matter");
    for code_type in CodeType::ALL {
        let request = CodeRequest {
            code_type,
            product: None,
            company_prefix: Some(left),
            length: None,
            character_set: CharacterSet::from_str(right).ok(),
        };
        let _pool = PoolSpec::resolve(&request, &SerialDefaults::default(), true);
    }
}

/// An export profile: read, written in its canonical form, and applied to codes of every type.
pub(super) fn profiles(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    // The text alone, or as a text with slots of a profile that is sound otherwise.
    let line = json!({ "name": "ab", "extension": "txt", "base": "lines", "line": text }).to_string();
    for text in [&*text, &line] {
        let Ok(profile) = Profile::parse(text) else { continue };
        let canonical = profile.canonical();
        assert_eq!(Profile::parse(&canonical).as_ref(), Ok(&profile), "{canonical}");
        for code_type in CodeType::ALL {
            let request = CodeRequest {
                code_type,
                product: Some("/01/09506000134352").filter(|_| code_type == CodeType::Sgtin),
                company_prefix: Some("9506000"),
                length: None,
                character_set: None,
            };
            let Ok(spec) = PoolSpec::resolve(&request, &SerialDefaults::default(), true) else { continue };
            let Ok(secret) = Secret::new(&[0; 32]) else { continue };
            let key = secret.pool_key(&spec.namespace);
            let Ok(renderer) = Renderer::new(&spec, &key, &RenderOptions::default()) else { continue };
            let values = Values { reference_id: Some("\"<&>\u{fc}".to_owned()), ..Values::default() };
            let head = FileHead { reservation: "r", code_type };
            let particulars =
                Particulars { namespace: &spec.namespace, company_prefix: Some("9506000"), values: &values };
            let _shown = profile.check(&renderer, &head, &particulars, 2_000);
        }
    }
}

/// Products and codes of every type.
pub(super) fn products(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (first, second) = text.split_once('\n').unwrap_or((&text, ""));
    for code_type in CodeType::ALL {
        for strict in [false, true] {
            if let Ok(key) = product_key(code_type, first, strict) {
                let again = product_key(code_type, &key.path(), strict);
                assert!(again.is_ok_and(|again| again.key() == key.key()), "{first:?} of {code_type:?}");
            }
        }
    }
    let product = (!second.is_empty()).then_some(second);
    // What is read as a tag is written as the same bits.
    if let Some(tag) = EpcTag::from_text(first) {
        assert_eq!(tag.hex().and_then(|hex| EpcTag::from_hex(&hex)), Some(tag), "{first:?}");
    }
    let _found = (by_code(first, product), by_digital_link(first), by_join_key(first), by_epc(first));
    let _element_string = element_string_of_epc(first);
    match scanned(first, product) {
        // What is read from an EPC or the data of a symbol is an element string, and stays one.
        Some(Scanned::Elements(elements)) => {
            assert_eq!(scanned(&elements, None), Some(Scanned::Elements(elements.clone())), "{first:?}");
        }
        // What is read as a tag is one, and stays one.
        Some(Scanned::Tag(tag)) => {
            assert!(EpcTag::from_text(&tag).is_some(), "{first:?}");
            assert_eq!(scanned(&tag, None), Some(Scanned::Tag(tag.clone())), "{first:?}");
        }
        _ => {}
    }
    if let Ok(domain) = link_domain(first) {
        assert_eq!(link_domain(&domain).as_deref(), Ok(domain.as_str()));
        // A short link below any domain is a short link, and a link of no other key.
        let link = format!("{domain}/AbC12345");
        assert!(is_short_link(&link, &domain), "{link:?}");
        assert_eq!(by_digital_link(&link), by_digital_link("https://example.com/AbC12345"), "{link:?}");
    }
    let _is = is_short_link(first, second);
}
