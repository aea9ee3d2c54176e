//! Signing in and out, and when a session ends.

use common::{
    identity::{MAX_SESSIONS, new_sign_in_link},
    reservation::Timestamp,
    store::{UserSessions, sessions_name, token_hash},
};

use super::{ADMIN, Browser, READER, WRITER, people};
use crate::support::harness::Running;

const WRITER_ID: &str = "00000000-0000-4000-8000-000000000002";
const READER_ID: &str = "00000000-0000-4000-8000-000000000003";

/// The page that shows whether somebody is signed in.
const PAGE: &str = "/console/reservations";

async fn is_in(browser: &Browser) -> bool {
    let page = browser.get(PAGE).await;
    match page.status {
        200 => true,
        303 => {
            assert!(page.leads_to().starts_with("/console/sign-in"), "{page:?}");
            false
        }
        _ => panic!("{page:?}"),
    }
}

async fn stored(running: &Running, user: &str) -> UserSessions {
    running.store().user_sessions(&sessions_name(user)).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_signs_in_and_a_wrong_one_is_told_so() {
    let running = people().paused().start().await;
    let browser = Browser::of(&running);
    let first = browser.get("/").await;
    assert_eq!(first.status, 200);
    first.shows("<form method=\"post\" action=\"/console/sign-in\">");
    for (token, status) in [("wrong", 401), ("", 400), ("a.b.c", 401), (&*"x".repeat(9_000), 401), ("é<script>", 401)]
    {
        let page = browser.post("/console/sign-in", &[("token", token)]).await;
        assert_eq!((page.status, page.cookie("console_session")), (status, None), "{token}");
        page.shows("role=\"alert\"");
        assert!(!page.text.contains("é<script>"), "what was sent is not shown");
    }
    assert!(!is_in(&browser).await);
    let page = browser.post("/console/sign-in", &[("token", &format!(" {WRITER} ")), ("next", PAGE)]).await;
    assert_eq!(page.leads_to(), PAGE);
    let cookie = page.cookie("console_session").unwrap();
    // Over HTTP, on this machine alone: without the prefix and without Secure.
    for attribute in ["Path=/", "Max-Age=28800", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{attribute}: {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains(WRITER_ID));
    assert!(is_in(&browser).await);
    browser.get("/").await.shows("writer Person");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_hash_of_a_session_is_stored_with_an_end_after_eight_hours() {
    let running = people().paused().start().await;
    let before = chrono::Utc::now().timestamp();
    let browser = Browser::signed_in(&running, WRITER).await;
    let text = browser.session().unwrap();
    let (name, secret) = text.split_once('.').unwrap();
    let sessions = stored(&running, WRITER_ID).await;
    assert_eq!(name, sessions_name(WRITER_ID));
    let [session] = sessions.sessions.as_slice() else { panic!("{sessions:?}") };
    assert_eq!(session.hash, token_hash(secret));
    assert!((before + 28_800..=before + 28_860).contains(&session.ends_at), "{session:?}");
    assert_eq!(sessions.expires_at, session.ends_at, "DynamoDB removes the item then");
    assert!(!format!("{sessions:?}").contains(secret) && !format!("{sessions:?}").contains(WRITER));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_it_is_signed_out_wherever_its_cookie_is() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    let copy = Browser::of(&running);
    copy.cookies.lock().unwrap().clone_from(&browser.cookies.lock().unwrap());
    let other = Browser::signed_in(&running, WRITER).await;
    assert!(is_in(&browser).await && is_in(&copy).await);
    let page = browser.post("/console/sign-out", &[]).await;
    assert!(page.cookie("console_session").unwrap().contains("Max-Age=0"));
    browser.get(page.leads_to()).await.shows("You are signed out.");
    assert!(!is_in(&copy).await, "the copied cookie is of no use");
    assert!(is_in(&other).await, "another session of the same user goes on");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_time_its_token_and_its_user() {
    let running = people().paused().start().await;
    let store = running.store();
    // Its time.
    let browser = Browser::signed_in(&running, WRITER).await;
    let mut sessions = stored(&running, WRITER_ID).await;
    sessions.sessions[0].ends_at = chrono::Utc::now().timestamp();
    assert!(store.put_user_sessions(&sessions).await.unwrap());
    let page = browser.get(PAGE).await;
    assert_eq!(page.leads_to(), "/console/sign-in?next=%2Fconsole%2Freservations&said=over");
    let part = browser.send(reqwest::Method::GET, PAGE, &[("hx-request", "true")], None).await;
    assert_eq!((part.status, part.header("hx-redirect")), (401, "/console/sign-in?said=over"));
    // Its token.
    let browser = Browser::signed_in(&running, WRITER).await;
    store.revoke_other_tokens(WRITER_ID, "another").await.unwrap();
    assert!(!is_in(&browser).await, "the token was revoked");
    // Its user.
    let browser = Browser::signed_in(&running, READER).await;
    assert!(is_in(&browser).await);
    super::set_status(&running, READER_ID, "suspended").await;
    assert!(!is_in(&browser).await, "the user was suspended");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_gives_a_new_session_whatever_the_browser_brings() {
    let running = people().paused().start().await;
    let victim = Browser::of(&running);
    // A session that somebody planted: unknown, or their own.
    let planted = Browser::signed_in(&running, READER).await.session().unwrap();
    for cookie in ["a.b", &planted, &format!("{}.planted", sessions_name(WRITER_ID))] {
        victim.cookies.lock().unwrap().insert("console_session".to_owned(), cookie.to_owned());
        let page = victim.post("/console/sign-in", &[("token", WRITER)]).await;
        assert_eq!(page.status, 303);
        assert_ne!(victim.session().unwrap(), cookie);
        victim.get("/").await.shows("writer Person");
    }
    // The session that the browser brought has ended.
    let thief = Browser::of(&running);
    thief.cookies.lock().unwrap().insert("console_session".to_owned(), planted);
    assert!(!is_in(&thief).await);
    for text in ["", ".", "x", "0.0", &format!("{}.", sessions_name(WRITER_ID)), &"a".repeat(4_000)] {
        thief.cookies.lock().unwrap().insert("console_session".to_owned(), text.to_owned());
        assert!(!is_in(&thief).await, "{text}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_a_bounded_number_of_sessions_and_the_oldest_ends_first() {
    let running = people().paused().start().await;
    let mut browsers = Vec::new();
    for _ in 0..=MAX_SESSIONS {
        browsers.push(Browser::signed_in(&running, READER).await);
    }
    assert_eq!(stored(&running, READER_ID).await.sessions.len(), MAX_SESSIONS);
    assert!(!is_in(&browsers[0]).await);
    assert!(is_in(&browsers[1]).await && is_in(&browsers[MAX_SESSIONS]).await);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_begin_at_once_are_all_kept() {
    let running = people().paused().start().await;
    let browsers = futures::future::join_all((0..8).map(|_| Browser::signed_in(&running, WRITER))).await;
    for browser in &browsers {
        assert!(is_in(browser).await);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_signs_in_once_by_its_button_and_not_by_opening_it() {
    let running = people().paused().start().await;
    let (store, now) = (running.store(), Timestamp::new(chrono::Utc::now()));
    let key = new_sign_in_link(store, WRITER_ID, now).await.unwrap();
    let path = format!("/console/sign-in/once?key={key}");
    let browser = Browser::of(&running);
    for _ in 0..2 {
        let page = browser.get(&path).await;
        page.shows("Sign in as writer Person");
        assert_eq!((page.status, page.cookie("console_session")), (200, None), "a preview uses nothing up");
    }
    let page = browser.post("/console/sign-in/once", &[("key", &key)]).await;
    assert_eq!(page.leads_to(), "/");
    assert!(is_in(&browser).await);
    let second = Browser::of(&running);
    for page in [second.get(&path).await, second.post("/console/sign-in/once", &[("key", &key)]).await] {
        assert_eq!((page.status, page.cookie("console_session")), (403, None));
        page.shows("does not work any more");
    }
    // Two at once: one is signed in.
    let key = new_sign_in_link(store, WRITER_ID, now).await.unwrap();
    let fields = [("key", key.as_str())];
    let (one, other) =
        tokio::join!(second.post("/console/sign-in/once", &fields), browser.post("/console/sign-in/once", &fields));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403]);
    // One that is too old.
    let early = Timestamp::new(chrono::Utc::now() - chrono::TimeDelta::minutes(10));
    let key = new_sign_in_link(store, WRITER_ID, early).await.unwrap();
    assert_eq!(browser.post("/console/sign-in/once", &[("key", &key)]).await.status, 403);
    for key in ["", "wrong"] {
        assert_eq!(browser.post("/console/sign-in/once", &[("key", key)]).await.status, 403);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_the_session_that_the_browser_had() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, READER).await;
    let copy = Browser::of(&running);
    copy.cookies.lock().unwrap().clone_from(&browser.cookies.lock().unwrap());
    assert!(is_in(&copy).await);
    let key = new_sign_in_link(running.store(), WRITER_ID, Timestamp::new(chrono::Utc::now())).await.unwrap();
    assert_eq!(browser.post("/console/sign-in/once", &[("key", "wrong")]).await.status, 403);
    assert!(is_in(&copy).await, "a link that does not work ends nothing");
    assert_eq!(browser.post("/console/sign-in/once", &[("key", &key)]).await.status, 303);
    browser.get("/").await.shows("writer Person");
    assert!(!is_in(&copy).await);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_the_session_that_the_browser_had() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, READER).await;
    let copy = Browser::of(&running);
    copy.cookies.lock().unwrap().clone_from(&browser.cookies.lock().unwrap());
    assert_eq!(browser.post("/console/sign-in", &[("token", "wrong")]).await.status, 401);
    assert!(is_in(&copy).await, "a token that does not work ends nothing");
    assert_eq!(browser.post("/console/sign-in", &[("token", WRITER)]).await.status, 303);
    browser.get("/").await.shows("writer Person");
    assert!(!is_in(&copy).await);
    assert_eq!(stored(&running, READER_ID).await.sessions, []);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_two_sessions_are_nobodys() {
    let running = people().paused().start().await;
    let (own, planted) = (Browser::signed_in(&running, WRITER).await, Browser::signed_in(&running, READER).await);
    let (own, planted) = (own.session().unwrap(), planted.session().unwrap());
    let browser = Browser::of(&running);
    let origin = browser.url.clone();
    let cookie =
        |values: &[&str]| values.iter().map(|value| format!("console_session={value}")).collect::<Vec<_>>().join("; ");
    for values in [[own.as_str(), &planted], [&planted, &own], [&own, "a.b"], ["a.b", &own]] {
        let cookie = cookie(&values);
        for path in ["/", PAGE, "/console/find?code=a", "/console/sign-in", "/console/sign-in/callback"] {
            let page = browser.send(reqwest::Method::GET, path, &[("cookie", &cookie)], None).await;
            assert_eq!((page.status, page.cookie("console_session")), (400, None), "{path}");
            page.shows("Your browser sends two sessions");
            assert!(!page.text.contains("Person"), "{path}");
        }
        for (path, fields) in [
            ("/console/reserve", super::FORM.to_vec()),
            ("/console/sign-in", vec![("token", WRITER)]),
            ("/console/sign-out", vec![]),
        ] {
            let headers = [("cookie", cookie.as_str()), ("origin", origin.as_str())];
            let sent = browser.send(reqwest::Method::POST, path, &headers, Some(super::form(&fields))).await;
            assert_eq!((sent.status, sent.cookie("console_session")), (400, None), "{path}");
        }
    }
    // The same one twice, or beside an empty one, is one.
    for values in [[own.as_str(), &own], ["", &own]] {
        let page = browser.send(reqwest::Method::GET, PAGE, &[("cookie", &cookie(&values))], None).await;
        assert_eq!(page.status, 200, "{values:?}");
    }
    for session in [&own, &planted] {
        let page = browser.send(reqwest::Method::GET, PAGE, &[("cookie", &cookie(&[session]))], None).await;
        assert_eq!(page.status, 200, "none of them ended");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_led_to_another_site_after_signing_in() {
    let running = people().paused().start().await;
    for (next, to) in [
        ("/console/find?q=a", "/console/find?q=a"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/console/../../evil", "/"),
        ("javascript:alert(1)", "/"),
        ("/items/code_reservation", "/"),
        ("/console/sign-out", "/"),
    ] {
        let browser = Browser::of(&running);
        let page = browser.post("/console/sign-in", &[("token", ADMIN), ("next", next)]).await;
        assert_eq!(page.leads_to(), to, "{next}");
        let query = crate::support::api::encoded(&serde_json::json!(next));
        let page = browser.get(&format!("/console/sign-in?next={query}")).await;
        assert_eq!(page.leads_to(), to, "{next}");
        let page = browser.post("/console/language", &[("language", "de"), ("back", next)]).await;
        assert_eq!(page.leads_to(), to, "{next}");
    }
    running.stop().await;
}
