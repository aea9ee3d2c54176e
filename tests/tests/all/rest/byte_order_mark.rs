//! Files of lists (`export`), byte by byte as they arrive: `csv_utf8` begins with a byte order mark, nothing else does.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{ADMIN, seeded};
use crate::support::{api::RESERVATIONS, harness::Running};

const ROW: &str = "/items/code_reservation/03343178-982f-4b83-8dcb-916595070e51";

/// U+FEFF in UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

struct File {
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl File {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn file(server: &Running, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> File {
    let mut request = server.api.with_token(Some(ADMIN)).request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_null() {
        request = request.json(body);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{method} {path}");
    File { headers: answer.headers().clone(), bytes: answer.bytes().await.unwrap().to_vec() }
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_utf8_is_csv_after_a_byte_order_mark_wherever_a_file_can_be_asked_for() {
    let server = seeded().start().await;
    let renamed = json!({"reference_id": "Größe"});
    let many = json!({"keys": [ROW.rsplit('/').next()], "data": renamed});
    for (method, path, body) in [
        ("GET", format!("{RESERVATIONS}?fields=id,status"), Value::Null),
        ("GET", format!("{ROW}?fields=*"), Value::Null),
        ("SEARCH", RESERVATIONS.to_owned(), json!({"query": {"limit": 2, "fields": ["id"]}})),
        ("PATCH", format!("{ROW}?fields=reference_id"), renamed.clone()),
        ("PATCH", format!("{RESERVATIONS}?fields=reference_id"), many),
        ("GET", "/items/organisation?fields=id".to_owned(), Value::Null),
        ("GET", "/users?fields=id".to_owned(), Value::Null),
        ("GET", "/users/me?fields=id".to_owned(), Value::Null),
        ("GET", "/files?fields=id".to_owned(), Value::Null),
    ] {
        let export = async |format: &str| {
            if method == "SEARCH" {
                let mut body = body.clone();
                body["query"]["export"] = json!(format);
                return file(&server, method, &path, &[], &body).await;
            }
            file(&server, method, &format!("{path}&export={format}"), &[], &body).await
        };
        let (plain, marked) = (export("csv").await, export("csv_utf8").await);
        assert!(plain.bytes.starts_with(b"\""), "{method} {path}: {:?}", String::from_utf8_lossy(&plain.bytes));
        assert!(marked.bytes == [MARK, plain.bytes.as_slice()].concat(), "{method} {path}");
        assert_eq!(marked.header("content-type"), "text/csv; charset=utf-8", "{method} {path}");
        assert_eq!(marked.header("content-length"), marked.bytes.len().to_string());
        assert!(marked.header("content-disposition").ends_with(".csv\""));
        if method == "GET" {
            // The tag is that of the bytes that arrive.
            let length = format!("W/\"{:x}-", marked.bytes.len());
            assert!(marked.header("etag").starts_with(&length), "{method} {path}: {:?}", marked.headers);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_under_a_key_has_the_mark_too() {
    let server = seeded().start().await;
    let path = format!("{RESERVATIONS}?export=csv_utf8&fields=reference_id");
    let body = json!({"reserved_for": "ORG-CUSTOM-3", "code_type": "short_code", "quantity": 1, "reference_id": "ä"});
    for _ in 0..2 {
        let made = file(&server, "POST", &path, &[("idempotency-key", "marked")], &body).await;
        assert_eq!(made.bytes, [MARK, "\"reference_id\"\n\"ä\"".as_bytes()].concat());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_answer_begins_with_a_byte_order_mark() {
    let server = seeded().start().await;
    for path in [
        format!("{RESERVATIONS}?export=csv"),
        format!("{RESERVATIONS}?export=json"),
        format!("{RESERVATIONS}?export=xml"),
        format!("{RESERVATIONS}?export=yaml"),
        RESERVATIONS.to_owned(),
        "/server/ping".to_owned(),
    ] {
        let file = file(&server, "GET", &path, &[], &Value::Null).await;
        assert!(!file.bytes.is_empty() && !file.bytes.starts_with(MARK), "{path}");
    }
    // A file without rows has the header of its columns, and the mark before it.
    for (export, head) in [("csv", b"".as_slice()), ("csv_utf8", MARK)] {
        let path = format!("{RESERVATIONS}?export={export}&fields=id&filter[reference_id][_eq]=nobody%20has%20this");
        let bytes = file(&server, "GET", &path, &[], &Value::Null).await.bytes;
        assert_eq!(bytes, [head, b"\"id\""].concat(), "{export}");
    }
    server.stop().await;
}
