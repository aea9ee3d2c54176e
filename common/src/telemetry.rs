//! Tracing set-up: JSON lines on AWS, a readable line on a terminal. Levels come from `RUST_LOG` (default `info`).
//!
//! Never logged: request bodies, tokens, presigned links, the secret.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Starts logging for the process; a second call does nothing.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,dynoxide=error"));
    let started = if std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some() {
        tracing::subscriber::set_global_default(json_lines(filter, std::io::stderr))
    } else {
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
        tracing::subscriber::set_global_default(lines.with_ansi(std::io::stderr().is_terminal()).finish())
    };
    // An Err only says that logging was started before (tests start several systems in one process).
    drop(started);
}

/// What CloudWatch is given: one JSON object a line, which it stamps with its own time, with the ids of the request that a line
/// is about (see [`crate::api::serve`]).
pub(crate) fn json_lines<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_target(false);
    lines.json().flatten_event(true).with_current_span(true).with_span_list(false).without_time().finish()
}
