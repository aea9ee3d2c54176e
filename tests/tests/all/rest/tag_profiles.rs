//! Exports with RFID tags, and label sheets: what is written, and what is refused when a reservation is created.

use common::reservation::Status;
use serde_json::{Value, json};

use super::tags::{SHORT, TOKEN, WITH_PREFIX, WITHOUT, start};
use crate::support::{
    api::{CODES, RESERVATIONS, id, with},
    by_hand,
    harness::{Running, Setup, completed, ended},
    invariants::assert_settled,
    manual::{ManualSystem, NO_END},
    profiles::{add, lines},
};

fn body(export_type: &str, more: Value) -> Value {
    let body = json!({"reserved_for": WITH_PREFIX, "code_type": "sgtin", "product": "/01/09506000134352",
        "quantity": 5, "export_type": export_type});
    with(&body, more)
}

async fn file(server: &Running, body: &Value) -> (String, Vec<u8>) {
    let created = server.api.post(body).await;
    let item = completed(&server.api, id(&created)).await;
    (id(&created).to_owned(), server.api.download(item["export_file"].as_str().unwrap()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tags_of_a_file_are_those_of_its_codes_and_lead_back_to_them() {
    let server = start().await;
    add(server.context(), None, &lines("tags", "{code} {epc_hex} {epc_tag_uri}")).await;
    for (export_type, more, scheme) in [
        ("tags", json!({}), "sgtin-198:1."),
        ("tags.gz", json!({"character_set": "rfid96", "length": 12}), ""),
        ("tags", json!({"character_set": "rfid96", "length": 12}), "sgtin-96:1."),
        ("tags", json!({"code_type": "sscc", "product": null}), "sscc-96:0."),
    ] {
        let (reservation, bytes) = file(&server, &body(export_type, more)).await;
        let codes = format!("{CODES}?filter[reservation][_eq]={reservation}&fields=code,epc_hex&sort=position");
        let codes = server.api.send("GET", &codes).await.data();
        if scheme.is_empty() {
            assert_eq!(bytes[..2], [0x1F, 0x8B]);
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        for (line, code) in text.lines().zip(codes.as_array().unwrap()) {
            let [shown, hex, uri] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert_eq!((json!(shown), json!(hex)), (code["code"].clone(), code["epc_hex"].clone()));
            assert!(uri.starts_with(&format!("urn:epc:tag:{scheme}")), "{uri}");
            let found = format!("{CODES}?filter[epc_hex][_eq]={hex}&fields=code");
            assert_eq!(server.api.send("GET", &found).await.data(), json!([{"code": shown}]));
        }
        assert_eq!(text.lines().count(), 5);
    }
    let (_, zpl) = file(&server, &body("zpl-rfid", json!({}))).await;
    let zpl = String::from_utf8(zpl).unwrap();
    assert_eq!(zpl.matches("^RFW,H,,,A^FD36").count(), 5, "{zpl}");
    assert_settled(server.context()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_would_have_to_be_guessed_is_refused_when_the_reservation_is_created() {
    let server = start().await;
    add(server.context(), None, &lines("tags", "{epc_hex}")).await;
    let short = with(&lines("short", "{epc_hex}"), json!({"epc": {"scheme": "sgtin-96"}}));
    add(server.context(), None, &short).await;
    for (body, field, part) in [
        (body("tags", json!({"reserved_for": WITHOUT})), "reserved_for", "has none"),
        (body("tags", json!({"reserved_for": SHORT, "product": "/01/05321012345671"})), "reserved_for", "has 5"),
        (body("tags", json!({"reserved_for": SHORT, "code_type": "sscc", "product": null})), "reserved_for", "has 5"),
        (body("zpl-rfid", json!({"reserved_for": WITHOUT})), "reserved_for", "has none"),
        (body("zpl-rfid.gz", json!({"product": "/01/09506000134351"})), "product", "check digit"),
        (body("tags", json!({"product": "/01/09506000134351"})), "product", "check digit"),
        (body("tags", json!({"product": "/01/19312345000019"})), "product", "starts with"),
        (body("tags", json!({"code_type": "short_code", "product": null})), "export_type", "short_code"),
        (body("short", json!({})), "export_type", "use sgtin-198"),
        (body("short", json!({"code_type": "sscc", "product": null})), "export_type", "not for sscc"),
    ] {
        let reply = server.api.send_json("POST", RESERVATIONS, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "FAILED_VALIDATION"), "{body}: {}", reply.text);
        let error = &reply.json()["errors"][0];
        assert_eq!(error["extensions"]["field"], field, "{error}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
    // A change is refused by the same rules, and changes nothing.
    let created = server.api.post(&body("csv", json!({"product": "/01/09506000134351"}))).await;
    completed(&server.api, id(&created)).await;
    let path = format!("{RESERVATIONS}/{}", id(&created));
    let change = json!({"export_type": "tags", "status": "new"});
    let reply = server.api.send_json("PATCH", &path, &change).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "FAILED_VALIDATION"), "{}", reply.text);
    let item = server.api.get(id(&created)).await;
    assert_eq!((&item["status"], &item["export_type"]), (&json!("complete"), &json!("csv")));
    let fits = body("short", json!({"character_set": "rfid96", "length": 12}));
    let (_, bytes) = file(&server, &fits).await;
    assert!(String::from_utf8(bytes).unwrap().lines().all(|line| line.len() == 24 && line.starts_with("3036")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_looked_at_again_when_the_codes_are_reserved() {
    let mut system = ManualSystem::new(NO_END).await;
    let store = system.store();
    let organisation = json!({"id": WITH_PREFIX, "organisation_name": "A", "organisation_company_prefix": "9506000"});
    store.seed_organisation(&serde_json::from_value(organisation).unwrap()).await.unwrap();
    let id = system.create_with(&body("zpl-rfid", json!({}))).await;
    // Nobody can take the prefix away, but an operator who writes the table.
    by_hand::remove(system.context(), "organisation", WITH_PREFIX, "organisation_company_prefix").await;
    system.settle().await;
    let item = system.item(id).await;
    assert_eq!((item.status, item.range), (Status::Error, None));
    assert!(item.error_message.as_deref().unwrap().contains("RFID tags"), "{:?}", item.error_message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_is_a_pdf_and_more_labels_than_it_can_have_are_refused() {
    let server = start().await;
    for (export_type, start) in [("pdf", &b"%PDF-1.4"[..]), ("pdf.gz", &[0x1F, 0x8B])] {
        for more in [json!({}), json!({"code_type": "short_code", "product": null}), json!({"quantity": 100})] {
            let created = server.api.post(&body(export_type, more)).await;
            let item = completed(&server.api, id(&created)).await;
            let row = server.api.send("GET", &format!("/files/{}", item["export_file"].as_str().unwrap())).await.data();
            let media_type = if export_type == "pdf" { "application/pdf" } else { "application/gzip" };
            assert_eq!(row["type"], media_type);
            assert!(row["filename_download"].as_str().unwrap().ends_with(&format!(".{export_type}")), "{row}");
            let bytes = server.api.download(item["export_file"].as_str().unwrap()).await;
            assert!(bytes.starts_with(start));
            assert_eq!(row["filesize"], json!(bytes.len().to_string()));
        }
    }
    let reply = server.api.send_json("POST", RESERVATIONS, &body("pdf", json!({"quantity": 10_001}))).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "FAILED_VALIDATION"));
    let error = &reply.json()["errors"][0];
    assert_eq!(error["extensions"]["field"], "quantity");
    assert!(error["message"].as_str().unwrap().contains("zpl"), "{error}");
    // The same for a change of what is already a file.
    let created = server.api.post(&body("csv", json!({"quantity": 10_001}))).await;
    completed(&server.api, id(&created)).await;
    let path = format!("{RESERVATIONS}/{}", id(&created));
    let reply = server.api.send_json("PATCH", &path, &json!({"export_type": "pdf", "status": "new"})).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "FAILED_VALIDATION"), "{}", reply.text);
    assert!(reply.text.contains("zpl"), "{}", reply.text);
    assert_eq!(server.api.get(id(&created)).await["status"], "complete");
    // A suffix that makes the symbols of a sheet too large.
    let long = format!("?text={}", "x".repeat(200));
    let reply = server.api.send_json("POST", RESERVATIONS, &body("pdf", json!({"url_suffix": long}))).await;
    assert_eq!((reply.status, &reply.json()["errors"][0]["extensions"]["field"]), (400, &json!("url_suffix")));
    assert_settled(server.context()).await;
    server.stop().await;
}

/// An organisation with a company prefix of 12 digits: behind it, a `giai` has room for 18 characters.
const LONG: &str = "/417/9506000444444";
/// Its prefix is none. An operator's tools refuse it, but a table may hold it.
const MALFORMED: &str = "/417/9506000555553";

/// What a profile demands besides the company prefix, with the member that is wrong and a part of the reason.
fn demands() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    vec![
        ("pdf", json!({"quantity": 10_001}), "quantity", "zpl"),
        ("few", json!({"quantity": 4}), "quantity", "at most 3 rows"),
        ("order", json!({}), "purchase_order", "the reservation has none"),
        ("order", json!({"purchase_order": "東京"}), "purchase_order", "iso-8859-1 lacks"),
        ("narrow", json!({"quantity": 10}), "quantity", "too few for 10 rows"),
        ("thin", json!({}), "export_type", "is 5 characters wide"),
        ("tiny", json!({}), "export_type", "a qr symbol with"),
        ("gtin", json!({}), "export_type", "do not have"),
    ]
}

async fn profiles_with_demands(server: &Running) {
    for profile in [
        with(&lines("few", "{code}"), json!({"max_rows": 3})),
        with(&lines("order", "{code} {purchase_order}"), json!({"encoding": "iso-8859-1"})),
        json!({"name": "narrow", "extension": "txt", "base": "fixed", "columns": [
            {"source": "code", "width": 40}, {"source": "position", "width": 1}]}),
        json!({"name": "thin", "extension": "txt", "base": "fixed", "columns": [{"source": "code", "width": 5}]}),
        json!({"name": "tiny", "extension": "pdf", "base": "sheet", "sheet": {"columns": 20, "rows": 50, "padding": 0}}),
        lines("gtin", "{code} {gtin}"),
        lines("tags", "{epc_hex}"),
        lines("uri", "{code} {epc_uri}"),
        lines("prefix", "{code} {company_prefix}"),
    ] {
        add(server.context(), None, &profile).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_checked_although_the_organisation_has_no_usable_prefix() {
    let server = start().await;
    let organisation = |id: &str, prefix: &str| {
        serde_json::from_value(json!({"id": id, "organisation_name": "X", "organisation_company_prefix": prefix}))
            .unwrap()
    };
    server.store().seed_organisation(&organisation(LONG, "950600011111")).await.unwrap();
    server.store().seed_organisation(&organisation(MALFORMED, "95-06")).await.unwrap();
    profiles_with_demands(&server).await;
    let refused = async |body: &Value, field: &str, part: &str| {
        let reply = server.api.send_json("POST", RESERVATIONS, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "FAILED_VALIDATION"), "{body}: {}", reply.text);
        let error = &reply.json()["errors"][0];
        assert_eq!(error["extensions"]["field"], field, "{body}: {error}");
        assert!(error["message"].as_str().unwrap().contains(part), "{body}: {error}");
    };
    let of = |organisation: &str, code_type: &str, export_type: &str, more: Value| {
        let product = if code_type == "sgtin" { json!("/01/09506000134352") } else { Value::Null };
        let body = json!({"reserved_for": organisation, "code_type": code_type, "product": product, "quantity": 2,
            "export_type": export_type});
        with(&body, more)
    };
    for (organisation, code_type, reason) in [
        (WITHOUT, "sscc", "has none"),
        (WITHOUT, "gsrn", "has none"),
        (WITHOUT, "giai", "has none"),
        ("/417/0000000000000", "giai", "has none"),
        (MALFORMED, "sscc", "not 4 to 12 digits"),
        (MALFORMED, "giai", "not 4 to 12 digits"),
        (MALFORMED, "sgtin", "not 4 to 12 digits"),
    ] {
        for profile in ["tags", "zpl-rfid", "zpl-rfid.gz", "uri", "prefix"] {
            refused(&of(organisation, code_type, profile, json!({})), "reserved_for", reason).await;
        }
        for (profile, more, field, part) in demands() {
            if (code_type, profile) != ("sgtin", "gtin") {
                refused(&of(organisation, code_type, profile, more), field, part).await;
            }
        }
    }
    // The length that is asked for has no room behind this prefix.
    for (profile, more, field, part) in demands() {
        refused(&of(LONG, "giai", profile, with(&more, json!({"length": 20}))), field, part).await;
    }
    // In a list, each row is named.
    let bad = of(WITHOUT, "sscc", "tags", json!({}));
    let reply =
        server.api.send_json("POST", RESERVATIONS, &json!([of(WITH_PREFIX, "sscc", "tags", json!({})), bad])).await;
    assert_eq!((reply.status, &reply.json()["errors"][0]["extensions"]["index"]), (400, &json!(1)), "{}", reply.text);
    // Over GraphQL.
    let document =
        "mutation($data: create_code_reservation_input!) { create_code_reservation_item(data: $data) { id } }";
    let mutation = json!({"query": document, "variables": {"data": bad}});
    let reply = server.json("POST", "/graphql", TOKEN, &mutation).await;
    assert!(reply.text.contains("needs a GS1 Company Prefix"), "{}", reply.text);
    let all = server.api.send("GET", &format!("{RESERVATIONS}?aggregate[count]=*")).await.data();
    assert_eq!(all[0]["count"].to_string().trim_matches('"'), "0", "nothing was created: {all}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_checked_although_the_organisation_has_no_usable_prefix() {
    let server = start().await;
    profiles_with_demands(&server).await;
    // As with any type of export, codes that cannot be built end with an error of their own.
    for export_type in ["csv", "zpl"] {
        let body = json!({"reserved_for": WITHOUT, "code_type": "sscc", "quantity": 2, "export_type": export_type});
        let created = server.api.post(&body).await;
        let item = ended(&server.api, id(&created)).await;
        assert_eq!(item["status"], "error");
        assert!(item["error_message"].as_str().unwrap().contains("Company Prefix, and it has none"), "{item}");
        let path = format!("{RESERVATIONS}/{}", id(&created));
        let tags = json!({"export_type": "tags"});
        let changes = demands()
            .into_iter()
            .map(|(profile, more, field, _)| (with(&json!({"export_type": profile}), more), field));
        for (change, field) in changes.chain([(tags, "reserved_for")]) {
            for change in [change.clone(), with(&change, json!({"status": "new"}))] {
                let reply = server.api.send_json("PATCH", &path, &change).await;
                assert_eq!(
                    (reply.status, reply.code().as_str()),
                    (400, "FAILED_VALIDATION"),
                    "{change}: {}",
                    reply.text
                );
                assert_eq!(reply.json()["errors"][0]["extensions"]["field"], field, "{change}: {}", reply.text);
            }
        }
        let document = format!(
            "mutation {{ update_code_reservation_item(id: \"{}\", data: {{ export_type: \"tags\" }}) {{ id }} }}",
            id(&created)
        );
        let reply = server.json("POST", "/graphql", TOKEN, &json!({ "query": document })).await;
        assert!(reply.text.contains("needs a GS1 Company Prefix"), "{}", reply.text);
        assert_eq!(server.api.get(id(&created)).await, item, "nothing was changed");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheme_is_checked_with_the_character_set_that_the_pool_has() {
    // A reservation that names no set takes that of the pool, which the first reservation fixed.
    let mut system = ManualSystem::with(Setup::new().parameter("DefaultCharacterSet", "rfid96"), NO_END).await;
    let organisation = json!({"id": WITH_PREFIX, "organisation_name": "A", "organisation_company_prefix": "9506000"});
    system.store().seed_organisation(&serde_json::from_value(organisation).unwrap()).await.unwrap();
    let short = with(&lines("short", "{epc_hex}"), json!({"epc": {"scheme": "sgtin-96"}}));
    add(system.context(), None, &short).await;
    let first = system.create_with(&body("csv", json!({"character_set": "hex", "length": 12}))).await;
    system.settle().await;
    assert_eq!(system.item(first).await.status, Status::Complete);
    let refused = system.create_with(&body("short", json!({"length": 12}))).await;
    let other = system.create_with(&body("zpl-rfid", json!({"length": 12}))).await;
    system.settle().await;
    let item = system.item(refused).await;
    assert_eq!((item.status, item.range), (Status::Error, None), "no code is lost");
    assert!(item.error_message.as_deref().unwrap().contains("use sgtin-198"), "{:?}", item.error_message);
    assert_eq!(system.item(other).await.status, Status::Complete);
}
