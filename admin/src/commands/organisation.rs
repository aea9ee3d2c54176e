//! `admin organisation`: the organisations of the Directory.

use clap::{Args, Subcommand};
use common::{
    code::CompanyPrefix,
    directory::Organisation,
    operations::directory::{
        Effect, Members, ORGANISATION_MEMBERS,
        organisations::{Organisations, all, one},
    },
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    connection::Connection,
    failure::Failure,
    output::{Output, confirm, fields, table},
};

/// What to do with organisations.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create an organisation
    Add {
        /// Its key, for example /417/9312345000012
        id: String,
        /// Its members.
        #[command(flatten)]
        members: Given,
    },
    /// Change an organisation; what is not given stays
    Set {
        /// Its key
        id: String,
        /// Its members.
        #[command(flatten)]
        members: Given,
        /// Remove a member; can be repeated
        #[arg(long, value_name = "MEMBER")]
        unset: Vec<String>,
    },
    /// List all organisations
    List,
    /// Show one organisation with all members
    Show {
        /// Its key
        id: String,
    },
    /// Remove an organisation without open reservations and without users who may sign in; its codes stay
    Remove {
        /// Its key
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Members of an organisation.
#[derive(Args, Debug, Default)]
pub struct Given {
    /// Name (organisation_name)
    #[arg(long)]
    name: Option<String>,
    /// GS1 Company Prefix that is licensed to it, 4 to 12 digits (organisation_company_prefix)
    #[arg(long, value_name = "DIGITS")]
    prefix: Option<String>,
    /// Start of its Digital Links, instead of the deployment's (digital_link_domain)
    #[arg(long, value_name = "ADDRESS")]
    link_domain: Option<String>,
    /// Start of its short links, instead of --link-domain (short_code_domain)
    #[arg(long, value_name = "ADDRESS")]
    short_domain: Option<String>,
    /// Codes that it gets on one day (UTC), instead of the deployment's quota; 0: no quota (max_codes_per_day)
    #[arg(long, value_name = "NUMBER")]
    codes_per_day: Option<u64>,
    /// Any other member, as text; can be repeated
    #[arg(long, value_name = "MEMBER=VALUE", value_parser = member)]
    set: Vec<(String, String)>,
}

fn member(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("MEMBER=VALUE is needed")?;
    if ORGANISATION_MEMBERS.contains(&name) {
        return Err(format!("{name} has an option of its own"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

impl Given {
    fn members(self) -> Members {
        let texts = [self.name, self.prefix, self.link_domain, self.short_domain];
        let texts = ORGANISATION_MEMBERS.into_iter().zip(texts).filter_map(|(name, text)| Some((name, json!(text?))));
        let quota = self.codes_per_day.map(|quota| ("max_codes_per_day", json!(quota)));
        let own = texts.chain(quota).map(|(name, value)| (name.to_owned(), value));
        own.chain(self.set.into_iter().map(|(name, value)| (name, json!(value)))).collect()
    }
}

/// What a change did, and the row after it.
#[derive(Serialize)]
struct Done {
    effect: Effect,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<Organisation>,
}

/// Runs a command of this group.
///
/// # Errors
/// [`Failure`] with the reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let context = connection.context();
    match command {
        Command::Add { id, members } => {
            let author = connection.author().await?;
            let members = members.members();
            let effect = Organisations::new(context, &author).add(&id, &members).await?;
            note_about_prefix(&members, output)?;
            done(&id, effect, connection, output).await
        }
        Command::Set { id, members, unset } => {
            let mut members = members.members();
            for name in unset {
                if members.insert(name.clone(), Value::Null).is_some() {
                    return Err(Failure::WrongUse(format!("{name} is both set and unset.")));
                }
            }
            if members.is_empty() {
                return Err(Failure::WrongUse(
                    "Say what to change; `admin organisation set --help` lists it.".to_owned(),
                ));
            }
            let author = connection.author().await?;
            let effect = Organisations::new(context, &author).set(&id, &members).await?;
            note_about_prefix(&members, output)?;
            done(&id, effect, connection, output).await
        }
        Command::List => {
            let organisations = all(context).await?;
            let headings = ["id", "name", "company prefix", "links", "codes a day"];
            output.show(&organisations, |organisations| {
                table(headings, organisations.iter().map(row).collect(), "There are no organisations.")
            })
        }
        Command::Show { id } => output.show(&one(context, &id).await?, |organisation| fields(&lines(organisation))),
        Command::Remove { id, yes } => {
            one(context, &id).await?;
            confirm(output, &format!("Remove the organisation {id}?"), yes)?;
            let author = connection.author().await?;
            let effect = Organisations::new(context, &author).remove(&id).await?;
            output.show(&Done { effect, organisation: None }, |_| format!("Organisation {id} is removed."))
        }
    }
}

async fn done(id: &str, effect: Effect, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let organisation = Some(one(connection.context(), id).await?);
    output.show(&Done { effect, organisation }, |done| {
        let lines = done.organisation.as_ref().map(|organisation| fields(&lines(organisation))).unwrap_or_default();
        format!("Organisation {id} is {}.\n\n{lines}", super::in_words(done.effect))
    })
}

/// Codes of some prefixes are unique in one company or region only.
fn note_about_prefix(members: &Members, output: &mut Output<'_>) -> Result<(), Failure> {
    let prefix = members.get("organisation_company_prefix").and_then(Value::as_str);
    match prefix.and_then(|prefix| CompanyPrefix::parse(prefix).ok()).filter(CompanyPrefix::is_reserved) {
        Some(prefix) => output.note(&format!(
            "GS1 licenses no company prefix that begins like {}: its codes are not unique worldwide, and some have no EPC.",
            prefix.as_str()
        )),
        None => Ok(()),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn row(organisation: &Organisation) -> [String; 5] {
    let or_none = |value: Option<&str>| value.unwrap_or("-").to_owned();
    [
        organisation.id.clone(),
        or_none(organisation.other.get("organisation_name").and_then(Value::as_str)),
        or_none(organisation.organisation_company_prefix.as_deref()),
        or_none(organisation.digital_link_domain.as_deref()),
        organisation.max_codes_per_day.as_ref().map_or_else(|| "-".to_owned(), text),
    ]
}

fn lines(organisation: &Organisation) -> Vec<(String, String)> {
    let members = serde_json::to_value(organisation).unwrap_or_default();
    let members = members.as_object().cloned().unwrap_or_default();
    members.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}
