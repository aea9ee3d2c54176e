//! Writes that a cookie authenticates come from this site: over REST, over GraphQL and from forms.

use serde_json::{Value, json};

use super::{Browser, FORM, WRITER, people};
use crate::support::{
    api::{RESERVATIONS, id, sgtin},
    harness::Running,
};

const APP: &str = "https://app.example.com";

/// The number of reservations.
async fn count(running: &Running) -> usize {
    let api = running.api.with_token(Some(super::ADMIN));
    api.send("GET", &format!("{RESERVATIONS}?limit=-1&fields=id")).await.data().as_array().unwrap().len()
}

async fn with_cookie(running: &Running, method: &str, path: &str, origin: Option<&str>, body: Value) -> (u16, String) {
    let cookie = format!("directus_session_token={WRITER}");
    let mut headers = vec![("cookie", cookie.as_str()), ("content-type", "application/json")];
    headers.extend(origin.map(|origin| ("origin", origin)));
    let body = (!body.is_null()).then(|| body.to_string().into_bytes());
    let reply = running.send(method, path, None, &headers, body).await;
    (reply.status, reply.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_with_a_cookie_is_done_for_this_site_and_for_those_that_are_named() {
    let running = people().paused().parameter("CorsOrigins", APP).start().await;
    let own = format!("http://{}", running.system.address().unwrap());
    let api = running.api.with_token(Some(WRITER));
    let row = format!("{RESERVATIONS}/{}", id(&api.post(&sgtin(1)).await));
    let mutation = json!({ "query": "mutation { create_code_reservation_item(data: { reserved_for: \"/417/9312345000012\",
        code_type: \"sgtin\", quantity: 1, product: \"/01/19361758000003\" }) { id } }" });
    let writes = [
        ("POST", RESERVATIONS.to_owned(), sgtin(1)),
        ("PATCH", row.clone(), json!({ "reference_id": "x" })),
        (
            "PATCH",
            RESERVATIONS.to_owned(),
            json!({ "keys": [row.rsplit('/').next()], "data": { "reference_id": "y" } }),
        ),
        ("POST", "/graphql".to_owned(), mutation.clone()),
    ];
    for (method, path, body) in &writes {
        let before = count(&running).await;
        for foreign in [
            None,
            Some("https://evil.example"),
            Some("null"),
            Some("http://app.example.com"),
            Some("https://app.example.com.evil.example"),
            Some(&*own.replace("http:", "https:")),
        ] {
            let refused = with_cookie(&running, method, path, foreign, body.clone()).await;
            assert_eq!(refused, (403, "FORBIDDEN".to_owned()), "{method} {path} {foreign:?}");
        }
        assert_eq!(count(&running).await, before, "{method} {path}");
        for good in [own.as_str(), APP] {
            assert_eq!(
                with_cookie(&running, method, path, Some(good), body.clone()).await.0,
                200,
                "{method} {path} {good}"
            );
        }
    }
    let delete = with_cookie(&running, "DELETE", &row, Some("https://evil.example"), Value::Null).await;
    assert_eq!(delete, (403, "FORBIDDEN".to_owned()));
    // Reads are not writes, and a token in a header is not a cookie.
    assert_eq!(with_cookie(&running, "GET", RESERVATIONS, None, Value::Null).await.0, 200);
    assert_eq!(with_cookie(&running, "SEARCH", RESERVATIONS, None, json!({ "query": {} })).await.0, 200);
    let headers = [("origin", "https://evil.example"), ("content-type", "application/json")];
    let body = Some(sgtin(1).to_string().into_bytes());
    assert_eq!(running.send("POST", RESERVATIONS, Some(WRITER), &headers, body).await.status, 200);
    assert_eq!(with_cookie(&running, "DELETE", &row, Some(&own), Value::Null).await.0, 204);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_may_be_any_may_not_write_with_a_cookie() {
    let running = people().paused().parameter("CorsOrigins", "*").start().await;
    for origin in ["https://evil.example", "*"] {
        let refused = with_cookie(&running, "POST", RESERVATIONS, Some(origin), sgtin(1)).await;
        assert_eq!(refused, (403, "FORBIDDEN".to_owned()), "{origin}");
    }
    assert_eq!(count(&running).await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_does_nothing_signed_in_or_not() {
    let running = people().paused().parameter("CorsOrigins", APP).start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    let created = browser.post("/console/reserve", &FORM).await;
    let path = created.leads_to().to_owned();
    for origin in ["https://evil.example", "null", APP, "http://127.0.0.1:1"] {
        let forms: [(String, &[(&str, &str)]); 8] = [
            ("/console/reserve".to_owned(), &FORM),
            ("/console/sign-out".to_owned(), &[]),
            (format!("{path}/delete"), &[]),
            (format!("{path}/cancel"), &[]),
            (format!("{path}/again"), &[]),
            ("/console/reserve/check".to_owned(), &FORM),
            ("/console/language".to_owned(), &[("language", "de")]),
            // Signing a person in as somebody else.
            ("/console/sign-in".to_owned(), &[("token", super::READER)]),
        ];
        for (path, fields) in forms {
            let page = browser.post_from(origin, &path, fields).await;
            assert_eq!(page.status, 403, "{origin} {path}");
            page.shows("This form came from another site");
        }
    }
    let no_origin = browser.send(reqwest::Method::POST, "/console/reserve", &[], Some(super::form(&FORM))).await;
    assert_eq!(no_origin.status, 403);
    assert_eq!(browser.get(&path).await.status, 200, "still signed in, and nothing was deleted");
    browser.get("/").await.shows("writer Person");
    assert_eq!(count(&running).await, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_the_pages_is_none_of_the_api() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    let page = browser.get(RESERVATIONS).await;
    assert_eq!(page.status, 403, "{page:?}");
    running.stop().await;
}
