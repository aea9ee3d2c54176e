//! `admin import`: organisations and users from a file, with a report for each row.
//!
//! A row that exists is changed to what the file says, so a file can be imported again. Members that a row does not name
//! stay as they are.

mod file;

use std::{collections::HashMap, path::PathBuf};

use clap::{Args, Subcommand};
use common::operations::directory::{
    Author, DirectoryError, Effect, Members, organisations::Organisations, users::Users,
};
use file::{Line, Table};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    connection::Connection,
    failure::Failure,
    output::{Output, table},
    progress::Progress,
};

/// What to import.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Organisations; each row has an id
    Organisations(Given),
    /// Users; each row has an id, an e-mail address or an external_identifier
    Users(Given),
}

/// The file, and what happens when some of its rows are bad.
#[derive(Args, Debug)]
pub struct Given {
    /// A list of objects as JSON (.json), or a table with a line of member names as CSV (.csv)
    file: PathBuf,
    /// Check every row and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Check every row first, and write nothing if one of them is bad; without it, the good rows are written
    #[arg(long)]
    all_or_nothing: bool,
}

/// What happened to a row.
#[derive(Debug, Serialize)]
struct Outcome {
    /// The line of the file at which the row begins, from 1.
    line: usize,
    /// The row's id or name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<Effect>,
    /// Why the row is bad, with the member.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The report of an import.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether something was written.
    written: bool,
    created: usize,
    changed: usize,
    unchanged: usize,
    bad: usize,
    rows: Vec<Outcome>,
}

/// Runs a command of this group.
///
/// # Errors
/// [`Failure::WrongUse`] for a file that cannot be read at all; [`Failure::Refused`] when a row is bad, after the report;
/// [`Failure::NotReachable`] when the stores stop answering, after the report of what was done.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let (given, is_users) = match command {
        Command::Organisations(given) => (given, false),
        Command::Users(given) => (given, true),
    };
    let kind = if is_users { Table::Users } else { Table::Organisations };
    let lines = file::read(&given.file, kind)?;
    let author = connection.author().await?;
    let mut rows = if is_users {
        Rows::Users(Users::new(connection.context(), &author), HashMap::new())
    } else {
        Rows::Organisations(Organisations::new(connection.context(), &author))
    };
    let writes_all = !given.dry_run && !given.all_or_nothing;
    let (mut outcomes, mut ended) = all(&lines, &mut rows, writes_all).await;
    let mut written = writes_all;
    if given.all_or_nothing && !given.dry_run && ended.is_none() && outcomes.iter().all(|one| one.error.is_none()) {
        // What the check knows of unwritten rows must not decide what is written.
        rows = rows.again(connection, &author);
        (outcomes, ended) = all(&lines, &mut rows, true).await;
        written = true;
    }
    report(outcomes, lines.len(), written, ended, output)
}

/// Works through the rows. Stops when the stores stop answering.
async fn all(lines: &[Line], rows: &mut Rows<'_>, write: bool) -> (Vec<Outcome>, Option<Failure>) {
    let progress = Progress::new("rows", Some(lines.len() as u64));
    let mut outcomes = Vec::with_capacity(lines.len());
    let mut seen: HashMap<String, usize> = HashMap::new();
    for Line { number, members } in lines {
        let mut outcome = Outcome { line: *number, row: None, effect: None, error: None };
        match members {
            Err(reason) => outcome.error = Some(reason.clone()),
            Ok(members) => {
                outcome.row = rows.name(members);
                let twice = outcome.row.as_ref().and_then(|row| seen.insert(row.to_lowercase(), *number));
                match twice {
                    Some(first) => outcome.error = Some(format!("The file names this row in line {first} already.")),
                    None => match rows.row(members, write).await {
                        Ok(effect) => outcome.effect = Some(effect),
                        Err(DirectoryError::Store(error)) if error.is_transient() => {
                            return (outcomes, Some(error.into()));
                        }
                        Err(error) => outcome.error = Some(error.to_string()),
                    },
                }
            }
        }
        outcomes.push(outcome);
        progress.add(1);
    }
    (outcomes, None)
}

/// The rows of a kind, and what is known of them.
enum Rows<'a> {
    Organisations(Organisations<'a>),
    /// With the ids of users who are only checked so far.
    Users(Users<'a>, HashMap<String, Uuid>),
}

impl<'a> Rows<'a> {
    /// The same kind, with nothing known.
    fn again(&self, connection: &'a Connection, author: &'a Author) -> Self {
        match self {
            Self::Organisations(_) => Self::Organisations(Organisations::new(connection.context(), author)),
            Self::Users(..) => Self::Users(Users::new(connection.context(), author), HashMap::new()),
        }
    }

    /// The member that names a row.
    fn name(&self, members: &Members) -> Option<String> {
        let names: &[&str] = match self {
            Self::Organisations(_) => &["id"],
            Self::Users(..) => &["id", "email", "external_identifier"],
        };
        names.iter().find_map(|name| members.get(*name).and_then(Value::as_str).map(str::to_owned))
    }

    /// Writes a row, or only checks it.
    async fn row(&mut self, members: &Members, write: bool) -> Result<Effect, DirectoryError> {
        let name = self.name(members);
        let mut members = members.clone();
        let given_id = members.shift_remove("id");
        match self {
            Self::Organisations(organisations) => {
                let id = name.ok_or_else(|| needs("id: a text is needed."))?;
                if write { organisations.put(&id, &members).await } else { organisations.check(&id, &members).await }
            }
            Self::Users(users, checked) => {
                let name =
                    name.ok_or_else(|| needs("id, email or external_identifier: one of them is needed, as a text."))?;
                let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
                let id = if given_id.as_ref().is_some_and(|id| !id.is_null()) {
                    Uuid::parse_str(&name).map_err(|_| needs("id: a UUID is needed."))?
                } else if let Some(email) = text("email") {
                    users.of_email(&email).await?.unwrap_or_else(|| *checked.entry(email).or_insert_with(Uuid::new_v4))
                } else {
                    let subject = text("external_identifier").unwrap_or_default();
                    users.of_subject(&subject).await?.unwrap_or_else(Uuid::new_v4)
                };
                if write { users.put(id, &members).await } else { users.check(id, &members).await }
            }
        }
    }
}

fn needs(what: &str) -> DirectoryError {
    DirectoryError::Refused(what.to_owned())
}

fn report(
    rows: Vec<Outcome>,
    lines: usize,
    written: bool,
    ended: Option<Failure>,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let count = |effect| rows.iter().filter(|row| row.effect == Some(effect)).count();
    let bad = rows.iter().filter(|row| row.error.is_some()).count();
    let done = rows.len();
    let (created, changed, unchanged) = (count(Effect::Created), count(Effect::Changed), count(Effect::Unchanged));
    let report = Report { written, created, changed, unchanged, bad, rows };
    output.show(&report, |report| {
        let rows = report.rows.iter().map(|row| {
            let effect = row.effect.map(super::in_words).map(str::to_owned);
            let what = row.error.clone().or(effect).unwrap_or_default();
            [row.line.to_string(), row.row.clone().unwrap_or_else(|| "-".to_owned()), what]
        });
        let would = if report.written { "" } else { " Nothing was written." };
        format!(
            "{}\n\n{created} created, {changed} changed, {unchanged} as they were, {bad} bad.{would}",
            table(["line", "row", "what"], rows.collect(), "The file has no rows."),
        )
    })?;
    match ended {
        Some(failure) => Err(Failure::NotReachable(format!(
            "The import ended after {done} of {lines} rows: {failure}. The same command goes on when the stores answer again."
        ))),
        None if bad > 0 => Err(Failure::Refused(format!("{bad} of {lines} rows are bad."))),
        None => Ok(()),
    }
}
