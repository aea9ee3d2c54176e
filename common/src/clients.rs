//! What the AWS clients of a function have in common: where they are, who they are, and their time-outs. (The number of
//! tries is set in `context`.)

use std::{env, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider, timeout::TimeoutConfig,
};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// Maximum time of one try of a call to DynamoDB or Secrets Manager (seconds). At most 1 s of it is for the connection.
pub(crate) const TRY_SECONDS: u64 = 5;

/// Maximum time of a call with all its tries, 4 at most (seconds). It bounds one call; `api::Deadline` bounds the whole
/// request.
pub(crate) const CALL_SECONDS: u64 = 9;

/// The time-outs of a client (seconds): `attempt` for one try, `operation` for a call with all its tries, and 1 s to
/// connect.
pub(crate) fn timeouts(attempt: u64, operation: u64) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(attempt))
        .operation_timeout(Duration::from_secs(operation))
        .build()
}

/// The SDK configuration of a Lambda function: its region and credentials are variables that Lambda sets (Lambda
/// developer guide, "Defined runtime environment variables"), and so do SAM local and `.local/env`.
///
/// The SDK's own chain of providers also looks for profiles, containers, instances and web identities. A function never
/// has those, and the code for them was a tenth of each deployed file (decision 39).
#[must_use]
pub fn from_env(http_client: SharedHttpClient) -> SdkConfig {
    from_lookup(http_client, |name| env::var(name).ok())
}

/// Like [`from_env`], with variables that `get` finds. An empty value counts as not set. The credentials are always
/// those of the process.
fn from_lookup(http_client: SharedHttpClient, get: impl Fn(&str) -> Option<String>) -> SdkConfig {
    let get = |name| get(name).filter(|value: &String| !value.is_empty());
    let is_on = |name| get(name).is_some_and(|value: String| value.eq_ignore_ascii_case("true"));
    let mut sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client)
        .region(get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")).map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .use_fips(is_on("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"));
    sdk.set_endpoint_url(get("AWS_ENDPOINT_URL"));
    sdk.build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::https;

    fn read(variables: &[(&str, &str)]) -> SdkConfig {
        from_lookup(https::direct(), |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_function_is_in_the_region_that_lambda_names() {
        let region = |variables| read(variables).region().map(|region| region.as_ref().to_owned());
        assert_eq!(region(&[("AWS_REGION", "eu-central-1")]).as_deref(), Some("eu-central-1"));
        let both = [("AWS_REGION", "eu-central-1"), ("AWS_DEFAULT_REGION", "us-east-1")];
        assert_eq!(region(&both).as_deref(), Some("eu-central-1"));
        assert_eq!(region(&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "us-east-1")]).as_deref(), Some("us-east-1"));
        assert_eq!(region(&[]), None);
    }

    #[test]
    fn endpoints_of_government_regions_and_of_emulators_are_variables_of_the_sdk() {
        let plain = read(&[("AWS_ENDPOINT_URL", "")]);
        assert_eq!((plain.use_fips(), plain.use_dual_stack(), plain.endpoint_url()), (Some(false), Some(false), None));
        let set = read(&[
            ("AWS_USE_FIPS_ENDPOINT", "true"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "TRUE"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
        ]);
        assert_eq!((set.use_fips(), set.use_dual_stack()), (Some(true), Some(true)));
        assert_eq!(set.endpoint_url(), Some("http://127.0.0.1:5000"));
    }
}
