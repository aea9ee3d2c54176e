//! `admin import --all-or-nothing`: the check of a row knows what the rows before it would have written.

use serde_json::{Value, json};

use super::{Operated, valid};

/// Runs an import of rows that must be refused as a whole, and gives the errors of its rows.
async fn refused(operated: &Operated, kind: &str, rows: &Value) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.json");
    std::fs::write(&file, rows.to_string()).unwrap();
    let arguments = ["import", kind, file.to_str().unwrap(), "--all-or-nothing", "--json"];
    let ran = operated.ran(&arguments).await;
    let report = valid("import", &ran.out);
    ran.refused();
    assert_eq!(report["written"], false, "{report:#}");
    report["rows"].as_array().unwrap().iter().map(|row| row["error"].as_str().unwrap_or("").to_owned()).collect()
}

async fn written(operated: &Operated, kind: &str, rows: &Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.json");
    std::fs::write(&file, rows.to_string()).unwrap();
    operated.done(&["import", kind, file.to_str().unwrap(), "--all-or-nothing"]).await;
}

async fn users(operated: &Operated) -> Value {
    operated.json("users", &["user", "list"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_suspends_every_administrator_changes_none() {
    let operated = Operated::start().await;
    let more = json!([
        {"email": "a@example.com", "role": "admin", "organisations": "*"},
        {"email": "b@example.com", "role": "reader", "organisations": "*"},
    ]);
    written(&operated, "users", &more).await;
    let before = users(&operated).await;
    let all: Vec<Value> = before
        .as_array()
        .unwrap()
        .iter()
        .filter(|user| user["role"] == "admin")
        .map(|user| json!({"id": user["id"], "status": "suspended"}))
        .collect();
    assert_eq!(all.len(), 2);
    let errors = refused(&operated, "users", &json!(all)).await;
    assert!(errors[0].is_empty() && errors[1].contains("last active administrator"), "{errors:?}");
    assert_eq!(users(&operated).await, before);
    // With a new administrator before them it is no question.
    let mut rows = vec![json!({"email": "b@example.com", "role": "admin"})];
    rows.extend(all);
    written(&operated, "users", &json!(rows)).await;
    let active: Vec<Value> = users(&operated)
        .await
        .as_array()
        .unwrap()
        .iter()
        .filter(|user| user["status"] == "active")
        .map(|user| user["email"].clone())
        .collect();
    assert_eq!(active, ["b@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_new_users_with_one_external_identifier_are_refused_and_one_that_is_given_up_is_free() {
    let operated = Operated::start().await;
    let user =
        |email: &str| json!({"email": email, "role": "reader", "organisations": ["A"], "external_identifier": "s"});
    let errors = refused(&operated, "users", &json!([user("a@example.com"), user("b@example.com")])).await;
    assert!(errors[0].is_empty() && errors[1].contains("external_identifier"), "{errors:?}");
    assert_eq!(users(&operated).await.as_array().unwrap().len(), 1);
    written(&operated, "users", &json!([user("a@example.com")])).await;
    let errors = refused(&operated, "users", &json!([user("b@example.com")])).await;
    assert!(errors[0].contains("external_identifier"), "{errors:?}");
    let rows = json!([{"email": "a@example.com", "external_identifier": null}, user("b@example.com")]);
    written(&operated, "users", &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_prefix_that_an_earlier_row_takes_away_is_free() {
    let operated = Operated::start().await;
    written(&operated, "organisations", &json!([{"id": "A", "organisation_company_prefix": "0614141"}])).await;
    let nested = json!({"id": "B", "organisation_company_prefix": "061414"});
    let errors = refused(&operated, "organisations", &json!([nested])).await;
    assert!(errors[0].contains("nest"), "{errors:?}");
    let rows = json!([{"id": "A", "organisation_company_prefix": null}, nested]);
    written(&operated, "organisations", &rows).await;
    let listed = operated.json("organisations", &["organisation", "list"]).await;
    assert_eq!(listed, json!([{"id": "A"}, {"id": "B", "organisation_company_prefix": "061414"}]));
}
