//! A text to find of any length and form is answered at once, and in words.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Browser, WRITER, people};
use crate::{rest::edges, support::api::encoded};

/// The most that is read as a code (characters).
const MOST: usize = 2_048;

/// Texts of one length in every form that is looked up, and of what encodes long.
fn texts(length: usize) -> Vec<String> {
    let beginnings = [
        "9",
        "3034",
        "0x30",
        "A1z",
        "(",
        ")",
        "()",
        "((01)",
        "%",
        "%25",
        "\u{1d}",
        "]d2",
        "(01)09506000134352(21)",
        "0109506000134352",
        "10A\u{1d}",
        "https://id.gs1.org/01/",
        "id.gs1.org/",
        "a.b/%2F",
        "urn:epc:id:sgtin:9.",
        "urn:epc:raw:96.x30",
        ":",
        " ",
        "ü",
    ];
    beginnings.into_iter().map(|text| text.chars().cycle().take(length).collect()).collect()
}

/// A page whose address may be longer than HTTP libraries allow.
async fn get(browser: &Browser, path: &str) -> edges::Raw {
    let (session, address) = (browser.session().unwrap(), browser.url.strip_prefix("http://").unwrap());
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nCookie: console_session={session}\r\nConnection: close\r\n\r\n"
    );
    edges::send(address.parse().unwrap(), request.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_any_length_is_answered_at_once() {
    let running = people().paused().long_requests().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    for length in [0, 1, MOST, MOST + 1, 12_000, 100_000] {
        for text in texts(length) {
            let query = encoded(&json!(text));
            for path in [format!("code={query}"), format!("code=abc&product={query}")] {
                let begun = Instant::now();
                let page = get(&browser, &format!("/console/find?{path}")).await;
                let name = || format!("{length} of {:?}: {}", text.get(..4), path.get(..20).unwrap_or(&path));
                assert!(begun.elapsed() < Duration::from_secs(10), "{}", name());
                // A form has a bound, and so has an address.
                let status = match query.len() {
                    ..32_000 => 200,
                    32_000..65_000 => 400,
                    _ => 431,
                };
                assert_eq!(page.status, status, "{}", name());
                let is_too_long = text.trim().chars().count() > MOST;
                let says_so = page.body.contains("at most 2,048 characters");
                assert_eq!(says_so, status == 200 && is_too_long, "{}", name());
            }
        }
    }
    let german = [("accept-language", "de")];
    let path = format!("/console/find?code={}", "9".repeat(MOST + 1));
    browser.send(reqwest::Method::GET, &path, &german, None).await.shows("höchstens 2.048 Zeichen");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_no_gateway_takes_is_refused_at_once() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    for length in [12_000, 100_000] {
        for text in texts(length) {
            let page = get(&browser, &format!("/console/find?code={}", encoded(&json!(text)))).await;
            assert_eq!(page.status, 431, "{length} of {:?}", text.get(..4));
        }
    }
    running.stop().await;
}
