//! `admin code verify` reads at most four times, counted for every type and every form of a code in a new process.

use std::sync::Arc;

use admin::issued::trace;
use common::context::Context;

use serde_json::{Value, json};

use super::{ORGANISATION, PRODUCT, body, operated, reserve};
use crate::support::{
    api::with,
    counting::{Counter, counted, total},
    harness::{Running, Setup},
};

/// The forms of the codes of a file: code, Digital Link, element string, EPC URI.
async fn forms(running: &Running, object: &Value) -> Vec<[String; 4]> {
    let bytes = running.api.download(object["export_file"].as_str().unwrap()).await;
    let text = String::from_utf8(bytes).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        [cells[1], cells[2], cells[3], cells[4]].map(str::to_owned)
    };
    text.lines().skip(1).map(row).collect()
}

/// What a process knows that has read nothing yet, not even the row of the secret.
fn fresh(running: &Running) -> (Arc<Context>, Counter) {
    counted(&running.system, |_| {})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_every_type_is_verified_in_at_most_four_reads() {
    let running = operated().paused().start().await;
    let mut tried = 0;
    for (code_type, product) in [
        ("sgtin", Some(PRODUCT)),
        ("grai", Some("/8003/09506000123455")),
        ("gdti", Some("/253/9506000654324")),
        ("itip", Some("/8006/095060001343520102")),
        ("cpi", Some("/8010/9506000AB#-12")),
        ("sgcn", Some("/255/9506000777771")),
        ("sscc", None),
        ("giai", None),
        ("gsrn", None),
        ("short_code", None),
    ] {
        let mut row = body(code_type, 5, "csv");
        row["product"] = json!(product);
        // A pool with more than one range, and codes in the middle of one.
        reserve(&running, &row).await;
        let object = reserve(&running, &row).await;
        let [code, link, element_string, epc] = forms(&running, &object).await[2].clone();
        assert_eq!(epc.is_empty(), code_type == "short_code", "{code_type}: {epc}");
        for (form, of_product) in [(code, product), (link, None), (element_string, None), (epc, None)] {
            if form.is_empty() {
                continue;
            }
            let (context, counter) = fresh(&running);
            let traced = trace(&context, &form, of_product).await.unwrap();
            let reads = counter.take();
            assert_eq!(traced.len(), 1, "{form}");
            let found = traced[0].reservation.as_ref().map(|item| item.id.to_string());
            assert_eq!(found.as_deref(), object["id"].as_str(), "{form}");
            assert!((1..=4).contains(&total(&reads).calls), "{form}: {reads:?}");
            tried += 1;
        }
    }
    assert_eq!(tried, 9 * 4 + 1, "a short code has no other form here");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_two_pools_could_have_is_verified_in_four_reads_too() {
    // The SSCC 0 9506000 … has the digits of a GSRN of the prefix 0950600.
    let rows = json!({
        "directus_users": [{ "id": uuid::Uuid::new_v4(), "token": "local-token", "role": "admin" }],
        "organisation": [
            { "id": ORGANISATION, "organisation_company_prefix": "9506000" },
            { "id": "OTHER", "organisation_company_prefix": "0950600" },
        ],
    });
    let running = Setup::new().rows(&rows).paused().start().await;
    reserve(&running, &with(&body("gsrn", 200, "csv"), json!({ "reserved_for": "OTHER" }))).await;
    let object = reserve(&running, &body("sscc", 100, "csv")).await;
    let mut most = 0;
    for [code, ..] in forms(&running, &object).await {
        let (context, counter) = fresh(&running);
        trace(&context, &code, None).await.unwrap();
        most = most.max(total(&counter.take()).calls);
    }
    assert_eq!(most, 4, "some codes are a number of both pools");
    // A code of no pool, and a text that is none.
    for text in ["995060000000000015", "hello", "urn:epc:id:sscc:9999999.0000000001"] {
        let (context, counter) = fresh(&running);
        assert!(trace(&context, text, None).await.unwrap().is_empty(), "{text}");
        assert!(total(&counter.take()).calls <= 1, "{text}");
    }
    running.stop().await;
}
