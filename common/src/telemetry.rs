//! Tracing set-up: JSON lines on AWS, a readable line on a terminal. Levels come from `RUST_LOG` (default `info`): a level, or
//! `target=level`, separated by commas.
//!
//! Never logged: request bodies, tokens, presigned links, the secret.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{
    Layer, filter::Targets, fmt::layer, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

/// What is logged where `RUST_LOG` says nothing.
const DEFAULT: &str = "info,dynoxide=error";

/// Starts logging for the process; a second call does nothing.
pub fn init() {
    let wanted = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let levels =
        wanted.and_then(|text| text.parse::<Targets>().ok()).or_else(|| DEFAULT.parse().ok()).unwrap_or_default();
    let lines = layer().with_writer(stderr).with_target(false);
    // On AWS, CloudWatch stamps each line with its own time and parses JSON; a person reads the plain form.
    let lines = if std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some() {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).without_time().boxed()
    } else {
        lines.with_ansi(stderr().is_terminal()).boxed()
    };
    // An Err only says that logging was started before (tests start several systems in one process).
    drop(registry().with(levels).with(lines).try_init());
}
