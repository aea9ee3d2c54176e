//! Credentials for AWS: the environment, a profile with keys or a role, `credential_process`, and IAM Identity Center
//! by the AWS CLI.
//!
//! `aws-config` offers the last two as features. They would be compiled into every function, so they are here.

use std::{process::Stdio, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig,
    profile::{ProfileFileCredentialsProvider, ProfileSet},
    provider_config::ProviderConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_types::{DateTime, date_time::Format};
use aws_types::os_shim_internal::{Env, Fs};
use common::https;
use serde::Deserialize;
use tokio::process::Command;

use crate::{cli::Global, failure::Failure};

/// Maximum time of a process that provides credentials. It may open a browser for a sign-in.
const PROCESS_PATIENCE: Duration = Duration::from_secs(60);

/// Maximum time to connect to CloudFormation or STS.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// Maximum time of a call to CloudFormation or STS, with its retries.
const CALL_PATIENCE: Duration = Duration::from_secs(10);

/// Members of a profile that `aws-config` reads only with features that are not compiled.
const BY_THE_CLI: [&str; 3] = ["sso_session", "sso_start_url", "login_session"];

/// The SDK configuration of the operator.
///
/// # Errors
/// [`Failure::NotReachable`] when there are no credentials or no region, with what to do.
pub(super) async fn load(options: &Global) -> Result<SdkConfig, Failure> {
    let limits = TimeoutConfig::builder().connect_timeout(CONNECT_PATIENCE).operation_timeout(CALL_PATIENCE).build();
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(https::client()).timeout_config(limits);
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    let has_keys = std::env::var("AWS_ACCESS_KEY_ID").is_ok_and(|key| !key.is_empty());
    if options.profile.is_some() || !has_keys {
        let profile = profile_name(options);
        match process(&profiles(&profile).await?, &profile) {
            Some(process) => loader = loader.credentials_provider(process),
            // A profile that is named takes precedence over keys in the environment, as in the AWS CLI.
            None if options.profile.is_some() => {
                // A role of the profile is assumed over HTTPS. Without a client of ours, the provider would panic.
                let settings = ProviderConfig::default().with_http_client(https::client());
                let settings = settings.with_region(options.region.clone().map(Region::new));
                let provider = ProfileFileCredentialsProvider::builder().configure(&settings).profile_name(&profile);
                loader = loader.credentials_provider(provider.build());
            }
            None => {}
        }
    }
    let sdk = loader.load().await;
    if sdk.region().is_none() {
        return Err(Failure::WrongUse(
            "The region of the stack is not known: add --region, or set AWS_REGION or the region of the profile."
                .to_owned(),
        ));
    }
    let provider = sdk.credentials_provider().ok_or_else(|| none("no provider"))?;
    // Asked for once here, so that missing credentials are reported as such and not as a failed call. The provider of the
    // configuration is asked again only if they are not cached.
    let credentials = provider.provide_credentials().await.map_err(|error| none(&source_of(&error)))?;
    let provider = match credentials.expiry() {
        Some(_) => provider,
        None => SharedCredentialsProvider::new(credentials),
    };
    Ok(sdk.to_builder().credentials_provider(provider).build())
}

/// The IAM principal to whom the credentials belong (its ARN).
///
/// # Errors
/// [`Failure::NotReachable`] when STS does not answer, [`Failure::Refused`] when it refuses the credentials.
pub(super) async fn principal(sdk: &SdkConfig) -> Result<String, Failure> {
    let answer = aws_sdk_sts::Client::new(sdk).get_caller_identity().send().await;
    let answer = answer.map_err(|error| match error.as_service_error() {
        Some(service) => Failure::Refused(format!("STS refused the credentials: {service}")),
        None => Failure::NotReachable(format!("STS cannot be reached: {}", source_of(&error))),
    })?;
    answer.arn.ok_or_else(|| Failure::Refused("STS does not say to whom the credentials belong.".to_owned()))
}

fn none(reason: &str) -> Failure {
    Failure::NotReachable(format!(
        "There are no credentials for AWS ({reason}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile \
         with --profile; a profile of IAM Identity Center also needs the AWS CLI and `aws sso login`."
    ))
}

/// The innermost reason of an error.
fn source_of(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn profile_name(options: &Global) -> String {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    options.profile.clone().or_else(|| set("AWS_PROFILE")).unwrap_or_else(|| "default".to_owned())
}

async fn profiles(selected: &str) -> Result<ProfileSet, Failure> {
    let files = EnvConfigFiles::default();
    aws_config::profile::load(&Fs::real(), &Env::real(), &files, Some(selected.to_owned().into()))
        .await
        .map_err(|error| Failure::WrongUse(format!("The AWS configuration cannot be read: {}", source_of(&error))))
}

/// The process that provides the credentials of a profile; `None` if `aws-config` provides them itself.
fn process(profiles: &ProfileSet, name: &str) -> Option<Process> {
    let export = || {
        let arguments = ["configure", "export-credentials", "--format", "process", "--profile", name];
        Process { program: "aws".to_owned(), arguments: arguments.map(str::to_owned).to_vec() }
    };
    let mut current = name;
    // A profile may take its role by the credentials of another one.
    for depth in 0..8 {
        let profile = profiles.get_profile(current)?;
        let own_command = profile.get("credential_process").filter(|_| profile.get("aws_access_key_id").is_none());
        if let Some(command) = own_command {
            return Some(if depth == 0 { shell(command) } else { export() });
        }
        if BY_THE_CLI.iter().any(|member| profile.get(member).is_some()) {
            return Some(export());
        }
        current =
            profile.get("role_arn").and_then(|_| profile.get("source_profile")).filter(|next| *next != current)?;
    }
    None
}

/// A process that prints credentials (AWS SDKs and Tools Reference Guide, "Process credential provider").
#[derive(Clone)]
struct Process {
    program: String,
    arguments: Vec<String>,
}

fn shell(command: &str) -> Process {
    let (program, flag) = if cfg!(windows) { ("cmd.exe", "/C") } else { ("sh", "-c") };
    Process { program: program.to_owned(), arguments: vec![flag.to_owned(), command.to_owned()] }
}

/// The arguments may contain a secret, so they are not shown.
impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("program", &self.program).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl Process {
    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let error = |reason: String| CredentialsError::provider_error(format!("{}: {reason}", self.program));
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::inherit()).stderr(Stdio::inherit()).kill_on_drop(true);
        let output = tokio::time::timeout(PROCESS_PATIENCE, command.output())
            .await
            .map_err(|_| error(format!("no credentials within {} s", PROCESS_PATIENCE.as_secs())))?
            .map_err(|failed| error(failed.to_string()))?;
        if !output.status.success() {
            return Err(error(format!("it ended with {}", output.status)));
        }
        // The text is not shown: it may contain a secret.
        let printed: Printed = serde_json::from_slice(&output.stdout)
            .map_err(|_| error("it did not print credentials in the form of credential_process".to_owned()))?;
        if printed.version != 1 {
            return Err(error(format!("its credentials have version {}, and 1 is known", printed.version)));
        }
        let expiry = printed.expiration.map(|text| DateTime::from_str(&text, Format::DateTimeWithOffset)).transpose();
        let expiry = expiry.map_err(|_| error("the Expiration of its credentials is no time".to_owned()))?;
        let expiry = expiry.and_then(|time| std::time::SystemTime::try_from(time).ok());
        let Printed { access_key_id, secret_access_key, session_token, .. } = printed;
        Ok(Credentials::new(access_key_id, secret_access_key, session_token, expiry, "process"))
    }
}

impl ProvideCredentials for Process {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}
