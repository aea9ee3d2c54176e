//! `admin organisation`: the organisations of the Directory.

use clap::Subcommand;
use common::directory::Organisation;

use crate::{
    connection::Connection,
    failure::Failure,
    output::{Output, table},
};

/// What to do with organisations.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List all organisations
    List,
}

/// Runs a command of this group.
///
/// # Errors
/// [`Failure`] with the reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    match command {
        Command::List => list(connection, output).await,
    }
}

async fn list(connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut organisations = connection.context().store().all_organisations().await?;
    organisations.sort_by(|a, b| a.id.cmp(&b.id));
    output.show(&organisations, |organisations| {
        let rows = organisations.iter().map(row).collect();
        table(["id", "name", "company prefix", "domain of links", "codes a day"], rows, "There are no organisations.")
    })
}

fn row(organisation: &Organisation) -> [String; 5] {
    let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
    [
        organisation.id.clone(),
        text(organisation.other.get("organisation_name").and_then(|name| name.as_str())),
        text(organisation.organisation_company_prefix.as_deref()),
        text(organisation.digital_link_domain.as_deref()),
        organisation.max_codes_per_day.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
    ]
}
