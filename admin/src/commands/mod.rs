//! The commands, one file per group.
//!
//! A group is a file with `pub enum Command` (a `clap::Subcommand`) and
//! `pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure>`, a
//! variant of [`Command`] and an arm of [`run`]. What it prints with `--json` has a schema in `admin/schemas`.

pub mod audit;
pub mod check;
pub mod code;
pub mod failures;
pub mod import;
pub mod init;
pub mod organisation;
pub mod pool;
pub mod profile;
pub mod reservation;
pub mod restore_check;
pub mod texts;
pub mod token;
pub mod user;

use clap::Subcommand;
use common::operations::directory::Effect;

use crate::{cli::Arguments, connection::Connection, failure::Failure, output::Output};

/// The groups of commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create the first administrator of a deployment, once, and show the token once
    Init(init::Command),
    /// Organisations: who reserves codes, with which company prefix, links and quota
    #[command(subcommand)]
    Organisation(organisation::Command),
    /// Users: who may call the API, and what each sees and may do
    #[command(subcommand)]
    User(user::Command),
    /// Static tokens, with which users sign in
    #[command(subcommand)]
    Token(token::Command),
    /// Create or change organisations or users from a file, with a report for each row
    #[command(subcommand)]
    Import(import::Command),
    /// Export profiles: layouts of files for the programs that print labels
    #[command(subcommand)]
    Profile(profile::Command),
    /// Pools of codes: how full they are, and past which index they are
    #[command(subcommand)]
    Pool(pool::Command),
    /// Reservations: what they do, and how to start stuck ones
    #[command(subcommand)]
    Reservation(reservation::Command),
    /// Stream records that the service gave up
    #[command(subcommand)]
    Failures(failures::Command),
    /// Codes: whether one was issued
    #[command(subcommand)]
    Code(code::Command),
    /// Check the invariants over all tables and the bucket, while the deployment runs
    ///
    /// Checks what exists when it begins. What is made meanwhile is for the next check, so a check ends. Exits with 1 if an
    /// invariant is broken, and names it.
    Check(check::Command),
    /// After a restore: find how far each pool may have been used, and move it past that
    RestoreCheck(restore_check::Command),
    /// List what operators changed, newest first
    Audit(audit::Command),
    /// Print the script with which a shell completes this command
    Completions(texts::Completions),
    /// Write the pages of the manual
    Man(texts::Man),
}

/// Runs a command.
///
/// # Errors
/// [`Failure`] with the reason and the exit code.
pub async fn run(arguments: Arguments, output: &mut Output<'_>) -> Result<(), Failure> {
    let connect = || Connection::open(&arguments.global);
    match arguments.command {
        Command::Init(command) => init::run(command, &connect().await?, output).await,
        Command::Organisation(command) => organisation::run(command, &connect().await?, output).await,
        Command::User(command) => user::run(command, &connect().await?, output).await,
        Command::Token(command) => token::run(command, &connect().await?, output).await,
        Command::Import(command) => import::run(command, &connect().await?, output).await,
        Command::Profile(command) => match command.run_offline(output)? {
            Some(command) => profile::run(command, &connect().await?, output).await,
            None => Ok(()),
        },
        Command::Pool(command) => pool::run(command, &connect().await?, output).await,
        Command::Reservation(command) => reservation::run(command, &connect().await?, output).await,
        Command::Failures(command) => failures::run(command, &connect().await?, output).await,
        Command::Code(command) => code::run(command, &connect().await?, output).await,
        Command::Check(command) => check::run(command, &connect().await?, output).await,
        Command::RestoreCheck(command) => restore_check::run(command, &connect().await?, output).await,
        Command::Audit(command) => audit::run(command, &connect().await?, output).await,
        Command::Completions(command) => texts::completions(&command, output),
        Command::Man(command) => texts::man(&command, output),
    }
}

/// An effect as the end of a sentence.
fn in_words(effect: Effect) -> &'static str {
    match effect {
        Effect::Created => "created",
        Effect::Changed => "changed",
        Effect::Unchanged => "as it was",
        Effect::Removed => "removed",
    }
}
