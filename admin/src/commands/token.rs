//! `admin token`: static tokens.

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use common::{
    operations::directory::{
        tokens::{self, Description, NewToken, Token},
        users::Users,
    },
    reservation::Timestamp,
};
use serde::Serialize;

use crate::{
    connection::Connection,
    failure::Failure,
    output::{Output, plain, table},
    times::{When, duration, when},
};

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token for a user, and show it once
    Create {
        /// Id or e-mail address of the user
        user: String,
        /// What is said about it.
        #[command(flatten)]
        given: Given,
    },
    /// List tokens, without the tokens themselves
    List {
        /// Id or e-mail address of a user; without it, of all users
        user: Option<String>,
    },
    /// End a token; the next request with it is refused
    Revoke {
        /// The token's id, as `token list` shows it
        id: String,
    },
    /// Make a token in the place of another one, with its label and end, and show it once
    Rotate {
        /// The id of the old token
        id: String,
        /// How long the old token still works, for example 24h
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0m")]
        grace: TimeDelta,
    },
}

/// What is said about a new token.
#[derive(Args, Debug, Default)]
pub struct Given {
    /// What it is for
    #[arg(long)]
    label: Option<String>,
    /// When it ends: a day, a time, or a distance such as 90d; without it never
    #[arg(long, value_name = "WHEN", value_parser = when)]
    expires: Option<When>,
}

impl Given {
    /// What the operation needs.
    pub(super) fn description(self, now: Timestamp) -> Description {
        Description { label: self.label, valid_until: self.expires.map(|expires| expires.after(now)) }
    }
}

/// A token's row, and whether it still works.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    token: Token,
    has_ended: bool,
}

/// Runs a command of this group.
///
/// # Errors
/// [`Failure`] with the reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let context = connection.context();
    match command {
        Command::Create { user, given } => {
            let author = connection.author().await?;
            let id = Users::new(context, &author).find(&user).await?;
            let token = tokens::create(context, &author, id, &given.description(author.now)).await?;
            show_once(&token, output)
        }
        Command::List { user } => {
            let author = connection.reader();
            let id = match user {
                Some(user) => Some(Users::new(context, &author).find(&user).await?),
                None => None,
            };
            let listed = tokens::list(context, id).await?;
            let listed: Vec<_> =
                listed.into_iter().map(|token| Listed { has_ended: token.has_ended(author.now), token }).collect();
            output.show(&listed, |listed| {
                table(
                    ["id", "user", "label", "created", "ends"],
                    listed.iter().map(row).collect(),
                    "There are no tokens.",
                )
            })
        }
        Command::Revoke { id } => {
            let author = connection.author().await?;
            let token = tokens::revoke(context, &author, &id).await?;
            output.show(&token, |token| {
                format!(
                    "Token {} of the user {} is revoked: the next request with it is refused.",
                    token.id,
                    plain(&token.user)
                )
            })
        }
        Command::Rotate { id, grace } => {
            let author = connection.author().await?;
            let token = tokens::rotate(context, &author, &id, grace).await?;
            show_once(&token, output)
        }
    }
}

/// Shows a new token. It cannot be shown again.
pub(super) fn show_once(token: &NewToken, output: &mut Output<'_>) -> Result<(), Failure> {
    output.show(token, |NewToken { token, row }| {
        let end = row
            .valid_until
            .as_deref()
            .map_or("It does not end by itself".to_owned(), |end| format!("It ends at {end}"));
        format!(
            "Token {} of the user {}:\n\n  {token}\n\nIt is shown this once: only its SHA-256 is stored. {end}.",
            row.id, row.user
        )
    })
}

fn row(listed: &Listed) -> [String; 5] {
    let Token { id, user, label, created_at, valid_until } = &listed.token;
    let or = |value: &Option<String>, other: &str| value.clone().unwrap_or_else(|| other.to_owned());
    let end = or(valid_until, "never");
    let end = if listed.has_ended { format!("{end} (ended)") } else { end };
    [id.clone(), user.clone(), or(label, "-"), or(created_at, "-"), end]
}
