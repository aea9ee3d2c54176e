//! The table of routes against template.yaml, and the document against the table.

use std::collections::BTreeSet;

use common::{
    api::{Needs, ROUTES, Route},
    directory::Role,
    query::{Action, Collection},
    reservation::Rules,
};
use directory::openapi::{View, document, id};
use serde_json::Value;

use crate::support::{
    contract::whole,
    repository::{routes, template},
};

/// The keys of the template that are no route of the table: the preflight and everything else.
const NO_OPERATION: [(&str, &str); 2] = [("OPTIONS /{proxy+}", "directory"), ("$default", "directory")];

/// The routes that the document describes: all but the pages for people, which answer HTML to browsers.
fn described() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.needs != Needs::Page)
}

#[test]
fn the_table_is_the_routes_of_the_template_with_their_functions() {
    let own = ROUTES.iter().flat_map(|route| route.keys().into_iter().map(|key| (key, route.function.to_owned())));
    let others = NO_OPERATION.map(|(key, function)| (key.to_owned(), function.to_owned()));
    // A list and a row whose id is the rest of the path share the key of the trailing slash.
    let table: Vec<(String, String)> = own.chain(others).collect();
    let deployed: BTreeSet<(String, String)> =
        routes(&template()).into_iter().map(|route| (route.key, route.binary)).collect();
    assert_eq!(table.into_iter().collect::<BTreeSet<_>>(), deployed);
    let paths: BTreeSet<_> = ROUTES.iter().map(|route| (route.method, route.path)).collect();
    assert_eq!(paths.len(), ROUTES.len(), "a route stands once");
    let operations: BTreeSet<_> = ROUTES.iter().map(|route| route.operation).collect();
    assert_eq!(operations.len(), ROUTES.len(), "an operation has one route");
}

/// `GET /files` for each operation of a document but HEAD and OPTIONS, with its name.
fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.strip_prefix("x-").unwrap_or(method).to_uppercase();
            if !["PARAMETERS", "HEAD", "OPTIONS"].contains(&method.as_str()) {
                found.insert((format!("{method} {path}"), operation["operationId"].as_str().unwrap().to_owned()));
            }
        }
    }
    found
}

#[test]
fn the_document_has_the_routes_of_the_table_and_no_others() {
    assert_eq!(ROUTES.len() - described().count(), 4, "the pages");
    let table: BTreeSet<(String, String)> = described()
        .map(|route| (format!("{} {}", route.method, route.path.replace("+}", "}")), id(route.operation)))
        .collect();
    assert_eq!(operations(whole()), table);
    for (path, item) in whole()["paths"].as_object().unwrap() {
        assert_eq!(item.get("head").is_some(), item.get("get").is_some(), "{path}: what can be read has a HEAD");
        assert!(item.get("options").is_some(), "{path}");
    }
}

#[test]
fn a_caller_is_shown_what_the_role_may_do() {
    let shown = |view: &View| -> BTreeSet<String> {
        operations(&document(view, &Rules::default())).into_iter().map(|(_, id)| id).collect()
    };
    let all = shown(&View::of_role(Role::Admin, false));
    assert_eq!(all.len(), described().count());
    let without = |names: &[&str]| -> BTreeSet<String> {
        names.iter().for_each(|name| assert!(all.contains(*name), "{name}"));
        all.iter().filter(|id| !names.contains(&id.as_str())).cloned().collect()
    };
    let administration = [
        "createUsers",
        "updateUsers",
        "updateUser",
        "deleteUsers",
        "deleteUser",
        "createOrganisations",
        "updateOrganisations",
        "updateOrganisation",
        "deleteOrganisations",
        "deleteOrganisation",
    ];
    let organisations = [&administration[..], &["listOrganisations", "getOrganisation"]].concat();
    assert_eq!(shown(&View::of_role(Role::Admin, true)), without(&administration));
    let writes = [
        "createReservations",
        "updateReservations",
        "deleteReservations",
        "updateReservation",
        "deleteReservation",
        "listUsers",
        "getUser",
    ];
    let writes = [&administration[..], &writes].concat();
    assert_eq!(shown(&View::of_role(Role::Writer, false)), without(&organisations));
    assert_eq!(shown(&View::of_role(Role::Writer, true)), without(&organisations));
    assert_eq!(shown(&View::of_role(Role::Reader, false)), without(&writes));
    let public = shown(&View::public());
    let account = ["getMe".to_owned()];
    assert_eq!(shown(&View::of_role(Role::None, false)), public.iter().chain(&account).cloned().collect());
    let expected: BTreeSet<String> = ROUTES
        .iter()
        .filter(|route| matches!(route.needs, Needs::Nothing | Needs::NoBadToken))
        .map(|route| id(route.operation))
        .collect();
    assert_eq!(public, expected);
    assert!(public.contains("ping") && public.contains("openApi") && !public.contains("listFiles"));
}

#[test]
fn every_right_to_a_collection_belongs_to_a_route() {
    // A right that no route needs would be one that nobody can use over REST.
    for action in [Action::Create, Action::Read, Action::Update, Action::Delete] {
        for collection in Collection::ALL.into_iter().filter(|collection| *collection != Collection::Roles) {
            let is_granted = common::query::may(Role::Admin, false, action, collection);
            let is_needed = ROUTES.iter().any(|route| route.needs == Needs::Right(action, collection));
            assert_eq!(is_granted, is_needed, "{action:?} {}", collection.name());
        }
    }
}
