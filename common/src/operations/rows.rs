//! Converts stored items into the rows that queries run over: every member of the collection, relations as keys.

use serde_json::{Value, json};

use crate::{
    directory::{Organisation, Role, User},
    query::{Collection, Members, Row},
    reservation::Reservation,
    store::FileRow,
};

/// A reservation's row.
#[must_use]
pub fn reservation(item: &Reservation) -> Row {
    // Every member of the collection but its codes, which are read when they are asked for.
    existing(item, Collection::CodeReservation.fields().iter().map(|field| field.name))
}

/// A reservation's row as [`reservation`] gives it, with these members only.
#[must_use]
pub(super) fn shown(item: &Reservation, members: &Members) -> Row {
    existing(item, members.names().iter().copied())
}

/// Those of some members that the row has.
fn existing(item: &Reservation, names: impl Iterator<Item = &'static str>) -> Row {
    names.filter_map(|name| Some((name, member(item, name)?))).collect()
}

/// A reservation's row with these members only. Those that it does not have are null.
#[must_use]
pub(super) fn members_of(item: &Reservation, names: &[&'static str]) -> Row {
    names.iter().map(|name| (*name, member(item, name).unwrap_or_default())).collect()
}

/// A member of a reservation's row; `None` for one that the row does not have.
fn member(item: &Reservation, name: &str) -> Option<Value> {
    Some(match name {
        "id" => json!(item.id),
        "user_created" => json!(item.user_created),
        "date_created" => json!(item.date_created),
        "user_updated" => json!(item.user_updated),
        "date_updated" => json!(item.date_updated),
        "reserved_for" => json!(item.reserved_for),
        "code_type" => json!(item.code_type),
        "quantity" => json!(item.quantity),
        "status" => json!(item.status),
        "export_type" => json!(item.export_type),
        "export_file" => json!(item.export_file),
        "url_suffix" => json!(item.url_suffix),
        "product" => json!(item.product),
        "quantity_reserved" => json!(item.quantity_reserved),
        "error_message" => json!(item.error_message),
        "reference_id" => json!(item.reference_id),
        "purchase_order" => json!(item.purchase_order),
        "length" => json!(item.length),
        "character_set" => json!(item.character_set),
        "lot" => json!(item.lot),
        "expiry_date" => json!(item.expiry_date),
        "production_date" => json!(item.production_date),
        "best_before" => json!(item.best_before),
        _ => return None,
    })
}

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

/// The role that a key in an input names: the id of its row, or its own name; null is [`Role::None`], which has no row.
#[must_use]
pub fn role_of(key: &serde_json::Value) -> Option<Role> {
    if key.is_null() {
        return Some(Role::None);
    }
    let key = key.as_str()?;
    let of_row = Role::NAMED
        .into_iter()
        .map(|(role, _)| role)
        .find(|role| role_id(*role).is_some_and(|own| crate::reservation::uuid(key) == Some(own)));
    of_row.or_else(|| serde_json::from_value(json!(key)).ok())
}

/// The row of the role with this id. Roles are fixed, so their rows are computed.
#[must_use]
pub fn role(id: &str) -> Option<Row> {
    let (_, name) =
        Role::NAMED.into_iter().find(|(role, _)| role_id(*role).is_some_and(|own| own.to_string() == id))?;
    Some(Row::from([("id", json!(id)), ("name", json!(name))]))
}

/// A user's row. Secrets are concealed by asterisks.
#[must_use]
pub fn user(user: &User) -> Row {
    let concealed = "**********";
    Row::from([
        ("id", json!(user.id)),
        ("first_name", json!(user.first_name)),
        ("last_name", json!(user.last_name)),
        ("email", json!(user.email)),
        // Concealed even if there is no password, so that the answer does not reveal who has one.
        ("password", json!(concealed)),
        ("status", json!(user.status)),
        ("role", json!(role_id(user.role))),
        ("token", json!(user.has_token.then_some(concealed))),
        ("provider", json!(if user.external_identifier.is_some() { "oidc" } else { "default" })),
        ("external_identifier", json!(user.external_identifier.as_ref().map(|_| concealed))),
        ("email_notifications", json!(true)),
        ("text_direction", json!("auto")),
        ("organisations", json!(user.organisations)),
    ])
}

/// A file's row.
#[must_use]
pub fn file(file: &FileRow) -> Row {
    let on_disk = file.s3_key.rsplit('/').next().unwrap_or_default();
    Row::from([
        ("id", json!(file.id)),
        ("storage", json!("s3")),
        ("filename_disk", json!(on_disk)),
        ("filename_download", json!(file.filename_download)),
        ("title", json!(file.title)),
        ("type", json!(file.media_type)),
        ("uploaded_by", json!(file.uploaded_by)),
        ("created_on", json!(file.created_on)),
        ("uploaded_on", json!(file.created_on)),
        ("filesize", json!(file.filesize.to_string())),
    ])
}

/// An organisation's row.
#[must_use]
pub fn organisation(organisation: &Organisation) -> Row {
    let mut row = Row::from(organisation.other.clone());
    row.insert("id", json!(organisation.id));
    row.insert("organisation_company_prefix", json!(organisation.organisation_company_prefix));
    row.insert("digital_link_domain", json!(organisation.digital_link_domain));
    row.insert("short_code_domain", json!(organisation.short_code_domain));
    row.insert("max_codes_per_day", json!(organisation.max_codes_per_day));
    row
}
