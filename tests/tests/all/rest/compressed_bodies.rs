//! Request bodies with a `Content-Encoding`: all of a body is read, or nothing is written.

use std::io::Write;

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use serde_json::json;

use super::{ADMIN, seeded};
use crate::support::api::{RESERVATIONS, id};

fn member(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gzip_body_is_all_of_its_members() {
    let server = seeded().start().await;
    let text = json!({"reserved_for": "ORG-CUSTOM-3", "code_type": "short_code", "quantity": 1, "reference_id": "zip"})
        .to_string()
        .into_bytes();
    let (first, second) = text.split_at(text.len() / 2);
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::default());
    deflated.write_all(&text).unwrap();
    let whole = member(&text);
    for (encoding, body, status) in [
        ("gzip", whole.clone(), 200),
        ("x-gzip", whole.clone(), 200),
        ("gzip", [member(first), member(second)].concat(), 200),
        ("deflate", deflated.finish().unwrap(), 200),
        // The first member alone would be a complete body.
        ("gzip", [whole.clone(), member(b"]")].concat(), 400),
        ("gzip", [whole.clone(), b"junk".to_vec()].concat(), 400),
        ("gzip", whole[..whole.len() - 1].to_vec(), 400),
        ("gzip", text.clone(), 400),
    ] {
        let headers = [("content-type", "application/json"), ("content-encoding", encoding)];
        let made = server.send("POST", RESERVATIONS, Some(ADMIN), &headers, Some(body)).await;
        assert_eq!(made.status, status, "{encoding} {}", made.text);
        let listed = server.get(&format!("{RESERVATIONS}?filter[reference_id][_eq]=zip"), ADMIN).await.data();
        let expected = usize::from(status == 200);
        assert_eq!(listed.as_array().unwrap().len(), expected, "{encoding}");
        for row in listed.as_array().unwrap() {
            server.json("DELETE", &format!("{RESERVATIONS}/{}", id(row)), ADMIN, &json!(null)).await;
        }
    }
    server.stop().await;
}
