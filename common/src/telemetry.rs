//! Tracing set-up: JSON lines on AWS, a readable line on a terminal. Levels come from `RUST_LOG` (default `info`): a level, or
//! `target=level`, separated by commas.
//!
//! Never logged: request bodies, tokens, presigned links, the secret.

use std::io::{IsTerminal, stderr};

use tracing::Subscriber;
use tracing_subscriber::{
    filter::Targets,
    fmt::{MakeWriter, layer},
    layer::SubscriberExt as _,
    registry,
};

/// What is logged where `RUST_LOG` says nothing.
const DEFAULT: &str = "info,dynoxide=error";

/// Starts logging for the process; a second call does nothing.
pub fn init() {
    let wanted = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let levels =
        wanted.and_then(|text| text.parse::<Targets>().ok()).or_else(|| DEFAULT.parse().ok()).unwrap_or_default();
    let started = if std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some() {
        tracing::subscriber::set_global_default(json_lines(levels, stderr))
    } else {
        let lines = layer().with_writer(stderr).with_target(false).with_ansi(stderr().is_terminal());
        tracing::subscriber::set_global_default(registry().with(levels).with(lines))
    };
    // An Err only says that logging was started before (tests start several systems in one process).
    drop(started);
}

/// The lines that CloudWatch is given: one JSON object each, without a time of its own, with the ids of the request that it
/// is about (see [`crate::api::serve`]).
pub(crate) fn json_lines<W>(levels: Targets, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = layer().with_writer(writer).with_target(false).json();
    registry().with(levels).with(lines.flatten_event(true).with_current_span(true).with_span_list(false).without_time())
}
