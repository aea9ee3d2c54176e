//! Links to assets: for the method of the request, in the body instead of a redirect, for pages of other origins, and
//! never together with a token.

use reqwest::{Client, Method, Response, redirect::Policy};
use serde_json::json;

use super::{ADMIN, READER, seeded};
use crate::support::{api::Reply, harness::Running};

const ASSET: &str = "/assets/f11e0000-0000-4000-8000-000000000001";
const PAGE: &str = "https://app.example.com";

/// Every form of the path and the query of an asset.
const FORMS: [&str; 9] = [
    "",
    "/",
    "/own.csv",
    "/own.csv/",
    "?download",
    "?download=true",
    "/a%2Fb.csv?download=",
    "?key=small&width=10",
    "?redirect=true",
];

async fn send(server: &Running, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    server.send(method, path, Some(ADMIN), headers, None).await
}

/// A client that follows redirects with all its headers, as `curl --location-trusted` does.
async fn follow(method: &str, link: &str, headers: &[(&str, &str)]) -> Response {
    let http = Client::builder().redirect(Policy::none()).build().unwrap();
    let mut request = http.request(Method::from_bytes(method.as_bytes()).unwrap(), link);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The part of a link that says what it gives: without time and signature.
fn target(link: &str) -> &str {
    link.split("X-Amz-Date=").next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn head_of_an_asset_ends_in_the_headers_of_get() {
    let server = seeded().start().await;
    for form in FORMS {
        let mut answers = Vec::new();
        for method in ["GET", "HEAD"] {
            let reply = send(&server, method, &format!("{ASSET}{form}"), &[]).await;
            assert_eq!((reply.status, reply.text.as_str()), (302, ""), "{method} {form}");
            assert_eq!(reply.header("cache-control"), "no-store");
            let answer = follow(method, reply.header("location"), &[]).await;
            assert_eq!(answer.status(), 200, "{method} {form}");
            let part = follow(method, reply.header("location"), &[("range", "bytes=1-3")]).await;
            assert_eq!((part.status().as_u16(), header(&part, "content-length")), (206, "3"), "{method} {form}");
            let tag = header(&answer, "etag").to_owned();
            let known = follow(method, reply.header("location"), &[("if-none-match", &tag)]).await;
            assert_eq!(known.status(), 304, "{method} {form}");
            answers.push(answer);
        }
        for name in ["content-type", "content-disposition", "content-length", "etag", "accept-ranges", "cache-control"]
        {
            let [get, head] = [&answers[0], &answers[1]].map(|answer| header(answer, name));
            assert!(!get.is_empty() && get == head, "{form} {name}: {get:?}, {head:?}");
        }
    }
    // Conditions of the first request are for the file: the redirect itself is always new.
    for condition in
        [("if-none-match", "*"), ("range", "bytes=0-0"), ("if-modified-since", "Wed, 01 Jan 2025 00:00:00 GMT")]
    {
        for method in ["GET", "HEAD"] {
            assert_eq!(send(&server, method, ASSET, &[condition]).await.status, 302, "{method} {condition:?}");
        }
    }
    for method in ["GET", "HEAD"] {
        assert_eq!(send(&server, method, "/assets/deadbeef-0000-4000-8000-00000000dead", &[]).await.status, 403);
        assert_eq!(send(&server, method, &format!("{ASSET}/a/b"), &[]).await.status, 404);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_redirect_gets_the_link_in_the_body() {
    let server = seeded().start().await;
    for form in [
        "?redirect=false",
        "/own%20name.csv?redirect=false&download",
        "/?download&%72edirect=%66alse",
        "?x&redirect=false&x",
    ] {
        for accept in ["*/*", "application/json", "text/csv", "application/json, text/plain, */*", "image/png", ""] {
            let reply = send(&server, "GET", &format!("{ASSET}{form}"), &[("accept", accept)]).await;
            assert_eq!((reply.status, reply.header("location")), (200, ""), "{form}");
            assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
            // The link ends, so nobody may keep the answer or ask whether it is still the same.
            assert_eq!((reply.header("cache-control"), reply.header("etag")), ("no-store", ""));
            let body = reply.json();
            let (link, end) = (body["data"]["url"].as_str().unwrap(), body["data"]["expires_at"].as_str().unwrap());
            assert_eq!(body, json!({"data": {"url": link, "expires_at": end}}));
            let (_, begin) = link.split_once("X-Amz-Date=").unwrap();
            let begin = chrono::NaiveDateTime::parse_from_str(&begin[..16], "%Y%m%dT%H%M%SZ").unwrap().and_utc();
            let end = chrono::DateTime::parse_from_rfc3339(end).unwrap().to_utc();
            assert_eq!((end - begin).num_milliseconds(), 900_000, "{link}");
            // The same file under the same name as by the redirect.
            let redirect = form.replace("redirect=false", "redirect=true").replace("%72edirect=%66alse", "");
            let redirect = send(&server, "GET", &format!("{ASSET}{redirect}"), &[]).await;
            assert_eq!(target(link), target(redirect.header("location")));
            assert_eq!(follow("GET", link, &[]).await.status(), 200);
        }
        let head = send(&server, "HEAD", &format!("{ASSET}{form}"), &[]).await;
        assert_eq!((head.status, head.text.as_str(), head.header("location")), (200, "", ""));
        assert_eq!((head.header("cache-control"), head.header("etag")), ("no-store", ""));
        assert_eq!(head.header("content-type"), "application/json; charset=utf-8");
        for method in ["GET", "HEAD"] {
            let known = send(&server, method, &format!("{ASSET}{form}"), &[("if-none-match", "*")]).await;
            assert_eq!(known.status, 200, "no answer of this kind is known");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_value_of_redirect_is_refused() {
    let server = seeded().start().await;
    for query in [
        "redirect",
        "redirect=",
        "redirect=False",
        "redirect=FALSE",
        "redirect=0",
        "redirect=no",
        "redirect=false%20",
        "redirect=null",
        "redirect[]=false",
        "redirect[a]=false",
        "redirect=false&redirect=false",
        "redirect=true&redirect=false",
    ] {
        let reply = send(&server, "GET", &format!("{ASSET}?{query}"), &[]).await;
        let reason = "\"redirect\" has to be \"true\" or \"false\"";
        let message = format!("Invalid query. {reason}.");
        let errors = json!([{"message": message, "extensions": {"reason": reason, "code": "INVALID_QUERY"}}]);
        assert_eq!((reply.status, reply.json()), (400, json!({ "errors": errors })), "{query}");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(send(&server, "HEAD", &format!("{ASSET}?{query}"), &[]).await.status, 400, "{query}");
    }
    // Rights come as with the redirect: no token, a bad one, no right, another's or no file.
    for (path, token, status) in [
        (ASSET, None, 403),
        (ASSET, Some("bad"), 401),
        (ASSET, Some("noperm-token"), 403),
        (ASSET, Some(READER), 200),
        ("/assets/deadbeef-0000-4000-8000-00000000dead", Some(ADMIN), 403),
        ("/assets/no-id", Some(ADMIN), 403),
    ] {
        let reply = server.send("GET", &format!("{path}?redirect=false"), token, &[], None).await;
        assert_eq!((reply.status, reply.header("cache-control")), (status, "no-store"), "{path} {token:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_survives_the_redirect_is_refused_by_the_bucket() {
    let server = seeded().start().await;
    for method in ["GET", "HEAD"] {
        let reply = send(&server, method, ASSET, &[]).await;
        let link = reply.header("location");
        for value in ["Bearer admin-token", "bearer admin-token", "Basic YTpi"] {
            let answer = follow(method, link, &[("AuthoriZation", value)]).await;
            assert_eq!(answer.status(), 400, "{method} {value}");
            let text = answer.text().await.unwrap();
            let is_s3 =
                text.contains("<Code>InvalidArgument</Code>") && text.contains("Only one auth mechanism allowed");
            assert!(is_s3 || method == "HEAD", "{text}");
        }
        assert_eq!(follow(method, link, &[]).await.status(), 200);
    }
    server.stop().await;
}

/// Follows the redirect of an asset as a browser does for a page: without credentials, from the origin `null`.
async fn read_by_a_page(server: &Running, method: &str, headers: &[(&str, &str)]) -> (Reply, Response) {
    let from = [&[("origin", PAGE)][..], headers].concat();
    let reply = server.send(method, &format!("{ASSET}?access_token={ADMIN}"), None, &from, None).await;
    assert_eq!(reply.status, 302);
    let answer = follow(method, reply.header("location"), &[&[("origin", "null")][..], headers].concat()).await;
    (reply, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_allowed_origin_can_read_an_asset() {
    for origins in [PAGE, "*", "https://a.example,https://app.example.com"] {
        let server = seeded().parameter("CorsOrigins", origins).start().await;
        for method in ["GET", "HEAD"] {
            let (reply, answer) = read_by_a_page(&server, method, &[("range", "bytes=0-1")]).await;
            let allowed = if origins == "*" { "*" } else { PAGE };
            assert_eq!(reply.header("access-control-allow-origin"), allowed);
            assert_eq!((answer.status().as_u16(), header(&answer, "access-control-allow-origin")), (206, "*"));
            let exposed = header(&answer, "access-control-expose-headers");
            for name in ["Content-Disposition", "Content-Length", "Content-Range", "Accept-Ranges", "ETag"] {
                assert!(exposed.split(", ").any(|one| one == name), "{name} in {exposed}");
                assert_ne!(header(&answer, name), "", "{name} is exposed and sent");
            }
            // A header that needs a preflight passes the API and the bucket.
            let asked = [
                ("origin", PAGE),
                ("access-control-request-method", method),
                ("access-control-request-headers", "authorization,if-none-match,if-range,range"),
            ];
            let preflight = server.send("OPTIONS", ASSET, None, &asked, None).await;
            let names = preflight.header("access-control-allow-headers").to_lowercase();
            for name in asked[2].1.split(',') {
                assert!(names.split(',').any(|one| one == name), "{name} in {names}");
            }
            let asked = [("origin", "null"), asked[1], asked[2]];
            let preflight = follow("OPTIONS", reply.header("location"), &asked).await;
            assert_eq!((preflight.status().as_u16(), header(&preflight, "access-control-allow-origin")), (200, "*"));
            assert_eq!(header(&preflight, "access-control-allow-headers"), asked[2].1.replace(',', ", "));
        }
        server.stop().await;
    }
    let server = seeded().start().await;
    let (reply, answer) = read_by_a_page(&server, "GET", &[]).await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
    assert_eq!((answer.status().as_u16(), header(&answer, "access-control-allow-origin")), (200, ""));
    let asked = [("origin", PAGE), ("access-control-request-method", "GET")];
    assert_eq!(follow("OPTIONS", reply.header("location"), &asked).await.status(), 403);
    server.stop().await;
}

#[test]
fn a_link_is_not_in_a_debug_line() {
    let link =
        common::bucket::Link { url: "https://s3/k?X-Amz-Signature=0".to_owned(), expires_at: chrono::Utc::now() };
    for text in [format!("{link:?}"), format!("{:?}", common::api::Answer::Redirect(link.clone()))] {
        assert!(text.contains("expires_at") && !text.contains("X-Amz") && !text.contains("s3"), "{text}");
    }
}
