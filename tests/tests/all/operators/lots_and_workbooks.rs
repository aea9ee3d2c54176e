//! What operators see of lot and dates, and `admin check` on workbooks.

use admin::failure::Exit;
use common::bucket::ObjectHead;
use serde_json::json;

use super::{admin, admin_json, body, codes, operated, reserve};
use crate::admin::valid;
use crate::support::api::with;

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_verified_with_its_lot_and_dates_and_not_with_others() {
    let running = operated().paused().start().await;
    let known = json!({"lot": "L-1", "expiry_date": "2027-12-31", "production_date": null, "best_before": null});
    let object = reserve(&running, &with(&body("sgtin", 4, "csv"), known.clone())).await;
    let [code, link, element_string] = codes(&running.api, &object).await[2].clone();
    assert!(link.contains("/10/L-1/21/") && link.ends_with("?17=271231"), "{link}");
    let bare = link.replace("/10/L-1", "").replace("?17=271231", "");
    for form in [&link, &element_string, &bare, &format!("(01)09506000134352(21){code}")] {
        let verdict = admin_json(&running, "code_verify", &["code", "verify", form]).await;
        let found = &verdict["found"][0];
        assert_eq!((&verdict["issued"], &found["position"]), (&json!(true), &json!(3)), "{form}: {verdict}");
        for (member, value) in known.as_object().unwrap() {
            assert_eq!(&found[member], value, "{form}");
        }
    }
    for form in [
        link.replace("L-1", "L-2"),
        link.replace("271231", "271230"),
        element_string.replace("L-1", "L-2"),
        element_string.replace("271231", "281231"),
    ] {
        let ran = admin(&running, &["code", "verify", &form, "--json"]).await;
        assert_eq!(ran.exit, Exit::Refused, "{form}: {ran:?}");
        assert_eq!(valid("code_verify", &ran.out)["found"], json!([]), "{form}");
    }
    let people = admin(&running, &["code", "verify", &link]).await.out;
    assert!(people.contains("L-1") && people.contains("2027-12-31") && !people.contains("best before"), "{people}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_that_is_not_what_its_codes_give_is_found() {
    let running = operated().paused().start().await;
    let object = reserve(&running, &body("sgtin", 300, "xlsx")).await;
    let ran = admin(&running, &["check", "--grace", "0"]).await;
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    let (context, file) = (running.context(), object["export_file"].as_str().unwrap());
    let key = context.store().file(file).await.unwrap().unwrap().s3_key;
    let mut bytes = running.api.download(file).await;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let head = ObjectHead {
        key: &key,
        content_type: "application/octet-stream",
        reservation: String::new(),
        rows: 1,
        contents: String::new(),
        origin: String::new(),
    };
    context.bucket().put(&head, bytes).await.unwrap();
    let ran = admin(&running, &["check", "--grace", "0"]).await;
    assert_eq!(ran.exit, Exit::Refused, "{ran:?}");
    assert!(ran.out.contains("RSV-4") && ran.out.contains("a fresh rendering"), "{ran:?}");
    running.stop().await;
}
