//! The deployment on AWS: a stack of template.yaml. Its outputs name the tables, the bucket and the secret; its
//! parameters are the settings.

use std::{collections::BTreeMap, sync::Arc};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::error::{DisplayErrorContext, ProvideErrorMetadata};
use common::context::Context;

use super::{config, credentials};
use crate::{cli::Global, failure::Failure};

/// The resources of a stack that are no settings of the functions.
#[derive(Clone, Debug)]
pub struct Resources {
    /// The SDK configuration: credentials, region and HTTP client.
    pub sdk: SdkConfig,
    /// The outputs of the stack by name, for example `FailureQueueUrl`.
    pub outputs: BTreeMap<String, String>,
}

/// The environment variable of the functions that each output gives.
pub const OUTPUTS: [(&str, &str); 8] = [
    ("ReservationsTableName", "RESERVATIONS_TABLE"),
    ("PoolsTableName", "POOLS_TABLE"),
    ("FilesTableName", "FILES_TABLE"),
    ("DirectoryTableName", "DIRECTORY_TABLE"),
    ("RequestsTableName", "REQUESTS_TABLE"),
    ("TalliesTableName", "TALLIES_TABLE"),
    ("ExportsBucketName", "EXPORTS_BUCKET"),
    ("CodesSecretArn", "SECRET_ARN"),
];

/// Reads the stack, and connects to its stores.
///
/// # Errors
/// [`Failure::Refused`] when the stack does not exist or was not deployed from this template;
/// [`Failure::NotReachable`] when CloudFormation does not answer or there are no credentials.
pub(super) async fn connect(stack: &str, options: &Global) -> Result<(Arc<Context>, Resources), Failure> {
    let sdk = credentials::load(options).await?;
    let client = aws_sdk_cloudformation::Client::new(&sdk);
    let answer =
        client.describe_stacks().stack_name(stack).send().await.map_err(|error| match error.as_service_error() {
            Some(service) => Failure::Refused(format!(
                "The stack {stack} cannot be read: {}",
                service.message().unwrap_or("CloudFormation refused the request")
            )),
            None => Failure::NotReachable(format!(
                "CloudFormation cannot be reached for the stack {stack}: {}",
                DisplayErrorContext(&error)
            )),
        })?;
    let Some(found) = answer.stacks().first() else {
        return Err(Failure::Refused(format!("There is no stack {stack}.")));
    };
    let pairs = |(name, value): (Option<&str>, Option<&str>)| Some((name?.to_owned(), value?.to_owned()));
    let outputs: BTreeMap<String, String> =
        found.outputs().iter().map(|one| (one.output_key(), one.output_value())).filter_map(pairs).collect();
    let parameters = found.parameters().iter().map(|one| (one.parameter_key(), one.parameter_value()));
    let mut variables: BTreeMap<String, String> =
        parameters.filter_map(pairs).map(|(name, value)| (variable(&name), value)).collect();
    for (output, name) in OUTPUTS {
        let value = outputs.get(output).ok_or_else(|| {
            Failure::Refused(format!(
                "The stack {stack} has no output {output}: deploy it again with the template of this version."
            ))
        })?;
        variables.insert(name.to_owned(), value.clone());
    }
    variables.insert("STACK_NAME".to_owned(), stack.to_owned());
    let context = Context::new(config(|name| variables.get(name).cloned())?, &sdk);
    Ok((context, Resources { sdk, outputs }))
}

/// The environment variable that a parameter sets: `MaxScan` sets `MAX_SCAN`.
fn variable(parameter: &str) -> String {
    let mut name = String::new();
    for c in parameter.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use local::template::TEMPLATE;

    use super::*;

    #[test]
    fn every_output_and_every_setting_is_one_of_the_template() {
        for (output, variable) in OUTPUTS {
            assert!(TEMPLATE.contains(&format!("\n  {output}:\n")), "{output}");
            assert!(TEMPLATE.contains(&format!("\n        {variable}: !Ref ")), "{variable}");
        }
        let global = TEMPLATE.split("\nResources:").next().unwrap();
        let set: Vec<_> = global.lines().filter_map(|line| line.trim().split_once(": !Ref ")).collect();
        let of_parameters =
            set.iter().filter(|(_, parameter)| TEMPLATE.contains(&format!("\n  {parameter}:\n    Description")));
        let mut count = 0;
        for (name, parameter) in
            of_parameters.filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        {
            // The level of the log is the functions' own.
            if *name != "RUST_LOG" {
                assert_eq!(variable(parameter), *name);
                count += 1;
            }
        }
        assert!(count >= 14, "{count} settings");
    }
}
