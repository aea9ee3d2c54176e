//! Converts stored items into the rows that queries run over: every member of the collection, relations as keys.

use serde_json::{Map, Value, json};

use crate::{
    directory::{Organisation, Role, User},
    query::{Row, related},
    reservation::Reservation,
    store::FileRow,
};

/// A reservation's row.
#[must_use]
pub fn reservation(item: &Reservation) -> Row {
    let mut row = Map::with_capacity(20);
    let mut set = |name: &str, value: Value| {
        row.insert(name.to_owned(), value);
    };
    set("id", json!(item.id));
    set("user_created", json!(item.user_created));
    set("date_created", json!(item.date_created));
    set("user_updated", json!(item.user_updated));
    set("date_updated", json!(item.date_updated));
    set("reserved_for", json!(item.reserved_for));
    set("code_type", json!(item.code_type));
    set("quantity", json!(item.quantity));
    set("status", json!(item.status));
    set("export_type", json!(item.export_type));
    set("export_file", json!(item.export_file));
    set("url_suffix", json!(item.url_suffix));
    set("product", json!(item.product));
    set("quantity_reserved", json!(item.quantity_reserved));
    set("error_message", json!(item.error_message));
    set("reference_id", json!(item.reference_id));
    set("purchase_order", json!(item.purchase_order));
    set("length", json!(item.length));
    set("character_set", json!(item.character_set));
    row
}

/// The roles that have a row, with the name in it. The administrator's is the one that Directus gives.
const ROLES: [(Role, &str); 3] = [(Role::Admin, "Administrator"), (Role::Writer, "Writer"), (Role::Reader, "Reader")];

/// The id of a role's row. It is the same in every deployment.
fn role_id(role: Role) -> Option<uuid::Uuid> {
    let name: &[u8] = match role {
        Role::Admin => b"admin",
        Role::Writer => b"writer",
        Role::Reader => b"reader",
        Role::None => return None,
    };
    Some(uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name))
}

/// The row of the role with this id. Roles are fixed, so their rows are computed.
#[must_use]
pub fn role(id: &str) -> Option<Row> {
    let (_, name) = ROLES.into_iter().find(|(role, _)| role_id(*role).is_some_and(|own| own.to_string() == id))?;
    Some(object(json!({ "id": id, "name": name })))
}

/// A user's row. Secrets are concealed by asterisks.
#[must_use]
pub fn user(user: &User) -> Row {
    let concealed = "**********";
    let row = json!({
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        // Concealed even if there is no password, so that the answer does not reveal who has one.
        "password": concealed,
        "status": user.status,
        "role": role_id(user.role),
        "token": user.has_token.then_some(concealed),
        "provider": if user.external_identifier.is_some() { "oidc" } else { "default" },
        "external_identifier": user.external_identifier.as_ref().map(|_| concealed),
        "email_notifications": true,
        "text_direction": "auto",
    });
    object(row)
}

/// A file's row.
#[must_use]
pub fn file(file: &FileRow) -> Row {
    let on_disk = file.s3_key.rsplit('/').next().unwrap_or_default();
    object(json!({
        "id": file.id,
        "storage": "s3",
        "filename_disk": on_disk,
        "filename_download": file.filename_download,
        "title": file.title,
        "type": file.media_type,
        "uploaded_by": file.uploaded_by,
        "created_on": file.created_on,
        "uploaded_on": file.created_on,
        "filesize": file.filesize.to_string(),
    }))
}

/// An organisation's row.
#[must_use]
pub fn organisation(organisation: &Organisation) -> Row {
    let mut row = organisation.other.clone();
    row.insert("id".to_owned(), json!(organisation.id));
    row
}

fn object(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        _ => related::Row::new(),
    }
}
