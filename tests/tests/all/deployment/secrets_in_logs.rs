//! Whatever the level, no secret is in the log: the program runs with marked secrets, and everything that it writes to its
//! log is searched for them.

use std::{collections::BTreeMap, io::Write, process::Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
};

use crate::support::{
    api::{Api, RESERVATIONS},
    harness::{PATIENCE, completed},
    program::program,
};

/// Secrets by the text that the log must not contain.
type Secrets = BTreeMap<&'static str, String>;

fn seed(secrets: &Secrets) -> Value {
    let user = |number: u8, token: &str, email: &str, role: &str| {
        json!({"id": format!("0b0e0000-0000-4000-8000-00000000000{number}"), "first_name": "A", "last_name": "B",
            "email": email, "status": "active", "token": token, "role": role})
    };
    json!({
        "directus_users": [
            user(1, &secrets["a token in a header"], &secrets["an e-mail"], "admin"),
            user(2, &secrets["a token in a query"], "b@example.com", "admin"),
            user(3, &secrets["a token in a cookie"], "c@example.com", "admin"),
        ],
        "organisation": [{"id": "/417/9312345000012", "organisation_name": "A", "pgln": "9312345000012", "city": null}],
    })
}

/// Every kind of request, each with a secret, and the faults that log most.
async fn use_everything(url: &str, secrets: &mut Secrets) {
    let api = Api::new(url, &secrets["a token in a header"]);
    let reservation = json!({"code_type": "sgtin", "product": "/01/19361758000003", "quantity": 3,
        "reserved_for": "/417/9312345000012", "export_type": "csv", "reference_id": secrets["a member of a body"]});
    let item = api.post(&reservation).await;
    let item = completed(&api, item["id"].as_str().unwrap()).await;
    let (id, file) = (item["id"].as_str().unwrap(), item["export_file"].as_str().unwrap());
    let redirect =
        async |method: &str| api.send(method, &format!("/assets/{file}?download")).await.header("location").to_owned();
    let body = api.send("GET", &format!("/assets/{file}?redirect=false&download")).await.data();
    assert!(!api.download(file).await.is_empty());
    let links = [
        ("the signature of a link", Method::GET, redirect("GET").await),
        ("the signature of a link for HEAD", Method::HEAD, redirect("HEAD").await),
        ("the signature of a link in a body", Method::GET, body["url"].as_str().unwrap().to_owned()),
    ];
    for (what, method, link) in links {
        let (_, signature) = link.split_once("X-Amz-Signature=").unwrap();
        secrets.insert(what, signature.split('&').next().unwrap().to_owned());
        // As it is; with the token, as some clients follow it; after a change; and as a preflight.
        let http = reqwest::Client::new();
        let send = |request: reqwest::RequestBuilder| async move { request.send().await.unwrap().status().as_u16() };
        assert_eq!(send(http.request(method.clone(), &link)).await, 200);
        let token = &secrets["a token in a header"];
        assert_eq!(send(http.request(method.clone(), &link).bearer_auth(token)).await, 400);
        let plain = link.split('?').next().unwrap();
        assert_eq!(send(http.request(method.clone(), plain).bearer_auth(token)).await, 400);
        assert_eq!(send(http.request(method, format!("{link}&partNumber=1"))).await, 403);
        assert_eq!(send(http.request(Method::OPTIONS, &link).header("origin", "https://app.example")).await, 400);
    }

    let nobody = api.with_token(None);
    let token = &secrets["a token in a query"];
    for path in [
        "/users/me",
        RESERVATIONS,
        "/files",
        "/items/unique_code?limit=1",
        "/nope",
        "/items/nope",
        "/%00",
        "/server/health",
    ] {
        let sign = if path.contains('?') { '&' } else { '?' };
        nobody.send("GET", &format!("{path}{sign}access_token={token}")).await;
        nobody.send("GET", &format!("{path}%3Faccess_token={token}")).await;
        nobody.send("GET", &format!("{path}&access_token={token}")).await;
        let cookie = format!("n=1; directus_session_token={}", secrets["a token in a cookie"]);
        Api::try_send(nobody.request("GET", path).header("cookie", cookie)).await.unwrap();
        for wrong in [&secrets["a wrong token"], &secrets["a JWT"]] {
            api.with_token(Some(wrong)).send("GET", path).await;
        }
    }
    let email = &secrets["an e-mail"];
    api.send("GET", &format!("/users?filter[email][_eq]={email}&search={email}")).await.data();
    api.send("GET", &format!("{RESERVATIONS}?filter[user_created][email][_eq]={email}&sort=user_created.email")).await;
    api.send("GET", &format!("{RESERVATIONS}?fields=*.*&search={email}&export=csv")).await;
    let document = json!({"query": format!("{{ users_me {{ id email }} }} # {}", secrets["a member of a body"])});
    api.send_json("POST", "/graphql/system", &document).await;
    let faulty = json!({"quantity": "x", "reference_id": secrets["a member of a body"]});
    api.send_json("POST", RESERVATIONS, &faulty).await;
    let key = api.request("POST", RESERVATIONS).header("idempotency-key", &secrets["an idempotency key"]);
    Api::try_send(key.json(&reservation)).await.unwrap();
    api.patch(id, &json!({"purchase_order": secrets["a member of a body"]})).await;
    api.delete(id).await;
}

/// What a run of the program writes to its log.
async fn log(level: &str) -> (String, Secrets) {
    let mut secrets: Secrets = [
        ("a token in a header", "MARKED-HEADER-4c1d9f"),
        ("a token in a query", "MARKED-QUERY-83ab1e"),
        ("a token in a cookie", "MARKED-COOKIE-77e01b"),
        ("a wrong token", "MARKED-WRONG-10c4de"),
        ("a JWT", "eyJhbGciOiJFUzI1NiIsImtpZCI6Ik1BUktFRCJ9.eyJzdWIiOiJNQVJLRUQifQ.MARKED-SIGNATURE"),
        ("an e-mail", "marked-mail@secret.example"),
        ("a member of a body", "MARKED-BODY-5d20aa"),
        ("an idempotency key", "MARKED-KEY-e61f03"),
    ]
    .map(|(what, secret)| (what, secret.to_owned()))
    .into();
    let home = tempfile::tempdir().unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(seed(&secrets).to_string().as_bytes()).unwrap();
    let mut child = Command::new(program().await)
        .args(["--port", "0", "--data-dir"])
        .arg(home.path())
        .arg("--seed")
        .arg(file.path())
        .env("RUST_LOG", level)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut out, mut err) = (BufReader::new(child.stdout.take().unwrap()).lines(), child.stderr.take().unwrap());
    let reader = tokio::spawn(async move {
        let mut log = Vec::new();
        err.read_to_end(&mut log).await.unwrap();
        String::from_utf8_lossy(&log).into_owned()
    });
    let started = async {
        let mut url = None;
        while let Some(line) = out.next_line().await.unwrap() {
            if let Some((_, at)) = line.split_once(" runs at ") {
                url = Some(at.trim().to_owned());
            }
            if line.starts_with("Ctrl-C") {
                break;
            }
        }
        url.unwrap()
    };
    let url = tokio::time::timeout(PATIENCE, started).await.unwrap();
    secrets.insert("the secret of the pools", std::fs::read_to_string(home.path().join("secret")).unwrap());
    use_everything(&url, &mut secrets).await;
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    assert!(tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap().success());
    (reader.await.unwrap(), secrets)
}

#[tokio::test]
async fn no_secret_is_in_the_log_at_any_level() {
    for level in
        ["debug", "trace", "trace,hyper=trace,aws_sigv4=trace,aws_smithy_runtime=trace,s3s=trace,dynoxide=warn"]
    {
        let (log, secrets) = log(level).await;
        assert!(log.contains("DEBUG") && log.contains("request"), "{level}: the log is not that of a run: {log}");
        for (what, secret) in &secrets {
            let line = log.lines().find(|line| line.contains(secret.trim()));
            assert_eq!(line, None, "{level}: {what} is in the log");
        }
        assert!(
            !log.contains("MARKED") && !log.contains("X-Amz-Signature"),
            "{level}: a part of a secret is in the log"
        );
    }
}
