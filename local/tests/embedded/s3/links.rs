//! Presigned links: the method that they are signed for, a second way of authentication, and pages of other origins.

use std::time::Duration;

use aws_sdk_s3::{Client, presigning::PresigningConfig};
use local::{
    s3::{Access, MIN_PART, S3},
    template::{Bucket, CorsRule},
};
use reqwest::{Method, Response, StatusCode};
use tempfile::TempDir;

use super::{BUCKET, Home, client, put};

const KEY: &str = "exports/1.csv";
const PAGE: &str = "https://app.example.com";

/// Links to one object for GET and for HEAD, with overridden headers.
async fn links(client: &Client) -> [(Method, String); 2] {
    put(client, KEY, b"0123456789").await;
    let lifetime = || PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let disposition = "attachment; filename=\"c.csv\"; filename*=UTF-8''c%C3%A9.csv";
    let get = client
        .get_object()
        .bucket(BUCKET)
        .key(KEY)
        .response_cache_control("no-store")
        .response_content_type("text/csv; charset=utf-8")
        .response_content_disposition(disposition);
    let head = client
        .head_object()
        .bucket(BUCKET)
        .key(KEY)
        .response_cache_control("no-store")
        .response_content_type("text/csv; charset=utf-8")
        .response_content_disposition(disposition);
    let get = get.presigned(lifetime()).await.unwrap();
    let head = head.presigned(lifetime()).await.unwrap();
    assert_eq!((get.headers().count(), head.headers().count()), (0, 0), "a browser cannot add signed headers");
    [(Method::GET, get.uri().to_owned()), (Method::HEAD, head.uri().to_owned())]
}

async fn send(method: &Method, url: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = reqwest::Client::new().request(method.clone(), url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_link_works_for_the_method_that_it_is_signed_for() {
    let home = Home::new().await;
    for (method, link) in &links(&home.client()).await {
        let answer = send(method, link, &[]).await;
        assert_eq!(answer.status(), 200, "{method}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("content-type", "text/csv; charset=utf-8"),
            ("content-disposition", "attachment; filename=\"c.csv\"; filename*=UTF-8''c%C3%A9.csv"),
            ("content-length", "10"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(header(&answer, name), value, "{method}");
        }
        let tag = header(&answer, "etag").to_owned();
        let part = send(method, link, &[("range", "bytes=2-4")]).await;
        assert_eq!((part.status(), header(&part, "content-range")), (StatusCode::PARTIAL_CONTENT, "bytes 2-4/10"));
        assert_eq!(send(method, link, &[("if-none-match", &tag)]).await.status(), 304, "{method}");
        let beyond = send(method, link, &[("range", "bytes=10-")]).await;
        assert_eq!(beyond.status(), 416, "{method}");
        if *method == Method::GET {
            let xml = beyond.text().await.unwrap();
            let error = "<Code>InvalidRange</Code><Message>The requested range is not satisfiable</Message>";
            assert!(xml.contains(error), "{xml}");
        }
        // The rest of another version is no rest of this one.
        let modified = header(&answer, "last-modified").to_owned();
        for this in [&tag, &modified] {
            let part = send(method, link, &[("range", "bytes=2-4"), ("if-range", this)]).await;
            assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{method} {this}");
        }
        let weak = format!("W/{tag}");
        let bare = tag.trim_matches('"');
        for other in ["\"other\"", &weak, bare, "Wed, 21 Oct 2015 07:28:00 GMT", "*", ""] {
            let whole = send(method, link, &[("range", "bytes=2-4"), ("if-range", other)]).await;
            assert_eq!((whole.status(), header(&whole, "content-length")), (StatusCode::OK, "10"), "{method} {other}");
            assert_eq!(header(&whole, "content-range"), "", "{method} {other}");
            // The range is not looked at, so it cannot be wrong.
            let whole = send(method, link, &[("range", "bytes=10-"), ("if-range", other)]).await;
            assert_eq!(whole.status(), StatusCode::OK, "{method} {other}");
        }
        let other = if *method == Method::GET { Method::HEAD } else { Method::GET };
        assert_eq!(send(&other, link, &[]).await.status(), 403, "{method}");
    }
}

#[tokio::test]
async fn a_link_with_another_way_of_authentication_is_refused() {
    let home = Home::new().await;
    let links = links(&home.client()).await;
    for value in
        ["Bearer secret-token", "bearer secret-token", "Basic c2VjcmV0LXRva2Vu", "AWS4-HMAC-SHA256 Credential=x"]
    {
        for (method, link) in &links {
            for name in ["Authorization", "AUTHORIZATION"] {
                let answer = send(method, link, &[(name, value)]).await;
                assert_eq!(answer.status(), 400, "{method} {value}");
                assert_eq!(header(&answer, "content-type"), "application/xml");
                let text = answer.text().await.unwrap();
                let expected = ["<Code>InvalidArgument</Code>", "Only one auth mechanism allowed", value];
                assert!(*method == Method::HEAD || expected.iter().all(|part| text.contains(part)), "{text}");
            }
        }
        // Without a signature the header is the only way, and it is none that S3 knows.
        let (_, link) = &links[0];
        let answer = send(&Method::GET, link.split('?').next().unwrap(), &[("authorization", value)]).await;
        assert!(matches!(answer.status().as_u16(), 400 | 403), "{value}");
    }
    for (method, link) in &links {
        assert_eq!(send(method, link, &[("x-authorization", "Bearer T"), ("cookie", "a=b")]).await.status(), 200);
    }
}

/// A bucket whose CORS rules are these.
async fn with_rules(cors: Vec<CorsRule>) -> (TempDir, S3) {
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket { name: BUCKET.to_owned(), cors };
    let s3 =
        S3::start_with(folder.path(), &[bucket], false.into(), MIN_PART, Access::private().unwrap()).await.unwrap();
    (folder, s3)
}

fn rule(origin: &str) -> CorsRule {
    CorsRule {
        origins: vec![origin.to_owned()],
        methods: vec!["GET".to_owned(), "HEAD".to_owned()],
        headers: vec!["Range".to_owned(), "x-*".to_owned()],
        exposed: vec!["ETag".to_owned(), "Content-Range".to_owned()],
        max_age: Some(600),
    }
}

fn preflight<'a>(origin: &'a str, method: &'a str, headers: &'a str) -> [(&'a str, &'a str); 3] {
    [("origin", origin), ("access-control-request-method", method), ("access-control-request-headers", headers)]
}

#[tokio::test]
async fn a_page_may_read_what_a_rule_of_the_bucket_allows() {
    let (_folder, s3) = with_rules(vec![rule("*")]).await;
    for (method, link) in &links(&client(&s3)).await {
        for origin in [PAGE, "null"] {
            let answer = send(method, link, &[("origin", origin), ("range", "bytes=0-1")]).await;
            assert_eq!(answer.status(), 206);
            for (name, value) in [
                ("access-control-allow-origin", "*"),
                ("access-control-allow-methods", "GET, HEAD"),
                ("access-control-expose-headers", "ETag, Content-Range"),
                ("access-control-max-age", "600"),
                ("access-control-allow-credentials", ""),
                ("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
            ] {
                assert_eq!(header(&answer, name), value, "{name}");
            }
            // A page can read why it is refused, too.
            let refused = send(method, link, &[("origin", origin), ("authorization", "Bearer T")]).await;
            assert_eq!(
                (refused.status(), header(&refused, "access-control-allow-origin")),
                (StatusCode::BAD_REQUEST, "*")
            );
            let asked = send(&Method::OPTIONS, link, &preflight(origin, method.as_str(), "range, X-Any")).await;
            assert_eq!(asked.status(), 200);
            assert_eq!(header(&asked, "access-control-allow-origin"), "*");
            assert_eq!(header(&asked, "access-control-allow-headers"), "range, x-any");
            assert_eq!(asked.text().await.unwrap(), "");
        }
        assert_eq!(header(&send(method, link, &[]).await, "access-control-allow-origin"), "", "no page has asked");
        for asked in [preflight(PAGE, "PUT", ""), preflight(PAGE, "GET", "range,if-match")] {
            let answer = send(&Method::OPTIONS, link, &asked).await;
            assert_eq!((answer.status(), header(&answer, "access-control-allow-origin")), (StatusCode::FORBIDDEN, ""));
            let text = answer.text().await.unwrap();
            assert!(text.contains("<Code>AccessForbidden</Code><Message>CORSResponse: This CORS request is"), "{text}");
        }
        for missing in [&preflight(PAGE, "GET", "")[..1], &preflight(PAGE, "GET", "")[1..]] {
            assert_eq!(send(&Method::OPTIONS, link, missing).await.status(), 400);
        }
    }
}

#[tokio::test]
async fn without_a_rule_for_its_origin_a_page_reads_nothing() {
    let (_named, named) = with_rules(vec![rule("https://*.example.com")]).await;
    let (_closed, closed) = with_rules(Vec::new()).await;
    for (method, link) in &links(&client(&named)).await {
        let answer = send(method, link, &[("origin", PAGE)]).await;
        assert_eq!(header(&answer, "access-control-allow-origin"), PAGE);
        assert_eq!(header(&answer, "access-control-allow-credentials"), "true");
        for origin in ["null", "https://example.com", "https://app.example.com.evil.example"] {
            let answer = send(method, link, &[("origin", origin)]).await;
            assert_eq!(
                (answer.status(), header(&answer, "access-control-allow-origin")),
                (StatusCode::OK, ""),
                "{origin}"
            );
            assert_eq!(send(&Method::OPTIONS, link, &preflight(origin, "GET", "")).await.status(), 403);
        }
    }
    for (method, link) in &links(&client(&closed)).await {
        let answer = send(method, link, &[("origin", PAGE)]).await;
        assert_eq!((answer.status(), header(&answer, "access-control-allow-origin")), (StatusCode::OK, ""));
        let answer = send(&Method::OPTIONS, link, &preflight(PAGE, "GET", "")).await;
        assert_eq!(answer.status(), 403);
        assert!(answer.text().await.unwrap().contains("CORS is not enabled for this bucket."));
    }
}
