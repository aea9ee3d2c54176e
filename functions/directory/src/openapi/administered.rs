//! The schemas of inputs about users and organisations, from the rules of `common::operations::directory`.

use common::{
    operations::directory::{
        MAX_QUOTA, MAX_TEXT, MAX_USER_ORGANISATIONS, ROLES, STATUSES, TOKEN_LENGTHS, USER_MEMBERS,
    },
    query::Collection,
};
use serde_json::{Map, Value, json};

/// The schemas, by name.
pub(super) fn inputs() -> [(String, Value); 6] {
    let of_user = json!({ "type": "string", "format": "uuid" });
    let of_organisation = json!({ "type": "string", "minLength": 1, "maxLength": MAX_TEXT });
    [
        ("UserCreate".to_owned(), with_id(user(), &of_user, &["role", "organisations"])),
        ("UserUpdate".to_owned(), user()),
        // A row of an array names its key beside what changes.
        ("UserRow".to_owned(), with_id(user(), &of_user, &["id"])),
        ("OrganisationCreate".to_owned(), with_id(organisation(), &of_organisation, &["id"])),
        ("OrganisationUpdate".to_owned(), organisation()),
        ("OrganisationRow".to_owned(), with_id(organisation(), &of_organisation, &["id"])),
    ]
}

fn text() -> Value {
    json!({ "type": ["string", "null"], "minLength": 1, "maxLength": MAX_TEXT })
}

fn object(members: impl Iterator<Item = (String, Value)>) -> Value {
    let mut object = json!({ "type": "object", "properties": Map::from_iter(members) });
    object["additionalProperties"] = json!(false);
    object
}

fn with_id(mut object: Value, id: &Value, required: &[&str]) -> Value {
    object["properties"]["id"] = id.clone();
    object["required"] = json!(required);
    object
}

fn user() -> Value {
    let member = |name: &str| match name {
        "status" => json!({ "type": "string", "enum": STATUSES }),
        "role" => json!({
            "type": ["string", "null"],
            "description": format!("The id of a role, or its name: {}. Null is none.", ROLES.join(", ")),
        }),
        "organisations" => json!({
            "anyOf": [
                { "const": "*" },
                { "type": "array", "items": { "type": "string" }, "maxItems": MAX_USER_ORGANISATIONS, "uniqueItems": true },
            ],
            "description": "The ids of organisations, or `*` for all.",
        }),
        _ => text(),
    };
    let (least, most) = (TOKEN_LENGTHS.start(), TOKEN_LENGTHS.end());
    let token = json!({
        "type": ["string", "null"],
        "minLength": least,
        "maxLength": most,
        "pattern": "^[!-~]+$",
        "writeOnly": true,
        "description": "The only static token of the user from now on; null for none. No answer shows it.",
    });
    let members = USER_MEMBERS.iter().map(|name| ((*name).to_owned(), member(name)));
    object(members.chain([("token".to_owned(), token)]))
}

fn organisation() -> Value {
    let member = |name: &str| match name {
        "max_codes_per_day" => json!({
            "type": ["integer", "null"],
            "minimum": 0,
            "maximum": MAX_QUOTA,
            "description": "0 means no quota; null that of the deployment.",
        }),
        "organisation_company_prefix" => json!({ "type": ["string", "null"], "pattern": "^[0-9]{4,12}$" }),
        _ => text(),
    };
    let fields = Collection::Organisation.fields().iter().map(|field| field.name).filter(|name| *name != "id");
    object(fields.map(|name| (name.to_owned(), member(name))))
}
