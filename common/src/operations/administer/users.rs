//! What the members of an input about a user mean.
//!
//! The members are those of a Directus user. `role` is the id of a role's row, as reads show it, or the role's name; null is
//! no role. `organisations` is a list of ids, or `"*"` for all. `token` is the only static token of the user.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::requests::{Administers, Given};
use crate::{
    context::Context,
    directory::User,
    operations::{
        OperationError,
        directory::{
            DirectoryError, Members, USER_MEMBERS,
            users::{Action, Change, Users, all},
        },
        rows,
    },
    query::{Collection, Row},
    reservation::{FieldError, uuid},
};

impl Administers for Users<'_> {
    type Key = Uuid;
    const COLLECTION: Collection = Collection::Users;

    fn key(value: &Value) -> Option<Uuid> {
        value.as_str().and_then(uuid)
    }

    fn key_of(row: &User) -> Option<Uuid> {
        uuid(&row.id)
    }

    fn shown(row: &User) -> Row {
        rows::user(row)
    }

    fn new_row(given: &Map<String, Value>) -> Result<Change, OperationError> {
        let id = match given.get("id") {
            None | Some(Value::Null) => Uuid::new_v4(),
            Some(id) => Self::key(id).ok_or_else(|| invalid("id", "uuid", "Value has to be a UUID."))?,
        };
        let Given { members, token } = members(given)?;
        Ok(Change { token, ..Change::new(id, Action::Add, members) })
    }

    fn change(id: Uuid, given: &Map<String, Value>, is_selected: bool) -> Result<Change, OperationError> {
        let Given { members, token } = members(given)?;
        Ok(Change { token, is_selected, ..Change::new(id, Action::Set("user.set"), members) })
    }

    fn removal(id: Uuid) -> Change {
        Change::new(id, Action::Remove, Members::new())
    }

    async fn all(context: &Context) -> Result<Vec<User>, DirectoryError> {
        all(context, |_| true).await
    }
}

/// Reads the members of an input. The key is read elsewhere.
fn members(given: &Map<String, Value>) -> Result<Given, OperationError> {
    let collection = Collection::Users;
    let mut members = Members::new();
    let mut token = None;
    for (name, value) in given {
        match name.as_str() {
            "id" => {}
            "token" => token = Some(token_of(value)?),
            "role" => drop(members.insert(name.clone(), role(value)?)),
            name if USER_MEMBERS.contains(&name) => drop(members.insert(name.to_owned(), value.clone())),
            name if collection.field(name).is_none() => {
                return Err(OperationError::no_field(name, collection.name()));
            }
            // What this service does not keep is not there before and after.
            _ if value.is_null() => {}
            name => {
                return Err(OperationError::InvalidPayload(format!(
                    "\"{name}\" of a user cannot be set; {} and token can",
                    USER_MEMBERS.join(", ")
                )));
            }
        }
    }
    Ok(Given { members, token })
}

fn token_of(value: &Value) -> Result<Option<String>, OperationError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(invalid("token", "string", "Value has to be a string.")),
    }
}

/// The name of a role. As with every relation, an object with the key alone stands for the key.
fn role(value: &Value) -> Result<Value, OperationError> {
    let key = match value {
        Value::Object(nested) => {
            let key = nested.get("id").filter(|key| key.is_string() && nested.len() == 1);
            key.ok_or_else(|| OperationError::no_collection(Collection::Roles.name()))?
        }
        key => key,
    };
    // The rules name what is allowed.
    Ok(rows::role_of(key).map_or_else(|| key.clone(), |role| json!(role)))
}

fn invalid(field: &'static str, kind: &'static str, reason: &str) -> OperationError {
    OperationError::FailedValidation(vec![FieldError::new(field, kind, reason)])
}
