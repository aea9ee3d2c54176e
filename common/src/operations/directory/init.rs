//! The first administrator of a deployment, and the first token.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Author, DirectoryError, MAX_TRIES, Members, contended, rules,
    tokens::{self, Description, NewToken},
};
use crate::{
    backoff::pause,
    context::Context,
    store::{Changed, DirectoryWrite, Kind},
};

/// The id of the row that says that the deployment has its first administrator.
const FIRST: &str = "init";

/// Creates an administrator of all organisations with a token. This can be done once for a deployment, whoever else
/// tries at the same time.
///
/// # Errors
/// [`DirectoryError::Refused`] when it was done before; [`DirectoryError::Invalid`] for members that break a rule;
/// [`DirectoryError::Exists`] when a user has the e-mail address.
pub async fn init(
    context: &Context,
    author: &Author,
    members: &Members,
    description: &Description,
) -> Result<NewToken, DirectoryError> {
    let mut members = members.clone();
    members.insert("role".to_owned(), json!("admin"));
    members.insert("organisations".to_owned(), json!("*"));
    let mut members = rules::new_user(&members)?;
    let id = Uuid::new_v4().to_string();
    let token = tokens::new(author, &id, description)?;
    let store = context.store();
    for attempt in 1..=MAX_TRIES {
        if let Some(row) = store.directory_row(Kind::Deployment, FIRST).await? {
            let text = |name| row.member(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
            return Err(DirectoryError::Refused(format!(
                "This deployment was initialised at {} with the user {}. Create a token for a user with `admin token create \
                 USER`.",
                text("at"),
                text("user")
            )));
        }
        let revision = store.revision(Kind::User).await?;
        if let Some(email) = members.get("email").and_then(Value::as_str) {
            let same = |other: Option<Value>| {
                other.and_then(|other| other.as_str().map(rules::email_key)) == Some(rules::email_key(email))
            };
            if !store.directory_rows(Kind::User, |row| same(row.member("email"))).await?.is_empty() {
                return Err(DirectoryError::Exists { what: "user", field: "email", value: email.to_owned() });
            }
        }
        let shown = members.iter().fold(author.audit("init", "user", &id), |audit, (name, value)| {
            audit.with(name, None, Some(value.clone()))
        });
        let audit = shown.with("token", None, Some(json!(token.row)));
        let first = Members::from_iter([
            ("at".to_owned(), json!(author.now.to_string())),
            ("by".to_owned(), json!(author.by)),
            ("user".to_owned(), json!(id)),
        ]);
        members.insert("has_token".to_owned(), json!(true));
        let writes = [
            DirectoryWrite::Create(Kind::Deployment, FIRST.to_owned(), first),
            DirectoryWrite::Create(Kind::User, id.clone(), members.clone()),
            token.write(),
            DirectoryWrite::Advance(revision),
        ];
        match store.change_directory(&writes, &[audit]).await? {
            Changed::Done => return Ok(token),
            Changed::Failed(_) => pause(attempt).await,
        }
    }
    Err(contended())
}
