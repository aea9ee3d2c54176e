//! What the members of an input about an organisation mean: those of the collection, and no others.

use serde_json::{Map, Value};

use super::requests::Administers;
use crate::{
    context::Context,
    directory::Organisation,
    operations::{
        OperationError,
        directory::{
            DirectoryError, Members,
            organisations::{Action, Change, Organisations, all},
        },
        rows,
    },
    query::{Collection, Row},
    reservation::FieldError,
};

impl Administers for Organisations<'_> {
    type Key = String;
    const COLLECTION: Collection = Collection::Organisation;

    fn key(value: &Value) -> Option<String> {
        // DynamoDB has no empty keys, so there is no such row.
        value.as_str().filter(|id| !id.is_empty()).map(str::to_owned)
    }

    fn key_of(row: &Organisation) -> Option<String> {
        Some(row.id.clone())
    }

    fn shown(row: &Organisation) -> Row {
        rows::organisation(row)
    }

    fn new_row(given: &Map<String, Value>) -> Result<Change, OperationError> {
        let id = match given.get("id") {
            Some(Value::String(id)) => id,
            None | Some(Value::Null) => return Err(failed(FieldError::required("id"))),
            Some(_) => return Err(failed(FieldError::new("id", "string", "Value has to be a string."))),
        };
        Ok(Change::new(id, Action::Add, members(given)?))
    }

    fn change(id: String, given: &Map<String, Value>, is_selected: bool) -> Result<Change, OperationError> {
        Ok(Change { is_selected, ..Change::new(&id, Action::Set, members(given)?) })
    }

    fn removal(id: String) -> Change {
        Change::new(&id, Action::Remove, Members::new())
    }

    async fn all(context: &Context) -> Result<Vec<Organisation>, DirectoryError> {
        all(context).await
    }
}

/// Reads the members of an input. The key is read elsewhere.
fn members(given: &Map<String, Value>) -> Result<Members, OperationError> {
    let collection = Collection::Organisation;
    if let Some(unknown) = given.keys().find(|name| collection.field(name).is_none()) {
        return Err(OperationError::no_field(unknown, collection.name()));
    }
    let members = given.iter().filter(|(name, _)| *name != collection.primary_key().name);
    Ok(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn failed(error: FieldError) -> OperationError {
    OperationError::FailedValidation(vec![error])
}
