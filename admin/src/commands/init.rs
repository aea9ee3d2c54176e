//! `admin init`: the first administrator of a deployment.

use clap::Args;
use common::operations::directory::{Members, init::init};
use serde_json::json;

use super::token::{self, show_once};
use crate::{connection::Connection, failure::Failure, output::Output};

/// The first administrator.
#[derive(Args, Debug)]
pub struct Command {
    /// E-mail address of the administrator
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Given name
    #[arg(long, value_name = "NAME", default_value = "First")]
    first_name: String,
    /// Family name
    #[arg(long, value_name = "NAME", default_value = "Administrator")]
    last_name: String,
    /// The first token.
    #[command(flatten)]
    token: token::Given,
}

/// Creates the first administrator and shows the token once.
///
/// # Errors
/// [`Failure::Refused`] when the deployment has its first administrator.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let Command { email, first_name, last_name, token } = command;
    let mut members =
        Members::from_iter([("first_name".to_owned(), json!(first_name)), ("last_name".to_owned(), json!(last_name))]);
    members.extend(email.map(|email| ("email".to_owned(), json!(email))));
    let author = connection.author().await?;
    let token = init(connection.context(), &author, &members, &token.description(author.now)).await?;
    show_once(&token, output)
}
