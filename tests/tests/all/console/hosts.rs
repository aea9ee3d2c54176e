//! A page of another site whose name leads to this machine gets neither a page nor what a cookie may do.

use reqwest::Method;

use super::{Browser, FORM, WRITER, form, people};
use crate::support::api::{RESERVATIONS, sgtin};

const EVIL: &str = "evil.example:3000";

#[tokio::test(flavor = "multi_thread")]
async fn browsers_reach_the_pages_by_names_of_this_machine_alone() {
    let running = people().paused().host("codes.test").start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    let port = running.system.address().unwrap().port();
    for name in ["127.0.0.1", "localhost", "[::1]", "codes.test"] {
        let host = format!("{name}:{port}");
        let page = browser.send(Method::GET, "/console/reservations", &[("host", &host)], None).await;
        assert_eq!(page.status, 200, "{host}");
        // The site of the form is the one of its page.
        let origin = format!("http://{host}");
        let headers = [("host", host.as_str()), ("origin", origin.as_str())];
        let sent = browser.send(Method::POST, "/console/reserve", &headers, Some(form(&FORM))).await;
        assert_eq!(sent.status, 303, "{host}: {}", sent.text);
    }
    let origin = format!("http://{EVIL}");
    for host in [EVIL, "evil.example", "127.0.0.1.evil.example", "x"] {
        for path in
            ["/", "/console", "/console/sign-in", "/console/static/0/console.css", "/console/sign-in/once?key=x"]
        {
            let page = browser.send(Method::GET, path, &[("host", host)], None).await;
            assert_eq!(page.status, 421, "{host} {path}");
            page.shows("--host");
        }
        let headers = [("host", EVIL), ("origin", origin.as_str())];
        for path in ["/console/reserve", "/console/sign-in", "/console/sign-out"] {
            let sent = browser.send(Method::POST, path, &headers, Some(form(&FORM))).await;
            assert_eq!((sent.status, sent.cookie("console_session")), (421, None), "{host} {path}");
        }
    }
    assert_eq!(browser.get("/console/reservations").await.status, 200, "still signed in");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_and_a_page_of_another_name_do_nothing_and_a_token_does() {
    let running = people().paused().start().await;
    let cookie = format!("directus_session_token={WRITER}");
    let origin = format!("http://{EVIL}");
    let token = format!("Bearer {WRITER}");
    let token = ("authorization", token.as_str());
    let browser = Browser::of(&running);
    for (method, headers, status) in [
        (Method::GET, vec![("host", EVIL), ("cookie", &cookie)], 421),
        (Method::POST, vec![("host", EVIL), ("cookie", &cookie), ("origin", &origin)], 421),
        // The token that the documentation names is no secret, so a page may know it.
        (Method::POST, vec![("host", EVIL), ("origin", &origin), token], 421),
        // Programs call the service by the name of a container or of a proxy.
        (Method::GET, vec![("host", "codes:3000"), token], 200),
        (Method::POST, vec![("host", "codes:3000"), token], 200),
        (Method::GET, vec![("cookie", &cookie)], 200),
    ] {
        let mut request = browser.http.request(method.clone(), format!("{}{RESERVATIONS}", browser.url));
        if method == Method::POST {
            request = request.header("content-type", "application/json").body(sgtin(1).to_string());
        }
        request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        assert_eq!(request.send().await.unwrap().status().as_u16(), status, "{method} {headers:?}");
    }
    running.stop().await;
}
