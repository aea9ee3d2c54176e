//! `admin user`: the users of the Directory.

use clap::{Args, Subcommand, ValueEnum};
use common::{
    context::Context,
    directory::{Organisations, Role, User},
    operations::directory::{
        Effect, Members,
        users::{Users, all, one},
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    connection::Connection,
    failure::Failure,
    output::{Output, fields, table},
};

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a user; `token create` then lets the user sign in
    Add {
        /// Id, a UUID; without it a random one
        #[arg(long, value_name = "UUID")]
        id: Option<Uuid>,
        /// What the user may do
        #[arg(long)]
        role: RoleName,
        /// Whose rows the user sees.
        #[command(flatten)]
        organisations: GivenOrganisations,
        /// Its members.
        #[command(flatten)]
        members: Given,
    },
    /// Change a user; what is not given stays
    Set {
        /// Id or e-mail address
        user: String,
        /// What the user may do
        #[arg(long)]
        role: Option<RoleName>,
        /// Whose rows the user sees.
        #[command(flatten)]
        organisations: GivenOrganisations,
        /// Its members.
        #[command(flatten)]
        members: Given,
        /// Remove a member: email, first_name, last_name or external_identifier; can be repeated
        #[arg(long, value_name = "MEMBER")]
        unset: Vec<String>,
    },
    /// List all users
    List {
        /// Only those whose rows name this organisation
        #[arg(long, value_name = "ID")]
        organisation: Option<String>,
    },
    /// Refuse the user's next request, whatever the token
    Disable {
        /// Id or e-mail address
        user: String,
    },
    /// Let a user sign in again
    Enable {
        /// Id or e-mail address
        user: String,
    },
}

/// The roles, as the option has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Everything
    Admin,
    /// Create, read, change and delete reservations
    Writer,
    /// Read
    Reader,
    /// Nothing
    None,
}

/// The organisations of a user.
#[derive(Args, Debug, Default)]
#[group(multiple = false)]
pub struct GivenOrganisations {
    /// Organisation whose rows the user sees; can be repeated
    #[arg(long = "organisation", value_name = "ID")]
    organisations: Vec<String>,
    /// The user sees the rows of all organisations; only for people and services of the operator
    #[arg(long)]
    all_organisations: bool,
}

/// Members of a user.
#[derive(Args, Debug, Default)]
pub struct Given {
    /// E-mail address, which no other user has
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Given name
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// Family name
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    /// The `sub` claim of the user's JWTs, if the deployment has an issuer (OidcIssuer)
    #[arg(long, value_name = "SUB")]
    external_id: Option<String>,
}

impl Given {
    fn members(self, organisations: GivenOrganisations, role: Option<RoleName>) -> Members {
        let own = match organisations {
            GivenOrganisations { all_organisations: true, .. } => Some(json!("*")),
            GivenOrganisations { organisations, .. } if organisations.is_empty() => None,
            GivenOrganisations { organisations, .. } => Some(json!(organisations)),
        };
        let role = role.and_then(|role| role.to_possible_value()).map(|role| json!(role.get_name()));
        let members = [
            ("email", self.email.map(Value::from)),
            ("first_name", self.first_name.map(Value::from)),
            ("last_name", self.last_name.map(Value::from)),
            ("external_identifier", self.external_id.map(Value::from)),
            ("role", role),
            ("organisations", own),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// What a change did, and the row after it.
#[derive(Serialize)]
struct Done {
    effect: Effect,
    user: User,
}

/// Runs a command of this group.
///
/// # Errors
/// [`Failure`] with the reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let context = connection.context();
    let (id, effect) = match command {
        Command::Add { id, role, organisations, members } => {
            let members = members.members(organisations, Some(role));
            if !members.contains_key("organisations") {
                return Err(Failure::WrongUse(
                    "Say whose rows the user sees: --organisation ID, or --all-organisations.".to_owned(),
                ));
            }
            let id = id.unwrap_or_else(Uuid::new_v4);
            let author = connection.author().await?;
            (id, Users::new(context, &author).add(id, &members).await?)
        }
        Command::Set { user, role, organisations, members, unset } => {
            let mut members = members.members(organisations, role);
            for name in unset {
                if members.insert(name.clone(), Value::Null).is_some() {
                    return Err(Failure::WrongUse(format!("{name} is both set and unset.")));
                }
            }
            if members.is_empty() {
                return Err(Failure::WrongUse("Say what to change; `admin user set --help` lists it.".to_owned()));
            }
            let author = connection.author().await?;
            let mut users = Users::new(context, &author);
            let id = users.find(&user).await?;
            (id, users.set(id, &members).await?)
        }
        Command::Disable { user } => {
            let author = connection.author().await?;
            let mut users = Users::new(context, &author);
            let id = users.find(&user).await?;
            (id, users.disable(id).await?)
        }
        Command::Enable { user } => {
            let author = connection.author().await?;
            let mut users = Users::new(context, &author);
            let id = users.find(&user).await?;
            (id, users.enable(id).await?)
        }
        Command::List { organisation } => return list(context, organisation, output).await,
    };
    let user = one(context, id).await?;
    note_about_organisations(context, &user, output).await?;
    output.show(&Done { effect, user }, |done| {
        format!("User {id} is {}.\n\n{}", super::in_words(done.effect), fields(&lines(&done.user)))
    })
}

async fn list(context: &Context, organisation: Option<String>, output: &mut Output<'_>) -> Result<(), Failure> {
    let is_wanted = |theirs: &Organisations| match (&organisation, theirs) {
        (None, _) => true,
        (Some(id), Organisations::Only(theirs)) => theirs.contains(id),
        (Some(_), Organisations::All | Organisations::Unsaid) => false,
    };
    let users = all(context, is_wanted).await?;
    let headings = ["id", "e-mail", "name", "role", "status", "organisations", "token"];
    output.show(&users, |users| table(headings, users.iter().map(row).collect(), "There are no users."))
}

/// An organisation without a row is allowed, and more often a typing error.
async fn note_about_organisations(context: &Context, user: &User, output: &mut Output<'_>) -> Result<(), Failure> {
    let Some(own) = user.organisations.limit() else { return Ok(()) };
    let found = context.store().organisations(own).await?;
    for id in own.iter().filter(|id| found.iter().all(|row| row.id != **id)) {
        output.note(&format!("There is no organisation {id} in the Directory yet."))?;
    }
    Ok(())
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Writer => "writer",
        Role::Reader => "reader",
        Role::None => "none",
    }
}

fn organisations(user: &User) -> String {
    match &user.organisations {
        Organisations::All => "all".to_owned(),
        Organisations::Only(own) => own.join(", "),
        Organisations::Unsaid => "none said: may not sign in".to_owned(),
    }
}

fn row(user: &User) -> [String; 7] {
    let name =
        [user.first_name.as_deref(), user.last_name.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    [
        user.id.clone(),
        or_none(user.email.as_deref().unwrap_or_default()),
        or_none(&name),
        role(user.role).to_owned(),
        user.status.clone(),
        or_none(&organisations(user)),
        if user.has_token { "yes" } else { "no" }.to_owned(),
    ]
}

fn lines(user: &User) -> Vec<(String, String)> {
    let [id, email, name, role, status, organisations, token] = row(user);
    let external = user.external_identifier.clone().unwrap_or_else(|| "-".to_owned());
    let names = ["id", "e-mail", "name", "role", "status", "organisations", "token", "external id"];
    let values = [id, email, name, role, status, organisations, token, external];
    names.map(str::to_owned).into_iter().zip(values).collect()
}
