//! The operators' command: what an operator does with a deployment, on AWS or on a laptop.
//!
//! This crate parses arguments, connects, and prints. What a command does is an operation of `common`, with the same
//! conditions as the writes of the functions. `local` provides the stores of a data directory.
//!
//! | file | contents |
//! |---|---|
//! | `cli` | the options of every command |
//! | `commands` | one file per group of commands; a new group is a variant of [`commands::Command`] |
//! | `connection` | from `--stack` or `--local` to the stores, and who the operator is |
//! | `failure` | why a command failed, and its exit code |
//! | `output` | tables for people, JSON for scripts |
//! | `times` | times and durations as operators type them |
//! | `progress` | what a terminal shows during long work |
//! | `check` | the invariants over a live deployment, page by page |
//! | `usage`, `issued`, `evidence` | how full a pool is; codes of another system; what an export tells of a pool |

pub mod check;
pub mod cli;
pub mod commands;
pub mod connection;
pub mod evidence;
pub mod failure;
pub mod issued;
pub mod output;
pub mod progress;
pub mod times;
pub mod usage;

use std::{ffi::OsString, io::Write};

use clap::Parser;

use crate::{
    cli::Arguments,
    failure::{Exit, Failure},
    output::Output,
};

/// Runs a command: parses the arguments (the first is the program's name), prints to `out`, and reports a failure to
/// `err`.
pub async fn run<T: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = T>,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let asks_for_json = arguments.iter().any(|argument| argument == "--json");
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        // Help and version are such errors too; they belong to `out`.
        Err(error) => {
            // Nobody reads what a closed pipe does not take.
            if error.use_stderr() {
                let _ = match asks_for_json {
                    true => {
                        let text = error.render().to_string();
                        writeln!(err, "{}", Failure::WrongUse(text.trim_end().to_owned()).report(true))
                    }
                    false => write!(err, "{}", error.render()),
                };
                return Exit::WrongUse;
            }
            let _ = write!(out, "{}", error.render());
            return Exit::Done;
        }
    };
    let json = arguments.global.json;
    let result = commands::run(arguments, &mut Output::new(out, err, json)).await;
    match result {
        Ok(()) | Err(Failure::NobodyReads) => Exit::Done,
        Err(failure) => {
            let _ = writeln!(err, "{}", failure.report(json));
            failure.exit()
        }
    }
}
