//! Signing in at an issuer: authorization code with PKCE. The issuer runs in the test.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::directory::{Organisations, Role, User};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Browser, Page};
use crate::{
    rest::oidc::Issuer,
    support::harness::{Running, Setup},
};

const CLIENT: &str = "console-client";
const SUBJECT: &str = "auth0|7";
const USER: &str = "0b0e0000-0000-4000-8000-000000000007";

/// What the issuer remembers of a sign-in: the parameters of the request, by code.
type Codes = Arc<Mutex<HashMap<String, HashMap<String, String>>>>;

/// An issuer with the endpoints of the code flow, and the tokens of another issuer of the tests.
struct CodeIssuer {
    tokens: Arc<Issuer>,
    codes: Codes,
    /// What is changed in the next ID token.
    change: Arc<Mutex<Option<(String, Value)>>>,
}

fn pairs(query: &str) -> HashMap<String, String> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

impl CodeIssuer {
    async fn start() -> Self {
        // The endpoint that exchanges codes has an address of its own.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/token", listener.local_addr().unwrap());
        let tokens = Arc::new(Issuer::start_with(|address| {
            json!({ "authorization_endpoint": format!("{address}/authorize?tenant=1"), "token_endpoint": endpoint })
        }).await);
        let issuer = Self { tokens, codes: Codes::default(), change: Arc::default() };
        let shared: Shared = (Arc::clone(&issuer.tokens), Arc::clone(&issuer.codes), Arc::clone(&issuer.change));
        let router = Router::new().route("/token", post(exchange)).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    /// The person signs in at the address to which the browser was led, and gets a code.
    fn sign_in(&self, address: &str) -> (String, HashMap<String, String>) {
        let (endpoint, query) = address.split_once('?').unwrap();
        assert_eq!(endpoint, format!("{}/authorize", self.tokens.address));
        let asked = pairs(query);
        assert_eq!(asked["tenant"], "1");
        assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", CLIENT));
        assert_eq!((asked["scope"].as_str(), asked["code_challenge_method"].as_str()), ("openid", "S256"));
        let code = format!("code-{}+&/=", self.codes.lock().unwrap().len());
        self.codes.lock().unwrap().insert(code.clone(), asked.clone());
        (code, asked)
    }
}

type Shared = (Arc<Issuer>, Codes, Arc<Mutex<Option<(String, Value)>>>);

async fn exchange(State((tokens, codes, change)): State<Shared>, body: String) -> (StatusCode, Json<Value>) {
    let sent = pairs(&body);
    // A code is used once.
    let asked = codes.lock().unwrap().remove(&sent["code"]);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(sent["code_verifier"].as_bytes()));
    let fits = asked.as_ref().is_some_and(|asked| {
        asked["code_challenge"] == challenge
            && asked["redirect_uri"] == sent["redirect_uri"]
            && sent["client_id"] == CLIENT
            && sent["grant_type"] == "authorization_code"
            && !sent.contains_key("client_secret")
    });
    let Some(asked) = asked.filter(|_| fits) else {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })));
    };
    let change = change.lock().unwrap().take();
    let id_token = tokens.token("k1", |claims| {
        claims["aud"] = json!(CLIENT);
        claims["nonce"] = json!(asked["nonce"]);
        if let Some((claim, value)) = change {
            claims[claim] = value;
        }
    });
    (StatusCode::OK, Json(json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": id_token })))
}

async fn system(issuer: &CodeIssuer) -> Running {
    let setup = Setup::new().parameter("OidcIssuer", &issuer.tokens.address).parameter("OidcAudience", "codes");
    let running = setup.parameter("OidcClientId", CLIENT).paused().start().await;
    let user = User {
        first_name: Some("Olga".to_owned()),
        role: Role::Writer,
        organisations: Organisations::Only(vec![super::ORGANISATION.to_owned()]),
        external_identifier: Some(SUBJECT.to_owned()),
        ..User::administrator(USER.to_owned())
    };
    running.store().seed_user(&user, None).await.unwrap();
    running
}

/// Begins in the browser, and gives the code and the state that the issuer sends back.
async fn begun(browser: &Browser, issuer: &CodeIssuer, next: &str) -> (String, String) {
    let page = browser.get(&format!("/console/sign-in/oidc?next={next}")).await;
    let cookie = page.cookie("console_login").unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Max-Age=600", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let (code, asked) = issuer.sign_in(page.leads_to());
    assert_eq!(asked["redirect_uri"], format!("{}/console/sign-in/callback", browser.url));
    (code, asked["state"].clone())
}

async fn back(browser: &Browser, code: &str, state: &str) -> Page {
    let encoded = |text: &str| crate::support::api::encoded(&json!(text));
    browser.get(&format!("/console/sign-in/callback?code={}&state={}", encoded(code), encoded(state))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_at_the_issuer_and_comes_back_to_the_page() {
    let issuer = CodeIssuer::start().await;
    let running = system(&issuer).await;
    let browser = Browser::of(&running);
    browser.get("/").await.shows("/console/sign-in/oidc");
    let (code, state) = begun(&browser, &issuer, "/console/find").await;
    let page = back(&browser, &code, &state).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.shows("http-equiv=\"refresh\" content=\"0;url=/console/find\"");
    assert!(page.cookie("console_session").unwrap().contains("SameSite=Strict"));
    assert!(page.cookie("console_login").unwrap().contains("Max-Age=0"));
    browser.get("/").await.shows("Olga");
    // The same answer again: the state is used up, and so is the code.
    let again = back(&browser, &code, &state).await;
    assert_eq!((again.status, again.cookie("console_session")), (400, None));
    // The session ends when the user does.
    super::set_status(&running, USER, "suspended").await;
    assert_eq!(browser.get("/console/find").await.status, 303);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_at_the_issuer_ends_the_session_that_the_browser_had() {
    let issuer = CodeIssuer::start().await;
    let running = system(&issuer).await;
    let browser = Browser::of(&running);
    let session = |browser: &Browser| browser.session().unwrap();
    let put = |browser: &Browser, session: Option<&String>| {
        let mut cookies = browser.cookies.lock().unwrap();
        match session {
            Some(session) => cookies.insert("console_session".to_owned(), session.clone()),
            None => cookies.remove("console_session"),
        };
    };
    let is_in = async |session: &String| {
        let copy = Browser::of(&running);
        put(&copy, Some(session));
        copy.get("/console/find").await.status == 200
    };
    let (code, state) = begun(&browser, &issuer, "/").await;
    back(&browser, &code, &state).await;
    let first = session(&browser);
    assert!(is_in(&first).await);
    // A sign-in that is not finished ends nothing.
    let (_, state) = begun(&browser, &issuer, "/").await;
    let page = browser.get(&format!("/console/sign-in/callback?error=access_denied&state={state}")).await;
    assert_eq!(page.status, 400);
    assert!(is_in(&first).await);
    // The cookie of the session does not come with the issuer's answer, since the issuer is another site.
    let (code, state) = begun(&browser, &issuer, "/").await;
    let login = browser.cookies.lock().unwrap()["console_login"].clone();
    let (_, secret) = first.split_once('.').unwrap();
    assert!(!login.contains(secret), "the Lax cookie has no session");
    put(&browser, None);
    assert_eq!(back(&browser, &code, &state).await.status, 200);
    let second = session(&browser);
    assert!(!is_in(&first).await && is_in(&second).await);
    // A link of another site to the sign-in: the cookie does not come with it, and does with the page that moves on.
    put(&browser, None);
    let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    let page = browser.send(Method::GET, "/console/sign-in/oidc?next=/console/find", &headers, None).await;
    assert_eq!((page.status, page.cookie("console_login")), (200, None));
    page.shows("http-equiv=\"refresh\" content=\"0;url=/console/sign-in/oidc?next=%2Fconsole%2Ffind\"");
    put(&browser, Some(&second));
    // An issuer of the same site, with which the cookie comes: the session that it names ends as well.
    let (code, state) = begun(&browser, &issuer, "/").await;
    let other = Browser::of(&running);
    let (own_code, own_state) = begun(&other, &issuer, "/").await;
    back(&other, &own_code, &own_state).await;
    let third = session(&other);
    put(&browser, Some(&third));
    assert_eq!(back(&browser, &code, &state).await.status, 200);
    assert!(!is_in(&second).await && !is_in(&third).await && is_in(&session(&browser)).await);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sign_ins_that_began_are_none() {
    let issuer = CodeIssuer::start().await;
    let running = system(&issuer).await;
    let (browser, other) = (Browser::of(&running), Browser::of(&running));
    let (code, state) = begun(&browser, &issuer, "/").await;
    begun(&other, &issuer, "/").await;
    let login = |browser: &Browser| browser.cookies.lock().unwrap()["console_login"].clone();
    let cookie = format!("console_login={}; console_login={}", login(&browser), login(&other));
    let nobody = Browser::of(&running);
    let encoded = |text: &str| crate::support::api::encoded(&json!(text));
    let path = format!("/console/sign-in/callback?code={}&state={}", encoded(&code), encoded(&state));
    let page = nobody.send(reqwest::Method::GET, &path, &[("cookie", &cookie)], None).await;
    assert_eq!((page.status, page.cookie("console_session")), (400, None));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_form_comes_back_from_the_issuer() {
    let issuer = CodeIssuer::start().await;
    let running = system(&issuer).await;
    let reference: String = (0..255).filter_map(|n| char::from_u32(0x2_0000 + n * 163)).collect();
    let suffix = format!("?a={}", "b%F0%9F%8D%8E".repeat(18));
    let fields = [("reference_id", reference.as_str()), ("url_suffix", &suffix), ("quantity", "7")];
    let browser = Browser::of(&running);
    let sent = browser.post("/console/reserve", &fields).await;
    let page = browser.get(sent.leads_to()).await;
    let begin = |page: &Page| {
        let link = page.text.split('"').find(|part| part.starts_with("/console/sign-in/oidc")).unwrap();
        assert!(link.len() < 4_096, "{}", link.len());
        super::text_of(link)
    };
    // A person who changes their mind, and then does not.
    let link = begin(&page);
    let (_, asked) = issuer.sign_in(browser.get(&link).await.leads_to());
    let state = &asked["state"];
    let cancelled = browser.get(&format!("/console/sign-in/callback?error=access_denied&state={state}")).await;
    cancelled.shows("Signing in was cancelled.");
    assert_eq!(begin(&cancelled), link);
    let started = browser.get(&link).await;
    let cookie = started.cookie("console_login").unwrap();
    assert!(cookie.split(';').next().unwrap().len() < 4_096, "what browsers keep");
    let (code, asked) = issuer.sign_in(started.leads_to());
    let moved = back(&browser, &code, &asked["state"]).await;
    let to = moved.text.split("content=\"0;url=").nth(1).unwrap().split('"').next().unwrap();
    let form = browser.get(&super::text_of(to)).await;
    for (name, value) in fields {
        assert_eq!(form.value(name), value, "{name}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_browser_did_not_begin_signs_nobody_in() {
    let issuer = CodeIssuer::start().await;
    let running = system(&issuer).await;
    let (attacker, victim) = (Browser::of(&running), Browser::of(&running));
    let (code, state) = begun(&attacker, &issuer, "/").await;
    let page = back(&victim, &code, &state).await;
    assert_eq!((page.status, page.cookie("console_session")), (400, None), "without a cookie");
    let (_, own) = begun(&victim, &issuer, "/").await;
    assert_ne!(own, state);
    let page = back(&victim, &code, &state).await;
    assert_eq!((page.status, page.cookie("console_session")), (400, None), "with that of another sign-in");
    // A code of somebody else with the own state: its verifier is another one.
    let (_, own) = begun(&victim, &issuer, "/").await;
    let page = back(&victim, &code, &own).await;
    assert_eq!((page.status, page.cookie("console_session")), (400, None), "{page:?}");
    for (code, state) in [("", ""), ("x", "y"), ("", own.as_str()), ("x", "")] {
        assert_eq!(back(&victim, code, state).await.status, 400);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_of_another_sign_in_client_or_person_is_refused() {
    let issuer = CodeIssuer::start().await;
    let running = system(&issuer).await;
    let past = chrono::Utc::now().timestamp() - 3_600;
    for (claim, value, status) in [
        ("nonce", json!("of-another"), 400),
        ("nonce", Value::Null, 400),
        ("aud", json!("codes"), 400),
        ("azp", json!("another-client"), 400),
        ("iss", json!("https://issuer.example"), 400),
        ("exp", json!(past), 400),
        ("sub", json!("auth0|8"), 403),
    ] {
        let browser = Browser::of(&running);
        let (code, state) = begun(&browser, &issuer, "/").await;
        *issuer.change.lock().unwrap() = Some((claim.to_owned(), value.clone()));
        let page = back(&browser, &code, &state).await;
        assert_eq!((page.status, page.cookie("console_session")), (status, None), "{claim} {value}");
    }
    // A person who changes their mind.
    let browser = Browser::of(&running);
    let (_, state) = begun(&browser, &issuer, "/").await;
    let page = browser.get(&format!("/console/sign-in/callback?error=access_denied&state={state}")).await;
    page.shows("Signing in was cancelled.");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_client_there_is_no_sign_in_at_the_issuer_and_without_the_issuer_the_page_says_so() {
    let running = super::people().paused().start().await;
    let browser = Browser::of(&running);
    assert!(!browser.get("/").await.text.contains("/console/sign-in/oidc"));
    assert_eq!(browser.get("/console/sign-in/oidc").await.status, 404);
    assert_eq!(browser.get("/console/sign-in/callback?code=a&state=b").await.status, 404);
    running.stop().await;
    let setup = super::people().parameter("OidcIssuer", "http://127.0.0.1:1").parameter("OidcAudience", "codes");
    let running = setup.parameter("OidcClientId", CLIENT).paused().start().await;
    let page = Browser::of(&running).get("/console/sign-in/oidc").await;
    assert_eq!(page.status, 503);
    page.shows("does not answer");
    running.stop().await;
}
