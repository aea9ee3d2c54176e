//! Sets up tracing: JSON lines on AWS, readable lines on a terminal. `RUST_LOG` sets the levels: a level (the default
//! is `info`), or `target=level` pairs separated by commas.
//!
//! Never logged: request bodies, tokens, presigned links, the secret. Libraries do log them below `info`: the AWS SDK its
//! requests and what it signs, the HTTP library headers, the Lambda runtime whole events. So the lines of libraries end
//! at `info`, whatever `RUST_LOG` says; only the lines of this repository are more detailed.

#[cfg(test)]
pub(crate) mod recorded;

use std::io::{IsTerminal, stderr};

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    filter::{FilterFn, LevelFilter, Targets, filter_fn},
    fmt::{MakeWriter, layer},
    layer::SubscriberExt as _,
    registry,
};

/// The level without `RUST_LOG`.
const DEFAULT: &str = "info";
/// Levels of single targets, unless `RUST_LOG` names the target: the embedded DynamoDB warns of requests that are refused on
/// purpose (a condition that fails).
const OF_TARGETS: &str = "dynoxide=error";

/// The crates of this repository, which log nothing secret at any level.
const OWN: [&str; 18] = [
    "administration",
    "common",
    "console",
    "create_reservations",
    "delete_reservations",
    "directory",
    "domain",
    "files",
    "follow",
    "get_reservation",
    "graphql",
    "labels",
    "list_codes",
    "list_reservations",
    "local",
    "reserve_codes",
    "sweep",
    "update_reservations",
];

/// Starts logging for the process; a second call does nothing.
pub fn init() {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let (levels, error) = levels(&wanted);
    let started = if std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some() {
        tracing::subscriber::set_global_default(json_lines(levels, stderr))
    } else {
        let lines = layer().with_writer(stderr).with_target(false).with_ansi(stderr().is_terminal());
        tracing::subscriber::set_global_default(registry().with(levels).with(cap()).with(lines))
    };
    // An error means that logging was started before. Tests start several systems in one process.
    drop(started);
    if let Some(error) = error {
        tracing::warn!(error, "RUST_LOG is not understood; the level is {DEFAULT}");
    }
}

/// The levels that the text of `RUST_LOG` asks for; the default ones, with the reason, where it cannot be parsed.
fn levels(wanted: &str) -> (Targets, Option<String>) {
    let parse = |text: &str| format!("{OF_TARGETS},{text}").parse::<Targets>();
    let default = || parse(DEFAULT).unwrap_or_default();
    if wanted.trim().is_empty() {
        return (default(), None);
    }
    // The library takes a word without a level for a target, and a misspelt level would turn off all other lines.
    let word =
        wanted.split(',').map(str::trim).find(|part| !part.contains('=') && part.parse::<LevelFilter>().is_err());
    match (word, parse(wanted)) {
        (Some(word), _) => (default(), Some(format!("{word:?} is neither a level nor target=level"))),
        (None, Err(error)) => (default(), Some(error.to_string())),
        (None, Ok(levels)) => (levels, None),
    }
}

/// Leaves out the lines of libraries that may hold secrets.
fn cap() -> FilterFn {
    filter_fn(is_allowed as fn(&Metadata<'_>) -> bool).with_max_level_hint(LevelFilter::TRACE)
}

/// Whether a line may be logged, if its level is wanted.
fn is_allowed(line: &Metadata<'_>) -> bool {
    let name = line.target().split("::").next().unwrap_or_default();
    *line.level() <= Level::INFO || OWN.contains(&name)
}

/// The lines for CloudWatch: one JSON object each, with the ids of the request to which the line belongs (see
/// [`crate::api::serve`]). They contain no time, because CloudWatch stores one with each line.
pub(crate) fn json_lines<W>(levels: Targets, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = layer().with_writer(writer).with_target(false).json();
    registry()
        .with(levels)
        .with(cap())
        .with(lines.flatten_event(true).with_current_span(true).with_span_list(false).without_time())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{recorded::Log, *};

    #[test]
    fn the_crates_of_this_repository_are_those_of_its_workspace() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let functions = std::fs::read_dir(root.join("functions")).unwrap();
        let functions = functions.map(|entry| entry.unwrap().file_name().to_str().unwrap().replace('-', "_"));
        let crates = ["common", "domain", "local"].map(str::to_owned);
        assert_eq!(
            OWN.map(str::to_owned).into_iter().collect::<BTreeSet<_>>(),
            crates.into_iter().chain(functions).collect()
        );
    }

    #[test]
    fn lines_of_libraries_end_at_info_whatever_is_asked_for() {
        for wanted in [
            "trace",
            "debug",
            "aws_sigv4=trace,hyper=trace,common=debug",
            "aws_sigv4::http_request=debug,hyper=debug,common=debug",
        ] {
            let log = Log::default();
            let writer = log.clone();
            let (levels, error) = levels(wanted);
            assert_eq!(error, None);
            tracing::subscriber::with_default(json_lines(levels, move || writer.clone()), || {
                tracing::trace!(target: "aws_sigv4::http_request", "SECRET");
                tracing::debug!(target: "aws_sigv4::http_request", "SECRET");
                tracing::debug!(target: "hyper", "SECRET");
                tracing::trace!(target: "commonplace::log", "SECRET");
                tracing::debug!("ours");
                tracing::warn!(target: "aws_sigv4", "theirs");
            });
            let text = log.text();
            assert!(!text.contains("SECRET"), "{wanted}: {text}");
            assert!(text.contains("ours"), "{wanted}: {text}");
            assert!(wanted.contains("http_request=") || text.contains("theirs"), "{wanted}: {text}");
        }
    }

    #[test]
    fn levels_are_read_and_a_text_that_is_none_is_reported() {
        for (wanted, ours, engine, is_error) in [
            ("", Level::INFO, Level::ERROR, false),
            ("debug", Level::DEBUG, Level::ERROR, false),
            ("warn,dynoxide=info", Level::WARN, Level::INFO, false),
            ("dynoxide=trace,common=debug", Level::DEBUG, Level::TRACE, false),
            ("loud", Level::INFO, Level::ERROR, true),
            ("info,loud", Level::INFO, Level::ERROR, true),
            ("common=loud", Level::INFO, Level::ERROR, true),
        ] {
            let (levels, error) = levels(wanted);
            assert_eq!(error.is_some(), is_error, "{wanted}: {error:?}");
            for (target, level) in [("common", ours), ("dynoxide", engine)] {
                assert!(levels.would_enable(target, &level), "{wanted}: {target}");
                let more = match level {
                    Level::ERROR => Level::WARN,
                    Level::WARN => Level::INFO,
                    Level::INFO => Level::DEBUG,
                    _ => Level::TRACE,
                };
                assert_eq!(levels.would_enable(target, &more), more == level, "{wanted}: {target}");
            }
        }
    }
}
