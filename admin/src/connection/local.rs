//! The deployment on a laptop: a data directory, or a running `local`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use common::context::Context;
use local::{
    access_key::AccessKey,
    data_dir::DataDirError,
    environment::{self, LOCATION},
    stores::{Stores, StoresError, sdk_config_with},
};
use serde::Deserialize;

use super::config;
use crate::failure::Failure;

/// Maximum time until a running `local` answers.
const PATIENCE: Duration = Duration::from_secs(3);

/// The stores of a data directory that no process uses.
///
/// # Errors
/// [`Failure::WrongUse`] when there is no data directory or another process uses it; [`Failure::Refused`] when its
/// files cannot be used.
pub(super) async fn directory(path: &Path) -> Result<Stores, Failure> {
    Stores::open_existing(path).await.map_err(|error| match error {
        StoresError::DataDir(DataDirError::InUse(_)) => Failure::WrongUse(format!(
            "The data directory {} is in use by a running process. Name its address instead, which it printed when it \
             started: --local http://127.0.0.1:3000",
            path.display()
        )),
        StoresError::DataDir(error @ DataDirError::Missing(_)) => Failure::WrongUse(error.to_string()),
        error => Failure::Refused(error.to_string()),
    })
}

#[derive(Deserialize)]
struct Location {
    environment: std::path::PathBuf,
}

/// The stores of a running `local`. It says where the file with their addresses and their access key is. Only its owner
/// can read that file.
///
/// # Errors
/// [`Failure::WrongUse`] for an address of another machine; [`Failure::NotReachable`] when no `local` answers there.
pub(super) async fn running(url: &str) -> Result<(Arc<Context>, PathBuf), Failure> {
    let url = url.trim_end_matches('/');
    if !["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|here| url.starts_with(here)) {
        return Err(Failure::WrongUse(format!(
            "--local {url}: the address of a process on this machine is needed, for example http://127.0.0.1:3000"
        )));
    }
    let not_reachable = |reason: String| Failure::NotReachable(format!("No `local` answers at {url}: {reason}"));
    let body = match tokio::time::timeout(PATIENCE, get(&format!("{url}{LOCATION}"))).await {
        Ok(answer) => answer.map_err(not_reachable)?,
        Err(_) => return Err(not_reachable("it took too long".to_owned())),
    };
    let location: Location = serde_json::from_slice(&body).map_err(|error| not_reachable(error.to_string()))?;
    let env = &location.environment;
    let text = std::fs::read_to_string(env)
        .map_err(|error| Failure::Refused(format!("{} cannot be read: {error}", env.display())))?;
    let variables = environment::read(&text);
    let of = |name: &str| variables.get(name).cloned();
    let (Some(id), Some(secret)) = (of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY")) else {
        return Err(Failure::Refused(format!("{} holds no access key", env.display())));
    };
    let data_dir = env.parent().map(Path::to_owned).unwrap_or_default();
    Ok((Context::new(config(of)?, &sdk_config_with(&AccessKey { id, secret })), data_dir))
}

/// Maximum length of the answer in bytes.
const MAX_ANSWER: usize = 64 * 1024;

async fn get(url: &str) -> Result<Vec<u8>, String> {
    let settings = HttpConnectorSettings::builder().connect_timeout(PATIENCE).read_timeout(PATIENCE).build();
    let connector = SharedHttpConnector::new(Connector::builder().connector_settings(settings).build_http());
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(url).map_err(|error| error.to_string())?;
    let response = connector.call(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(format!("it answered {status}"));
    }
    let mut stream = ByteStream::new(response.into_body());
    let mut body = Vec::new();
    while let Some(piece) = stream.next().await {
        body.extend_from_slice(&piece.map_err(|error| error.to_string())?);
        if body.len() > MAX_ANSWER {
            return Err("its answer is too long".to_owned());
        }
    }
    Ok(body)
}
