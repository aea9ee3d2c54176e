//! Exports with RFID tags, and label sheets: what is written, and what is refused when a reservation is created.

use common::reservation::Status;
use serde_json::{Value, json};

use super::tags::{SHORT, TOKEN, WITH_PREFIX, WITHOUT, start};
use crate::support::{
    api::{CODES, RESERVATIONS, id, with},
    harness::{Running, completed},
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
    let without = json!({"id": WITH_PREFIX, "organisation_name": "A"});
    system.store().seed_organisation(&serde_json::from_value(without).unwrap()).await.unwrap();
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
