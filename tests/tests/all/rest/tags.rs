//! RFID tags: `epc_hex` of codes, and look-ups by it over REST and GraphQL.

use common::code::EpcTag;
use serde_json::{Value, json};

use crate::support::{
    api::{CODES, RESERVATIONS, encoded},
    harness::{Running, Setup, completed},
};

pub(super) const TOKEN: &str = "local-token";
pub(super) const WITH_PREFIX: &str = "/417/9506000111117";
pub(super) const WITHOUT: &str = "/417/9506000222226";
/// Its prefix has five digits; an EPC needs six.
pub(super) const SHORT: &str = "/417/9506000333335";

/// A system with an administrator and these organisations.
pub(super) async fn start() -> Running {
    let user =
        json!({"id": "00000000-0000-4000-8000-000000000001", "status": "active", "role": "admin", "token": TOKEN});
    let organisations = [
        json!({"id": WITH_PREFIX, "organisation_name": "Alpha", "organisation_company_prefix": "9506000"}),
        json!({"id": WITHOUT, "organisation_name": "Beta"}),
        json!({"id": SHORT, "organisation_name": "Gamma", "organisation_company_prefix": "53210"}),
    ];
    Setup::new().rows(&json!({"directus_users": [user], "organisation": organisations})).start().await
}

/// A reservation of two codes, and the first of them.
async fn code(server: &Running, body: Value) -> (String, Value) {
    let made = server.json("POST", RESERVATIONS, TOKEN, &body).await.data();
    let id = made["id"].as_str().unwrap().to_owned();
    completed(&server.api.with_token(Some(TOKEN)), &id).await;
    let path = format!("{CODES}?filter[reservation][_eq]={id}&fields=*,epc_hex&limit=1");
    (id, server.get(&path, TOKEN).await.data()[0].clone())
}

fn body(code_type: &str, product: Value, more: Value) -> Value {
    let mut body = json!({"reserved_for": WITH_PREFIX, "code_type": code_type, "quantity": 2, "product": product});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The ids of the reservations that a filter of their codes finds, over REST and GraphQL.
async fn found(server: &Running, hex: &str) -> Vec<String> {
    let filter = json!({"epc_hex": {"_eq": hex}});
    let codes = server.get(&format!("{CODES}?filter={}&fields=reservation,code", encoded(&filter)), TOKEN).await.data();
    let ids = |rows: &Value, member: &str| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row[member].as_str().unwrap().to_owned()).collect()
    };
    let some = encoded(&json!({"codes": {"_some": filter}}));
    let reservations = server.get(&format!("{RESERVATIONS}?filter={some}&fields=id"), TOKEN).await.data();
    assert_eq!(ids(&codes, "reservation"), ids(&reservations, "id"), "{hex}");
    let document = format!("{{ unique_code(filter: {{ epc_hex: {{ _eq: {} }} }}) {{ code epc_hex }} }}", json!(hex));
    let graphql = server.json("POST", "/graphql", TOKEN, &json!({ "query": document })).await.data();
    assert_eq!(graphql["unique_code"].as_array().unwrap().len(), codes.as_array().unwrap().len(), "{hex}");
    ids(&codes, "reservation")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_every_type_is_found_by_its_tag_and_by_any_other_tag_of_it() {
    let server = start().await;
    for (body, scheme) in [
        (body("sgtin", json!("/01/09506000134352"), json!({})), "sgtin-198"),
        (body("sgtin", json!("/01/09506000134352"), json!({"character_set": "rfid96", "length": 12})), "sgtin-96"),
        (body("sscc", Value::Null, json!({})), "sscc-96"),
        (body("grai", json!("/8003/09506000123455"), json!({})), "grai-170"),
        (body("giai", Value::Null, json!({})), "giai-202"),
        (body("gsrn", Value::Null, json!({})), "gsrn-96"),
        (body("gdti", json!("/253/9506000654324"), json!({})), "gdti-174"),
        (body("itip", json!("/8006/095060001343520102"), json!({})), "itip-212"),
        (body("cpi", json!("/8010/9506000AB#-12"), json!({})), "cpi-var"),
        (body("cpi", json!("/8010/950600012345678"), json!({"length": 9})), "cpi-96"),
        (body("sgcn", json!("/255/9506000777771"), json!({})), "sgcn-96"),
    ] {
        let (reservation, code) = code(&server, body).await;
        let hex = code["epc_hex"].as_str().unwrap();
        let tag = EpcTag::from_hex(hex).unwrap();
        assert_eq!(tag.scheme().as_str(), scheme);
        assert_eq!(found(&server, hex).await, [reservation.as_str()], "{scheme}");
        // Another filter value; lower case with the zeros of a larger memory; the URI.
        let uri = tag.uri();
        let (head, rest) = uri.rsplit_once(':').unwrap();
        let other = EpcTag::from_uri(&format!("{head}:7.{}", rest.split_once('.').unwrap().1)).unwrap();
        for text in [other.hex().unwrap(), format!("{}00000000", hex.to_lowercase()), uri.clone()] {
            assert_eq!(found(&server, &text).await, [reservation.as_str()], "{text}");
        }
        // Another scheme, where there is one.
        let long = uri.replace("sgtin-96", "sgtin-198").replace("cpi-96", "cpi-var");
        let long = EpcTag::from_uri(&long).unwrap().hex().unwrap();
        assert_eq!(found(&server, &long).await, [reservation.as_str()], "{long}");
    }
    // A tag of a code that was never issued, and what is no tag.
    let never = EpcTag::from_uri("urn:epc:tag:sgtin-198:1.9506000.013435.AAAAAAAA").unwrap().hex().unwrap();
    for nothing in [never.as_str(), "30", "E280116060000000000000AA", "no tag"] {
        assert_eq!(found(&server, nothing).await, Vec::<String>::new(), "{nothing}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_without_a_certain_epc_has_no_tag_and_only_who_names_it_is_shown_it() {
    let server = start().await;
    let mut without = body("sgtin", json!("/01/09506000134352"), json!({}));
    without["reserved_for"] = json!(WITHOUT);
    let wrong_check_digit = body("sgtin", json!("/01/09506000134351"), json!({}));
    let of_another = body("sgtin", json!("/01/19312345000019"), json!({}));
    let short = body("short_code", Value::Null, json!({}));
    for body in [without, wrong_check_digit, of_another, short] {
        let (_, code) = code(&server, body.clone()).await;
        assert_eq!(code["epc_hex"], Value::Null, "{body}");
        assert!(code.as_object().unwrap().contains_key("epc_hex"));
    }
    let (reservation, named) = code(&server, body("sscc", Value::Null, json!({}))).await;
    assert!(named["epc_hex"].is_string());
    let path = format!("{CODES}?filter[reservation][_eq]={reservation}&limit=1");
    assert!(!server.get(&path, TOKEN).await.data()[0].as_object().unwrap().contains_key("epc_hex"));
    server.stop().await;
}
