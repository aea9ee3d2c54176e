//! Bad input: the exact error, byte by byte, and nothing written.

use common::{
    reservation::{Export, Status},
    store::Store,
};
use local::options::Options;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    api::{Api, RESERVATIONS, Reply, id, sgtin, with},
    invariants::everything,
    stream_events::deliver,
    system::Running,
};

/// The organisation of the writer, and one that is not.
const OWN: &str = "/417/9312345000012";
const OTHER: &str = "/417/5555999200016";

const CODE_TYPES: [&str; 10] = ["sgtin", "sscc", "grai", "short_code", "giai", "gsrn", "gdti", "itip", "cpi", "sgcn"];
const CHARACTER_SETS: [&str; 5] = ["alphanumeric", "uppercase", "numeric", "hex", "rfid96"];
const EXPORT_TYPES: [&str; 12] =
    ["csv", "txt", "json", "ndjson", "yaml", "xml", "csv.gz", "txt.gz", "json.gz", "ndjson.gz", "yaml.gz", "xml.gz"];

/// A system that processes nothing, so that whatever changes was written by a request.
struct Paused {
    running: Running,
}

impl Paused {
    async fn start() -> Self {
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
        let options = Options { pause_stream: true, ..Options::in_memory() };
        Self { running: Running::seeded(&rows, options).await }
    }

    fn api(&self, token: &str) -> Api {
        self.running.api.with_token(Some(token))
    }

    /// Asserts that a request is refused with exactly these errors and writes nothing.
    async fn refuses(&self, request: reqwest::RequestBuilder, status: u16, errors: &[Value]) -> Reply {
        let before = everything(self.running.context()).await;
        let sent = format!("{request:?}");
        let reply = Api::try_send(request).await.unwrap();
        assert_eq!(reply.text, json!({ "errors": errors }).to_string(), "{sent}");
        assert_eq!(reply.status, status, "{sent}");
        assert_eq!(reply.content_type.as_deref(), Some("application/json; charset=utf-8"), "{sent}");
        assert_eq!(everything(self.running.context()).await, before, "{sent} wrote something");
        reply
    }
}

fn failed(field: &str, kind: &str, valid: Option<Value>, reason: &str) -> Value {
    let mut extensions = json!({ "field": field, "path": [], "type": kind });
    if let Some(valid) = valid {
        extensions["valid"] = valid;
    }
    extensions["code"] = json!("FAILED_VALIDATION");
    json!({ "message": format!("Validation failed for field \"{field}\". {reason}"), "extensions": extensions })
}

fn required(field: &str) -> Value {
    failed(field, "required", None, "Value is required.")
}

fn one_of(field: &str, valid: &[&str]) -> Value {
    failed(field, "in", Some(json!(valid)), &format!("Value has to be one of {}.", valid.join(", ")))
}

fn too_long(field: &str) -> Value {
    failed(field, "max_length", Some(json!(255)), "Value has to be at most 255 characters long.")
}

fn payload(reason: &str) -> Value {
    let extensions = json!({ "reason": reason, "code": "INVALID_PAYLOAD" });
    json!({ "message": format!("Invalid payload. {reason}."), "extensions": extensions })
}

fn forbidden() -> Value {
    json!({ "message": "You don't have permission to access this.", "extensions": { "code": "FORBIDDEN" } })
}

fn forbidden_because(reason: &str) -> Value {
    json!({ "message": reason, "extensions": { "reason": reason, "code": "FORBIDDEN" } })
}

fn no_collection() -> Value {
    forbidden_because(
        "You don't have permission to access collection \"code_reservation\" or it does not exist. Queried in root.",
    )
}

fn invalid_credentials() -> Value {
    json!({ "message": "Invalid user credentials.", "extensions": { "code": "INVALID_CREDENTIALS" } })
}

fn route_not_found(path: &str) -> Value {
    json!({ "message": format!("Route {path} doesn't exist."), "extensions": { "path": path, "code": "ROUTE_NOT_FOUND" } })
}

/// One broken rule of a member: the members that break it, and the errors.
fn broken_rules() -> Vec<(Value, Vec<Value>)> {
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

    for other in [json!("xlsx"), json!("CSV"), json!("gz"), json!("")] {
        case(json!({ "export_type": other }), &[one_of("export_type", &EXPORT_TYPES)]);
    }

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

    // One entry for each failed rule, in the order of the members.
    case(
        json!({ "quantity": 0, "code_type": "ean", "reserved_for": null, "export_type": "xlsx" }),
        &[one_of("code_type", &CODE_TYPES), at_least, one_of("export_type", &EXPORT_TYPES), required("reserved_for")],
    );
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_rule_of_a_new_reservation_is_named_and_nothing_is_written() {
    let paused = Paused::start().await;
    let api = paused.api("writer");
    let cases = broken_rules();
    for (members, errors) in &cases {
        let body = with(&sgtin(10), members.clone());
        paused.refuses(api.request("POST", RESERVATIONS).json(&body), 400, errors).await;
    }
    println!("{} broken rules", cases.len());
    // A member that is missing is as bad as null.
    for field in ["quantity", "code_type", "reserved_for"] {
        let mut body = sgtin(10);
        body.as_object_mut().unwrap().remove(field);
        paused.refuses(api.request("POST", RESERVATIONS).json(&body), 400, &[required(field)]).await;
    }
    // All or nothing.
    let rows = json!([sgtin(1), with(&sgtin(1), json!({ "code_type": null }))]);
    paused.refuses(api.request("POST", RESERVATIONS).json(&rows), 400, &[required("code_type")]).await;
    let rows = json!(vec![sgtin(1); 101]);
    let most = payload("101 rows in one request, 100 at most are allowed");
    paused.refuses(api.request("POST", RESERVATIONS).json(&rows), 400, &[most]).await;
    paused.running.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_check_digit_is_refused_only_where_the_deployment_says_so() {
    let options = Options { pause_stream: true, ..Options::in_memory() }.with_parameter("StrictCheckDigits", true);
    let paused = Paused { running: Running::start(options).await };
    let api = &paused.running.api;
    let error = failed("product", "regex", None, "The check digit of the product is 3, it should be 0.");
    paused.refuses(api.request("POST", RESERVATIONS).json(&sgtin(10)), 400, &[error]).await;
    api.post(&with(&sgtin(10), json!({ "product": "/01/19361758000000" }))).await;
    paused.running.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_none_is_refused() {
    let paused = Paused::start().await;
    let api = paused.api("writer");
    let post = |body: String| api.request("POST", RESERVATIONS).header("content-type", "application/json").body(body);
    for (body, reason) in [
        ("{\"quantity\": 1", "The body is not valid JSON: EOF while parsing an object at line 1 column 14"),
        ("nonsense", "The body is not valid JSON: expected ident at line 1 column 2"),
        ("5", "An object or an array is needed as JSON"),
        ("null", "An object or an array is needed as JSON"),
        ("[5]", "a code reservation has to be an object"),
    ] {
        paused.refuses(post(body.to_owned()), 400, &[payload(reason)]).await;
    }
    let empty = [required("reserved_for"), required("code_type"), required("quantity")];
    paused.refuses(post("{}".to_owned()), 400, &empty).await;
    paused.refuses(post(String::new()), 400, &empty).await;
    // 1 MB is the most that a body may have.
    let large = with(&sgtin(1), json!({ "x": "x".repeat(1_000_000) })).to_string();
    paused.refuses(post(large), 400, &[payload("request entity too large")]).await;
    let just = with(&sgtin(1), json!({ "x": "" })).to_string();
    let just = with(&sgtin(1), json!({ "x": "x".repeat(1_000_000 - just.len()) })).to_string();
    assert_eq!(Api::try_send(post(just)).await.unwrap().status, 200);
    paused.running.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_no_more_than_that() {
    let paused = Paused::start().await;
    let admin = paused.api("admin");
    let own = admin.post(&sgtin(1)).await;
    let other = admin.post(&with(&sgtin(1), json!({ "reserved_for": OTHER }))).await;
    let row = |object: &Value| format!("{RESERVATIONS}/{}", id(object));
    let change = json!({ "reference_id": "x" });

    for method in ["GET", "POST", "PATCH", "DELETE"] {
        for path in [RESERVATIONS.to_owned(), row(&own)] {
            if (method, path.as_str()) == ("POST", row(&own).as_str()) {
                continue;
            }
            let request = |api: &Api| {
                let request = api.request(method, &path);
                if method == "GET" { request } else { request.json(&change) }
            };
            let nobody = paused.running.api.with_token(None);
            paused.refuses(request(&nobody), 403, &[no_collection()]).await;
            paused.refuses(request(&paused.api("none")), 403, &[no_collection()]).await;
            for token in ["unknown", "gone", "local-token"] {
                paused.refuses(request(&paused.api(token)), 401, &[invalid_credentials()]).await;
            }
            if method != "GET" {
                paused.refuses(request(&paused.api("reader")), 403, &[no_collection()]).await;
            }
        }
    }
    let two = admin.request("GET", &format!("{RESERVATIONS}?access_token=admin"));
    let reason = "The request uses more than one method for including an access token";
    paused.refuses(two, 400, &[payload(reason)]).await;

    // An id that does not exist, one that is none, and a row of another organisation cannot be told apart.
    let writer = paused.api("writer");
    for path in [row(&other), format!("{RESERVATIONS}/{}", Uuid::new_v4()), format!("{RESERVATIONS}/17")] {
        paused.refuses(writer.request("GET", &path), 403, &[forbidden()]).await;
        paused.refuses(writer.request("PATCH", &path).json(&change), 403, &[forbidden()]).await;
        paused.refuses(writer.request("DELETE", &path), 403, &[forbidden()]).await;
    }
    // Nor may a row be made for another organisation, or given to one.
    let foreign = json!({ "reserved_for": OTHER });
    paused
        .refuses(writer.request("POST", RESERVATIONS).json(&with(&sgtin(1), foreign.clone())), 403, &[forbidden()])
        .await;
    paused.refuses(writer.request("PATCH", &row(&own)).json(&foreign), 403, &[forbidden()]).await;
    // One row of another organisation, and nothing of the batch happens.
    let both = json!([id(&own), id(&other)]);
    paused.refuses(writer.request("DELETE", RESERVATIONS).json(&both), 403, &[forbidden()]).await;
    let both = json!({ "keys": both, "data": change });
    paused.refuses(writer.request("PATCH", RESERVATIONS).json(&both), 403, &[forbidden()]).await;
    paused.running.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exists_is_not_created_again() {
    let paused = Paused::start().await;
    let api = paused.api("writer");
    let own = "0190a6b0-1f7a-7000-8000-000000000001";
    let first = api.post(&with(&sgtin(5), json!({ "id": own }))).await;
    let unique = json!({
        "message": format!("Value \"{own}\" for field \"id\" in collection \"code_reservation\" has to be unique."),
        "extensions": { "collection": "code_reservation", "field": "id", "value": own, "code": "RECORD_NOT_UNIQUE" },
    });
    let again = with(&sgtin(6), json!({ "id": own }));
    paused.refuses(api.request("POST", RESERVATIONS).json(&again), 400, std::slice::from_ref(&unique)).await;
    paused
        .refuses(api.request("POST", RESERVATIONS).json(&json!([sgtin(1), again])), 400, std::slice::from_ref(&unique))
        .await;
    let fresh = with(&sgtin(1), json!({ "id": "0190a6b0-1f7a-7000-8000-000000000002" }));
    let twice = with(&unique, json!({}));
    let twice = twice.to_string().replace(own, id(&fresh)).parse::<Value>().unwrap();
    paused.refuses(api.request("POST", RESERVATIONS).json(&json!([fresh, fresh])), 400, &[twice]).await;
    assert_eq!(api.get(own).await, first);

    let post = |api: &Api, key: &str, quantity: u64| {
        api.request("POST", RESERVATIONS).header("Idempotency-Key", key).json(&sgtin(quantity))
    };
    let answer = Api::try_send(post(&api, "order 7", 5)).await.unwrap();
    let before = everything(paused.running.context()).await;
    let same = Api::try_send(post(&api, "order 7", 5)).await.unwrap();
    assert_eq!((same.status, &same.text), (200, &answer.text));
    assert_eq!(everything(paused.running.context()).await, before);
    let reason = "The Idempotency-Key was used with another body";
    paused.refuses(post(&api, "order 7", 6), 422, &[payload(reason)]).await;
    let reason = "The Idempotency-Key has more than 255 characters";
    paused.refuses(post(&api, &"k".repeat(256), 5), 400, &[payload(reason)]).await;
    // Keys are each user's own.
    let other = Api::try_send(post(&paused.api("admin"), "order 7", 6)).await.unwrap().data();
    assert_ne!(other["id"], answer.data()["id"]);
    paused.running.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_or_method_that_is_none_is_no_route() {
    let paused = Paused::start().await;
    let api = paused.api("writer");
    let row = format!("{RESERVATIONS}/{}", id(&api.post(&sgtin(1)).await));
    for (method, path) in [
        ("PUT", RESERVATIONS),
        ("PUT", row.as_str()),
        ("POST", row.as_str()),
        ("GET", "/nothing"),
        ("GET", "/"),
        ("POST", "/files"),
    ] {
        paused.refuses(api.request(method, path).json(&sgtin(1)), 404, &[route_not_found(path)]).await;
    }
    paused.running.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_breaks_a_rule_changes_nothing() {
    let paused = Paused::start().await;
    let api = paused.api("writer");
    let fresh = id(&api.post(&sgtin(10)).await).to_owned();
    let at = |id: &str| format!("{RESERVATIONS}/{id}");
    let field = |name: &str| {
        forbidden_because(&format!(
            "You don't have permission to access field \"{name}\" in collection \"code_reservation\" or it does not exist. \
             Queried in root."
        ))
    };
    let patch = |id: &str, body: Value| api.request("PATCH", &at(id)).json(&body);
    paused.refuses(patch(&fresh, json!({ "nope": 1 })), 403, &[field("nope")]).await;
    paused.refuses(patch(&fresh, json!({ "quantity": 5, "range": {} })), 403, &[field("range")]).await;
    for (members, errors) in broken_rules() {
        let names: Vec<_> = members.as_object().unwrap().keys().map(String::as_str).collect();
        // An id in a PATCH is ignored, a status has steps of its own, a null has a default or is an order to forget.
        let applies = names.len() == 1 && !["id", "status"].contains(&names[0]);
        if applies {
            paused.refuses(patch(&fresh, members), 400, &errors).await;
        }
    }
    let reserved = failed("quantity_reserved", "lte", Some(json!(10)), "Value has to be less than or equal to 10.");
    paused.refuses(patch(&fresh, json!({ "quantity_reserved": 11 })), 400, &[reserved]).await;

    // A step that the contract does not name, with what is allowed, for every status with and without a range.
    let step = |current: &str, wanted: &str, allowed: &[&str]| {
        let reason =
            format!("A reservation that is {current} cannot be set to {wanted}; allowed now: {}.", allowed.join(", "));
        failed("status", "in", Some(json!(allowed)), &reason)
    };
    let statuses = ["new", "in_progress", "complete", "error"];
    paused.refuses(patch(&fresh, json!({ "status": "nonsense" })), 400, &[one_of("status", &statuses)]).await;
    paused.refuses(patch(&fresh, json!({ "status": null })), 400, &[one_of("status", &statuses)]).await;
    let error = step("new", "in_progress", &["new", "complete", "error"]);
    paused.refuses(patch(&fresh, json!({ "status": "in_progress" })), 400, &[error]).await;

    let context = paused.running.context();
    deliver(context, &[&fresh]).await;
    let complete = fresh;
    let error = step("complete", "error", &["complete", "new"]);
    paused.refuses(patch(&complete, json!({ "status": "error" })), 400, &[error]).await;
    let store = Store::of(context);
    let stored = store.reservation(complete.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.status, Status::Complete);

    // A row of each other status, as a worker leaves it.
    let mut row = stored;
    (row.id, row.incarnation, row.export_file) = (Uuid::new_v4(), Uuid::new_v4(), None);
    (row.status, row.export) = (Status::InProgress, Some(Export::begin()));
    store.seed_reservation(&row).await.unwrap();
    let running = row.id.to_string();
    for wanted in ["complete", "new"] {
        let error = step("in_progress", wanted, &["in_progress", "error"]);
        paused.refuses(patch(&running, json!({ "status": wanted })), 400, &[error]).await;
    }
    for (name, old, new) in [("export_type", json!("csv"), json!("xml")), ("url_suffix", Value::Null, json!("?a=b"))] {
        let reason = format!("{name} cannot change while the export is being written.");
        paused.refuses(patch(&running, json!({ name: new })), 400, &[failed(name, "eq", Some(old), &reason)]).await;
    }
    (row.id, row.incarnation) = (Uuid::new_v4(), Uuid::new_v4());
    (row.status, row.export) = (Status::Error, None);
    store.seed_reservation(&row).await.unwrap();
    let ended = row.id.to_string();
    for wanted in ["complete", "in_progress"] {
        let error = step("error", wanted, &["error", "new"]);
        paused.refuses(patch(&ended, json!({ "status": wanted })), 400, &[error]).await;
    }
    for (name, old, new) in [
        ("code_type", json!("sgtin"), json!("short_code")),
        ("product", json!("/01/19361758000003"), json!("/01/09361758000003")),
        ("quantity", json!(10), json!(11)),
        ("reserved_for", json!(OWN), json!(OTHER)),
        ("length", Value::Null, json!(9)),
        ("character_set", Value::Null, json!("hex")),
    ] {
        let error = failed(name, "eq", Some(old), &format!("{name} cannot change once the codes are reserved."));
        for id in [&complete, &running, &ended] {
            paused.refuses(patch(id, json!({ name: new })), 400, std::slice::from_ref(&error)).await;
        }
    }
    paused.running.system.stop().await;
}
