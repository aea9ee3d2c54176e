//! An array with bad rows: every error of every row, each with the index of its row, and nothing is written.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    rest::refusals::{
        CODE_TYPES, OTHER, OWN, Paused, at, failed, forbidden, forbidden_because, one_of, payload, required,
    },
    support::api::{RESERVATIONS, id, sgtin, with},
};

fn at_least_one() -> Value {
    failed("quantity", "gte", Some(json!(1)), "Value has to be greater than or equal to 1.")
}

fn taken(id: &str) -> Value {
    json!({
        "message": format!("Value \"{id}\" for field \"id\" in collection \"code_reservation\" has to be unique."),
        "extensions": {"collection": "code_reservation", "field": "id", "value": id, "code": "RECORD_NOT_UNIQUE"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_row_of_a_new_array_is_named() {
    let paused = Paused::start().await;
    let api = paused.api("writer");
    let post = |rows: &Value| api.request("POST", RESERVATIONS).json(rows);
    let mut hundred: Vec<Value> = (0..100).map(|_| sgtin(1)).collect();
    hundred[3]["quantity"] = json!(0);
    hundred[41] = with(&sgtin(1), json!({"code_type": "ean", "reserved_for": null}));
    hundred[99]["quantity"] = json!(-5);
    let errors = [
        at(3, at_least_one()),
        at(41, one_of("code_type", &CODE_TYPES)),
        at(41, required("reserved_for")),
        at(99, at_least_one()),
    ];
    let written = errors[0].to_string();
    assert!(written.contains("\"path\":[],\"index\":3,\"type\":\"gte\""), "{written}");
    paused.refuses(post(&json!(hundred)), 400, &errors).await;

    // Rows that are none, of another organisation, with an id that another row has.
    let known = id(&api.post(&sgtin(1)).await).to_owned();
    let own = Uuid::new_v4().to_string();
    let rows = json!([
        5,
        with(&sgtin(1), json!({"reserved_for": OTHER})),
        with(&sgtin(1), json!({"id": own})),
        with(&sgtin(1), json!({"id": own})),
        with(&sgtin(1), json!({"id": known})),
        with(&sgtin(1), json!({"reference_id": "a\nb"})),
        sgtin(1),
    ]);
    let control = failed("reference_id", "regex", None, "Value must not contain control characters.");
    let errors = [
        at(0, payload("a code reservation has to be an object")),
        at(1, forbidden()),
        at(3, taken(&own)),
        at(4, taken(&known)),
        at(5, control.clone()),
    ];
    paused.refuses(post(&rows), 400, &errors).await;
    // The status is that of the first bad row.
    let rows = json!([with(&sgtin(1), json!({"reserved_for": OTHER})), with(&sgtin(1), json!({"quantity": 0}))]);
    paused.refuses(post(&rows), 403, &[at(0, forbidden()), at(1, at_least_one())]).await;
    // All ids that are taken, although only the write finds that out.
    let second = id(&api.post(&sgtin(1)).await).to_owned();
    let rows = json!([sgtin(1), with(&sgtin(1), json!({"id": second})), with(&sgtin(1), json!({"id": known}))]);
    paused.refuses(post(&rows), 400, &[at(1, taken(&second)), at(2, taken(&known))]).await;
    // Bad rows whose ids are taken too, by a row that exists or by another bad row.
    let rows = json!([
        with(&sgtin(1), json!({"id": known, "quantity": 0})),
        with(&sgtin(1), json!({"id": own, "quantity": 0})),
        with(&sgtin(1), json!({"id": own})),
        with(&sgtin(1), json!({"id": own.to_uppercase(), "quantity": 0})),
    ]);
    let errors = [
        at(0, at_least_one()),
        at(0, taken(&known)),
        at(1, at_least_one()),
        at(2, taken(&own)),
        at(3, at_least_one()),
        at(3, taken(&own)),
    ];
    paused.refuses(post(&rows), 400, &errors).await;
    // An array of one row has an index, a row without an array has none.
    let one = with(&sgtin(1), json!({"quantity": 0}));
    paused.refuses(post(&json!([one])), 400, &[at(0, at_least_one())]).await;
    paused.refuses(post(&one), 400, &[at_least_one()]).await;
    // More rows than a batch may have are not judged.
    let many: Value = (0..101).map(|_| one.clone()).collect();
    let most = payload("101 rows in one request, 100 at most are allowed");
    paused.refuses(post(&many), 400, &[most]).await;
    paused.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_row_of_a_changed_array_is_named() {
    let paused = Paused::start().await;
    let api = paused.api("writer");
    let rows: Vec<Value> = (0..4).map(|_| sgtin(10)).collect();
    let made = api.send_json("POST", RESERVATIONS, &json!(rows)).await.data();
    let ids: Vec<&str> = made.as_array().unwrap().iter().map(id).collect();
    let stranger = id(&paused.api("admin").post(&with(&sgtin(1), json!({"reserved_for": OTHER}))).await).to_owned();
    let patch = |rows: &Value| api.request("PATCH", RESERVATIONS).json(rows);
    let no_key = payload("Item in update misses primary key");
    let member = forbidden_because(
        "You don't have permission to access field \"nope\" in collection \"code_reservation\" or it does not exist. Queried in root.",
    );
    let body = json!([
        {"id": ids[0], "quantity": 0, "length": 99},
        {"id": ids[1], "reference_id": "fine"},
        {"reference_id": "no key"},
        {"id": "nope", "reference_id": "x"},
        {"id": stranger, "reference_id": "x"},
        {"id": Uuid::new_v4(), "reference_id": "x"},
        {"id": ids[2], "nope": 1},
        // Later changes of a row whose change is bad are judged as if it were not there.
        {"id": ids[0], "quantity": 0},
        {"id": ids[3], "reserved_for": OTHER},
        {"id": ids[1], "quantity": 0},
    ]);
    let length = failed("length", "lte", Some(json!(20)), "Value has to be less than or equal to 20.");
    let errors = [
        at(0, at_least_one()),
        at(0, length),
        at(2, no_key),
        at(3, forbidden()),
        at(4, forbidden()),
        at(5, forbidden()),
        at(6, member),
        at(7, at_least_one()),
        at(8, forbidden()),
        at(9, at_least_one()),
    ];
    paused.refuses(patch(&body), 400, &errors).await;
    // Between bad changes of one row there may be changes of it that are not.
    let body = json!([
        {"id": ids[0], "quantity": 0},
        {"id": ids[1], "reference_id": "fine"},
        {"id": ids[0], "reference_id": "fine"},
        {"id": ids[0], "length": 99},
    ]);
    let length = failed("length", "lte", Some(json!(20)), "Value has to be less than or equal to 20.");
    paused.refuses(patch(&body), 400, &[at(0, at_least_one()), at(3, length)]).await;
    // One change for several rows is one error.
    let body = json!({"keys": ids, "data": {"quantity": 0}});
    paused.refuses(patch(&body), 400, &[at_least_one()]).await;
    assert_eq!(made[0]["reserved_for"], OWN);
    paused.running.stop().await;
}
