//! The functions of the template: their binary, routes, stream mapping and schedules.

use std::time::Duration;

use serde_json::Value;

use super::{Schedule, StreamMapping, TemplateError, number};

/// A function of the template.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its logical id, for example `ListReservations`.
    pub logical_id: String,
    /// Its name when deployed.
    pub name: String,
    /// Its crate and binary, for example `list-reservations`.
    pub binary: String,
    /// Time limit of one invocation.
    pub timeout: Duration,
    /// Its routes of the HTTP API.
    pub routes: Vec<Route>,
    /// The stream that it reads; `None` for most functions.
    pub stream: Option<StreamMapping>,
    /// Its schedules.
    pub schedules: Vec<Schedule>,
}

/// A route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The route for requests that match no other route.
    Default,
    /// A method (`ANY` for all) and a path, which may contain `{name}` and end in `{name+}`.
    Path {
        /// The method, in capitals.
        method: String,
        /// The path with its leading slash. A trailing slash is significant.
        path: String,
    },
}

impl Function {
    pub(super) fn read(
        logical_id: &str,
        name: String,
        binary: String,
        properties: &Value,
        defaults: &Value,
    ) -> Result<Self, TemplateError> {
        // Lambda's own default is 3 seconds.
        let timeout = number(properties.get("Timeout")).or_else(|| number(defaults.get("Timeout"))).unwrap_or(3);
        let mut function = Self {
            logical_id: logical_id.to_owned(),
            name,
            binary,
            timeout: Duration::from_secs(timeout.unsigned_abs()),
            routes: Vec::new(),
            stream: None,
            schedules: Vec::new(),
        };
        let nothing = Value::Null;
        for (event, node) in properties.get("Events").and_then(Value::as_object).into_iter().flatten() {
            let at = |reason: &str| TemplateError::new(format!("{logical_id}.{event}: {reason}"));
            let properties = node.get("Properties").unwrap_or(&nothing);
            match node.get("Type").and_then(Value::as_str) {
                Some("HttpApi") => function.routes.push(route(properties).map_err(|reason| at(&reason))?),
                Some("DynamoDB") if function.stream.is_some() => {
                    return Err(at("a second stream is not supported here"));
                }
                Some("DynamoDB") => {
                    function.stream = Some(StreamMapping::read(properties).map_err(|reason| at(&reason))?);
                }
                Some("Schedule" | "ScheduleV2") => {
                    function.schedules.push(Schedule::read(event, properties).map_err(|reason| at(&reason))?);
                }
                other => return Err(at(&format!("events of type {other:?} are not supported here"))),
            }
        }
        Ok(function)
    }
}

/// The binary named in `Metadata`, or the logical id in kebab case.
pub(super) fn binary(logical_id: &str, resource: &Value) -> String {
    if let Some(named) = resource.pointer("/Metadata/BuildProperties/Binary").and_then(Value::as_str) {
        return named.to_owned();
    }
    let mut kebab = String::with_capacity(logical_id.len() + 4);
    for (position, letter) in logical_id.chars().enumerate() {
        if letter.is_ascii_uppercase() && position > 0 {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

fn route(properties: &Value) -> Result<Route, String> {
    let text = |name: &str| properties.get(name).and_then(Value::as_str);
    match (text("Path"), text("Method")) {
        (None | Some("$default" | "/$default"), _) => Ok(Route::Default),
        (Some(path), Some(method)) if path.starts_with('/') => {
            let method = match method.to_ascii_uppercase().as_str() {
                "X-AMAZON-APIGATEWAY-ANY-METHOD" | "ANY" => "ANY".to_owned(),
                method @ ("GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" | "PATCH" | "DELETE") => method.to_owned(),
                other => return Err(format!("{other} is no method of an HTTP API's route")),
            };
            Ok(Route::Path { method, path: path.to_owned() })
        }
        (Some(path), None) => Err(format!("the route {path} has no method")),
        (Some(path), _) => Err(format!("the path {path} has no leading slash")),
    }
}
