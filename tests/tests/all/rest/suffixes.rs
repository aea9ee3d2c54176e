//! `url_suffix` and the domain of links: the lists that `tests/judges` gives to third-party readers of GS1 Digital
//! Link.

use common::code::link_domain;
use serde_json::{Value, json};

use crate::support::{
    api::{RESERVATIONS, id, sgtin, with},
    harness::{Running, completed},
    repository::{root, template},
};

fn cases() -> Value {
    let path = root().join("tests/judges/suffixes.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suffix_that_would_change_what_a_link_identifies_is_refused_on_create_and_update() {
    let server = Running::paused().await;
    let (api, cases) = (&server.api, cases());
    let made = api.post(&sgtin(1)).await;
    let path = format!("{RESERVATIONS}/{}", id(&made));
    let refused = texts(&cases["refused"]);
    assert!(refused.len() > 40, "{}", refused.len());
    for suffix in refused {
        let change = json!({ "url_suffix": suffix });
        for reply in [
            api.send_json("POST", RESERVATIONS, &with(&sgtin(1), change.clone())).await,
            api.send_json("PATCH", &path, &change).await,
        ] {
            assert_eq!((reply.status, reply.code().as_str()), (400, "FAILED_VALIDATION"), "{suffix}");
            let errors = reply.json()["errors"].as_array().unwrap().clone();
            assert_eq!(errors.len(), 1, "{suffix}: {errors:?}");
            let found = (&errors[0]["extensions"]["field"], &errors[0]["extensions"]["type"]);
            assert_eq!(found, (&json!("url_suffix"), &json!("regex")), "{suffix}");
        }
    }
    assert_eq!(api.get(id(&made)).await["url_suffix"], Value::Null);
    assert_eq!(api.send("GET", RESERVATIONS).await.data().as_array().unwrap().len(), 1);
    for suffix in texts(&cases["accepted"]).into_iter().chain(texts(&cases["short_names"])) {
        let reply = api.send_json("PATCH", &path, &json!({ "url_suffix": suffix })).await;
        assert_eq!(reply.data()["url_suffix"], suffix);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_suffix_is_the_query_of_every_link_as_it_was_sent() {
    let server = Running::in_memory().await;
    let cases = cases();
    let plain = completed(&server.api, id(&server.api.post(&sgtin(1)).await)).await;
    let domain = "https://id.gs1.org/01/";
    for suffix in texts(&cases["accepted"]) {
        let wanted = with(&sgtin(1), json!({ "url_suffix": suffix, "export_type": "txt" }));
        let done = completed(&server.api, id(&server.api.post(&wanted).await)).await;
        let file = server.api.download(done["export_file"].as_str().unwrap()).await;
        let link = String::from_utf8(file).unwrap();
        let (address, query) = link.trim_end().split_once('?').unwrap();
        assert_eq!(query, suffix.strip_prefix('?').unwrap_or(suffix));
        assert!(address.starts_with(domain) && done["product"] == plain["product"], "{link}");
    }
    server.stop().await;
}

#[test]
fn the_template_takes_the_domains_that_the_service_takes() {
    let cases = cases();
    let template = template();
    for (name, may_be_empty) in [("DigitalLinkDomain", false), ("ShortCodeDomain", true)] {
        let pattern = template["Parameters"][name]["AllowedPattern"].as_str().unwrap();
        let pattern = regex::Regex::new(pattern).unwrap();
        assert_eq!(pattern.is_match(""), may_be_empty);
        for domain in texts(&cases["domains"]["accepted"]) {
            assert!(pattern.is_match(domain), "{name}: {domain}");
        }
        // The pattern knows no escapes, short names and range of ports; the functions check these.
        for domain in [
            "example.com",
            "ftp://example.com",
            "https://",
            "https://[::1",
            "https://::1",
            "https://example.com:abc",
            "https://example.com:",
            "https://example..com",
            "https://user@example.com",
            "https://example.com?k=v",
            "https://example.com/a/..",
            "https://example.com/./a",
            "https://example.com/414",
            "https://example.com/2024/x",
        ] {
            assert!(!pattern.is_match(domain) && link_domain(domain).is_err(), "{name}: {domain}");
        }
    }
}

#[test]
fn a_domain_whose_path_would_change_what_a_link_identifies_is_refused() {
    let cases = cases();
    for domain in texts(&cases["domains"]["accepted"]) {
        assert_eq!(link_domain(domain).as_deref(), Ok(&*domain.trim_end_matches('/').replace("HTTPS:", "https:")));
    }
    for domain in texts(&cases["domains"]["refused"]) {
        assert!(link_domain(domain).is_err(), "{domain}");
    }
}
