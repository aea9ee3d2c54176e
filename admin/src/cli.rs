//! The arguments: options of every command, and the command.

use clap::{Args, Parser};

use crate::commands::Command;

/// Operates a deployment of the code reservation service
///
/// Exit codes: 0 done, 1 refused, 2 wrong use, 3 the stores cannot be reached.
#[derive(Debug, Parser)]
#[command(name = "admin", version, arg_required_else_help = true, subcommand_required = true)]
pub struct Arguments {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Work on a stack on AWS; its outputs name the tables
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "local")]
    pub stack: Option<String>,
    /// Work on a laptop: the data directory of `cargo run` while it does not run, or its address while it does
    #[arg(long, global = true, value_name = "DIR|URL")]
    pub local: Option<String>,
    /// Profile of the AWS configuration, with --stack
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "local")]
    pub profile: Option<String>,
    /// Region of the stack, if the environment and the profile do not name it
    #[arg(long, global = true, value_name = "REGION", conflicts_with = "local")]
    pub region: Option<String>,
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub json: bool,
}
