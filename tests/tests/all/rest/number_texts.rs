//! A JSON number in a member that is a text is stored as it was typed if it is whole, and otherwise as JavaScript prints
//! it.

use serde_json::{Value, json};

use super::{ADMIN, seeded};
use crate::support::{
    api::{RESERVATIONS, Reply, encoded},
    harness::Running,
};

const TEXTS: [(&str, &str); 18] = [
    ("7", "7"),
    ("-7", "-7"),
    ("9007199254740993", "9007199254740993"),
    ("18446744073709551615", "18446744073709551615"),
    ("18446744073709551616", "18446744073709551616"),
    ("-12345678901234567890123456789", "-12345678901234567890123456789"),
    ("123456789012345678901234567890123456789012", "123456789012345678901234567890123456789012"),
    ("1000.0", "1000"),
    ("-0", "0"),
    ("-0.0", "0"),
    ("1e3", "1000"),
    ("1e21", "1e+21"),
    ("1.5E-7", "1.5e-7"),
    ("0.1000", "0.1"),
    ("0.30000000000000004", "0.30000000000000004"),
    ("12345678901234567890.5", "12345678901234567000"),
    ("5e-324", "5e-324"),
    ("\"1000.0\"", "1000.0"),
];

async fn send(server: &Running, method: &str, path: &str, body: String) -> Reply {
    server.send(method, path, Some(ADMIN), &[("content-type", "application/json")], Some(body.into_bytes())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_in_a_text_member_keeps_its_digits() {
    let server = seeded().start().await;
    let members = "\"reserved_for\":\"ORG-CUSTOM-3\",\"code_type\":\"short_code\",\"quantity\":1";
    for (number, text) in TEXTS {
        let row = format!("{{{members},\"reference_id\": {number} ,\"purchase_order\":{number}}}");
        let made = send(&server, "POST", RESERVATIONS, row.clone()).await.data();
        assert_eq!((&made["reference_id"], &made["purchase_order"]), (&json!(text), &json!(text)), "{number}");
        let id = &made["id"];
        // What is stored is what is shown, and what a filter finds.
        assert_eq!(server.get(&path_of(id), ADMIN).await.data()["reference_id"], json!(text));
        let filter = encoded(&json!({"_and": [{"id": {"_eq": id}}, {"reference_id": {"_eq": text}}]}));
        let found = server.get(&format!("{RESERVATIONS}?fields=id&filter={filter}"), ADMIN).await.data();
        assert_eq!(found, json!([{ "id": id }]), "{number}");

        let several = send(&server, "POST", RESERVATIONS, format!("[{{{members}}},{row}]")).await.data();
        assert_eq!(several[1]["reference_id"], json!(text), "{number}");
        for (path, body) in [
            (path_of(id), format!("{{\"error_message\":{number}}}")),
            (RESERVATIONS.to_owned(), format!("[{{\"id\":{id},\"error_message\":{number}}}]")),
            (RESERVATIONS.to_owned(), format!("{{\"keys\":[{id}],\"data\":{{\"error_message\":{number}}}}}")),
            (
                RESERVATIONS.to_owned(),
                format!("{{\"query\":{{\"filter\":{{\"id\":{id}}}}},\"data\":{{\"error_message\":{number}}}}}"),
            ),
        ] {
            send(&server, "PATCH", &path_of(id), "{\"error_message\":null}".to_owned()).await.data();
            let changed = send(&server, "PATCH", &path, body.clone()).await.data();
            let row = if changed.is_array() { &changed[0] } else { &changed };
            assert_eq!(row["error_message"], json!(text), "{body}");
        }
    }
    // Too long for the member, and no number at all.
    let long = send(&server, "POST", RESERVATIONS, format!("{{{members},\"reference_id\":{}}}", "1".repeat(300))).await;
    assert_eq!((long.status, long.json()["errors"][0]["extensions"]["type"].clone()), (400, json!("max_length")));
    for number in ["1e999", "01", "+1", "NaN"] {
        let reply = send(&server, "POST", RESERVATIONS, format!("{{{members},\"reference_id\":{number}}}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_PAYLOAD"), "{number}");
    }
    server.stop().await;
}

fn path_of(id: &Value) -> String {
    format!("{RESERVATIONS}/{}", id.as_str().unwrap())
}
