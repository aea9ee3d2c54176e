//! The embedded Secrets Manager, for functions in other processes: `GetSecretValue` for the secret in the template (AWS
//! Secrets Manager API Reference). Requests must be signed, because the secret keys every code.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    access_key::{AccessKey, joined},
    serving::Serving,
    template::{ACCOUNT, REGION},
};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const CURRENT: &str = "AWSCURRENT";

/// A running embedded Secrets Manager. It stops when the value is dropped.
#[derive(Debug)]
pub struct SecretsManager {
    serving: Serving,
}

/// The secret, and the key with which requests must be signed.
struct Secret {
    key: AccessKey,
    name: String,
    arn: String,
    version: Uuid,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

impl SecretsManager {
    /// Serves the secret `name` on a listening socket.
    ///
    /// # Errors
    /// The I/O error when the socket cannot be used.
    pub fn start(listener: std::net::TcpListener, key: AccessKey, name: &str, value: String) -> std::io::Result<Self> {
        // On AWS, the ARN has a suffix of six random characters.
        let arn = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-LoCaL1");
        let version = Uuid::new_v5(&Uuid::NAMESPACE_URL, arn.as_bytes());
        let secret = Arc::new(Secret { key, name: name.to_owned(), arn, version, value });
        let router = Router::new().route("/", post(answer)).with_state(secret);
        Ok(Self { serving: Serving::start("Secrets Manager", listener, router)? })
    }

    /// The endpoint for the AWS SDK.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.serving.endpoint()
    }

    /// The port of the endpoint.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.serving.port()
    }
}

async fn answer(State(secret): State<Arc<Secret>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| joined(&headers, name);
    let result = match secret.key.verify(header, &body, Utc::now()) {
        Ok(()) => secret.operation(&header("x-amz-target").unwrap_or_default(), &body),
        Err(code) => Err((code, "The request is not signed with the access key of the data directory.".to_owned())),
    };
    let (status, body) = match result {
        Ok(answer) => (StatusCode::OK, answer),
        Err((code, message)) => (StatusCode::BAD_REQUEST, json!({ "__type": code, "Message": message })),
    };
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body.to_string()).into_response()
}

impl Secret {
    fn operation(&self, target: &str, body: &[u8]) -> Result<Value, (&'static str, String)> {
        if target != "secretsmanager.GetSecretValue" {
            return Err((
                "UnknownOperationException",
                format!("{target} is not offered here, only GetSecretValue is."),
            ));
        }
        let asked: GetSecretValue =
            serde_json::from_slice(body).map_err(|error| ("InvalidParameterException", error.to_string()))?;
        if asked.secret_id != self.name && asked.secret_id != self.arn {
            let message = format!("There is no secret {:?} here, only {:?}.", asked.secret_id, self.name);
            return Err(("ResourceNotFoundException", message));
        }
        let version = self.version.to_string();
        if asked.version_stage.is_some_and(|stage| stage != CURRENT) || asked.version_id.is_some_and(|id| id != version)
        {
            return Err(("ResourceNotFoundException", "The secret has one version, AWSCURRENT.".to_owned()));
        }
        Ok(json!({
            "ARN": self.arn,
            "Name": self.name,
            "VersionId": version,
            "SecretString": self.value,
            "VersionStages": [CURRENT],
        }))
    }
}
