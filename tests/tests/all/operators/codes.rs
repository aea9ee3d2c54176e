//! `admin code verify`.

use admin::{failure::Exit, issued::trace};
use serde_json::{Value, json};

use super::{ORGANISATION, admin, admin_json, body, codes, operated, reserve};
use crate::admin::valid;
use crate::support::{
    api::id,
    counting::{counted, total},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_code_in_every_form_leads_to_its_reservation_and_position() {
    let running = operated().paused().start().await;
    for code_type in ["sgtin", "sscc", "giai", "gsrn", "short_code"] {
        reserve(&running, &body(code_type, 5, "csv")).await;
        let object = reserve(&running, &body(code_type, 4, "csv")).await;
        let [code, link, element_string] = codes(&running.api, &object).await[2].clone();
        for form in [code.as_str(), &link, &element_string] {
            if form.is_empty() || (code_type == "sgtin" && form == code) {
                continue;
            }
            let verdict = admin_json(&running, "code_verify", &["code", "verify", form]).await;
            let found = &verdict["found"][0];
            assert_eq!((&verdict["issued"], &found["burned"]), (&json!(true), &json!(false)), "{form}: {verdict}");
            assert_eq!((&found["reservation"], &found["position"]), (&object["id"], &json!(3)), "{form}: {verdict}");
            assert_eq!((&found["organisation"], &found["index"]), (&json!(ORGANISATION), &json!(7)), "{form}");
            assert!(found["issued_at"].is_string(), "{verdict}");
        }
        if code_type == "sgtin" {
            let product = ["code", "verify", &code, "--product", "/01/09506000134352"];
            assert_eq!(admin_json(&running, "code_verify", &product).await["found"][0]["position"], 3);
        }
    }
    let people = admin(&running, &["code", "verify", "(00)095060000000000015"]).await;
    assert_eq!(people.exit, Exit::Done, "{people:?}");
    assert!(people.out.contains("position") && people.out.contains(ORGANISATION), "{people:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_that_were_not_issued_are_exit_1_and_those_of_deleted_reservations_were_issued() {
    let running = operated().paused().start().await;
    let object = reserve(&running, &body("sscc", 5, "csv")).await;
    let [code, ..] = codes(&running.api, &object).await[4].clone();
    for other in ["095060000000000053", "095060000000000052", "hello", "(00)1", "https://id.example/01/1", " "] {
        let ran = admin(&running, &["code", "verify", other, "--json"]).await;
        assert_eq!(ran.exit, Exit::Refused, "{other}: {ran:?}");
        assert_eq!(valid("code_verify", &ran.out)["issued"], false, "{other}");
    }
    running.api.delete(id(&object)).await;
    let verdict = admin_json(&running, "code_verify", &["code", "verify", &code]).await;
    let found = &verdict["found"][0];
    assert_eq!((&verdict["issued"], &found["status"]), (&json!(true), &Value::Null));
    assert_eq!((&found["reservation"], &found["position"]), (&object["id"], &json!(5)));
    // An index that an operator gave up.
    admin(&running, &["pool", "advance", "sscc#9506000#18", "--to", "9", "--yes"]).await;
    let ran = admin(&running, &["code", "verify", "095060000000000053", "--json"]).await;
    assert_eq!((ran.exit, &valid("code_verify", &ran.out)["found"][0]["burned"]), (Exit::Refused, &json!(true)));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_verified_in_at_most_four_reads() {
    let running = operated().paused().start().await;
    let (context, counter) = counted(&running.system, |_| {});
    for code_type in ["sgtin", "sscc", "giai", "gsrn", "short_code"] {
        let object = reserve(&running, &body(code_type, 5, "csv")).await;
        for form in codes(&running.api, &object).await[1].iter().filter(|form| !form.is_empty()) {
            let product = (code_type == "sgtin" && !form.contains(['(', '/'])).then_some("/01/09506000134352");
            counter.take();
            let traced = trace(&context, form, product).await.unwrap();
            assert_eq!(traced.len(), 1, "{form}");
            let reads = counter.take();
            assert!(total(&reads).calls <= 4, "{form}: {reads:?}");
        }
    }
    // A number of 18 digits can be an SSCC and a GSRN.
    reserve(&running, &body("gsrn", 200, "csv")).await;
    for index in 0..10 {
        let object = reserve(&running, &body("sscc", 1, "csv")).await;
        let [code, ..] = codes(&running.api, &object).await[0].clone();
        counter.take();
        trace(&context, &code, None).await.unwrap();
        assert!(total(&counter.take()).calls <= 4, "{index}");
    }
    running.stop().await;
}
