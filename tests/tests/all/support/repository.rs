//! Reads files of the repository: template.yaml, `events/` and others.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The template as JSON, with each short form (`!Ref x`) in its long form (`{"Ref": "x"}`).
pub(crate) fn template() -> Value {
    let text = fs::read_to_string(root().join("template.yaml")).unwrap();
    plain(serde_yaml_ng::from_str(&text).unwrap())
}

fn plain(yaml: serde_yaml_ng::Value) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match yaml {
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                "Ref" => "Ref".to_owned(),
                other => format!("Fn::{other}"),
            };
            json!({ name: plain(tagged.value) })
        }
        Yaml::Mapping(mapping) => mapping
            .into_iter()
            .map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value)))
            .collect::<Map<_, _>>()
            .into(),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        scalar => serde_json::to_value(scalar).unwrap(),
    }
}

/// The resources of one type, by logical id.
pub(crate) fn resources<'a>(template: &'a Value, kind: &str) -> BTreeMap<&'a str, &'a Value> {
    let all = template["Resources"].as_object().unwrap();
    all.iter().filter(|(_, resource)| resource["Type"] == kind).map(|(id, resource)| (id.as_str(), resource)).collect()
}

/// The functions of the template, by logical id.
pub(crate) fn functions(template: &Value) -> BTreeMap<&str, &Value> {
    resources(template, "AWS::Serverless::Function")
}

/// The binary of a function, which is also the name of its crate and of its folder.
pub(crate) fn binary(function: &Value) -> &str {
    function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap()
}

/// One route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// As API Gateway writes it: `GET /files/{id}`, or `$default`.
    pub(crate) key: String,
    /// The binary of the function that answers.
    pub(crate) binary: String,
}

/// Every route of the template.
pub(crate) fn routes(template: &Value) -> Vec<Route> {
    let mut routes = Vec::new();
    for function in functions(template).into_values() {
        for event in function["Properties"]["Events"].as_object().unwrap().values() {
            if event["Type"] != "HttpApi" {
                continue;
            }
            let properties = &event["Properties"];
            let key = match (properties["Method"].as_str(), properties["Path"].as_str()) {
                (Some(method), Some(path)) => format!("{method} {path}"),
                (None, None) => "$default".to_owned(),
                half => panic!("a route has a method and a path, or neither: {half:?}"),
            };
            routes.push(Route { key, binary: binary(function).to_owned() });
        }
    }
    routes
}

/// One file of `events/`.
pub(crate) struct EventFile {
    /// The folder: the binary of the function that receives the event.
    pub(crate) binary: String,
    /// `get-reservation/get.json`, for messages.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

impl EventFile {
    /// Its text as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

/// The end of the name of an expected answer: the one of `get.json` is `get.answer.json`.
pub(crate) const ANSWER: &str = ".answer.json";

/// Every event of `events/`.
pub(crate) fn event_files() -> Vec<EventFile> {
    let mut files = Vec::new();
    for folder in entries(&root().join("events")) {
        for path in entries(&folder).into_iter().filter(|path| !file_name(path).ends_with(ANSWER)) {
            let binary = file_name(&folder);
            files.push(EventFile {
                name: format!("{binary}/{}", file_name(&path)),
                binary,
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
    files
}

/// The event with this name.
pub(crate) fn event_file(name: &str) -> EventFile {
    event_files().into_iter().find(|file| file.name == name).unwrap()
}

/// The entries of a folder, sorted.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// The last part of a path.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
