//! Turns the selection of a root field into one query: arguments and fields become the parameters of the equivalent
//! REST request. So meaning, rights and cost are the same. Pure: no I/O.
//!
//! Plain members keep their names. A relation gets an alias derived from its response key, because it may be selected
//! several times with different arguments.

use async_graphql::dynamic::TypeRef;
use common::query::RawQuery;
use serde_json::{Map, Value as Json, json};

use crate::{
    model::{Model, Source},
    selection::{Selected, What},
};

/// Arguments that are query parameters of the same name.
const PARAMETERS: [&str; 8] = ["filter", "sort", "limit", "offset", "page", "search", "groupBy", "version"];

/// The member of the data that holds a relation with this response key. GraphQL names cannot begin with a digit, so
/// it never collides with a member.
pub(crate) fn relation_key(key: &str) -> String {
    format!("0{key}")
}

/// The query for rows.
pub(crate) fn rows(model: &Model, selected: &Selected<'_>) -> RawQuery {
    let mut parameters = parameters(model, selected);
    let level = level(model, &selected.children);
    parameters.insert("fields".to_owned(), json!(level.fields));
    parameters.insert("alias".to_owned(), Json::Object(level.aliases));
    parameters.insert("deep".to_owned(), Json::Object(level.deep));
    RawQuery::from_json(parameters)
}

/// The query for aggregates.
pub(crate) fn aggregates(model: &Model, selected: &Selected<'_>) -> RawQuery {
    let mut parameters = parameters(model, selected);
    let mut asked: Map<String, Json> = Map::new();
    for child in &selected.children {
        let What::Member(field) = child.what else { continue };
        match field.name.as_str() {
            "group" => {}
            "countAll" => {
                asked.insert("countAll".to_owned(), json!(["*"]));
            }
            operation => {
                let known = asked.entry(operation).or_insert_with(|| json!([]));
                if let Some(members) = known.as_array_mut() {
                    let names = child.children.iter().filter_map(|member| match member.what {
                        What::Member(member) => Some(json!(member.name)),
                        _ => None,
                    });
                    for name in names {
                        if !members.contains(&name) {
                            members.push(name);
                        }
                    }
                }
            }
        }
    }
    asked.retain(|_, members| members.as_array().is_some_and(|members| !members.is_empty()));
    let grouped = parameters.get("groupBy").is_some_and(|groups| groups.as_array().is_some_and(|all| !all.is_empty()));
    if asked.is_empty() && !grouped {
        // Neither groups nor numbers are selected. One object is still needed, of which only `__typename` is shown.
        asked.insert("countAll".to_owned(), json!(["*"]));
    }
    if !asked.is_empty() {
        parameters.insert("aggregate".to_owned(), Json::Object(asked));
    }
    RawQuery::from_json(parameters)
}

/// Whether codes are selected below codes. Each such level would multiply their number.
pub(crate) fn has_codes_below_codes(children: &[Selected<'_>], below: bool) -> bool {
    children.iter().any(|child| {
        let is_codes = matches!(child.what, What::Member(field) if matches!(field.ty, TypeRef::List(_))
            && matches!(field.source, Source::Relation(..)));
        (is_codes && below) || has_codes_below_codes(&child.children, below || is_codes)
    })
}

fn parameters(model: &Model, selected: &Selected<'_>) -> Map<String, Json> {
    let What::Member(field) = selected.what else { return Map::new() };
    let mut out = Map::new();
    for name in PARAMETERS {
        let Some(value) = selected.arguments.get(name).filter(|value| !value.is_null()) else { continue };
        let argument = field.arguments.iter().find(|argument| argument.name == name);
        let value = match (name, argument) {
            ("filter", Some(argument)) => filter(model, argument.ty.type_name(), value),
            ("sort", _) => sort(selected, value),
            _ => value.clone(),
        };
        out.insert(name.to_owned(), value);
    }
    out
}

/// Replaces each sort key that is a response key as a whole by the member that it was selected from, as REST does with
/// an alias, also if a directive leaves the field out. The response keys themselves are not aliases of the query, because one may be the name of another member.
fn sort(selected: &Selected<'_>, value: &Json) -> Json {
    let name_of = |key: &str| match selected.children.iter().find(|child| child.key == key) {
        Some(Selected { what: What::Member(field), .. }) => Some(field.name.as_str()),
        Some(_) => None,
        None => selected.left_out.iter().find(|(left_out, _)| left_out == key).map(|(_, name)| *name),
    };
    let resolve = |key: &Json| {
        let written = key.as_str()?;
        let (minus, name) = written.strip_prefix('-').map_or(("", written), |name| ("-", name));
        Some(Json::String(format!("{minus}{}", name_of(name)?)))
    };
    match value {
        Json::Array(keys) => keys.iter().map(|key| resolve(key).unwrap_or_else(|| key.clone())).collect(),
        other => other.clone(),
    }
}

/// Converts a filter to REST's form: `{date_created_func: {year: …}}` becomes `{"year(date_created)": …}`. A condition
/// only on the key of a related row, `{reservation: {id: …}}`, becomes one on the member that holds the key.
fn filter(model: &Model, type_name: &str, value: &Json) -> Json {
    match value {
        Json::Array(items) => Json::Array(items.iter().map(|item| filter(model, type_name, item)).collect()),
        Json::Object(members) => {
            let mut out = Map::new();
            for (name, value) in members {
                let inner =
                    model.input(type_name).and_then(|input| input.field(name)).map(|field| field.ty.type_name());
                match (inner, name.strip_suffix("_func"), value) {
                    (Some(inner), Some(member), Json::Object(functions)) if inner.contains("_function_") => {
                        let functions = functions.iter();
                        out.extend(functions.map(|(function, test)| (format!("{function}({member})"), test.clone())));
                    }
                    (Some(inner), _, Json::Object(conditions))
                        if inner.ends_with("_filter")
                            && !inner.ends_with("_quantifier_filter")
                            && conditions.len() == 1
                            && conditions.get("id").is_some_and(Json::is_object) =>
                    {
                        out.insert(name.clone(), conditions.get("id").cloned().unwrap_or_default());
                    }
                    (Some(inner), _, _) if inner.ends_with("_filter") => {
                        out.insert(name.clone(), filter(model, inner, value));
                    }
                    _ => {
                        out.insert(name.clone(), value.clone());
                    }
                }
            }
            Json::Object(out)
        }
        other => other.clone(),
    }
}

/// The query parameters for one level of the selection.
#[derive(Default)]
struct Level {
    fields: Vec<String>,
    aliases: Map<String, Json>,
    deep: Map<String, Json>,
}

impl Level {
    fn add(&mut self, field: String) {
        if !self.fields.contains(&field) {
            self.fields.push(field);
        }
    }
}

fn level(model: &Model, children: &[Selected<'_>]) -> Level {
    // The key is always read, so that a row of which nothing else is read is still an object.
    let mut out = Level { fields: vec!["id".to_owned()], ..Level::default() };
    for child in children {
        let What::Member(field) = child.what else { continue };
        match field.source {
            Source::Member | Source::Root(_) => out.add(field.name.clone()),
            Source::Functions(member) => {
                for function in &child.children {
                    if let What::Member(function) = function.what {
                        out.add(format!("{}({member})", function.name));
                    }
                }
            }
            Source::Relation(member, _) => {
                let key = relation_key(&child.key);
                let inner = level(model, &child.children);
                for field in &inner.fields {
                    out.add(format!("{key}.{field}"));
                }
                let mut deep = inner.deep;
                let own = parameters(model, child);
                deep.extend(own.into_iter().map(|(name, value)| (format!("_{name}"), value)));
                if !inner.aliases.is_empty() {
                    deep.insert("_alias".to_owned(), Json::Object(inner.aliases));
                }
                out.deep.insert(key.clone(), Json::Object(deep));
                out.aliases.insert(key, json!(member));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use async_graphql::{
        Variables,
        parser::{parse_query, types::DocumentOperations},
    };

    use super::*;
    use crate::{model::QUERY, selection};

    /// The query of a document's first root field.
    fn lowered(document: &str) -> RawQuery {
        let model = Model::items();
        let document = parse_query(document).unwrap();
        let DocumentOperations::Single(operation) = &document.operations else { panic!("it has no name") };
        let root = model.output(QUERY).unwrap();
        let selected = selection::open(&model, &document, &operation.node, &Variables::default(), root).unwrap();
        let first = selected.first().unwrap();
        if first.key.ends_with("_aggregated") { aggregates(&model, first) } else { rows(&model, first) }
    }

    #[test]
    fn a_list_with_relations_is_one_query() {
        let raw = lowered(
            "{ code_reservation(limit: 100, sort: \"-id\") { status user_created { first_name }
               file: export_file { id uploaded_by { email } } codes(limit: 3, page: 2) { code } date_created_func { year } } }",
        );
        let parameters = json!({
            "sort": ["-id"],
            "limit": 100,
            "fields": [
                "id", "status", "0user_created.id", "0user_created.first_name", "0file.id", "0file.0uploaded_by.id",
                "0file.0uploaded_by.email", "0codes.id", "0codes.code", "year(date_created)",
            ],
            "alias": { "0user_created": "user_created", "0file": "export_file", "0codes": "codes" },
            "deep": {
                "0user_created": {},
                "0file": { "0uploaded_by": {}, "_alias": { "0uploaded_by": "uploaded_by" } },
                "0codes": { "_limit": 3, "_page": 2 },
            },
        });
        assert_eq!(raw, RawQuery::from_json(parameters.as_object().unwrap().clone()));
    }

    #[test]
    fn filters_are_written_as_rest_has_them() {
        let raw = lowered(
            "{ code_reservation(filter: { _and: [{ date_created_func: { year: { _eq: 2025 }, month: { _lt: 3 } } },
               { codes: { _some: { reservation: { id: { _eq: \"x\" } } } } }, { user_created: { id: { _null: true } } },
               { user_created: { id: { _eq: \"x\" }, email: { _eq: \"y\" } } }] }) { id } }",
        );
        let filter = json!({ "_and": [
            { "year(date_created)": { "_eq": 2025 }, "month(date_created)": { "_lt": 3 } },
            { "codes": { "_some": { "reservation": { "_eq": "x" } } } },
            { "user_created": { "_null": true } },
            { "user_created": { "id": { "_eq": "x" }, "email": { "_eq": "y" } } },
        ] });
        assert_eq!(raw.get("filter"), Some(&filter));
    }

    #[test]
    fn aggregates_are_asked_for_once_each() {
        let raw = lowered(
            "{ code_reservation_aggregated(groupBy: \"status\") { group countAll count { a: id b: id quantity } avg { __typename } } }",
        );
        assert_eq!(raw.get("aggregate"), Some(&json!({ "countAll": ["*"], "count": ["id", "quantity"] })));
        assert_eq!(raw.get("groupBy"), Some(&json!(["status"])));
        assert_eq!(lowered("{ code_reservation_aggregated(groupBy: \"status\") { group } }").get("aggregate"), None);
        assert!(lowered("{ code_reservation_aggregated { __typename } }").get("aggregate").is_some());
    }
}
