//! The commands, one file per group.
//!
//! A group is a file with `pub enum Command` (a `clap::Subcommand`) and
//! `pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure>`, a
//! variant of [`Command`] and an arm of [`run`]. What it prints with `--json` has a schema in `admin/schemas`.

pub mod organisation;

use clap::Subcommand;

use crate::{cli::Arguments, connection::Connection, failure::Failure, output::Output};

/// The groups of commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Organisations: who reserves codes, with which company prefix, links and quota
    #[command(subcommand)]
    Organisation(organisation::Command),
}

/// Runs a command.
///
/// # Errors
/// [`Failure`] with the reason and the exit code.
pub async fn run(arguments: Arguments, output: &mut Output<'_>) -> Result<(), Failure> {
    let connection = &Connection::open(&arguments.global).await?;
    match arguments.command {
        Command::Organisation(command) => organisation::run(command, connection, output).await,
    }
}
