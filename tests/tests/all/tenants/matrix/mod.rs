//! RSV-6: who may do what with whose row. Every route and every root field of GraphQL is called by every kind of caller,
//! for the row of one organisation, that of another, and none.
//!
//! A caller who may not is refused, and nothing is changed. A row of another organisation answers as one that does not
//! exist, byte for byte, but for the ids that were asked for. There is one exception, with a test of its own: an id that a
//! new row cannot have.

mod lines;
mod lists;
mod world;

use std::collections::BTreeSet;

use common::directory::Role;
use serde_json::{Value, json};

use self::{
    lines::{Ask, Hidden, Line, Needs, lines},
    world::{Caller, Dump, Target, World},
};
use crate::support::{
    api::{RESERVATIONS, Reply, with},
    repository::{routes, template},
};

const FORBIDDEN: &str =
    r#"{"errors":[{"message":"You don't have permission to access this.","extensions":{"code":"FORBIDDEN"}}]}"#;
const NO_CREDENTIALS: &str =
    r#"{"errors":[{"message":"Invalid user credentials.","extensions":{"code":"INVALID_CREDENTIALS"}}]}"#;

/// What a caller has to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// 401.
    NoCredentials,
    /// The role lacks the right.
    NoRight,
    /// The right is there, the row is not.
    NoRow,
    /// All of it.
    Granted,
}

fn due(line: &Line, caller: &Caller, target: &Target, exists: bool) -> Due {
    match caller.role {
        _ if line.needs == Needs::Nothing => Due::Granted,
        None => Due::NoCredentials,
        Some(role) if !line.needs.are_met_by(role, caller.token.is_some(), caller.own.is_some()) => Due::NoRight,
        Some(_) if matches!(line.hidden, Hidden::Status(_)) => Due::Granted,
        Some(_) if caller.sees(&target.organisation) && (exists || line.creates) => Due::Granted,
        Some(_) => Due::NoRow,
    }
}

/// What a caller can tell apart in an answer, without the texts that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

fn seen(reply: &Reply, asked: &Target) -> Seen {
    // The time and the id of the request, and what is computed of a body that repeats what was asked for.
    let repeats = asked.hidden_in(&reply.text) != reply.text;
    let own = ["date", "x-request-id"];
    let of_body = ["content-length", "etag"];
    let headers = reply.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let headers = headers.filter(|(name, _)| !(repeats && of_body.contains(&name.as_str())));
    let text = |name: &str, value: &[u8]| match asked.hidden_in(&String::from_utf8_lossy(value)) {
        // The name of a list's file ends with the time.
        text if name == "content-disposition" => text.replace(|c: char| c.is_ascii_digit(), "0"),
        text => text,
    };
    let headers = headers.map(|(name, value)| (name.to_string(), text(name.as_str(), value.as_bytes())));
    let mut headers: Vec<_> = headers.collect();
    headers.sort();
    Seen { status: reply.status, headers, body: asked.hidden_in(&reply.text) }
}

/// Whether each row of an array is forbidden, without a reason.
fn are_rows_forbidden(body: &Value) -> bool {
    let Some(entries) = body["errors"].as_array().filter(|entries| !entries.is_empty()) else { return false };
    let one = serde_json::from_str::<Value>(FORBIDDEN).unwrap()["errors"][0].clone();
    entries.iter().enumerate().all(|(at, entry)| {
        let mut expected = one.clone();
        expected["extensions"]["index"] = json!(at);
        *entry == expected
    })
}

/// Checks one answer.
fn judge(line: &Line, due: Due, is_head: bool, reply: &Reply, context: &str) {
    let status = reply.status;
    let code = reply.code();
    let body = reply.text.as_str();
    if is_head {
        assert_eq!(body, "", "{context}");
    }
    match due {
        Due::NoCredentials => {
            assert_eq!(status, 401, "{context}: {body}");
            assert!(is_head || body == NO_CREDENTIALS, "{context}: {body}");
        }
        // The role has the root field, but not what is asked below it.
        Due::NoRight if line.is_graphql() && line.needs == Needs::Users && status == 200 => {
            assert!(code == "FORBIDDEN" && reply.json()["data"]["x"] == Value::Null, "{context}: {body}");
        }
        Due::NoRight if line.is_graphql() => {
            assert_eq!(status, 400, "{context}: {body}");
            assert!(is_head || code == "GRAPHQL_VALIDATION", "{context}: {body}");
        }
        Due::NoRight if line.needs == Needs::Token => assert_eq!(status, 401, "{context}: {body}"),
        Due::NoRight => {
            assert_eq!(status, 403, "{context}: {body}");
            assert!(
                is_head || reply.reason().starts_with("You don't have permission to access collection"),
                "{context}"
            );
        }
        Due::NoRow => match line.hidden {
            Hidden::Forbidden => {
                assert_eq!(status, 403, "{context}: {body}");
                assert!(is_head || body == FORBIDDEN || are_rows_forbidden(&reply.json()), "{context}: {body}");
            }
            Hidden::Null => {
                assert_eq!(status, 200, "{context}: {body}");
                let json = reply.json();
                let is_null = json["data"]["x"] == Value::Null;
                assert!(is_head || (code == "FORBIDDEN" && is_null), "{context}: {body}");
            }
            Hidden::NoMatch => {
                assert_eq!(status, 200, "{context}: {body}");
                assert!(!body.contains("\"errors\""), "{context}: {body}");
            }
            Hidden::NoContent => assert_eq!((status, body), (204, ""), "{context}"),
            Hidden::Status(_) => unreachable!("{context}: such a request is about no row"),
        },
        Due::Granted => {
            let wanted = match line.hidden {
                Hidden::Status(status) => status,
                _ if line.route.starts_with("DELETE") => 204,
                _ if line.route.contains("/assets/") => 302,
                _ => 200,
            };
            assert_eq!(status, wanted, "{context}: {body}");
            assert!(wanted != 200 || reply.json().get("errors").is_none(), "{context}: {body}");
        }
    }
}

/// The text of another organisation that an answer holds, or an address of e-mail that it should not.
fn leak(world: &World, line: &Line, caller: &Caller, asked: &Target, reply: &Reply) -> Option<String> {
    // Of the row that was asked for, only a text that the request itself holds is no news; that the rest is not there
    // follows from the comparison with the row that does not exist.
    let text = asked.hidden_in(&format!("{:?} {}", reply.headers, reply.text));
    let strange = world.targets[..2].iter().filter(|target| !caller.sees(&target.organisation));
    let found = strange.filter_map(|target| Some(format!("{} of {}", target.found_in(&text)?, target.organisation)));
    let email = || (caller.own.is_some() && reply.text.contains("people.example")).then(|| "e-mail".to_owned());
    found.into_iter().next().or_else(email).filter(|_| line.needs != Needs::Nothing)
}

/// The key of a line's route in the template. A route cannot name SEARCH, so its route is that of any method.
fn route_key(route: &str) -> String {
    route.replacen("SEARCH ", "ANY ", 1)
}

/// The forms in which the template has a request: as it is, with a trailing slash, as HEAD.
fn forms(line: &Line, is_first: bool, keys: &BTreeSet<String>) -> Vec<(&'static str, bool)> {
    let mut forms = vec![(line.route.split_once(' ').map_or("", |(method, _)| method), false)];
    if is_first {
        if keys.contains(&format!("{}/{{proxy+}}", route_key(line.route))) {
            forms.push((forms[0].0, true));
        }
        if line.route.starts_with("GET") {
            let head = line.route.replacen("GET", "HEAD", 1);
            assert!(keys.contains(&head), "{head}");
            forms.push(("HEAD", false));
            if keys.contains(&format!("{head}/{{proxy+}}")) {
                forms.push(("HEAD", true));
            }
        }
    }
    forms
}

fn with_slash(path: &str) -> String {
    match path.split_once('?') {
        Some((path, query)) => format!("{path}/?{query}"),
        None => format!("{path}/"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_every_caller_about_every_row_as_the_matrix_says() {
    let keys: BTreeSet<String> = routes(&template()).into_iter().map(|route| route.key).collect();
    let world = World::new().await;
    let before = world.dump().await;
    let mut known = BTreeSet::new();
    let mut counted = [0_usize; 4];
    for line in lines() {
        let is_first = known.insert((line.route, line.root));
        for (method, slash) in forms(&line, is_first, &keys) {
            for caller in &world.callers {
                let mut hidden: Vec<(String, Seen)> = Vec::new();
                let mut granted: Vec<(String, Seen)> = Vec::new();
                for (at, target) in world.targets.iter().enumerate().rev() {
                    let Ask { method: own, path, body } = (line.ask)(target);
                    let method = if method == "HEAD" { "HEAD" } else { own };
                    let path = if slash { with_slash(&path) } else { path };
                    let context = format!(
                        "{} {} ({}), {}, {}: {method} {path} {body}",
                        line.route, line.root, line.what, caller.name, target.organisation
                    );
                    let due = due(&line, caller, target, at < 2);
                    counted[due as usize] += 1;
                    let reply = world.send(caller, method, &path, &body).await;
                    judge(&line, due, method == "HEAD", &reply, &context);
                    if let Some(leak) = leak(&world, &line, caller, target, &reply) {
                        panic!("{context} tells the {leak}: {reply:?}");
                    }
                    match due {
                        Due::Granted => granted.push((context.clone(), seen(&reply, target))),
                        _ => hidden.push((context.clone(), seen(&reply, target))),
                    }
                    let is_write = matches!(line.needs, Needs::Write | Needs::Administration);
                    if due == Due::Granted && is_write && !matches!(line.hidden, Hidden::Status(_)) {
                        assert_ne!(world.dump().await, before, "{context} changes nothing");
                        world.restore(&before).await;
                    }
                }
                same(&hidden);
                if let (true, Some((context, hidden)), [(_, granted), ..]) =
                    (line.hidden != Hidden::NoContent && method != "HEAD", hidden.first(), granted.as_slice())
                {
                    assert_ne!(hidden, granted, "{context} does not depend on the row");
                }
            }
            unchanged(&world, &before, &line).await;
        }
    }
    // Otherwise the table of callers is wrong, and the lines prove nothing.
    assert!(counted.iter().all(|count| *count > 400), "{counted:?}");
    world.server.stop().await;
}

/// What a caller may not know looks the same whatever there is.
fn same(answers: &[(String, Seen)]) {
    for pair in answers.windows(2) {
        assert_eq!(pair[0].1, pair[1].1, "{}\n{}", pair[0].0, pair[1].0);
    }
}

async fn unchanged(world: &World, before: &Dump, line: &Line) {
    let after = world.dump().await;
    let changed: Vec<_> = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key)).collect();
    assert!(changed.is_empty(), "{} ({}) changed {changed:?}", line.route, line.what);
}

/// The exception of decision 23: an id is unique in a deployment, so a new row cannot have that of another one. It tells
/// that there is such a row and nothing else, and only to somebody who knows the id.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_another_organisation_shows_only_where_its_id_is_given_to_a_new_one() {
    let world = World::new().await;
    let before = world.dump().await;
    let mut foreign = 0;
    for caller in world.callers.iter().filter(|caller| matches!(caller.role, Some(Role::Admin | Role::Writer))) {
        let Some(own) = caller.own.as_ref().and_then(|own| own.first()) else { continue };
        // Of an array, and of a single row.
        let mut taken = [Vec::new(), Vec::new()];
        for (at, target) in world.targets.iter().enumerate() {
            let new = json!({"reserved_for": own, "code_type": "short_code", "quantity": 1});
            let with_id = with(&new, json!({ "id": target.id }));
            for (form, body) in [json!([new, with_id]), with_id].into_iter().enumerate() {
                let context = format!("{} {body}", caller.name);
                let reply = world.send(caller, "POST", RESERVATIONS, &body).await;
                if at == 2 {
                    assert_eq!(reply.status, 200, "{context}: {}", reply.text);
                    world.restore(&before).await;
                    continue;
                }
                assert_eq!((reply.status, reply.code().as_str()), (400, "RECORD_NOT_UNIQUE"), "{context}");
                assert_eq!(world.dump().await, before, "{context}");
                foreign += usize::from(!caller.sees(&target.organisation));
                taken[form].push((context, seen(&reply, target)));
            }
        }
        taken.iter().for_each(|answers| same(answers));
    }
    assert!(foreign > 4, "{foreign}");
    world.server.stop().await;
}

#[test]
fn every_route_of_the_template_has_a_line() {
    let lines: BTreeSet<&str> = lines().iter().map(|line| line.route).collect();
    let keys: BTreeSet<String> = routes(&template()).into_iter().map(|route| route.key).collect();
    // Pages know people by a cookie, which no line of the matrix has: `console/` tests them.
    let is_page = |key: &&String| key.ends_with(" /") || key.contains(" /console");
    for key in keys.iter().filter(|key| !is_page(key)) {
        let read = key.replacen("HEAD ", "GET ", 1);
        let without_slash = read.strip_suffix("/{proxy+}").unwrap_or(&read);
        assert!(
            lines.iter().any(|line| route_key(line) == read || route_key(line) == without_slash),
            "{key} has no line in tests/tests/all/tenants/matrix/lines.rs"
        );
    }
    for line in lines {
        assert!(keys.contains(&route_key(line)), "{line} is no route of the template");
    }
}

#[test]
fn every_root_field_has_a_line() {
    for (is_system, route) in [(false, "POST /graphql"), (true, "POST /graphql/system")] {
        let definition = graphql::definition(is_system).unwrap();
        let lines: BTreeSet<String> =
            lines().iter().filter(|line| line.route == route).map(|line| line.root.to_owned()).collect();
        assert_eq!(roots(&definition), lines, "the root fields of {route}, and those with a line");
    }
}

/// The fields of the types `Query` and `Mutation` in the schema definition language.
fn roots(definition: &str) -> BTreeSet<String> {
    let mut roots = BTreeSet::new();
    let mut inside = false;
    for text in definition.lines() {
        inside = match text.trim_end() {
            "type Query {" | "type Mutation {" => true,
            "}" => false,
            _ => inside,
        };
        let name: String = text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if inside && text.starts_with(['\t', ' ']) && text.contains(':') && !name.is_empty() {
            roots.insert(name);
        }
    }
    roots
}
