//! `admin audit`: what operators changed.

use clap::Args;
use common::{
    directory::Audit,
    operations::directory::audit::{self, Wanted},
};
use serde_json::{Map, Value};

use crate::{
    connection::Connection,
    failure::Failure,
    output::{Output, table},
    times::{When, when},
};

/// Which changes to list.
#[derive(Args, Debug)]
pub struct Command {
    /// Not before: a day, a time, or a distance into the past such as 7d
    #[arg(long, value_name = "WHEN", value_parser = when)]
    since: Option<When>,
    /// Before: a day, a time, or a distance into the past
    #[arg(long, value_name = "WHEN", value_parser = when)]
    until: Option<When>,
    /// By authors whose name contains this text
    #[arg(long, value_name = "TEXT")]
    by: Option<String>,
    /// Actions that begin with this text: token, token.revoke
    #[arg(long, value_name = "TEXT")]
    action: Option<String>,
    /// Objects that contain this text: an id, or "user ID"
    #[arg(long, value_name = "TEXT")]
    object: Option<String>,
    /// Maximum number of changes
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// Lists changes, newest first.
///
/// # Errors
/// [`Failure`] with the reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let now = connection.context().now();
    let Command { since, until, by, action, object, limit } = command;
    let since = since.map(|since| since.before(now));
    let wanted = Wanted { since, until: until.map(|until| until.before(now)), by, action, object };
    let found = audit::list(connection.context(), &wanted, limit as usize).await?;
    output.show(&found, |found| {
        table(["when", "who", "what", "to", "change"], found.iter().map(row).collect(), "There are no such changes.")
    })
}

fn row(audit: &Audit) -> [String; 5] {
    let names = audit.before.keys().chain(audit.after.keys().filter(|name| !audit.before.contains_key(*name)));
    let change = names.map(|name| format!("{name}: {} → {}", value(&audit.before, name), value(&audit.after, name)));
    let change = change.collect::<Vec<_>>().join("; ");
    [audit.at.clone(), audit.by.clone(), audit.action.clone(), audit.object.clone(), change]
}

fn value(members: &Map<String, Value>, name: &str) -> String {
    members
        .get(name)
        .map_or_else(|| "none".to_owned(), |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}
