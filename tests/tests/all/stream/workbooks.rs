//! Workbooks at the limit of their rows: refused before codes are taken.

use serde_json::{Value, json};

use crate::support::{
    api::{RESERVATIONS, id, sgtin, with},
    harness::{Setup, TOKEN, ended},
    invariants::stored,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_another_system_with_too_many_codes_for_a_workbook_ends_before_it_takes_codes() {
    let key = "0193aaaa-0000-7000-8000-000000000001";
    let row = json!({"id": key, "status": "complete", "export_type": "xlsx", "quantity": 1_048_576});
    let users = json!([{"id": "a11ce000-0000-4000-8000-000000000001", "token": TOKEN, "role": "admin"}]);
    let rows = json!({"directus_users": users, "code_reservation": [with(&sgtin(1), row)]});
    let running = Setup::new().rows(&rows).start().await;
    running.api.patch(key, &json!({"status": "new"})).await;
    let item = ended(&running.api, key).await;
    assert_eq!(item["error_message"], "A file of type xlsx holds 1048575 codes at most; take csv for more.");
    assert!(stored(running.context()).await.state.pools.is_empty());
    // With a type that holds them the same reservation would do; here fewer codes.
    let change = json!({"quantity": 20, "status": "new"});
    running.api.patch(key, &change).await;
    assert_eq!(ended(&running.api, key).await["status"], "complete");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_is_refused_when_it_is_created_when_the_type_changes_and_when_the_quantity_grows() {
    let running = Setup::new().paused().start().await;
    let api = &running.api;
    let refused = async |method: &str, path: &str, body: &Value| {
        let reply = api.send_json(method, path, body).await;
        let error = &reply.json()["errors"][0]["extensions"];
        assert_eq!(
            (reply.status, &error["field"], &error["type"]),
            (400, &json!("export_type"), &json!("lte")),
            "{body}"
        );
        assert!(reply.text.contains("take csv for more"), "{}", reply.text);
    };
    let xlsx = |quantity| with(&sgtin(quantity), json!({"export_type": "xlsx"}));
    refused("POST", RESERVATIONS, &xlsx(1_048_576)).await;
    let full = api.post(&xlsx(1_048_575)).await;
    refused("PATCH", &format!("{RESERVATIONS}/{}", id(&full)), &json!({"quantity": 1_048_576})).await;
    let more = api.post(&sgtin(1_048_576)).await;
    refused("PATCH", &format!("{RESERVATIONS}/{}", id(&more)), &json!({"export_type": "xlsx"})).await;
    assert_eq!(api.get(id(&more)).await["export_type"], "csv");
    running.stop().await;
}
