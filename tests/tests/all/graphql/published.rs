//! The five documents of the published description, unchanged except for a real id.

use serde_json::{Value, json};

use super::{NORTH, Service};

const LIST: &str = "query {
code_reservation {
id
reserved_for
code_type
quantity
status
export_type
product
quantity_reserved
reference_id
date_created
date_updated
}
}";

const BY_ID: &str = r#"query {
code_reservation_by_id(id: "code_reservation_id") {
id
reserved_for
code_type
quantity
status
export_type
export_file {
id
filename_download
}
url_suffix
product
quantity_reserved
error_message
reference_id
user_created {
id
first_name
last_name
}
date_created
user_updated {
id
first_name
last_name
}
date_updated
}
}"#;

const CREATE: &str = r#"mutation {
create_code_reservation_item(data: {
reserved_for: "/417/9312345000012"
code_type: "sgtin"
quantity: 100
export_type: "csv"
product: "/01/19361758000003"
reference_id: "BATCH-2024-001"
}) {
id
reserved_for
code_type
quantity
status
product
reference_id
}
}"#;

const UPDATE: &str = r#"mutation {
update_code_reservation_item(id: "code_reservation_id", data: {
status: "complete"
quantity_reserved: 100
reference_id: "BATCH-2024-001-UPDATED"
}) {
id
status
quantity_reserved
reference_id
}
}"#;

const DELETE: &str = r#"mutation {
delete_code_reservation_item(id: "code_reservation_id") {
id
}
}"#;

/// How a document reaches the function.
#[derive(Clone, Copy)]
enum Way {
    Http,
    Event,
}

async fn ask(service: &Service, way: Way, token: &str, document: &str, id: &str) -> Value {
    let document = document.replace("code_reservation_id", id);
    let (status, body) = match way {
        Way::Http => service.ask(token, &document).await,
        Way::Event => service.event(token, &document).await,
    };
    assert!(status == 200 && body.get("errors").is_none(), "{document}: {status} {body}");
    body["data"].clone()
}

async fn all_five(way: Way, token: &str) {
    let service = Service::start().await;
    let listed = ask(&service, way, token, LIST, "").await;
    assert_eq!(
        listed["code_reservation"][0],
        json!({
            "id": NORTH, "reserved_for": "/417/9312345000012", "code_type": "sgtin", "quantity": 50, "status": "complete",
            "export_type": "csv", "product": "/01/19361758000003", "quantity_reserved": 50, "reference_id": "north-1",
            "date_created": "2024-03-01T08:00:00.000Z", "date_updated": "2024-03-01T08:00:07.250Z",
        })
    );
    let members: Vec<&String> = listed["code_reservation"][0].as_object().unwrap().keys().collect();
    assert_eq!(
        members.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
        LIST.lines().skip(2).take(11).collect::<Vec<_>>()
    );

    let one = ask(&service, way, token, BY_ID, NORTH).await;
    let one = &one["code_reservation_by_id"];
    assert_eq!(
        one["export_file"],
        json!({ "id": "f0000000-0000-4000-8000-000000000001", "filename_download": "north.csv" })
    );
    assert_eq!(
        one["user_created"],
        json!({ "id": "a0000000-0000-4000-8000-000000000001", "first_name": "Ada", "last_name": "Admin" })
    );
    assert_eq!((&one["user_updated"], &one["url_suffix"]), (&Value::Null, &Value::Null));

    let created = ask(&service, way, token, CREATE, "").await;
    let created = &created["create_code_reservation_item"];
    let id = created["id"].as_str().unwrap();
    assert_eq!(
        created,
        &json!({
            "id": id, "reserved_for": "/417/9312345000012", "code_type": "sgtin", "quantity": 100, "status": "new",
            "product": "/01/19361758000003", "reference_id": "BATCH-2024-001",
        })
    );
    assert_eq!(service.settled(id).await, json!({ "status": "complete", "quantity_reserved": 100 }));

    let updated = ask(&service, way, token, UPDATE, id).await;
    assert_eq!(
        updated["update_code_reservation_item"],
        json!({
            "id": id, "status": "complete", "quantity_reserved": 100, "reference_id": "BATCH-2024-001-UPDATED",
        })
    );
    let deleted = ask(&service, way, token, DELETE, id).await;
    assert_eq!(deleted, json!({ "delete_code_reservation_item": { "id": id } }));
    let (_, body) = service.ask(token, &DELETE.replace("code_reservation_id", id)).await;
    assert_eq!(super::code(&body), "FORBIDDEN", "it is gone");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_documents_work_over_http() {
    all_five(Way::Http, "graphql-writer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_documents_work_through_an_event() {
    all_five(Way::Event, "graphql-admin").await;
}
