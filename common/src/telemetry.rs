//! Tracing set-up: JSON lines on AWS, a readable line on a terminal. Levels come from `RUST_LOG` (default `info`).
//!
//! Never logged: request bodies, tokens, presigned links, the secret.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging for the process; a second call does nothing.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,dynoxide=error"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // On AWS, CloudWatch stamps each line with its own time and parses JSON; a person reads the plain form.
    let started = if std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some() {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).without_time().try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    // An Err only says that logging was started before (tests start several systems in one process).
    drop(started);
}
