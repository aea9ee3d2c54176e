//! Which members an organisation and a user may have, and in which form. Pure.

use serde_json::{Value, json};

use super::{DirectoryError, Members};
use crate::{
    code::{CompanyPrefix, link_domain},
    reservation::FieldError,
};

/// Maximum length of a text in characters.
pub const MAX_TEXT: usize = 255;
/// Maximum number of organisations to which a user is limited.
pub const MAX_USER_ORGANISATIONS: usize = 1_000;
/// Maximum number of members of an organisation, and their maximum length together as JSON, in bytes.
const MAX_MEMBERS: usize = 64;
const MAX_BYTES: usize = 32 * 1024;
/// The largest quota. Larger numbers are no numbers of every JSON parser.
pub const MAX_QUOTA: u64 = 1_000_000_000_000;

/// The attribute with the time at which DynamoDB deletes an item of the table, which is meant for audit rows.
const TIME_TO_LIVE: &str = "expires_at";

/// The members of an organisation that this service reads. An organisation may have others.
pub const ORGANISATION_MEMBERS: [&str; 5] = [
    "organisation_name",
    "organisation_company_prefix",
    "digital_link_domain",
    "short_code_domain",
    "max_codes_per_day",
];

/// The members of a user.
pub const USER_MEMBERS: [&str; 7] =
    ["email", "first_name", "last_name", "status", "role", "organisations", "external_identifier"];

/// The values of a user's status, as Directus has them. Only `active` users may sign in.
pub const STATUSES: [&str; 6] = ["draft", "invited", "unverified", "active", "suspended", "archived"];
/// The names of the roles.
pub const ROLES: [&str; 4] = ["admin", "writer", "reader", "none"];

/// Collects errors of members.
struct Check {
    members: Members,
    errors: Vec<FieldError>,
}

impl Check {
    fn fail(&mut self, field: &'static str, kind: &'static str, reason: impl Into<String>) {
        self.errors.push(FieldError::new(field, kind, reason));
    }

    /// The text of a member that is given and not null.
    fn text(&mut self, field: &'static str) -> Option<String> {
        match self.members.get(field) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => match bad_text(text) {
                None => Some(text.clone()),
                Some((kind, reason)) => {
                    self.fail(field, kind, reason);
                    None
                }
            },
            Some(_) => {
                self.fail(field, "string", "Value has to be a string.");
                None
            }
        }
    }

    fn one_of(&mut self, field: &'static str, valid: &[&str]) {
        match self.members.get(field) {
            None => {}
            Some(Value::String(text)) if valid.contains(&text.as_str()) => {}
            Some(_) => self.errors.push(FieldError::one_of(field, valid)),
        }
    }

    fn end(self) -> Result<Members, DirectoryError> {
        if self.errors.is_empty() { Ok(self.members) } else { Err(DirectoryError::Invalid(self.errors)) }
    }
}

/// Why a text cannot be stored.
fn bad_text(text: &str) -> Option<(&'static str, String)> {
    if text.is_empty() || text.trim() != text || text.chars().any(char::is_control) {
        let reason = "Value must not be empty, begin or end with a space, or contain control characters.";
        return Some(("regex", reason.to_owned()));
    }
    (text.chars().count() > MAX_TEXT)
        .then(|| ("max_length", format!("Value has to have {MAX_TEXT} characters at most.")))
}

/// Checks the id of an organisation.
pub(super) fn organisation_id(id: &str) -> Result<(), DirectoryError> {
    let reason = match bad_text(id) {
        Some((_, reason)) => reason,
        None if id == "*" => "Value * stands for all organisations.".to_owned(),
        None => return Ok(()),
    };
    Err(DirectoryError::Invalid(vec![FieldError::new("id", "regex", reason)]))
}

/// Checks the id of an organisation that is created. A path cannot name one that ends with a slash.
pub(super) fn new_organisation_id(id: &str) -> Result<(), DirectoryError> {
    organisation_id(id)?;
    match id.ends_with('/') {
        true => {
            let reason = "Value must not end with a slash.";
            Err(DirectoryError::Invalid(vec![FieldError::new("id", "regex", reason)]))
        }
        false => Ok(()),
    }
}

/// Checks members of an organisation. Domains lose trailing slashes.
pub(super) fn organisation(members: &Members) -> Result<Members, DirectoryError> {
    let mut check = Check { members: members.clone(), errors: Vec::new() };
    if let Some(name) = members.keys().find(|name| !is_member_name(name)) {
        return Err(DirectoryError::Refused(format!(
            "An organisation cannot have a member {name:?}: a name begins with a letter and has only a-z, 0-9 and _; id and \
             kind cannot be changed."
        )));
    }
    // One that an earlier version has written can be removed.
    if members.get(TIME_TO_LIVE).is_some_and(|value| !value.is_null()) {
        return Err(DirectoryError::Refused(format!(
            "An organisation cannot have a member {TIME_TO_LIVE:?}: DynamoDB would delete its row at that time. Choose \
             another name."
        )));
    }
    if members.len() > MAX_MEMBERS || json!(members).to_string().len() > MAX_BYTES {
        return Err(DirectoryError::Refused(format!(
            "An organisation has {MAX_MEMBERS} members at most, which take {MAX_BYTES} bytes at most as JSON."
        )));
    }
    for field in ["organisation_name", "pgln", "city"] {
        check.text(field);
    }
    if let Some(prefix) = check.text("organisation_company_prefix")
        && CompanyPrefix::parse(&prefix).is_err()
    {
        check.fail("organisation_company_prefix", "regex", "A GS1 Company Prefix has 4 to 12 digits.");
    }
    for field in ["digital_link_domain", "short_code_domain"] {
        if let Some(domain) = check.text(field) {
            match link_domain(&domain) {
                Ok(domain) => drop(check.members.insert(field.to_owned(), json!(domain))),
                Err(reason) => check.fail(field, "regex", reason),
            }
        }
    }
    let quota = members.get("max_codes_per_day").filter(|quota| !quota.is_null());
    if quota.is_some_and(|quota| quota.as_u64().is_none_or(|quota| quota > MAX_QUOTA)) {
        let reason = format!("Value has to be a whole number from 0 to {MAX_QUOTA}; 0 means no quota.");
        check.fail("max_codes_per_day", "integer", reason);
    }
    check.end()
}

fn is_member_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= 64
        && name.bytes().all(is_plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !["id", "kind"].contains(&name)
}

/// Checks members of a user.
pub(super) fn user(members: &Members) -> Result<Members, DirectoryError> {
    if let Some(name) = members.keys().find(|name| !USER_MEMBERS.contains(&name.as_str())) {
        return Err(DirectoryError::Refused(format!(
            "A user cannot have a member {name:?}; the members are {}.",
            USER_MEMBERS.join(", ")
        )));
    }
    let mut check = Check { members: members.clone(), errors: Vec::new() };
    for field in ["first_name", "last_name", "external_identifier"] {
        check.text(field);
    }
    if let Some(email) = check.text("email")
        && !is_email(&email)
    {
        check.fail("email", "email", "Value has to be an e-mail address.");
    }
    check.one_of("status", &STATUSES);
    check.one_of("role", &ROLES);
    if members.get("organisations").is_some_and(|own| !are_organisations(own)) {
        let reason = format!(
            "Value has to be \"*\" for all organisations, or a list of {MAX_USER_ORGANISATIONS} organisations at most, each once, of {} \
             bytes at most.",
            2 * MAX_BYTES
        );
        check.fail("organisations", "in", reason);
    }
    check.end()
}

/// Checks members of a user who is created. The role and the organisations must be said.
pub(super) fn new_user(members: &Members) -> Result<Members, DirectoryError> {
    let mut members = user(members)?;
    members.retain(|_, value| !value.is_null());
    let missing = ["role", "organisations"].into_iter().filter(|field| !members.contains_key(*field));
    let missing: Vec<_> = missing.map(FieldError::required).collect();
    if !missing.is_empty() {
        return Err(DirectoryError::Invalid(missing));
    }
    members.entry("status").or_insert_with(|| json!("active"));
    Ok(members)
}

fn are_organisations(value: &Value) -> bool {
    match value {
        Value::String(text) => text == "*",
        // An item of DynamoDB has 400 KB, and an audit row has two of these lists.
        Value::Array(own) if own.len() <= MAX_USER_ORGANISATIONS && value.to_string().len() <= 2 * MAX_BYTES => {
            let texts: Vec<_> = own.iter().filter_map(Value::as_str).filter(|id| organisation_id(id).is_ok()).collect();
            let unique: std::collections::BTreeSet<_> = texts.iter().collect();
            texts.len() == own.len() && unique.len() == own.len()
        }
        _ => false,
    }
}

/// Whether a text has the form of an e-mail address. Whether the address exists, only a message to it shows.
fn is_email(text: &str) -> bool {
    let is_plain =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "<>,;:\\\"".contains(c));
    text.split_once('@').is_some_and(|(name, host)| is_plain(name) && is_plain(host) && !host.contains('@'))
}

/// The form in which e-mail addresses are compared.
pub(super) fn email_key(email: &str) -> String {
    email.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: Value) -> Members {
        value.as_object().unwrap().clone()
    }

    fn fields(result: Result<Members, DirectoryError>) -> Vec<&'static str> {
        match result.unwrap_err() {
            DirectoryError::Invalid(errors) => errors.into_iter().map(|error| error.field).collect(),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn an_organisation_is_checked_member_by_member() {
        let good = of(json!({"organisation_name": "Acme", "organisation_company_prefix": "0614141",
            "digital_link_domain": "HTTPS://id.example.com/", "max_codes_per_day": 0, "city": "Aachen", "pgln": null}));
        let checked = organisation(&good).unwrap();
        assert_eq!(checked["digital_link_domain"], "https://id.example.com");
        assert_eq!(checked["city"], "Aachen");
        let bad = of(json!({"organisation_name": " Acme", "organisation_company_prefix": "061",
            "digital_link_domain": "id.example.com", "short_code_domain": "https://s.example/01", "max_codes_per_day": "7"}));
        assert_eq!(fields(organisation(&bad)), ORGANISATION_MEMBERS);
        for (prefix, is_good) in [("0614", true), ("931234500001", true), ("9312345000012", false), ("06x4", false)] {
            assert_eq!(organisation(&of(json!({"organisation_company_prefix": prefix}))).is_ok(), is_good, "{prefix}");
        }
        assert_eq!(fields(organisation(&of(json!({"pgln": 5, "city": ["Aachen"]})))), ["pgln", "city"]);
        for name in ["id", "kind", "", "Name", "a-b", "_a", "a b"] {
            assert!(matches!(organisation(&of(json!({name: 1}))), Err(DirectoryError::Refused(_))), "{name}");
        }
        for time in [json!(1), json!(1_900_000_000), json!("never"), json!({})] {
            let mortal = of(json!({"expires_at": time}));
            assert!(matches!(organisation(&mortal), Err(DirectoryError::Refused(_))), "{mortal:?}");
        }
        assert!(organisation(&of(json!({"expires_at": null, "expires": 1}))).is_ok());
        assert!(organisation(&of(json!({"note": "x".repeat(MAX_BYTES)}))).is_err());
    }

    #[test]
    fn the_id_of_an_organisation_is_a_text_that_can_be_named() {
        for (id, is_good) in
            [("/417/9312345000012", true), ("ORG-1", true), ("*", false), ("", false), (" A", false), ("A\n", false)]
        {
            assert_eq!(organisation_id(id).is_ok(), is_good, "{id:?}");
        }
        assert!(organisation_id(&"x".repeat(256)).is_err());
        assert!(new_organisation_id("/417/9312345000012").is_ok());
        assert!(new_organisation_id("/417/").is_err() && new_organisation_id("*").is_err());
    }

    #[test]
    fn a_user_is_checked_member_by_member() {
        let good = of(json!({"email": "a@example.com", "role": "writer", "organisations": ["A", "B"]}));
        assert_eq!(new_user(&good).unwrap()["status"], "active");
        let bad = of(json!({"email": "a", "first_name": "", "status": "on", "role": "root", "organisations": "A"}));
        assert_eq!(fields(user(&bad)), ["first_name", "email", "status", "role", "organisations"]);
        assert_eq!(fields(new_user(&of(json!({"email": "a@example.com"})))), ["role", "organisations"]);
        assert_eq!(fields(new_user(&of(json!({"role": "admin", "organisations": null})))), ["organisations"]);
        for own in [json!("**"), json!(["A", "A"]), json!([1]), json!(["*"]), json!({}), json!(null)] {
            assert_eq!(fields(user(&of(json!({"organisations": own})))), ["organisations"], "{own}");
        }
        for own in [json!("*"), json!([]), json!(["A"])] {
            assert!(user(&of(json!({"organisations": own}))).is_ok(), "{own}");
        }
        assert!(matches!(user(&of(json!({"password": "x"}))), Err(DirectoryError::Refused(_))));
        for (email, is_good) in [("a@b", true), ("a b@c", false), ("@b", false), ("a@", false), ("a@b@c", false)] {
            assert_eq!(is_email(email), is_good, "{email}");
        }
    }
}
