//! JWTs of an OpenID Connect issuer, beside static tokens. The issuer runs in the test, with a key of its own.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Json, Router, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::directory::{Organisations, Role, User};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

use crate::support::harness::{Running, Setup, TOKEN};

const SUBJECT: &str = "auth0|7";
const USER: &str = "0b0e0000-0000-4000-8000-000000000007";

/// An OpenID Connect issuer with one key.
pub(crate) struct Issuer {
    pub(crate) address: String,
    key: EcdsaKeyPair,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| json!({})).await
    }

    /// An issuer whose discovery document has further members, which depend on its address.
    pub(crate) async fn start_with(more: impl FnOnce(&str) -> Value) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        // An uncompressed point: 4, x, y (SEC 1, section 2.3.3).
        let point = key.public_key().as_ref();
        let coordinate = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
        let keys = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k1",
            "x": coordinate(1), "y": coordinate(33) }] });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut discovery = json!({ "issuer": address, "jwks_uri": format!("{address}/keys") });
        let members = more(&address);
        discovery.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(move || async move { Json(discovery) }))
            .route(
                "/keys",
                get(move || async move {
                    counter.fetch_add(1, Ordering::SeqCst);
                    Json(keys)
                }),
            );
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, key, asked }
    }

    pub(crate) fn token(&self, kid: &str, change: impl FnOnce(&mut Value)) -> String {
        let now = chrono::Utc::now().timestamp();
        let mut claims = json!({ "iss": self.address, "aud": "codes", "sub": SUBJECT, "exp": now + 600 });
        change(&mut claims);
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": kid });
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

async fn me(running: &Running, token: &str) -> (u16, Value) {
    let reply = running.get("/users/me?fields=id", token).await;
    (reply.status, reply.parsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jwt_of_the_issuer_is_its_user_and_any_other_is_nobody() {
    let issuer = Issuer::start().await;
    let setup = Setup::new().parameter("OidcIssuer", &issuer.address).parameter("OidcAudience", "codes");
    let running = setup.paused().start().await;
    let user = User {
        id: USER.to_owned(),
        first_name: None,
        last_name: None,
        email: None,
        status: "active".to_owned(),
        role: Role::Writer,
        organisations: Organisations::Only(vec![]),
        external_identifier: Some(SUBJECT.to_owned()),
        has_token: false,
    };
    running.store().seed_user(&user, None).await.unwrap();

    let good = issuer.token("k1", |_| {});
    assert_eq!(me(&running, &good).await, (200, json!({ "data": { "id": USER } })));
    assert_eq!(me(&running, &good).await.0, 200);
    assert_eq!(me(&running, TOKEN).await.0, 200, "static tokens go on working");

    let past = chrono::Utc::now().timestamp() - 3_600;
    let mut forged = good.clone();
    forged.pop();
    forged.push(if good.ends_with('A') { 'Q' } else { 'A' });
    let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), good.split('.').nth(1).unwrap());
    for (what, token) in [
        ("expired", issuer.token("k1", |claims| claims["exp"] = json!(past))),
        ("no expiry", issuer.token("k1", |claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
        ("not yet valid", issuer.token("k1", |claims| claims["nbf"] = json!(past + 7_200))),
        ("another audience", issuer.token("k1", |claims| claims["aud"] = json!("other"))),
        ("another issuer", issuer.token("k1", |claims| claims["iss"] = json!("https://issuer.example"))),
        ("an unknown subject", issuer.token("k1", |claims| claims["sub"] = json!("auth0|8"))),
        ("an unknown key", issuer.token("k2", |_| {})),
        ("forged", forged),
        ("unsigned", unsigned),
    ] {
        let (status, body) = me(&running, &token).await;
        assert_eq!((status, &body["errors"][0]["extensions"]["code"]), (401, &json!("INVALID_CREDENTIALS")), "{what}");
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1, "strangers' tokens do not make us fetch keys again");
    running.stop().await;
}
