//! A bucket with versions, as on AWS. The embedded S3 has none: what is deleted there is gone.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Method, Response, StatusCode},
};
use common::context::Context;
use local::environment::LOCATION;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::harness::Running;

/// A version of an object that is not the current one.
#[derive(Clone)]
pub(super) struct Noncurrent {
    key: String,
    id: String,
    metadata: HashMap<String, String>,
    bytes: Vec<u8>,
}

impl Noncurrent {
    /// The current object under a key, to be deleted. `without` is a member of the metadata that it loses.
    pub(super) async fn of(context: &Context, key: &str, id: &str, without: Option<&str>) -> Self {
        let get = context.s3().get_object().bucket(&context.config().bucket).key(key).send().await.unwrap();
        let mut metadata = get.metadata.unwrap_or_default();
        if let Some(name) = without {
            metadata.remove(name).unwrap();
        }
        let bytes = get.body.collect().await.unwrap().to_vec();
        Self { key: key.to_owned(), id: id.to_owned(), metadata, bytes }
    }

    /// Its part of an answer to ListObjectVersions (Amazon S3 API Reference, "ListObjectVersions"), with the marker of
    /// its deletion.
    fn listed(&self) -> String {
        let Self { key, id, .. } = self;
        let now = chrono::Utc::now().format("%FT%T.000Z");
        format!(
            "<DeleteMarker><Key>{key}</Key><VersionId>marker-{id}</VersionId><IsLatest>true</IsLatest>\
             <LastModified>{now}</LastModified></DeleteMarker><Version><Key>{key}</Key><VersionId>{id}</VersionId>\
             <IsLatest>false</IsLatest><LastModified>{now}</LastModified><ETag>&quot;0&quot;</ETag>\
             <Size>{}</Size><StorageClass>STANDARD</StorageClass></Version>",
            self.bytes.len()
        )
    }

    fn answer(&self, method: &Method) -> Response<Body> {
        let mut answer = Response::builder().status(StatusCode::OK).header("content-length", self.bytes.len());
        for (name, value) in &self.metadata {
            answer = answer.header(format!("x-amz-meta-{name}"), value);
        }
        let body = if method == Method::HEAD { Body::empty() } else { Body::from(self.bytes.clone()) };
        answer.body(body).unwrap()
    }
}

/// A place for `admin --local`: the stores of a running system, whose bucket also has these versions.
pub(super) struct Versioned {
    pub(super) url: String,
    serving: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Versioned {
    pub(super) async fn start(running: &Running, versions: Vec<Noncurrent>) -> Self {
        let system = format!("http://{}", running.system.address().unwrap());
        let location: Value = reqwest::get(format!("{system}{LOCATION}")).await.unwrap().json().await.unwrap();
        let env = std::fs::read_to_string(location["environment"].as_str().unwrap()).unwrap();
        let s3 = local::environment::read(&env)["S3_ENDPOINT"].clone();

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("env");
        std::fs::write(&file, env.replace(&s3, &url)).unwrap();
        let here = json!({ "environment": file }).to_string();
        let versions = Arc::new(versions);
        let router = Router::new().fallback(move |request: Request| {
            let (here, s3, versions) = (here.clone(), s3.clone(), Arc::clone(&versions));
            async move { answer(request, here, &s3, &versions).await }
        });
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, serving, _folder: folder }
    }
}

impl Drop for Versioned {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(request: Request, here: String, s3: &str, versions: &[Noncurrent]) -> Response<Body> {
    if request.uri().path() == LOCATION {
        return Response::new(Body::from(here));
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let method = request.method().clone();
    if let Some(version) =
        versions.iter().find(|one| query.split('&').any(|pair| pair == format!("versionId={}", one.id)))
    {
        return version.answer(&method);
    }
    // Signatures cover the host, which is passed on as it is.
    let place = format!("{s3}{}", request.uri().path_and_query().unwrap());
    let passed = reqwest::Client::new().request(method, place).headers(request.headers().clone()).send().await.unwrap();
    let mut answer = Response::builder().status(passed.status());
    // The body is passed on in one piece.
    for (name, value) in passed.headers().iter().filter(|(name, _)| *name != "transfer-encoding") {
        answer = answer.header(name, value);
    }
    let bytes = passed.bytes().await.unwrap();
    if !query.split('&').any(|pair| pair == "versions" || pair == "versions=") {
        return answer.body(Body::from(bytes)).unwrap();
    }
    let end = "</ListVersionsResult>";
    let listed: String = versions.iter().map(Noncurrent::listed).collect();
    let text = String::from_utf8(bytes.to_vec()).unwrap().replace(end, &format!("{listed}{end}"));
    Response::new(Body::from(text))
}
