//! Sets up tracing: JSON lines on AWS, readable lines on a terminal. `RUST_LOG` sets the levels: a level (the default
//! is `info`), or `target=level` pairs separated by commas.
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

/// The levels when `RUST_LOG` is not set.
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
    // An error means that logging was started before. Tests start several systems in one process.
    drop(started);
}

/// The lines for CloudWatch: one JSON object each, with the ids of the request to which the line belongs (see
/// [`crate::api::serve`]). They contain no time, because CloudWatch stores one with each line.
pub(crate) fn json_lines<W>(levels: Targets, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = layer().with_writer(writer).with_target(false).json();
    registry().with(levels).with(lines.flatten_event(true).with_current_span(true).with_span_list(false).without_time())
}
