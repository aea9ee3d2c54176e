//! Lot and dates of a reservation, from the request to the file, and codes that are found with them.

use serde_json::{Value, json};

use crate::support::{
    api::{CODES, RESERVATIONS, encoded, id, sgtin, with},
    harness::{Running, Setup, TOKEN, completed},
};

const MEMBERS: [&str; 4] = ["lot", "expiry_date", "production_date", "best_before"];
const NAMED: &str = "fields=lot,expiry_date,production_date,best_before";

fn known() -> Value {
    json!({"lot": "L/1", "expiry_date": "2027-12-31", "production_date": "2026-05-01", "best_before": "2027-11-30"})
}

/// The ids of a list, as the last digits of its references.
async fn listed(server: &Running, query: &str) -> String {
    let rows = server.get(&format!("{RESERVATIONS}?fields=reference_id&{query}"), TOKEN).await.data();
    rows.as_array().unwrap().iter().map(|row| row["reference_id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_shown_only_where_they_are_named() {
    let server = Running::paused().await;
    let made = server.api.post(&with(&sgtin(1), known())).await;
    let path = format!("{RESERVATIONS}/{}", id(&made));
    for shown in
        [&made, &server.get(&path, TOKEN).await.data(), &server.get(&format!("{path}?fields=*"), TOKEN).await.data()]
    {
        assert!(MEMBERS.iter().all(|member| shown.get(member).is_none()), "{shown}");
    }
    assert_eq!(server.get(&format!("{path}?{NAMED}"), TOKEN).await.data(), known());
    let created = server.json("POST", &format!("{RESERVATIONS}?{NAMED}"), TOKEN, &with(&sgtin(1), known())).await;
    assert_eq!(created.data(), known());
    // A reservation without them has none.
    let plain = server.api.post(&sgtin(1)).await;
    let shown = server.get(&format!("{RESERVATIONS}/{}?{NAMED}", id(&plain)), TOKEN).await.data();
    assert!(MEMBERS.iter().all(|member| shown[member].is_null()), "{shown}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_and_the_codes_have_them_and_every_form_is_found() {
    let server = Running::in_memory().await;
    let itip = json!({"code_type": "itip", "product": "/8006/095060001343520102"});
    for (members, path, elements) in [
        (json!({}), "/01/19361758000003/10/L%2F1/21/", "(01)19361758000003(11)260501(15)271130(17)271231(10)L/1(21)"),
        (
            itip,
            "/8006/095060001343520102/10/L%2F1/21/",
            "(8006)095060001343520102(11)260501(15)271130(17)271231(10)L/1(21)",
        ),
    ] {
        let wanted =
            with(&with(&sgtin(3), known()), with(&members, json!({"url_suffix": "?k=v", "export_type": "json"})));
        let done = completed(&server.api, id(&server.api.post(&wanted).await)).await;
        let file = server.api.download(done["export_file"].as_str().unwrap()).await;
        let query = format!("filter[reservation][_eq]={}&fields=*,position,reservation.lot", id(&done));
        let codes = server.get(&format!("{CODES}?{query}"), TOKEN).await.data();
        let rows: Vec<Value> = serde_json::from_slice(&file).unwrap();
        assert_eq!((rows.len(), codes.as_array().unwrap().len()), (3, 3));
        for (row, code) in rows.iter().zip(codes.as_array().unwrap()) {
            let text = |name: &str| row[name].as_str().unwrap();
            let (serial, link, element_string) = (text("code"), text("digital_link"), text("element_string"));
            let tail = "?11=260501&15=271130&17=271231&k=v";
            assert_eq!(link, format!("https://id.gs1.org{path}{serial}{tail}"));
            assert_eq!(element_string, format!("{elements}{serial}"));
            assert!(!text("epc_uri").contains("L/1") && !text("epc_uri").contains("271231"), "{row}");
            assert_eq!((&code["digital_link"], &code["code"]), (&json!(link), &json!(serial)));
            let key = elements.split("(11)").next().unwrap();
            assert_eq!(code["epc_join_key"], format!("{key}(21){serial}"));
            assert_eq!(code["reservation"]["lot"], "L/1");

            let bare = link.split('?').next().unwrap();
            for found in [
                json!({"digital_link": link}),
                json!({"digital_link": bare}),
                json!({"digital_link": bare.replace("/10/L%2F1", "")}),
                json!({"digital_link": format!("{bare}?17=271200")}),
                json!({"epc_join_key": element_string}),
                json!({"epc_join_key": code["epc_join_key"]}),
                json!({"code": serial, "product": done["product"]}),
            ] {
                assert_eq!(lookup(&server, &found).await, json!([code["id"]]), "{found}");
            }
            for other in [
                json!({"digital_link": link.replace("L%2F1", "L%2F2")}),
                json!({"digital_link": link.replace("17=271231", "17=271230")}),
                json!({"digital_link": format!("{bare}?15=261130")}),
                json!({"epc_join_key": element_string.replace("(10)L/1", "(10)L/2")}),
                json!({"epc_join_key": element_string.replace("(11)260501", "(11)250501")}),
            ] {
                assert_eq!(lookup(&server, &other).await, json!([]), "{other}");
            }
        }
    }
    // A code without a lot is found whatever lot somebody printed beside it.
    let done = completed(&server.api, id(&server.api.post(&sgtin(1)).await)).await;
    let query = format!("filter[reservation][_eq]={}", id(&done));
    let code = server.get(&format!("{CODES}?{query}"), TOKEN).await.data()[0].clone();
    let link = code["digital_link"].as_str().unwrap().replace("/21/", "/10/ANY/21/") + "?17=300101";
    assert_eq!(lookup(&server, &json!({"digital_link": link})).await, json!([code["id"]]));
    server.stop().await;
}

/// The ids of the codes that a filter finds, which are also below the reservations that it finds.
async fn lookup(server: &Running, members: &Value) -> Value {
    let conditions = members.as_object().unwrap().iter().map(|(name, value)| json!({ name: {"_eq": value} }));
    let filter = json!({"_and": conditions.collect::<Vec<_>>()});
    let rows = server.get(&format!("{CODES}?fields=id&filter={}", encoded(&filter)), TOKEN).await.data();
    let ids: Vec<Value> = rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    let some = json!({"codes": {"_some": filter}});
    let found = server.get(&format!("{RESERVATIONS}?fields=id&filter={}", encoded(&some)), TOKEN).await.data();
    assert_eq!(found.as_array().unwrap().len(), ids.len(), "{members}");
    json!(ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_codes_are_reserved_they_are_fixed_and_a_new_file_has_the_same() {
    let server = Running::in_memory().await;
    let done = completed(&server.api, id(&server.api.post(&with(&sgtin(2), known())).await)).await;
    let path = format!("{RESERVATIONS}/{}", id(&done));
    for (member, other) in [
        ("lot", json!("L/2")),
        ("lot", Value::Null),
        ("expiry_date", json!("2028-01-01")),
        ("best_before", Value::Null),
    ] {
        let reply = server.json("PATCH", &path, TOKEN, &json!({ member: other })).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "FAILED_VALIDATION"), "{member}");
        let error = &reply.json()["errors"][0]["extensions"];
        assert_eq!(
            (&error["field"], &error["type"], &error["valid"]),
            (&json!(member), &json!("eq"), &known()[member])
        );
    }
    assert_eq!(server.json("PATCH", &path, TOKEN, &with(&known(), json!({"reference_id": "x"}))).await.status, 200);
    let first = server.api.download(done["export_file"].as_str().unwrap()).await;
    server.api.patch(id(&done), &json!({"status": "new"})).await;
    let again = completed(&server.api, id(&done)).await;
    assert_eq!(server.api.download(again["export_file"].as_str().unwrap()).await, first);
    assert_ne!(again["export_file"], done["export_file"]);
    server.stop().await;

    // Before, they can be changed.
    let server = Running::paused().await;
    let made = server.api.post(&sgtin(2)).await;
    let path = format!("{RESERVATIONS}/{}?{NAMED}", id(&made));
    assert_eq!(server.json("PATCH", &path, TOKEN, &known()).await.data(), known());
    let changed = server.json("PATCH", &path, TOKEN, &json!({"lot": null, "expiry_date": "2028-02-29"})).await.data();
    assert_eq!(changed, with(&known(), json!({"lot": null, "expiry_date": "2028-02-29"})));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_filter_sort_group_and_export_by_them() {
    let server = Running::paused().await;
    for (reference, members) in [
        ("1", json!({"lot": "A", "expiry_date": "2027-12-31"})),
        ("2", json!({"lot": "B", "expiry_date": "2027-01-15"})),
        ("3", json!({"lot": "A", "production_date": "2026-05-01"})),
        ("4", json!({})),
    ] {
        server.api.post(&with(&with(&sgtin(1), json!({"reference_id": reference})), members)).await;
    }
    let sort = "sort=reference_id";
    for (filter, expected) in [
        (json!({"lot": {"_eq": "A"}}), "13"),
        (json!({"lot": {"_in": ["B", "C"]}}), "2"),
        (json!({"lot": {"_null": true}}), "4"),
        (json!({"lot": {"_starts_with": "A"}}), "13"),
        (json!({"expiry_date": {"_eq": "2027-12-31"}}), "1"),
        (json!({"expiry_date": {"_lt": "2027-06-01"}}), "2"),
        (json!({"expiry_date": {"_lte": "2027-12-31"}}), "12"),
        (json!({"expiry_date": {"_between": ["2027-01-15", "2027-12-30"]}}), "2"),
        (json!({"expiry_date": {"_gt": "$NOW(-100 years)"}}), "12"),
        (json!({"expiry_date": {"_null": true}}), "34"),
        (json!({"year(production_date)": {"_eq": 2026}}), "3"),
        (json!({"month(expiry_date)": {"_eq": 1}}), "2"),
    ] {
        assert_eq!(listed(&server, &format!("{sort}&filter={}", encoded(&filter))).await, expected, "{filter}");
    }
    assert_eq!(listed(&server, "sort=expiry_date,reference_id").await, "2134");
    assert_eq!(listed(&server, "sort=-lot,-reference_id").await, "4231");
    let text = async |query: &str| server.get(&format!("{RESERVATIONS}?{query}"), TOKEN).await.text;
    assert_eq!(
        text("export=csv&fields=lot,expiry_date&sort=reference_id&limit=2").await,
        "\"lot\",\"expiry_date\"\n\"A\",\"2027-12-31\"\n\"B\",\"2027-01-15\""
    );
    let grouped = server.get(&format!("{RESERVATIONS}?groupBy=lot&aggregate[count]=id&sort=lot"), TOKEN).await.data();
    assert_eq!(
        grouped,
        json!([
            {"lot": "A", "count": {"id": "2"}},
            {"lot": "B", "count": {"id": "1"}},
            {"lot": null, "count": {"id": "1"}},
        ])
    );
    for refused in
        ["filter[expiry_date][_contains]=2027", "filter[hour(expiry_date)][_eq]=1", "fields=hour(expiry_date)"]
    {
        let reply = server.get(&format!("{RESERVATIONS}?{refused}"), TOKEN).await;
        assert!(reply.status == 400 || reply.status == 403, "{refused}: {}", reply.text);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphql_writes_reads_and_filters_them() {
    let server = Running::paused().await;
    let ask = async |query: &str| {
        let reply = server.json("POST", "/graphql", TOKEN, &json!({ "query": query })).await.json();
        assert!(reply.get("errors").is_none(), "{query}: {reply}");
        reply["data"].clone()
    };
    let members = "lot expiry_date production_date best_before";
    let created = ask(&format!(
        r#"mutation {{ create_code_reservation_item(data: {{ reserved_for: "/417/9312345000012", code_type: "sgtin",
            quantity: 1, product: "/01/19361758000003", lot: "L/1", expiry_date: "2027-12-31",
            production_date: "2026-05-01", best_before: "2027-11-30" }}) {{ {members} }} }}"#
    ))
    .await;
    assert_eq!(created["create_code_reservation_item"], known());
    server.api.post(&sgtin(1)).await;
    let listed = ask(&format!(
        r#"{{ code_reservation(filter: {{ lot: {{ _eq: "L/1" }}, expiry_date: {{ _gt: "2027-01-01" }},
            production_date_func: {{ year: {{ _eq: 2026 }} }} }}, sort: ["expiry_date"])
            {{ {members} expiry_date_func {{ year month day }} }} }}"#
    ))
    .await;
    let function = json!({"expiry_date_func": {"year": 2027, "month": 12, "day": 31}});
    assert_eq!(listed["code_reservation"], json!([with(&known(), function)]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_stands_for_one_lot() {
    let server = Running::paused().await;
    let create = async |members: Value| {
        let request = server.api.request("POST", &format!("{RESERVATIONS}?fields=id,lot"));
        let request = request.header("Idempotency-Key", "lot-1").json(&with(&sgtin(1), members));
        crate::support::api::Api::try_send(request).await.unwrap()
    };
    let first = create(known()).await.data();
    assert_eq!(first["lot"], "L/1");
    assert_eq!(create(known()).await.data(), first);
    for other in
        [with(&known(), json!({"lot": "L/2"})), with(&known(), json!({"best_before": "2027-10-31"})), json!({})]
    {
        assert_ne!(create(other.clone()).await.status, 200, "{other}");
    }
    assert_eq!(server.get(&format!("{RESERVATIONS}?fields=lot"), TOKEN).await.data(), json!([{"lot": "L/1"}]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_seed_have_them_and_a_lot_that_no_code_can_have_is_refused() {
    let row = |members: Value| {
        with(
            &json!({"id": "0193aaaa-0000-7000-8000-000000000001", "code_type": "sgtin", "status": "complete"}),
            members,
        )
    };
    let users = json!([{"id": "a11ce000-0000-4000-8000-000000000001", "token": TOKEN, "role": "admin"}]);
    let rows = json!({"directus_users": users, "code_reservation": [row(known())]});
    let server = Setup::new().paused().rows(&rows).start().await;
    let shown = server.get(&format!("{RESERVATIONS}?{NAMED}"), TOKEN).await.data();
    assert_eq!(shown, json!([known()]));
    server.stop().await;
    for bad in [json!({"lot": "A(21)B"}), json!({"lot": "A B"}), json!({"expiry_date": "2027-02-30"})] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), json!({"code_reservation": [row(bad.clone())]}).to_string()).unwrap();
        let server = Running::paused().await;
        let loaded = local::seed::load(server.context(), file.path()).await;
        assert!(matches!(loaded, Err(local::seed::SeedError::Form { .. })), "{bad}: {loaded:?}");
        server.stop().await;
    }
}
