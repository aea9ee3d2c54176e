//! Bad input to POST, and callers without a right: the exact error, and nothing is written.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    rest::refusals::{
        OTHER, Paused, at, broken_rules, failed, forbidden, invalid_credentials, no_collection, payload, required,
        route_not_found,
    },
    support::{
        api::{Api, RESERVATIONS, id, sgtin, with},
        harness::Setup,
        invariants::everything,
    },
};

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
    // A missing member gives the same error as null.
    for field in ["quantity", "code_type", "reserved_for"] {
        let mut body = sgtin(10);
        body.as_object_mut().unwrap().remove(field);
        paused.refuses(api.request("POST", RESERVATIONS).json(&body), 400, &[required(field)]).await;
    }
    // One bad row refuses the whole batch.
    let rows = json!([sgtin(1), with(&sgtin(1), json!({ "code_type": null }))]);
    paused.refuses(api.request("POST", RESERVATIONS).json(&rows), 400, &[at(1, required("code_type"))]).await;
    let rows = json!(vec![sgtin(1); 101]);
    let most = payload("101 rows in one request, 100 at most are allowed");
    paused.refuses(api.request("POST", RESERVATIONS).json(&rows), 400, &[most]).await;
    paused.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_check_digit_is_refused_only_where_the_deployment_says_so() {
    let running = Setup::new().paused().parameter("StrictCheckDigits", true).start().await;
    let paused = Paused { running };
    let api = &paused.running.api;
    let error = failed("product", "regex", None, "The check digit of the product is 3, it should be 0.");
    paused.refuses(api.request("POST", RESERVATIONS).json(&sgtin(10)), 400, &[error]).await;
    api.post(&with(&sgtin(10), json!({ "product": "/01/19361758000000" }))).await;
    paused.running.stop().await;
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
    ] {
        paused.refuses(post(body.to_owned()), 400, &[payload(reason)]).await;
    }
    let none = at(0, payload("a code reservation has to be an object"));
    paused.refuses(post("[5]".to_owned()), 400, &[none]).await;
    let empty = [required("reserved_for"), required("code_type"), required("quantity")];
    paused.refuses(post("{}".to_owned()), 400, &empty).await;
    paused.refuses(post(String::new()), 400, &empty).await;
    // A body has at most 1 MB.
    let large = with(&sgtin(1), json!({ "x": "x".repeat(1_000_000) })).to_string();
    paused.refuses(post(large), 400, &[payload("request entity too large")]).await;
    let just = with(&sgtin(1), json!({ "x": "" })).to_string();
    let just = with(&sgtin(1), json!({ "x": "x".repeat(1_000_000 - just.len()) })).to_string();
    assert_eq!(Api::try_send(post(just)).await.unwrap().status, 200);
    paused.running.stop().await;
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

    // The answer is the same for an unknown id, an invalid id, and a row of another organisation (RSV-6).
    let writer = paused.api("writer");
    for path in [row(&other), format!("{RESERVATIONS}/{}", Uuid::new_v4()), format!("{RESERVATIONS}/17")] {
        paused.refuses(writer.request("GET", &path), 403, &[forbidden()]).await;
        paused.refuses(writer.request("PATCH", &path).json(&change), 403, &[forbidden()]).await;
        paused.refuses(writer.request("DELETE", &path), 403, &[forbidden()]).await;
    }
    // A row cannot be created for another organisation or moved to one.
    let foreign = json!({ "reserved_for": OTHER });
    paused
        .refuses(writer.request("POST", RESERVATIONS).json(&with(&sgtin(1), foreign.clone())), 403, &[forbidden()])
        .await;
    paused.refuses(writer.request("PATCH", &row(&own)).json(&foreign), 403, &[forbidden()]).await;
    // One row of another organisation refuses the whole batch.
    let both = json!([id(&own), id(&other)]);
    paused.refuses(writer.request("DELETE", RESERVATIONS).json(&both), 403, &[forbidden()]).await;
    let both = json!({ "keys": both, "data": change });
    paused.refuses(writer.request("PATCH", RESERVATIONS).json(&both), 403, &[forbidden()]).await;
    paused.running.stop().await;
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
        .refuses(api.request("POST", RESERVATIONS).json(&json!([sgtin(1), again])), 400, &[at(1, unique.clone())])
        .await;
    let fresh = with(&sgtin(1), json!({ "id": "0190a6b0-1f7a-7000-8000-000000000002" }));
    let twice = with(&unique, json!({}));
    let twice = twice.to_string().replace(own, id(&fresh)).parse::<Value>().unwrap();
    paused.refuses(api.request("POST", RESERVATIONS).json(&json!([fresh, fresh])), 400, &[at(1, twice)]).await;
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
    // A batch under a key has one row less, because the key is an action of the transaction. Keys belong to their user.
    let most = payload("100 rows in one request, 99 at most are allowed");
    let rows = api.request("POST", RESERVATIONS).header("Idempotency-Key", "many").json(&json!(vec![sgtin(1); 100]));
    paused.refuses(rows, 400, &[most]).await;
    let other = Api::try_send(post(&paused.api("admin"), "order 7", 6)).await.unwrap().data();
    assert_ne!(other["id"], answer.data()["id"]);
    paused.running.stop().await;
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
        ("POST", "/"),
        ("POST", "/files"),
    ] {
        paused.refuses(api.request(method, path).json(&sgtin(1)), 404, &[route_not_found(path)]).await;
    }
    paused.running.stop().await;
}
