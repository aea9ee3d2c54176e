//! The options of `cargo run`, and of tests that start the system in their own process.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    str::FromStr,
};

use clap::Parser;
use common::export::PartPolicy;

use crate::remote::InvokeEndpoint;

/// Runs the whole system in one process, on embedded DynamoDB and S3: no Docker, no account.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Port of the HTTP API; 0 picks a free one
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
    /// Address to listen on; with any other than 127.0.0.1, other machines may reach tables that ask for no password
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    pub listen: IpAddr,
    /// No HTTP API: the stores on fixed ports, for functions that run elsewhere (SAM local, cargo lambda watch); writes
    /// DIR/env.json for them, and DIR/env for a shell
    #[arg(long)]
    pub only_stores: bool,
    /// Call functions through the Lambda Invoke API instead of in this process: NAME=URL for one function (its logical id or
    /// binary), or a URL with {logical} or {binary} for all; may be repeated
    #[arg(long = "invoke-endpoint", value_name = "URL|NAME=URL")]
    pub invoke_endpoints: Vec<InvokeEndpoint>,
    /// Port of DynamoDB with --only-stores or --invoke-endpoint; 0 picks a free one
    #[arg(long, default_value_t = 8000, value_name = "PORT")]
    pub dynamodb_port: u16,
    /// Port of S3 with --only-stores or --invoke-endpoint; 0 picks a free one
    #[arg(long, default_value_t = 8001, value_name = "PORT")]
    pub s3_port: u16,
    /// Port of Secrets Manager with --only-stores or --invoke-endpoint; 0 picks a free one
    #[arg(long, default_value_t = 8002, value_name = "PORT")]
    pub secrets_port: u16,
    /// Where tables, exports and the secret lie
    #[arg(long, default_value = ".local", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Keep nothing: tables in memory, exports in a temporary directory (wins over --data-dir)
    #[arg(long)]
    pub memory: bool,
    /// Rows to load at start: users, organisations, files and reservations
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Process nothing: no stream, no sweep
    #[arg(long)]
    pub pause_stream: bool,
    /// Token of the administrator that exists without a seed
    #[arg(long, default_value = "local-token")]
    pub token: String,
    /// A parameter of template.yaml, for example SliceSeconds=1; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    pub parameters: Vec<Parameter>,
    /// How exports are cut into parts, where tests want tiny ones; no option of the command line
    #[arg(skip)]
    pub part_policy: Option<PartPolicy>,
}

/// A value that replaces the default of a parameter of template.yaml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The parameter's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl FromStr for Parameter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("NAME=VALUE is needed")?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

impl Options {
    /// What a test starts from: a free port, and nothing that lasts.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            port: 0,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            only_stores: false,
            invoke_endpoints: Vec::new(),
            dynamodb_port: 0,
            s3_port: 0,
            secrets_port: 0,
            data_dir: PathBuf::from(".local"),
            memory: true,
            seed: None,
            pause_stream: false,
            token: "local-token".to_owned(),
            parameters: Vec::new(),
            part_policy: None,
        }
    }

    /// Whether functions outside this process use the stores: then they have fixed ports and keys that last.
    #[must_use]
    pub fn shares_stores(&self) -> bool {
        self.only_stores || !self.invoke_endpoints.is_empty()
    }

    /// Sets a parameter of template.yaml.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: impl ToString) -> Self {
        self.parameters.push(Parameter { name: name.to_owned(), value: value.to_string() });
        self
    }
}
