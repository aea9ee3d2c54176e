//! How reservations end: complete for every code type and format, as an error with a message, closed, deleted; and
//! again.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json};

use crate::support::{
    api::{Api, RESERVATIONS, id, id_in_names, sgtin, with},
    by_hand,
    harness::{Running, Setup, completed, ended},
    invariants::{assert_settled, stored},
    stream::deliver,
};

/// Organisations: with a company prefix, without one, and with a prefix that leaves five digits.
const WITH: &str = "/417/9506000000005";
const WITHOUT: &str = "/417/9312345000012";
const LONG: &str = "/417/9506000134352";

async fn start() -> Running {
    let rows = json!({
        "directus_users": [{ "id": "8f4a5c3e-0000-4000-8000-000000000001", "role": "admin", "token": "local-token" }],
        "organisation": [
            { "id": WITH, "organisation_company_prefix": "9506000" },
            { "id": LONG, "organisation_company_prefix": "950600013435" },
            { "id": WITHOUT },
        ],
    });
    Setup::new().rows(&rows).start().await
}

fn request(code_type: &str, quantity: u64, members: Value) -> Value {
    let request = json!({ "reserved_for": WITH, "code_type": code_type, "quantity": quantity });
    with(&request, members)
}

/// Codes of a product whose key begins with the prefix of the organisation.
fn own(quantity: u64, members: Value) -> Value {
    with(&request("sgtin", quantity, json!({ "product": "/01/09506000134352" })), members)
}

async fn rows(api: &Api, done: &Value) -> Vec<[String; 5]> {
    let bytes = api.download(done["export_file"].as_str().unwrap()).await;
    let text = String::from_utf8(bytes).unwrap();
    let fields = |row: &str| row.split(',').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
    text.lines().skip(1).map(fields).collect()
}

/// Whether the check digit is right: weights 1 and 3 from the right (GS1 General Specifications, 7.9.1).
fn has_right_check_digit(key: &str) -> bool {
    let weighted = key.bytes().rev().zip([1, 3].into_iter().cycle());
    weighted.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum::<u32>().is_multiple_of(10)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_code_is_reserved_and_exported() {
    let running = start().await;
    let api = &running.api;
    // Code type, product, the constant part of the element string and of the link, and the length of the rest.
    for (code_type, product, element, link, varies) in [
        ("sgtin", json!("/01/09506000134352"), "(01)09506000134352(21)", "/01/09506000134352/21/", 8),
        ("sscc", Value::Null, "(00)", "/00/", 18),
        ("grai", json!("/8003/09506000134352"), "(8003)09506000134352", "/8003/09506000134352", 8),
        ("giai", Value::Null, "(8004)9506000", "/8004/9506000", 8),
        ("gsrn", Value::Null, "(8018)", "/8018/", 18),
        ("gdti", json!("/253/9506000134352"), "(253)9506000134352", "/253/9506000134352", 8),
        ("itip", json!("/8006/095060001343520102"), "(8006)095060001343520102(21)", "/8006/095060001343520102/21/", 8),
        ("cpi", json!("/8010/9506000PART-1"), "(8010)9506000PART-1(8011)", "/8010/9506000PART-1/8011/", 12),
        ("sgcn", json!("/255/9506000134352"), "(255)9506000134352", "/255/9506000134352", 12),
    ] {
        let done = completed(api, id(&api.post(&request(code_type, 300, json!({ "product": product }))).await)).await;
        let mut codes = HashSet::new();
        for (row, number) in rows(api, &done).await.iter().zip(1..) {
            let [position, code, digital_link, element_string, epc_uri] = row;
            assert_eq!(position, &number.to_string());
            let serial = element_string.strip_prefix(element).unwrap_or_else(|| panic!("{code_type}: {row:?}"));
            assert_eq!(serial.len(), varies, "{code_type}: {row:?}");
            assert_eq!(digital_link, &format!("https://id.gs1.org{link}{serial}"), "{code_type}");
            assert!(
                code.ends_with(serial) && epc_uri.starts_with(&format!("urn:epc:id:{code_type}:9506000")),
                "{row:?}"
            );
            if varies == 18 {
                assert!(has_right_check_digit(code), "{row:?}");
            }
            assert!(codes.insert(code.clone()), "{code_type}: {code} twice");
        }
        assert_eq!(codes.len(), 300, "{code_type}");
    }
    // A short code of an organisation without a domain has no link and no element string.
    let done = completed(api, id(&api.post(&request("short_code", 300, json!({}))).await)).await;
    let codes: BTreeSet<_> =
        rows(api, &done).await.into_iter().map(|[_, code, link, element, _]| (code.len(), link, element)).collect();
    assert_eq!(codes, BTreeSet::from([(8, String::new(), String::new())]));
    assert_eq!(assert_settled(running.context()).await.state.pools.len(), 10);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_holds_the_codes_and_a_new_format_the_same_codes() {
    let running = start().await;
    let api = &running.api;
    let posted =
        api.post(&with(&sgtin(500), json!({ "reference_id": "pallet 7", "url_suffix": "?lot=A&by=me" }))).await;
    let first = completed(api, id(&posted)).await;
    let codes: Vec<String> = rows(api, &first).await.into_iter().map(|[_, code, ..]| code).collect();
    let pool = assert_settled(running.context()).await.state.pools;
    let mut last = first["export_file"].clone();
    for (format, media_type) in [
        ("txt", "text/plain; charset=utf-8"),
        ("json", "application/json"),
        ("ndjson", "application/x-ndjson"),
        ("yaml", "application/yaml"),
        ("xml", "application/xml"),
        ("csv.gz", "application/gzip"),
        ("txt.gz", "application/gzip"),
        ("json.gz", "application/gzip"),
        ("ndjson.gz", "application/gzip"),
        ("yaml.gz", "application/gzip"),
        ("xml.gz", "application/gzip"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("csv", "text/csv; charset=utf-8"),
    ] {
        let again = api.patch(id(&posted), &json!({ "export_type": format, "status": "new" })).await;
        assert_eq!((&again["status"], &again["quantity_reserved"]), (&json!("in_progress"), &json!(0)));
        assert_eq!(again["export_file"], last, "the old file stays until the new one is there");
        let done = completed(api, id(&posted)).await;
        let file = api.send("GET", &format!("/files/{}", done["export_file"].as_str().unwrap())).await.data();
        assert_eq!(
            (&file["type"], &file["filename_download"]),
            (&json!(media_type), &json!(format!("pallet 7-{}.{format}", id_in_names(&id(&posted)))))
        );
        assert_ne!(done["export_file"], last);
        // RSV-4: `assert_settled` compares the file with a fresh rendering and finds an old file that was not removed.
        let stored = assert_settled(running.context()).await;
        assert_eq!((stored.files.len(), stored.exports.objects.len()), (1, 1));
        assert_eq!(stored.state.pools, pool, "nothing new is allocated");
        assert_eq!(api.send("GET", &format!("/assets/{}", last.as_str().unwrap())).await.status, 403);
        last = done["export_file"].clone();
    }
    let done = api.get(id(&posted)).await;
    let now: Vec<String> = rows(api, &done).await.into_iter().map(|[_, code, ..]| code).collect();
    assert_eq!(now, codes, "the same codes in the same order");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_company_prefix_is_an_error_that_a_second_try_mends() {
    let running = start().await;
    let api = &running.api;
    let mut failed = Vec::new();
    for code_type in ["sscc", "gsrn", "giai"] {
        let posted = api.post(&request(code_type, 5, json!({ "reserved_for": WITHOUT }))).await;
        let end = ended(api, id(&posted)).await;
        let message =
            format!("Codes of type {code_type} are built from the organisation's GS1 Company Prefix, and it has none.");
        assert_eq!((&end["status"], &end["error_message"]), (&json!("error"), &json!(message)));
        assert_eq!((&end["quantity_reserved"], &end["export_file"]), (&Value::Null, &Value::Null));
        assert_eq!(end["user_updated"], Value::Null, "no user changed it");
        failed.push(posted);
    }
    let stored = assert_settled(running.context()).await;
    assert_eq!((stored.state.pools.len(), stored.state.ranges.len()), (0, 0));

    // The operator adds the prefix of the organisation, and the client sets the status to `new`.
    let context = running.context();
    by_hand::set(context, "organisation", WITHOUT, "organisation_company_prefix", by_hand::text("9312345")).await;
    for posted in &failed {
        let again = api.patch(id(posted), &json!({ "status": "new" })).await;
        assert_eq!((&again["status"], &again["error_message"]), (&json!("new"), &Value::Null));
        let done = completed(api, id(posted)).await;
        assert!(rows(api, &done).await.iter().all(|row| row[1].contains("9312345")));
    }
    assert_eq!(assert_settled(context).await.state.pools.len(), 3);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_too_small_says_what_is_left_and_what_would_do() {
    let running = start().await;
    let api = &running.api;
    // Six digits have 10^6 serials, of which 99 are issued: a guess is right less than once in 10,000 times.
    let six = |quantity| own(quantity, json!({ "character_set": "numeric", "length": 6 }));
    completed(api, id(&api.post(&six(60)).await)).await;
    let refused = api.post(&six(40)).await;
    let end = ended(api, id(&refused)).await;
    let message =
        "Only 39 codes are left for sgtin of 09506000134352 with length 6 (numeric), 40 asked for; length 7 would do.";
    assert_eq!((&end["status"], &end["error_message"]), (&json!("error"), &json!(message)));
    completed(api, id(&api.post(&six(39)).await)).await;
    let end = ended(api, id(&api.post(&six(1)).await)).await;
    let message =
        "No codes are left for sgtin of 09506000134352 with length 6 (numeric), 1 asked for; length 7 would do.";
    assert_eq!(end["error_message"], message);
    // The client follows the message.
    api.patch(id(&refused), &json!({ "length": 7, "status": "new" })).await;
    completed(api, id(&refused)).await;

    // Keys with a number instead of a serial can be used up: 17 − 12 digits are 100,000 SSCCs.
    let sscc = |quantity| request("sscc", quantity, json!({ "reserved_for": LONG }));
    let done = completed(api, id(&api.post(&sscc(100_000)).await)).await;
    let different: HashSet<_> = rows(api, &done).await.into_iter().map(|[_, code, ..]| code).collect();
    assert_eq!(different.len(), 100_000);
    assert!(different.iter().all(|code| code[1..].starts_with("950600013435") && has_right_check_digit(code)));
    let end = ended(api, id(&api.post(&sscc(1)).await)).await;
    let message = "No codes are left for sscc under company prefix 950600013435, 1 asked for; the organisation needs \
                   another GS1 Company Prefix.";
    assert_eq!(end["error_message"], message);
    assert_settled(running.context()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_character_set_of_one_length_is_an_error_that_says_so() {
    let running = start().await;
    let api = &running.api;
    completed(api, id(&api.post(&own(10, json!({}))).await)).await;
    let hex = api.post(&own(10, json!({ "character_set": "hex" }))).await;
    let end = ended(api, id(&hex)).await;
    let message = "Codes of this length already exist in character_set alphanumeric, so hex cannot be used with it; \
                   choose alphanumeric or another length.";
    assert_eq!((&end["status"], &end["error_message"]), (&json!("error"), &json!(message)));
    api.patch(id(&hex), &json!({ "length": 9, "status": "new" })).await;
    let done = completed(api, id(&hex)).await;
    let is_hex = |code: &str| code.len() == 9 && code.bytes().all(|byte| b"0123456789ABCDEF".contains(&byte));
    assert!(rows(api, &done).await.iter().all(|row| is_hex(&row[1])));
    assert_settled(running.context()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_leaves_its_range_and_nothing_else() {
    let running = start().await;
    let api = &running.api;
    let own = json!({ "id": "0190a6b0-1f7a-7000-8000-000000000001" });
    let first = completed(api, id(&api.post(&with(&sgtin(1_000), own.clone())).await)).await;
    let kept = completed(api, id(&api.post(&sgtin(10)).await)).await;
    let old: HashSet<_> = rows(api, &first).await.into_iter().map(|[_, code, ..]| code).collect();
    let before = assert_settled(running.context()).await;
    assert_eq!((before.files.len(), before.exports.objects.len()), (2, 2));

    api.delete(id(&first)).await;
    let file = first["export_file"].as_str().unwrap();
    let after = assert_settled(running.context()).await;
    assert_eq!(
        after.exports.files.iter().map(|file| &file.id).collect::<Vec<_>>(),
        [kept["export_file"].as_str().unwrap()]
    );
    assert_eq!(after.exports.objects.len(), 1);
    for path in ["files", "assets"] {
        assert_eq!(api.send("GET", &format!("/{path}/{file}")).await.status, 403);
    }
    // RSV-7: the range stays, and the counter is not lowered.
    assert_eq!((&after.state.pools, &after.state.ranges), (&before.state.pools, &before.state.ranges));

    // A new reservation with the same id gets other codes.
    let again = completed(api, id(&api.post(&with(&sgtin(1_000), own)).await)).await;
    assert!(rows(api, &again).await.iter().all(|row| !old.contains(&row[1])), "a code is issued again");
    assert_settled(running.context()).await;
    // A reservation that ended as an error has nothing to leave.
    let failed = api.post(&request("sscc", 5, json!({ "reserved_for": WITHOUT }))).await;
    ended(api, id(&failed)).await;
    api.delete(id(&failed)).await;
    let all = json!({ "query": { "limit": -1 } });
    assert_eq!(api.send_json("DELETE", RESERVATIONS, &all).await.status, 204);
    let end = assert_settled(running.context()).await;
    assert_eq!((end.state.reservations.len(), end.files.len(), end.exports.objects.len()), (0, 0, 0));
    assert_eq!(end.state.pools[0].next, 2_010);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_closes_before_it_is_reserved_is_not_reserved_until_it_is_opened_again() {
    let running = Running::paused().await;
    let (api, context) = (&running.api, running.context());
    for status in ["complete", "error"] {
        let posted = api.post(&sgtin(10)).await;
        let closed = api.patch(id(&posted), &json!({ "status": status })).await;
        assert_eq!(closed["status"], status);
        deliver(context, &[id(&posted)]).await;
        assert_eq!(api.get(id(&posted)).await, closed);
        assert_eq!(stored(context).await.state.ranges.iter().filter(|range| range.count == 10).count(), 0);
        let opened = api.patch(id(&posted), &json!({ "status": "new", "quantity": 11 })).await;
        assert_eq!(opened["status"], "new");
        deliver(context, &[id(&posted)]).await;
        let done = api.get(id(&posted)).await;
        assert_eq!((&done["status"], &done["quantity_reserved"]), (&json!("complete"), &json!(11)));
    }
    assert_settled(context).await;
    running.stop().await;
}
