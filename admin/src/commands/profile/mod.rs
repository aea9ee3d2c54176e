//! `admin profile`: export profiles, the layouts of files for the programs that print labels.

mod file;
mod preview;

use std::path::PathBuf;

use clap::Subcommand;
use common::{
    context::Context,
    export::profile::{Profile, all_built_in, built_in, check_own_name},
    operations::{
        directory::{
            Effect,
            profiles::{self, label},
        },
        profile_of_version,
    },
    reservation::ProfileName,
    store::ProfileRow,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    connection::Connection,
    failure::Failure,
    output::{Output, confirm, fields, table},
};

/// What to do with profiles.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Store a profile under the name in it, or a new version of it
    ///
    /// Running and complete exports stay as they are: each keeps the version with which it was begun.
    Add {
        /// The profile, as YAML (.yaml, .yml) or JSON (.json)
        file: PathBuf,
        /// The organisation whose profile it is; without it, a profile of the deployment
        #[arg(long, value_name = "ID")]
        organisation: Option<String>,
    },
    /// Show a profile as JSON
    Show {
        /// Its name
        name: String,
        /// The organisation whose profile it is
        #[arg(long, value_name = "ID")]
        organisation: Option<String>,
    },
    /// List all profiles, with the built-in ones
    List,
    /// Check the file of a profile and store nothing; needs no deployment
    Check {
        /// The profile, as YAML (.yaml, .yml) or JSON (.json)
        file: PathBuf,
    },
    /// Show the file that a profile makes of some sample codes; needs no deployment
    Preview(preview::Given),
    /// Remove a profile; files that were made with it can still be written again
    Remove {
        /// Its name
        name: String,
        /// The organisation whose profile it is
        #[arg(long, value_name = "ID")]
        organisation: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A profile in a list.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    /// Null for a profile of the deployment.
    organisation: Option<String>,
    /// Whether it is part of the service.
    built_in: bool,
    /// Null if the version cannot be read.
    base: Option<&'static str>,
    description: Option<String>,
    sha256: String,
    date_updated: Option<String>,
}

/// A profile with its content.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    organisation: Option<String>,
    sha256: String,
    profile: Value,
}

/// What a change did, and the row after it.
#[derive(Debug, Serialize)]
struct Done {
    effect: Effect,
    name: String,
    organisation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// What a check found: a profile that can be stored.
#[derive(Debug, Serialize)]
struct Checked {
    name: String,
    base: &'static str,
    extension: String,
    media_type: String,
    /// What its slots show.
    sources: Vec<&'static str>,
    sha256: String,
    /// Bytes of the canonical form.
    bytes: usize,
}

impl Command {
    /// Runs a command that needs no deployment; gives back any other.
    ///
    /// # Errors
    /// As [`run`].
    pub fn run_offline(self, output: &mut Output<'_>) -> Result<Option<Self>, Failure> {
        match self {
            Self::Check { file } => check(&file::read(&file)?, output).map(|()| None),
            Self::Preview(given) => preview::run(&given, output).map(|()| None),
            other => Ok(Some(other)),
        }
    }
}

/// Runs a command of this group.
///
/// # Errors
/// [`Failure`] with the reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let Some(command) = command.run_offline(output)? else { return Ok(()) };
    let context = connection.context();
    match command {
        Command::Add { file, organisation } => {
            let profile = file::read(&file)?;
            own_name(profile.name)?;
            let author = connection.author().await?;
            let (effect, row) = profiles::add(context, &author, organisation.as_deref(), &profile).await?;
            done(effect, profile.name, organisation, Some(row.sha256), output)
        }
        Command::Remove { name, organisation, yes } => {
            let name = parsed(&name)?;
            own_name(name)?;
            existing(context, organisation.as_deref(), name).await?;
            confirm(output, &format!("Remove the profile {}?", label(organisation.as_deref(), name)), yes)?;
            let author = connection.author().await?;
            let effect = profiles::remove(context, &author, organisation.as_deref(), name).await?;
            done(effect, name, organisation, None, output)
        }
        Command::List => list(context, output).await,
        Command::Show { name, organisation } => show(context, parsed(&name)?, organisation, output).await,
        Command::Check { .. } | Command::Preview(_) => Ok(()),
    }
}

fn parsed(name: &str) -> Result<ProfileName, Failure> {
    ProfileName::parse(name).ok_or_else(|| Failure::Refused(format!("{name:?} is not the name of a profile.")))
}

fn own_name(name: ProfileName) -> Result<(), Failure> {
    check_own_name(name).map_err(|mistake| Failure::Refused(format!("{}.", mistake.message)))
}

async fn existing(context: &Context, organisation: Option<&str>, name: ProfileName) -> Result<ProfileRow, Failure> {
    let row = context.store().profile(organisation, name).await?;
    row.ok_or_else(|| Failure::Refused(format!("There is no profile {}.", label(organisation, name))))
}

fn done(
    effect: Effect,
    name: ProfileName,
    organisation: Option<String>,
    sha256: Option<String>,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let what = label(organisation.as_deref(), name);
    let done = Done { effect, name: name.to_string(), organisation, sha256 };
    output.show(&done, |done| match &done.sha256 {
        Some(sha256) => format!("Profile {what} is {}, version {sha256}.", super::in_words(done.effect)),
        None => format!("Profile {what} is removed."),
    })
}

async fn list(context: &Context, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut all: Vec<Listed> =
        all_built_in().iter().map(|profile| listed(Some(profile), profile.name.as_str(), None)).collect();
    for row in profiles::all(context).await? {
        let found = profile_of_version(context.store(), &row.sha256).await.ok().flatten();
        all.push(listed(found.as_ref().map(|found| found.profile.as_ref()), &row.name, Some(&row)));
    }
    let headings = ["name", "for", "base", "changed", "description"];
    output.show(&all, |all| {
        let row = |one: &Listed| {
            let of = match (&one.organisation, one.built_in) {
                (Some(organisation), _) => organisation.clone(),
                (None, true) => "(built in)".to_owned(),
                (None, false) => "all".to_owned(),
            };
            let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let base = one.base.unwrap_or("(cannot be read)").to_owned();
            [one.name.clone(), of, base, or_none(&one.date_updated), or_none(&one.description)]
        };
        table(headings, all.iter().map(row).collect(), "There are no profiles.")
    })
}

/// A row of the list: of a stored profile, or without a row of a built-in one.
fn listed(profile: Option<&Profile>, name: &str, row: Option<&ProfileRow>) -> Listed {
    Listed {
        name: name.to_owned(),
        organisation: row.and_then(|row| row.organisation.clone()),
        built_in: row.is_none(),
        base: profile.map(Profile::base_name),
        description: profile.and_then(|profile| profile.description.clone()),
        sha256: row.map_or_else(|| profile.map(Profile::sha256).unwrap_or_default(), |row| row.sha256.clone()),
        date_updated: row.and_then(|row| row.date_updated).map(|at| at.to_string()),
    }
}

async fn show(
    context: &Context,
    name: ProfileName,
    organisation: Option<String>,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let shown = match built_in(name).filter(|_| organisation.is_none()) {
        Some(profile) => {
            Shown { name: name.to_string(), organisation, sha256: profile.sha256(), profile: profile.to_value() }
        }
        None => {
            let row = existing(context, organisation.as_deref(), name).await?;
            let found = profile_of_version(context.store(), &row.sha256).await?;
            let found = found.ok_or_else(|| Failure::Refused(format!("The version {} is not stored.", row.sha256)))?;
            Shown {
                name: row.name,
                organisation: row.organisation,
                sha256: row.sha256,
                profile: found.profile.to_value(),
            }
        }
    };
    // A profile that is shown can be the file of the next one.
    output.show(&shown, |shown| serde_json::to_string_pretty(&shown.profile).unwrap_or_default())
}

fn check(profile: &Profile, output: &mut Output<'_>) -> Result<(), Failure> {
    own_name(profile.name)?;
    let checked = Checked {
        name: profile.name.to_string(),
        base: profile.base_name(),
        extension: profile.extension.clone(),
        media_type: profile.content_type(),
        sources: profile.sources().into_iter().map(|source| source.as_str()).collect(),
        sha256: profile.sha256(),
        bytes: profile.canonical().len(),
    };
    output.show(&checked, |checked| {
        fields(&[
            ("name", checked.name.clone()),
            ("base", checked.base.to_owned()),
            ("extension", checked.extension.clone()),
            ("media type", checked.media_type.clone()),
            ("shows", checked.sources.join(", ")),
            ("version", checked.sha256.clone()),
            ("bytes", checked.bytes.to_string()),
        ])
    })
}
