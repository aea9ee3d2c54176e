//! A user's row that does not say for which organisations gives no access at all.

use aws_sdk_dynamodb::types::AttributeValue;
use common::directory::Role;
use serde_json::json;

use super::{document, person, row, set, text};
use crate::support::{
    api::{RESERVATIONS, encoded},
    harness::Running,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_organisations_is_refused_and_all_must_be_said() {
    let server = Running::paused().await;
    let id = person(&server, "Una", Role::Admin, None).await;
    person(&server, "Zoe", Role::Admin, None).await;
    for organisation in ["A", "B"] {
        server.json("POST", RESERVATIONS, "Zoe", &row(organisation)).await.data();
    }
    assert_eq!(server.get(RESERVATIONS, "Una").await.data().as_array().unwrap().len(), 2, "the asterisk");

    let list = |items: &[AttributeValue]| AttributeValue::L(items.to_vec());
    let refused = [
        None,
        Some(text("")),
        Some(text("A")),
        Some(text("* ")),
        Some(text("all")),
        Some(AttributeValue::Null(true)),
        Some(AttributeValue::Bool(true)),
        Some(AttributeValue::N("1".to_owned())),
        Some(list(&[text("A"), AttributeValue::N("1".to_owned())])),
        Some(AttributeValue::M([("*".to_owned(), text("*"))].into())),
        Some(AttributeValue::Ns(vec!["1".to_owned()])),
    ];
    for value in refused {
        set(&server, &id, "organisations", value.clone()).await;
        set(&server, &id, "organizations", Some(text("*"))).await;
        for path in [RESERVATIONS, "/users/me", "/files", "/users", "/server/health", "/items/organisation", "/nothing"]
        {
            let reply = server.get(path, "Una").await;
            assert_eq!((reply.status, reply.code().as_str()), (401, "INVALID_CREDENTIALS"), "{value:?} {path}");
        }
        assert_eq!(server.json("POST", RESERVATIONS, "Una", &row("A")).await.status, 401, "{value:?}");
        assert_eq!(document(&server, "Una", "{ __typename }").await.status, 401, "{value:?}");
        // Others still see the user, and are not disturbed by the row.
        let found = server.get(&format!("/users?filter={}", encoded(&json!({"id": {"_eq": id}}))), "Zoe").await.data();
        assert_eq!(found[0]["first_name"], "Una", "{value:?}");
        assert_eq!(server.get(&format!("/users/{id}"), "Zoe").await.data()["first_name"], "Una");
    }
    let accepted = [
        (text("*"), 2),
        (list(&[text("A")]), 1),
        (AttributeValue::Ss(vec!["A".to_owned(), "B".to_owned()]), 2),
        (list(&[]), 0),
        // In a list the asterisk is an organisation of that name.
        (list(&[text("*")]), 0),
    ];
    for (value, rows) in accepted {
        set(&server, &id, "organisations", Some(value.clone())).await;
        assert_eq!(server.get(RESERVATIONS, "Una").await.data().as_array().unwrap().len(), rows, "{value:?}");
    }
    server.stop().await;
}
