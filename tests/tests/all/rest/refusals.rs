//! Shared by the tests of bad input: a system that processes nothing, the exact errors, and every rule with inputs that
//! break it.

use common::reservation::BUILT_IN_PROFILES;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    api::{Api, with},
    harness::{Running, Setup},
    invariants::everything,
};

/// The organisation of the writer, and another one.
pub(crate) const OWN: &str = "/417/9312345000012";
pub(crate) const OTHER: &str = "/417/5555999200016";

pub(crate) const CODE_TYPES: [&str; 10] =
    ["sgtin", "sscc", "grai", "short_code", "giai", "gsrn", "gdti", "itip", "cpi", "sgcn"];
pub(crate) const CHARACTER_SETS: [&str; 5] = ["alphanumeric", "uppercase", "numeric", "hex", "rfid96"];
pub(crate) const EXPORT_TYPES: [&str; 13] = [
    "csv",
    "txt",
    "json",
    "ndjson",
    "yaml",
    "xml",
    "csv.gz",
    "txt.gz",
    "json.gz",
    "ndjson.gz",
    "yaml.gz",
    "xml.gz",
    "xlsx",
];

/// A system that processes nothing, so only requests write to its tables.
pub(crate) struct Paused {
    pub(crate) running: Running,
}

impl Paused {
    pub(crate) async fn start() -> Self {
        let user = |name: &str, members: Value| with(&json!({ "id": Uuid::new_v4(), "token": name }), members);
        let rows = json!({
            "directus_users": [
                user("admin", json!({ "role": "admin" })),
                user("writer", json!({ "role": "writer", "organisations": [OWN] })),
                user("reader", json!({ "role": "reader" })),
                user("none", json!({ "role": "none" })),
                user("gone", json!({ "role": "admin", "status": "suspended" })),
            ],
            "organisation": [{ "id": OWN, "organisation_company_prefix": "9312345" }, { "id": OTHER }],
        });
        Self { running: Setup::new().paused().rows(&rows).start().await }
    }

    pub(crate) fn api(&self, token: &str) -> Api {
        self.running.api.with_token(Some(token))
    }

    /// Asserts that a request fails with exactly these errors and writes nothing.
    pub(crate) async fn refuses(&self, request: reqwest::RequestBuilder, status: u16, errors: &[Value]) {
        let before = everything(self.running.context()).await;
        let sent = format!("{request:?}");
        let reply = Api::try_send(request).await.unwrap();
        assert_eq!(reply.text, json!({ "errors": errors }).to_string(), "{sent}");
        assert_eq!(reply.status, status, "{sent}");
        assert_eq!(reply.header("content-type"), "application/json; charset=utf-8", "{sent}");
        assert_eq!(everything(self.running.context()).await, before, "{sent} wrote something");
    }
}

pub(crate) fn failed(field: &str, kind: &str, valid: Option<Value>, reason: &str) -> Value {
    let mut extensions = json!({ "field": field, "path": [], "type": kind });
    if let Some(valid) = valid {
        extensions["valid"] = valid;
    }
    extensions["code"] = json!("FAILED_VALIDATION");
    json!({ "message": format!("Validation failed for field \"{field}\". {reason}"), "extensions": extensions })
}

pub(crate) fn required(field: &str) -> Value {
    failed(field, "required", None, "Value is required.")
}

pub(crate) fn one_of(field: &str, valid: &[&str]) -> Value {
    failed(field, "in", Some(json!(valid)), &format!("Value has to be one of {}.", valid.join(", ")))
}

/// The error for an `export_type` that is neither built in nor a profile that the reservation can use.
pub(crate) fn no_export_type() -> Value {
    let known: Vec<&str> = EXPORT_TYPES.into_iter().chain(BUILT_IN_PROFILES).collect();
    let reason = format!(
        "Value has to be one of {}, or the name of an export profile of the organisation or of the deployment; a \
         profile's name may end in .gz.",
        known.join(", ")
    );
    failed("export_type", "in", Some(json!(known)), &reason)
}

pub(crate) fn too_long(field: &str) -> Value {
    failed(field, "max_length", Some(json!(255)), "Value has to be at most 255 characters long.")
}

pub(crate) fn payload(reason: &str) -> Value {
    let extensions = json!({ "reason": reason, "code": "INVALID_PAYLOAD" });
    json!({ "message": format!("Invalid payload. {reason}."), "extensions": extensions })
}

pub(crate) fn forbidden() -> Value {
    json!({ "message": "You don't have permission to access this.", "extensions": { "code": "FORBIDDEN" } })
}

pub(crate) fn forbidden_because(reason: &str) -> Value {
    json!({ "message": reason, "extensions": { "reason": reason, "code": "FORBIDDEN" } })
}

pub(crate) fn no_collection() -> Value {
    forbidden_because(
        "You don't have permission to access collection \"code_reservation\" or it does not exist. Queried in root.",
    )
}

pub(crate) fn invalid_credentials() -> Value {
    json!({ "message": "Invalid user credentials.", "extensions": { "code": "INVALID_CREDENTIALS" } })
}

pub(crate) fn route_not_found(path: &str) -> Value {
    json!({ "message": format!("Route {path} doesn't exist."), "extensions": { "path": path, "code": "ROUTE_NOT_FOUND" } })
}

/// An entry of `errors` with the index of a row.
pub(crate) fn at(row: usize, mut entry: Value) -> Value {
    let extensions = entry["extensions"].as_object_mut().unwrap();
    let before = if extensions.contains_key("path") { "type" } else { "code" };
    let place = extensions.keys().position(|name| name == before).unwrap();
    extensions.shift_insert(place, "index".to_owned(), json!(row));
    entry
}

/// Every rule of the members: members that break it, and the errors.
pub(crate) fn broken_rules() -> Vec<(Value, Vec<Value>)> {
    let long = "x".repeat(256);
    let mut cases = Vec::new();
    let mut case = |members: Value, errors: &[Value]| cases.push((members, errors.to_vec()));

    let at_most =
        failed("quantity", "lte", Some(json!(100_000_000)), "Value has to be less than or equal to 100000000.");
    let at_least = failed("quantity", "gte", Some(json!(1)), "Value has to be greater than or equal to 1.");
    let whole = failed("quantity", "integer", None, "Value has to be a whole number.");
    case(json!({ "quantity": null }), &[required("quantity")]);
    for low in [json!(0), json!(-1), json!("0"), json!(-3_000_000_000_i64)] {
        case(json!({ "quantity": low }), std::slice::from_ref(&at_least));
    }
    for high in
        [json!(100_000_001), json!(2_147_483_648_u64), json!(u64::MAX), json!(1e30), json!("99999999999999999999")]
    {
        case(json!({ "quantity": high }), std::slice::from_ref(&at_most));
    }
    for other in [json!(1.5), json!("ten"), json!("-1"), json!(true), json!([1]), json!({}), json!("")] {
        case(json!({ "quantity": other }), std::slice::from_ref(&whole));
    }

    case(json!({ "code_type": null }), &[required("code_type")]);
    for other in [json!("ean"), json!("SGTIN"), json!(""), json!(5)] {
        case(json!({ "code_type": other }), &[one_of("code_type", &CODE_TYPES)]);
    }

    for (code_type, form) in [
        ("sgtin", "/01/ and the 14 digits of a GTIN"),
        ("grai", "/8003/0 and the 13 digits of an asset type"),
        ("gdti", "/253/ and the 13 digits of a document type"),
        ("sgcn", "/255/ and the 13 digits of a coupon number"),
        ("itip", "/8006/ and 18 digits: a GTIN-14, the number of the piece and the number of pieces"),
        ("cpi", "/8010/ and a part identifier: 5 to 30 characters of 0-9, A-Z, #, - and /, the company prefix first"),
    ] {
        let missing =
            failed("product", "required", None, &format!("Codes of type {code_type} need a product: {form}."));
        case(json!({ "code_type": code_type, "product": null }), &[missing]);
        let wrong = failed("product", "regex", None, &format!("The product of type {code_type} must be {form}."));
        for product in [
            "",
            "19361758000003",
            "/01/1936175800000",
            "/01/1936175800000x",
            "/00/19361758000003",
            "/417/9312345000012",
        ] {
            case(json!({ "code_type": code_type, "product": product }), std::slice::from_ref(&wrong));
        }
    }
    case(
        json!({ "product": 5 }),
        &[failed("product", "regex", None, "The product of type sgtin must be /01/ and the 14 digits of a GTIN.")],
    );
    case(json!({ "product": {} }), &[failed("product", "string", None, "Value has to be a string.")]);

    case(json!({ "reserved_for": null }), &[required("reserved_for")]);
    case(json!({ "reserved_for": "" }), &[required("reserved_for")]);
    case(json!({ "reserved_for": long }), &[too_long("reserved_for")]);

    for other in [json!("xlsx.gz"), json!("xls"), json!("CSV"), json!("gz"), json!("")] {
        case(json!({ "export_type": other }), &[no_export_type()]);
    }

    let most = "A file of type xlsx holds 1048575 codes at most; take csv for more.";
    case(
        json!({ "export_type": "xlsx", "quantity": 1_048_576 }),
        &[failed("export_type", "lte", Some(json!(1_048_575)), most)],
    );

    let query = "Value has to be a query such as ?key=value of RFC 3986 characters, without # and without a path.";
    for suffix in ["#top", "k=v#top", "a b=c", "k=%2", "k=\u{fc}", "k=\"v\""] {
        case(json!({ "url_suffix": suffix }), &[failed("url_suffix", "regex", None, query)]);
    }
    for suffix in ["/path", "?k", "k=v&k2"] {
        case(
            json!({ "url_suffix": suffix }),
            &[failed("url_suffix", "regex", None, "Every key of the query needs a value, as in ?key=value.")],
        );
    }
    for suffix in ["?01=1", "k=v&8003=x"] {
        case(
            json!({ "url_suffix": suffix }),
            &[failed("url_suffix", "regex", None, "A key must not be a GS1 application identifier.")],
        );
    }
    case(json!({ "url_suffix": format!("?k={long}") }), &[too_long("url_suffix")]);

    for status in ["complete", "in_progress", "error", "nonsense"] {
        let reason = format!("A new reservation cannot have the status \"{status}\".");
        case(json!({ "status": status }), &[failed("status", "eq", Some(json!("new")), &reason)]);
    }

    for other in [json!("not-a-uuid"), json!(7), json!("0190a6b01f7a70008000000000000001"), json!("")] {
        case(json!({ "id": other }), &[failed("id", "uuid", None, "Value has to be a UUID.")]);
    }

    case(json!({ "reference_id": long }), &[too_long("reference_id")]);
    for text in ["a\nb", "a\u{0}", "\u{85}"] {
        case(
            json!({ "reference_id": text }),
            &[failed("reference_id", "regex", None, "Value must not contain control characters.")],
        );
    }
    case(json!({ "reference_id": ["a"] }), &[failed("reference_id", "string", None, "Value has to be a string.")]);
    case(json!({ "purchase_order": long }), &[too_long("purchase_order")]);

    case(
        json!({ "length": 5 }),
        &[failed("length", "gte", Some(json!(6)), "Value has to be greater than or equal to 6.")],
    );
    case(
        json!({ "length": 21 }),
        &[failed("length", "lte", Some(json!(20)), "Value has to be less than or equal to 20.")],
    );
    case(
        json!({ "code_type": "grai", "product": "/8003/09506000134352", "length": 17 }),
        &[failed("length", "length", None, "Length must be 6 to 16 for type grai.")],
    );
    case(json!({ "character_set": "emoji" }), &[one_of("character_set", &CHARACTER_SETS)]);
    case(
        json!({ "code_type": "sgcn", "product": "/255/9506000134352", "character_set": "hex" }),
        &[failed("character_set", "in", None, "Character_set hex cannot be used with type sgcn; use numeric.")],
    );

    // Several broken rules give one error each, in the order of the members.
    case(
        json!({ "quantity": 0, "code_type": "ean", "reserved_for": null, "export_type": "CSV" }),
        &[one_of("code_type", &CODE_TYPES), at_least, no_export_type(), required("reserved_for")],
    );
    cases
}
