//! Records which AWS calls each function makes. A test compares the record with the permissions in template.yaml.
//!
//! If the environment variable `RECORD_CALLS` names a directory, every process appends to its own file there. Each kind
//! of call is written once, as a line of four words: the function's binary, the service, the operation and the
//! resource.
//!
//! ```text
//! list-reservations DynamoDB Query code-reservation-ReservationsTable/index/by_shard
//! reserve-codes DynamoDB TransactWriteItems:Put code-reservation-PoolsTable
//! reserve-codes S3 UploadPart code-reservation-exportsbucket/exports/*
//! ```
//!
//! An S3 key is cut after its first folder. The recorder is an interceptor of the SDK's clients, above the transport.
//! So it also sees reads that need no socket and links that are signed but never requested. Without the variable this
//! module does nothing.

use std::{
    collections::{BTreeSet, HashSet},
    env,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        interceptors::{Intercept, SharedInterceptor, context::BeforeTransmitInterceptorContextRef},
        orchestrator::{HttpRequest, HttpResponse, Metadata},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
    shared::IntoShared,
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use common::{config::SecretSource, context::Context, https, store::SECRET_ROW};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// The environment variable with the directory of the record.
const VARIABLE: &str = "RECORD_CALLS";

/// A context whose calls are recorded under the name of a binary; `None` when nothing is recorded.
#[must_use]
pub fn recorded(context: &Context, binary: &str) -> Option<Arc<Context>> {
    let record = Record::of_this_process()?;
    let mut config = context.config().clone();
    let mut sdk = context.sdk().clone();
    // On AWS, reading the secret is a call. Locally the secret is known, so the call is simulated to be recorded.
    if let SecretSource::Value(value) = &config.secret {
        let inner = sdk.http_client().unwrap_or_else(https::direct);
        sdk = sdk.to_builder().http_client(Secrets { value: value.clone(), inner }).build();
        config.secret = SecretSource::SecretsManager("CodesSecret".to_owned());
    }
    Some(context.observed_also(config, &sdk, SharedInterceptor::new(Recorder { binary: binary.to_owned(), record })))
}

/// The file of this process and the lines already written to it.
#[derive(Debug)]
struct Record(Mutex<(File, HashSet<String>)>);

impl Record {
    fn of_this_process() -> Option<&'static Self> {
        static RECORD: OnceLock<Option<Record>> = OnceLock::new();
        let open = || {
            let directory = PathBuf::from(env::var_os(VARIABLE).filter(|value| !value.is_empty())?);
            match Self::open(&directory) {
                Ok(record) => Some(record),
                Err(error) => {
                    tracing::error!(%error, directory = %directory.display(), "calls cannot be recorded");
                    None
                }
            }
        };
        RECORD.get_or_init(open).as_ref()
    }

    fn open(directory: &std::path::Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let file = directory.join(format!("{}.txt", std::process::id()));
        Ok(Self(Mutex::new((OpenOptions::new().create(true).append(true).open(file)?, HashSet::new()))))
    }

    /// Writes without buffering, because tests kill the process.
    fn write(&self, line: String) -> io::Result<()> {
        let (file, known) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&line) {
            return Ok(());
        }
        file.write_all(format!("{line}\n").as_bytes())?;
        known.insert(line);
        Ok(())
    }
}

#[derive(Debug)]
struct Recorder {
    binary: String,
    record: &'static Record,
}

impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "Recorder"
    }

    // This is the first hook in which the request has its complete address.
    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let known = settings.load::<Metadata>();
        let (service, operation) = known.map_or(("unknown", "unknown"), |known| (known.service(), known.name()));
        for (operation, resource) in resources(operation, context.request()) {
            self.record.write(format!("{} {} {operation} {resource}", self.binary, service.replace(' ', "")))?;
        }
        Ok(())
    }
}

/// The operation and each resource that a request names. For a transaction, the operation includes the kind of the
/// action.
fn resources(operation: &str, request: &HttpRequest) -> BTreeSet<(String, String)> {
    let of_body = || request.body().bytes().unwrap_or_default();
    let named = match request.headers().get("x-amz-target") {
        Some(_) => json_resources(operation, &serde_json::from_slice(of_body()).unwrap_or_default()),
        None if operation == "DeleteObjects" => {
            let body = String::from_utf8_lossy(of_body());
            let keys = body.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
            let bucket = bucket_and_key(request.uri()).0;
            keys.map(|(key, _)| (operation.to_owned(), format!("{bucket}/{}", folder(key)))).collect()
        }
        None => match bucket_and_key(request.uri()) {
            (bucket, Some(key)) => BTreeSet::from([(operation.to_owned(), format!("{bucket}/{}", folder(&key)))]),
            (bucket, None) => BTreeSet::from([(operation.to_owned(), bucket)]),
        },
    };
    // A call without a known resource is recorded too, as `unknown`; the test then fails and names it.
    if named.is_empty() { BTreeSet::from([(operation.to_owned(), "unknown".to_owned())]) } else { named }
}

fn json_resources(operation: &str, body: &Value) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut named = BTreeSet::new();
    if let Some(table) = body.get("TableName").and_then(text) {
        let index = body.get("IndexName").and_then(Value::as_str);
        let resource = index.map_or(table.clone(), |index| format!("{table}/index/{index}"));
        named.insert((operation.to_owned(), resource));
    }
    for table in body.get("RequestItems").and_then(Value::as_object).into_iter().flat_map(|tables| tables.keys()) {
        named.insert((operation.to_owned(), table.clone()));
    }
    for action in body.get("TransactItems").and_then(Value::as_array).into_iter().flatten() {
        for (kind, action) in action.as_object().into_iter().flatten() {
            let mut table = action.get("TableName").and_then(text).unwrap_or_else(|| "unknown".to_owned());
            // The one row that a policy names by its partition key.
            if action["Key"]["namespace"]["S"] == SECRET_ROW {
                table = format!("{table}/{SECRET_ROW}");
            }
            named.insert((format!("{operation}:{kind}"), table));
        }
    }
    if let Some(secret) = body.get("SecretId").and_then(text) {
        named.insert((operation.to_owned(), secret));
    }
    named
}

/// The bucket and the key in the path of a path-style request.
fn bucket_and_key(uri: &str) -> (String, Option<String>) {
    let uri = uri.split('?').next().unwrap_or_default();
    let path = uri.split_once("://").map_or(uri, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    match path.split_once('/') {
        Some((bucket, key)) if !key.is_empty() => (bucket.to_owned(), Some(key.to_owned())),
        Some((bucket, _)) => (bucket.to_owned(), None),
        None => (path, None),
    }
}

/// The first folder of a key as a pattern, for example `exports/*`; a key without a folder unchanged.
fn folder(key: &str) -> String {
    key.split_once('/').map_or(key.to_owned(), |(folder, _)| format!("{folder}/*"))
}

/// Answers `GetSecretValue` with the secret of the data directory and passes on all other requests.
#[derive(Clone)]
struct Secrets<C> {
    value: String,
    inner: C,
}

impl<C> std::fmt::Debug for Secrets<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl HttpClient for Secrets<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        Secrets { value: self.value.clone(), inner }.into_shared()
    }
}

impl HttpConnector for Secrets<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.headers().get("x-amz-target") != Some("secretsmanager.GetSecretValue") {
            return self.inner.call(request);
        }
        let body = json!({ "Name": "CodesSecret", "SecretString": self.value }).to_string();
        let answer = StatusCode::try_from(200).map(|ok| HttpResponse::new(ok, SdkBody::from(body)));
        HttpConnectorFuture::ready(
            answer.map_err(|error| aws_smithy_runtime_api::client::result::ConnectorError::other(error.into(), None)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(operation: &str, method: &str, uri: &str, target: Option<&str>, body: &str) -> Vec<(String, String)> {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method).unwrap();
        request.set_uri(uri.to_owned()).unwrap();
        if let Some(target) = target {
            request.headers_mut().insert("x-amz-target", target.to_owned());
        }
        resources(operation, &request).into_iter().collect()
    }

    fn pair(operation: &str, resource: &str) -> (String, String) {
        (operation.to_owned(), resource.to_owned())
    }

    #[test]
    fn a_call_of_dynamodb_names_its_tables_and_its_index() {
        let call = |operation, body: Value| of(operation, "POST", "http://h/", Some("DynamoDB.X"), &body.to_string());
        assert_eq!(call("GetItem", json!({"TableName": "T", "Key": {}})), [pair("GetItem", "T")]);
        assert_eq!(call("Query", json!({"TableName": "T", "IndexName": "i"})), [pair("Query", "T/index/i")]);
        let batch = json!({"RequestItems": {"A": {}, "B": {}}});
        assert_eq!(call("BatchGetItem", batch), [pair("BatchGetItem", "A"), pair("BatchGetItem", "B")]);
        let actions = json!({"TransactItems": [
            {"Put": {"TableName": "A"}}, {"Put": {"TableName": "A"}}, {"ConditionCheck": {"TableName": "B"}}
        ]});
        assert_eq!(
            call("TransactWriteItems", actions),
            [pair("TransactWriteItems:ConditionCheck", "B"), pair("TransactWriteItems:Put", "A")]
        );
        let row = json!({"TransactItems": [{"Update": {"TableName": "T", "Key": {"namespace": {"S": SECRET_ROW}}}}]});
        assert_eq!(call("TransactWriteItems", row), [pair("TransactWriteItems:Update", "T/secret")]);
        assert_eq!(call("GetSecretValue", json!({"SecretId": "S"})), [pair("GetSecretValue", "S")]);
        assert_eq!(call("ListTables", json!({})), [pair("ListTables", "unknown")]);
    }

    #[test]
    fn a_call_of_s3_names_its_bucket_and_the_folder_of_its_key() {
        let call = |operation, uri| of(operation, "GET", uri, None, "");
        assert_eq!(call("HeadBucket", "http://h:1/bucket"), [pair("HeadBucket", "bucket")]);
        assert_eq!(call("ListObjectsV2", "http://h:1/bucket/?prefix=a%2F"), [pair("ListObjectsV2", "bucket")]);
        assert_eq!(call("GetObject", "http://h:1/bucket/a/b/c?x=1"), [pair("GetObject", "bucket/a/*")]);
        assert_eq!(call("GetObject", "http://h:1/bucket/a%2Fb"), [pair("GetObject", "bucket/a/*")]);
        assert_eq!(call("GetObject", "http://h:1/bucket/a"), [pair("GetObject", "bucket/a")]);
        let body = "<Delete><Object><Key>a/b</Key></Object><Object><Key>c/d/e</Key></Object></Delete>";
        assert_eq!(
            of("DeleteObjects", "POST", "http://h/bucket?delete", None, body),
            [pair("DeleteObjects", "bucket/a/*"), pair("DeleteObjects", "bucket/c/*")]
        );
    }
}
