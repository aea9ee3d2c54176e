//! Organisations: prefixes, quotas, ids with slashes, what is refused.

use serde_json::{Value, json};

use super::{ACME, ADA, ADMIN, ORGANISATIONS, USERS, WIM, administered, audits, directory, refusal, setup};
use crate::support::{
    api::{RESERVATIONS, encoded, id},
    harness::{completed, ended},
};

const BEISPIEL: &str = "/417/4012345000009";

fn path(organisation: &str) -> String {
    format!("{ORGANISATIONS}/{}", encoded(&json!(organisation)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_is_created_read_changed_and_deleted_in_the_shape_of_directus() {
    let (running, api) = administered().await;
    let new = json!({"id": BEISPIEL, "organisation_name": "Beispiel", "city": "Köln", "pgln": "4012345000009",
        "organisation_company_prefix": "4012345", "digital_link_domain": "HTTPS://id.beispiel.example/",
        "short_code_domain": null, "max_codes_per_day": 250_000});
    let made = api.send_json("POST", ORGANISATIONS, &new).await.data();
    let plain = json!({"id": BEISPIEL, "organisation_name": "Beispiel", "pgln": "4012345000009", "city": "Köln"});
    assert_eq!(made, plain, "what only operators decide shows when it is named");
    assert_eq!(api.send("GET", &path(BEISPIEL)).await.data(), plain);
    let fields = "?fields=organisation_company_prefix,digital_link_domain,short_code_domain,max_codes_per_day";
    let decided = json!({"organisation_company_prefix": "4012345", "digital_link_domain": "https://id.beispiel.example",
        "short_code_domain": null, "max_codes_per_day": 250_000});
    assert_eq!(api.send("GET", &format!("{}{fields}", path(BEISPIEL))).await.data(), decided);
    let found = api.send("GET", &format!("{ORGANISATIONS}?filter[max_codes_per_day][_gt]=1000&fields=id")).await.data();
    assert_eq!(found, json!([{ "id": BEISPIEL }]));
    let changed =
        api.send_json("PATCH", &format!("{}/{fields}", path(BEISPIEL)), &json!({"max_codes_per_day": null})).await;
    assert_eq!(changed.data()["max_codes_per_day"], Value::Null);

    let many = json!({"keys": [BEISPIEL, "ORG-2"], "data": {"city": "Bonn"}});
    let shown = api.send_json("PATCH", &format!("{ORGANISATIONS}?fields=id,city"), &many).await.data();
    assert_eq!(shown, json!([{"id": BEISPIEL, "city": "Bonn"}, {"id": "ORG-2", "city": "Bonn"}]));
    let rows = json!([{"id": BEISPIEL, "city": "Aachen"}, {"id": "ORG-2", "city": null}]);
    api.send_json("PATCH", ORGANISATIONS, &rows).await.data();
    let query =
        json!({"query": {"filter": {"city": {"_null": true}, "id": {"_eq": "ORG-2"}}}, "data": {"city": "Rom"}});
    assert_eq!(api.send_json("PATCH", ORGANISATIONS, &query).await.data()[0]["city"], "Rom");
    assert_eq!(api.send_json("DELETE", ORGANISATIONS, &json!({"keys": ["ORG-2"]})).await.status, 204);
    assert_eq!(api.send("DELETE", &path(BEISPIEL)).await.status, 204);
    assert_eq!(api.send("GET", &path(BEISPIEL)).await.status, 403);
    assert_eq!(api.send("DELETE", &path(BEISPIEL)).await.status, 403);
    let names: Vec<_> = audits(&running).await.into_iter().map(|one| (one.action, one.object, one.by)).collect();
    assert_eq!(names[0], ("organisation.remove".to_owned(), format!("organisation {BEISPIEL}"), format!("user:{ADA}")));
    assert_eq!(names.len(), 9, "{names:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_refused_with_the_member_and_changes_nothing() {
    let (running, api) = administered().await;
    let before = directory(&running).await;
    let with = |members: Value| crate::support::api::with(&json!({"id": "NEW"}), members);
    for (body, status, code, what) in [
        (json!({"organisation_name": "x"}), 400, "FAILED_VALIDATION", "id"),
        (json!({"id": null}), 400, "FAILED_VALIDATION", "id"),
        (json!({"id": 5}), 400, "FAILED_VALIDATION", "id"),
        (json!({"id": ""}), 400, "FAILED_VALIDATION", "id"),
        (json!({"id": "*"}), 400, "FAILED_VALIDATION", "id"),
        (json!({"id": " A"}), 400, "FAILED_VALIDATION", "id"),
        (json!({"id": "A/"}), 400, "FAILED_VALIDATION", "id"),
        (json!({"id": "A\nB"}), 400, "FAILED_VALIDATION", "id"),
        (json!({"id": "x".repeat(256)}), 400, "FAILED_VALIDATION", "id"),
        (json!({ "id": ACME }), 400, "RECORD_NOT_UNIQUE", "id"),
        (with(json!({"organisation_company_prefix": "950"})), 400, "FAILED_VALIDATION", "organisation_company_prefix"),
        (
            with(json!({"organisation_company_prefix": "9312345000012"})),
            400,
            "FAILED_VALIDATION",
            "organisation_company_prefix",
        ),
        (
            with(json!({"organisation_company_prefix": " 9312345"})),
            400,
            "FAILED_VALIDATION",
            "organisation_company_prefix",
        ),
        (
            with(json!({"organisation_company_prefix": "9312345 "})),
            400,
            "FAILED_VALIDATION",
            "organisation_company_prefix",
        ),
        (
            with(json!({"organisation_company_prefix": "93 12345"})),
            400,
            "FAILED_VALIDATION",
            "organisation_company_prefix",
        ),
        (
            with(json!({"organisation_company_prefix": "٩٣١٢٣٤٥"})),
            400,
            "FAILED_VALIDATION",
            "organisation_company_prefix",
        ),
        (
            with(json!({"organisation_company_prefix": "９３１２３４５"})),
            400,
            "FAILED_VALIDATION",
            "organisation_company_prefix",
        ),
        (
            with(json!({"organisation_company_prefix": "+931234"})),
            400,
            "FAILED_VALIDATION",
            "organisation_company_prefix",
        ),
        (
            with(json!({"organisation_company_prefix": 9312345})),
            400,
            "FAILED_VALIDATION",
            "organisation_company_prefix",
        ),
        (with(json!({"organisation_company_prefix": "95060001"})), 400, "INVALID_PAYLOAD", ""),
        (with(json!({"organisation_company_prefix": "9506"})), 400, "INVALID_PAYLOAD", ""),
        (with(json!({"digital_link_domain": "id.example.com"})), 400, "FAILED_VALIDATION", "digital_link_domain"),
        (with(json!({"short_code_domain": "https://s.example/01"})), 400, "FAILED_VALIDATION", "short_code_domain"),
        (with(json!({"max_codes_per_day": -1})), 400, "FAILED_VALIDATION", "max_codes_per_day"),
        (with(json!({"max_codes_per_day": 1.5})), 400, "FAILED_VALIDATION", "max_codes_per_day"),
        (with(json!({"max_codes_per_day": "7"})), 400, "FAILED_VALIDATION", "max_codes_per_day"),
        (with(json!({"max_codes_per_day": 1_000_000_000_001_u64})), 400, "FAILED_VALIDATION", "max_codes_per_day"),
        (with(json!({"city": ["Bonn"]})), 400, "FAILED_VALIDATION", "city"),
        (with(json!({"organisation_name": {"en": "x"}})), 400, "FAILED_VALIDATION", "organisation_name"),
        (with(json!({"organisation_name": ""})), 400, "FAILED_VALIDATION", "organisation_name"),
        (with(json!({"kind": "user"})), 403, "FORBIDDEN", ""),
        (with(json!({"users": [{"id": WIM, "role": "admin"}]})), 403, "FORBIDDEN", ""),
        (with(json!({"number": 5})), 403, "FORBIDDEN", ""),
        (json!([with(json!({})), with(json!({}))]), 400, "RECORD_NOT_UNIQUE", "id"),
    ] {
        let reply = api.send_json("POST", ORGANISATIONS, &body).await;
        let (given, of, member) = refusal(&reply);
        assert_eq!((given, of.as_str()), (status, code), "{body}: {}", reply.text);
        assert!(what.is_empty() || member == what, "{body}: {}", reply.text);
        if body.get("id") == Some(&json!("NEW")) {
            let mut change = body.clone();
            change.as_object_mut().unwrap().remove("id");
            let reply = api.send_json("PATCH", &path("ORG-2"), &change).await;
            assert_eq!((reply.status, reply.code().as_str()), (status, code), "{change}: {}", reply.text);
        }
        assert_eq!(directory(&running).await, before, "{body}");
    }
    let nested = api.send_json("POST", ORGANISATIONS, &with(json!({"organisation_company_prefix": "95060001"}))).await;
    assert!(nested.reason().contains("95060001") && nested.reason().contains(ACME), "{}", nested.text);
    // Of one request.
    let both = json!([{"id": "A", "organisation_company_prefix": "4012"}, {"id": "B", "organisation_company_prefix": "40123"}]);
    let reply = api.send_json("POST", ORGANISATIONS, &both).await;
    assert_eq!((reply.status, &reply.json()["errors"][0]["extensions"]["index"]), (400, &json!(1)));
    assert_eq!(directory(&running).await, before);
    // An equal prefix is shared.
    let equal = with(json!({"organisation_company_prefix": "9506000"}));
    assert_eq!(api.send_json("POST", ORGANISATIONS, &equal).await.status, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_one_text_whatever_its_case_and_slashes() {
    let (running, api) = administered().await;
    for organisation in ["a", "A", "A//B", "/", "ä", "50%", "a b", "?x=1", "#", "..", "%2F", "\u{1f600}", "A.b-c_d~e"]
    {
        let made = api.send_json("POST", ORGANISATIONS, &json!({"id": organisation, "city": organisation})).await;
        if organisation == "/" {
            assert_eq!(made.status, 400);
            continue;
        }
        assert_eq!(made.data()["id"], organisation);
    }
    let all =
        api.send("GET", &format!("{ORGANISATIONS}?fields=id,city&filter[city][_nnull]=true&limit=-1")).await.data();
    assert_eq!(all.as_array().unwrap().len(), 12);
    // A change of one is none of another.
    assert_eq!(api.send("DELETE", &path("a")).await.status, 204);
    assert_eq!(api.send("GET", &path("A")).await.data()["city"], "A");
    assert_eq!(api.send("DELETE", &path("A//B")).await.status, 204);
    for organisation in ["A", "ä", "50%", "a b", "?x=1", "#", "%2F", "\u{1f600}", "A.b-c_d~e"] {
        let changed = api.send_json("PATCH", &path(organisation), &json!({"city": "x"})).await;
        assert_eq!(changed.data()["id"], organisation);
        assert_eq!(api.send("DELETE", &path(organisation)).await.status, 204, "{organisation}");
    }
    assert_eq!(api.send_json("DELETE", ORGANISATIONS, &json!([".."])).await.status, 204);
    let left = api.send("GET", &format!("{ORGANISATIONS}?fields=id")).await.data();
    assert_eq!(left, json!([{"id": ACME}, {"id": "ORG-2"}]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_a_name_is_text_in_every_answer() {
    let (running, api) = administered().await;
    let name = "<script>alert(\"x\")</script> & =1+1";
    api.send_json("POST", ORGANISATIONS, &json!({"id": "M", "organisation_name": name, "city": "=1+1"})).await.data();
    let read = api.send("GET", &path("M")).await;
    assert_eq!(read.data()["organisation_name"], name);
    assert_eq!(
        (read.header("content-type"), read.header("x-content-type-options")),
        ("application/json; charset=utf-8", "nosniff")
    );
    let xml = api.send("GET", &format!("{ORGANISATIONS}?export=xml&filter[id][_eq]=M")).await;
    assert!(xml.text.contains("&lt;script") && !xml.text.contains("<script>"), "{}", xml.text);
    let csv = api.send("GET", &format!("{ORGANISATIONS}?export=csv&filter[id][_eq]=M&fields=city")).await;
    assert_eq!(csv.text, "\"city\"\n\"'=1+1\"");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_is_in_use_stays() {
    let running = setup().start().await;
    let api = running.api.with_token(Some(ADMIN));
    let kept = async |reason: &str| {
        for reply in [
            api.send("DELETE", &path(ACME)).await,
            api.send_json("DELETE", ORGANISATIONS, &json!(["ORG-2", ACME])).await,
            api.send_json("DELETE", ORGANISATIONS, &json!({"query": {"limit": -1}})).await,
        ] {
            assert_eq!((reply.status, reply.code().as_str()), (422, "UNPROCESSABLE_CONTENT"), "{}", reply.text);
            assert!(reply.reason().contains(reason), "{}", reply.text);
        }
        assert_eq!(api.send("GET", &path("ORG-2")).await.status, 200);
    };
    kept("may sign in").await;
    let all =
        json!({"query": {"filter": {"role": {"name": {"_neq": "Administrator"}}}}, "data": {"status": "suspended"}});
    api.send_json("PATCH", USERS, &all).await.data();
    let limited = json!({"query": {"filter": {"first_name": {"_eq": "Lea"}}}, "data": {"status": "suspended"}});
    api.send_json("PATCH", USERS, &limited).await.data();
    let row = json!({"reserved_for": ACME, "code_type": "sscc", "quantity": 1});
    let open = api.send_json("POST", RESERVATIONS, &row).await.data();
    kept("open reservations").await;
    api.send_json("PATCH", &format!("{RESERVATIONS}/{}", id(&open)), &json!({"status": "error"})).await.data();
    assert_eq!(api.send_json("DELETE", ORGANISATIONS, &json!(["ORG-2", ACME])).await.status, 204);
    assert_eq!(api.send("GET", &format!("{ORGANISATIONS}?fields=id")).await.data(), json!([]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prefix_of_an_organisation_that_is_gone_keeps_nested_ones_away() {
    let running = super::Setup::new().rows(&super::rows()).start().await;
    let api = running.api.with_token(Some(ADMIN));
    let row = json!({"reserved_for": ACME, "code_type": "sscc", "quantity": 3});
    let made = api.send_json("POST", RESERVATIONS, &row).await.data();
    completed(&api, id(&made)).await;
    let suspended = json!({"keys": [WIM, super::LEA], "data": {"status": "suspended"}});
    api.send_json("PATCH", USERS, &suspended).await.data();
    assert_eq!(api.send("DELETE", &path(ACME)).await.status, 204);
    let nested = json!({"id": "NEW", "organisation_company_prefix": "95060001"});
    let refused = api.send_json("POST", ORGANISATIONS, &nested).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "INVALID_PAYLOAD"));
    assert!(refused.reason().contains("codes were reserved"), "{}", refused.text);
    let equal = json!({"id": "NEW", "organisation_company_prefix": "9506000"});
    assert_eq!(api.send_json("POST", ORGANISATIONS, &equal).await.status, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_is_set_here_holds_for_the_next_reservation() {
    let running = super::Setup::new().rows(&super::rows()).start().await;
    let api = running.api.with_token(Some(ADMIN));
    let reserve = async |quantity: u64| {
        let row = json!({"reserved_for": ACME, "code_type": "sscc", "quantity": quantity});
        let made = api.send_json("POST", RESERVATIONS, &row).await.data();
        ended(&api, id(&made)).await
    };
    assert_eq!(reserve(10).await["status"], "complete");
    api.send_json("PATCH", &path(ACME), &json!({"max_codes_per_day": 5})).await.data();
    let refused = reserve(10).await;
    assert_eq!(refused["status"], "error", "{refused}");
    assert_eq!(reserve(5).await["status"], "complete");
    running.stop().await;
}
