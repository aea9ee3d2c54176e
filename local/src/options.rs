//! The options of `cargo run`. Tests that start the system in their own process use them too.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::Arc,
};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use clap::Parser;
use common::export::PartPolicy;

use crate::{invoke_endpoint::InvokeEndpoint, s3::StepLog, template::Parameter};

/// The token of the administrator that a laptop gets by default. It is in the documentation, so it protects nothing.
pub const DEFAULT_TOKEN: &str = "local-token";

/// What lies between the functions and their stores: takes the client that reaches the stores and gives the one that the
/// functions use. Tests inject faults with it.
#[derive(Clone)]
pub struct Between(pub Arc<dyn Fn(SharedHttpClient) -> SharedHttpClient + Send + Sync>);

impl fmt::Debug for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Between")
    }
}

/// Runs the whole system in one process with embedded DynamoDB and S3; needs no Docker and no AWS account
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Port of the HTTP API; 0 picks a free one
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
    /// Address to listen on; with any other than 127.0.0.1, other machines reach the API (a --token of your own is then
    /// needed) and the stores (with their access key)
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    pub listen: IpAddr,
    /// Name under which browsers reach the pages besides localhost and IP addresses, such as codes.test; can be repeated
    #[arg(long = "host", value_name = "NAME", value_parser = crate::gateway::host_name)]
    pub hosts: Vec<String>,
    /// Start only the stores, on fixed ports, without the HTTP API: for functions that run elsewhere (SAM local, cargo
    /// lambda watch); writes their environment to DIR/env.json, and to DIR/env for a shell
    #[arg(long)]
    pub only_stores: bool,
    /// Call functions through the Lambda Invoke API instead of in this process: NAME=URL for one function (its logical
    /// id or binary), or a URL with {logical} or {binary} for all; can be repeated
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
    /// Directory of tables, exports and the secret
    #[arg(long, default_value = ".local", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Keep nothing after the end: tables in memory, exports in a temporary directory (overrides --data-dir)
    #[arg(long)]
    pub memory: bool,
    /// Rows to load at start: users, organisations, files and reservations
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Accept requests but process no reservation: neither reserve-codes nor its schedules run
    #[arg(long)]
    pub pause_stream: bool,
    /// Do not follow changes: counts of more than 1,000 reservations stay as they are
    #[arg(long)]
    pub pause_tallies: bool,
    /// Accept requests with more than 10,240 bytes of request line and header values, which API Gateway refuses with 431
    #[arg(long)]
    pub long_requests: bool,
    /// Add a header x-plan to answers that contain lists of reservations: which index is read, how much of it, and why
    #[arg(long)]
    pub explain: bool,
    /// Token of the administrator that is created when there is no --seed
    #[arg(long, default_value = DEFAULT_TOKEN)]
    pub token: String,
    /// Value for a parameter of template.yaml, for example SliceSeconds=1; can be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    pub parameters: Vec<Parameter>,
    /// Whether `admin --local URL` on this machine may use the stores, with their access key; switched off by tests that
    /// do not need it, not an option of the command line
    #[arg(skip = true)]
    pub serves_admin: bool,
    /// How exports are cut into parts; set by tests that need small parts, not an option of the command line
    #[arg(skip)]
    pub part_policy: Option<PartPolicy>,
    /// Where the embedded S3 notes what it flushes to disk, and flushes it; for tests, not an option of the command line
    #[arg(skip)]
    pub step_log: Option<StepLog>,
    /// What lies between the functions and their stores; for tests, not an option of the command line
    #[arg(skip)]
    pub between: Option<Between>,
}

impl Options {
    /// Options for tests: free ports, and nothing kept.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            port: 0,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            hosts: Vec::new(),
            only_stores: false,
            invoke_endpoints: Vec::new(),
            dynamodb_port: 0,
            s3_port: 0,
            secrets_port: 0,
            data_dir: PathBuf::from(".local"),
            memory: true,
            seed: None,
            pause_stream: false,
            pause_tallies: false,
            long_requests: false,
            explain: false,
            token: DEFAULT_TOKEN.to_owned(),
            parameters: Vec::new(),
            serves_admin: false,
            part_policy: None,
            step_log: None,
            between: None,
        }
    }

    /// Whether functions outside this process use the stores. The stores then have fixed ports and a permanent access
    /// key.
    #[must_use]
    pub fn shares_stores(&self) -> bool {
        self.only_stores || !self.invoke_endpoints.is_empty()
    }

    /// Whether other processes can use the stores. Without [`Options::shares_stores`] they have free ports of 127.0.0.1.
    #[must_use]
    pub fn offers_stores(&self) -> bool {
        self.shares_stores() || self.serves_admin
    }

    /// Sets a parameter of template.yaml.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: impl ToString) -> Self {
        self.parameters.push(Parameter { name: name.to_owned(), value: value.to_string() });
        self
    }
}
