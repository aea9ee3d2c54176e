//! The options of `cargo run`, and of tests that start the system in their own process.

use std::{path::PathBuf, str::FromStr};

use clap::Parser;
use common::export::PartPolicy;

/// Runs the whole system in one process, on embedded DynamoDB and S3: no Docker, no account.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Port of the HTTP API on 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
    /// Where tables, exports and the secret lie
    #[arg(long, default_value = ".local", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Keep nothing: tables in memory, exports in a temporary directory (wins over --data-dir)
    #[arg(long)]
    pub memory: bool,
    /// Rows to load at start: users, organisations, files and reservations
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Accept requests, but process nothing: no stream, no sweep
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
            data_dir: PathBuf::from(".local"),
            memory: true,
            seed: None,
            pause_stream: false,
            token: "local-token".to_owned(),
            parameters: Vec::new(),
            part_policy: None,
        }
    }

    /// Sets a parameter of template.yaml.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: impl ToString) -> Self {
        self.parameters.push(Parameter { name: name.to_owned(), value: value.to_string() });
        self
    }
}
