//! `admin code verify` of RFID tags.

use admin::failure::Exit;
use common::code::EpcTag;
use serde_json::json;

use super::{admin, admin_json, body, operated, reserve};
use crate::support::api::{CODES, id};

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_in_every_form_leads_to_its_reservation_and_position() {
    let running = operated().paused().start().await;
    for code_type in ["sgtin", "sscc", "giai", "gsrn"] {
        let object = reserve(&running, &body(code_type, 3, "csv")).await;
        let path = format!("{CODES}?filter[reservation][_eq]={}&fields=epc_hex", id(&object));
        let hex = running.api.send("GET", &path).await.data()[1]["epc_hex"].as_str().unwrap().to_owned();
        let uri = EpcTag::from_hex(&hex).unwrap().uri();
        for form in [hex.clone(), hex.to_lowercase(), format!("{hex}0000"), uri] {
            let verdict = admin_json(&running, "code_verify", &["code", "verify", &form]).await;
            let found = &verdict["found"][0];
            assert_eq!((&found["reservation"], &found["position"]), (&object["id"], &json!(2)), "{form}: {verdict}");
        }
        // One digit of the header less.
        let ran = admin(&running, &["code", "verify", &hex[1..]]).await;
        assert_eq!(ran.exit, Exit::Refused, "{ran:?}");
    }
    running.stop().await;
}
