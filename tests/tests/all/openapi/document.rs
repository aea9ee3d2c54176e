//! The document itself: `docs/openapi.yaml`, its references, and its members for callers with fewer rights.

use std::collections::BTreeSet;

use common::{directory::Role, query::Collection, reservation::Rules};
use directory::openapi::{View, document};
use regex::Regex;
use serde_json::Value;

use super::updates;
use crate::support::{contract::whole, repository::root};

const FILE: &str = "docs/openapi.yaml";
const HEAD: &str = "# Written by tests/tests/all/openapi/document.rs; do not edit.\n\
                    # UPDATE_OPENAPI=yes cargo test --workspace --test all -- openapi::\n";

#[test]
fn the_file_is_the_document_of_an_administrator() {
    let text = format!("{HEAD}{}", serde_yaml_ng::to_string(whole()).unwrap());
    // YAML 1.1, which many tools still read, takes a bare instant for one and not for a text.
    let instants = Regex::new(r"(?m)([:-] )(\d{4}-\d\d-\d\dT[0-9:.]+Z)$").unwrap();
    let text = instants.replace_all(&text, "$1'$2'").into_owned();
    let path = root().join(FILE);
    if updates() {
        std::fs::write(path, text).unwrap();
        return;
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let differs = written.lines().zip(text.lines()).position(|(written, text)| written != text);
    assert!(written == text, "{FILE} differs from line {differs:?}: UPDATE_OPENAPI=yes rewrites it");
}

/// The views that exist: each shows another document.
fn views() -> Vec<(String, View)> {
    let roles = [Role::Admin, Role::Writer, Role::Reader, Role::None];
    let of_roles = roles.into_iter().flat_map(|role| {
        [false, true].map(|is_limited| (format!("{role:?} limited: {is_limited}"), View::of_role(role, is_limited)))
    });
    of_roles.chain([("nobody".to_owned(), View::public())]).collect()
}

/// Calls `visit` with every value of a document and the name under which it stands.
fn walk<'v>(name: &'v str, value: &'v Value, visit: &mut impl FnMut(&'v str, &'v Value)) {
    visit(name, value);
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| walk(name, value, visit)),
        Value::Array(items) => items.iter().for_each(|value| walk("", value, visit)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    for (name, view) in views() {
        let document = document(&view, &Rules::default());
        let mut used = BTreeSet::new();
        walk("", &document, &mut |member, value| {
            if let ("$ref", Some(reference)) = (member, value.as_str()) {
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{name}: {reference}");
                used.insert(reference.to_owned());
            }
        });
        for kind in ["schemas", "parameters", "headers", "responses"] {
            for component in document["components"][kind].as_object().into_iter().flatten().map(|(name, _)| name) {
                assert!(used.contains(&format!("#/components/{kind}/{component}")), "{name}: {kind}/{component}");
            }
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_its_refusals() {
    for (name, view) in views() {
        let document = document(&view, &Rules::default());
        let mut names = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
                let id = operation["operationId"].as_str().unwrap();
                assert!(names.insert(id.to_owned()), "{name}: {id} twice");
                assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{name}: {id}");
                let responses = operation["responses"].as_object().unwrap();
                for status in ["500", "429"] {
                    let of_class = format!("{}XX", &status[..1]);
                    let is_there = responses.contains_key(status) || responses.contains_key(&of_class);
                    assert!(is_there, "{name}: {method} {path} lacks {status}");
                }
            }
        }
    }
}

#[test]
fn a_caller_is_shown_the_members_that_may_be_read() {
    let members = |view: &View, schema: &str| -> Option<BTreeSet<String>> {
        let document = document(view, &Rules::default());
        let properties = document["components"]["schemas"][schema]["properties"].as_object()?;
        // Without the functions of timestamps.
        let ends = ["year", "month", "week", "day", "weekday", "hour", "minute", "second"];
        let is_function =
            |name: &String| ends.iter().any(|end| name.ends_with(&format!("_{end}"))) && name != "max_codes_per_day";
        Some(properties.keys().filter(|name| !is_function(name)).cloned().collect())
    };
    let of = |collection: Collection| -> BTreeSet<String> {
        collection.fields().iter().map(|field| field.name.to_owned()).collect()
    };
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let admin = View::of_role(Role::Admin, false);
    assert_eq!(members(&admin, "User"), Some(of(Collection::Users)));
    assert_eq!(members(&admin, "Organisation"), Some(of(Collection::Organisation)));
    let limited = View::of_role(Role::Writer, true);
    assert_eq!(members(&limited, "User"), Some(set(&["id", "first_name", "last_name"])));
    assert_eq!(members(&limited, "Organisation"), None);
    let account = members(&limited, "Account").unwrap();
    assert!(account.contains("email") && !account.contains("policies"), "{account:?}");
    let reader = View::of_role(Role::Reader, false);
    assert_eq!(members(&reader, "User"), None);
    assert_eq!(members(&reader, "Account"), Some(set(&["id"])));
    assert_eq!(members(&View::public(), "CodeReservation"), None);

    // A relation to rows that the caller may not read is a key, in rows and in filters.
    let shown = document(&reader, &Rules::default());
    assert_eq!(shown["components"]["schemas"]["CodeReservation"]["properties"]["user_created"]["format"], "uuid");
    let text = shown.to_string();
    assert!(!text.contains("UserFilter") && text.contains("OrganisationFilter"), "{text}");
}

#[test]
fn the_rules_are_those_of_the_deployment() {
    let rules = Rules { max_quantity: 77, ..Rules::default() };
    let shown = document(&View::of_role(Role::Writer, false), &rules);
    let create = &shown["components"]["schemas"]["CreateSgtin"];
    assert_eq!(create["properties"]["quantity"]["maximum"], 77);
}
