//! The time of a page in the function, without that of the stores: their answers are remembered after the first
//! request.
//!
//! `cargo bench -p tests --bench pages`

// Criterion's macro makes a function without documentation.
#![allow(missing_docs, clippy::allow_attributes)]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use common::{
    api::request,
    context::Context,
    identity::{Identity, new_sign_in_link},
};
use criterion::{Criterion, criterion_group, criterion_main};
use lambda_http::{Body, Response};
use local::{options::Options, system::System};
use serde_json::{Value, json};

/// An answer that is remembered.
#[derive(Clone)]
struct Known {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

/// A client that asks the stores once and then repeats what they answered.
#[derive(Clone)]
struct Remembering {
    inner: SharedHttpClient,
    known: Arc<Mutex<HashMap<Vec<u8>, Known>>>,
}

impl std::fmt::Debug for Remembering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remembering")
    }
}

impl HttpClient for Remembering {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, known: Arc::clone(&self.known) })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    known: Arc<Mutex<HashMap<Vec<u8>, Known>>>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status)
    }
}

impl Known {
    fn response(self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status.try_into().unwrap(), SdkBody::from(self.body));
        response.headers_mut().insert("content-type", self.content_type);
        response
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let mut key = format!("{} {target} ", request.uri()).into_bytes();
        key.extend_from_slice(request.body().bytes().unwrap_or_default());
        if let Some(known) = self.known.lock().unwrap().get(&key).cloned() {
            return HttpConnectorFuture::ready(Ok(known.response()));
        }
        let (answer, all) = (self.inner.call(request), Arc::clone(&self.known));
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            let (status, content_type) =
                (answer.status().as_u16(), answer.headers().get("content-type").unwrap_or_default().to_owned());
            let body = aws_smithy_types::byte_stream::ByteStream::new(answer.into_body());
            let body = body.collect().await.unwrap().to_vec();
            let known = Known { status, content_type, body };
            all.lock().unwrap().insert(key, known.clone());
            Ok(known.response())
        })
    }
}

/// The event of a request for a page.
fn event(path: &str, query: &str, cookie: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "cookies": [format!("__Host-console_session={cookie}")],
        "headers": { "host": "codes.example.com", "accept-encoding": "gzip", "x-forwarded-proto": "https" },
        "requestContext": { "http": { "method": "GET", "path": path }, "requestId": "r" },
        "isBase64Encoded": false,
    })
}

async fn shown(context: &Context, event: &Value) -> Response<Body> {
    console::handle(context, request(event.clone()).unwrap()).await
}

/// A system with 25 reservations that are complete, and a session of its administrator.
async fn prepared() -> (System, Arc<Context>, String, String) {
    let system = System::start(Options::in_memory()).await.unwrap();
    let context = system.context();
    let known = Arc::default();
    let remembering = Remembering { inner: context.sdk().http_client().unwrap(), known };
    let sdk = context.sdk().to_builder().http_client(remembering).build();
    let remembering = Context::new(context.config().clone(), &sdk);
    let api = reqwest::Client::new();
    let url = format!("http://{}/items/code_reservation", system.address().unwrap());
    let row = json!({ "reserved_for": "/417/9312345000012", "code_type": "sgtin", "quantity": 100,
        "product": "/01/19361758000003", "reference_id": "BATCH-2024-001" });
    let created = api.post(&url).bearer_auth("local-token").json(&vec![row; 25]).send().await.unwrap();
    let created: Value = created.json().await.unwrap();
    let id = created["data"][0]["id"].as_str().unwrap().to_owned();
    loop {
        let open = api.get(format!("{url}?filter[status][_neq]=complete")).bearer_auth("local-token");
        let open: Value = open.send().await.unwrap().json().await.unwrap();
        if open["data"] == json!([]) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let identity: &Identity = context.identity();
    let user = identity.user_of(context.store(), "local-token", context.now()).await.unwrap().unwrap();
    let link = new_sign_in_link(context.store(), &user.id, context.now()).await.unwrap();
    let session = identity.sign_in_with_link(context.store(), &link, context.now()).await.unwrap().unwrap();
    (system, remembering, session.text, id)
}

fn pages(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (system, context, session, id) = runtime.block_on(prepared());
    for (name, path, query, cookie) in [
        ("first page, nobody signed in", "/".to_owned(), "", ""),
        ("first page, the form", "/".to_owned(), "", session.as_str()),
        ("list of 25", "/console/reservations".to_owned(), "", session.as_str()),
        ("one reservation, six codes", format!("/console/reservations/{id}"), "", session.as_str()),
        ("pools", "/console/pools".to_owned(), "", session.as_str()),
    ] {
        let event = event(&path, query, cookie);
        let answer = runtime.block_on(shown(&context, &event));
        assert_eq!(answer.status().as_u16(), 200, "{name}: {answer:?}");
        let name = format!("{name}, {} bytes", answer.body().len());
        criterion.bench_function(&name, |bencher| bencher.iter(|| runtime.block_on(shown(&context, &event))));
    }
    runtime.block_on(system.stop());
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = pages
}
criterion_main!(benches);
