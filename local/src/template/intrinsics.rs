//! Resolves what CloudFormation resolves at deployment: parameters, conditions, `Ref` and the `Fn::…` functions, in
//! their short (`!Sub`) and long (`Fn::Sub`) forms. The result is plain JSON.
//!
//! A reference to a resource resolves to its local name: its own `…Name` property, or `<stack>-<logical id>`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

use super::TemplateError;

/// The region in names and events.
pub const REGION: &str = "eu-central-1";
/// The account in names and events.
pub const ACCOUNT: &str = "000000000000";
const STACK: &str = "code-reservation";

/// The long form of a short tag's name.
fn function_name(tag: &str) -> String {
    match tag {
        "Ref" | "Condition" => tag.to_owned(),
        _ => format!("Fn::{tag}"),
    }
}

/// Converts YAML with short tags to JSON with long forms (`!Ref X` → `{"Ref": "X"}`).
pub(super) fn to_json(yaml: &Yaml) -> Result<Value, TemplateError> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Number(number) => serde_json::to_value(number).map_err(|error| TemplateError::new(error.to_string()))?,
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let key = key.as_str().map(str::to_owned).or_else(|| key.as_i64().map(|n| n.to_string()));
                let key = key.ok_or_else(|| TemplateError::new("a key is not a text"))?;
                object.insert(key, to_json(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = function_name(tag.trim_start_matches('!'));
            let mut argument = to_json(&tagged.value)?;
            if name == "Fn::GetAtt"
                && let Some((resource, attribute)) = argument.as_str().and_then(|text| text.split_once('.'))
            {
                argument = json!([resource, attribute]);
            }
            json!({ name: argument })
        }
    })
}

/// The sections against which references are resolved.
pub(super) struct Scope<'a> {
    pub(super) parameters: BTreeMap<String, Value>,
    pub(super) conditions: &'a Map<String, Value>,
    pub(super) mappings: &'a Map<String, Value>,
    pub(super) resources: &'a Map<String, Value>,
}

impl Scope<'_> {
    /// Resolves every function in a node. Removes members that resolve to `AWS::NoValue`.
    pub(super) fn resolve(&self, node: &Value) -> Result<Value, TemplateError> {
        Ok(self.resolve_or_nothing(node)?.unwrap_or(Value::Null))
    }

    fn resolve_or_nothing(&self, node: &Value) -> Result<Option<Value>, TemplateError> {
        match node {
            Value::Array(items) => {
                let mut resolved = Vec::with_capacity(items.len());
                for item in items {
                    resolved.extend(self.resolve_or_nothing(item)?);
                }
                Ok(Some(Value::Array(resolved)))
            }
            Value::Object(object) => {
                if let Some((name, argument)) = call(object) {
                    return self.call(name, argument);
                }
                let mut resolved = Map::new();
                for (key, value) in object {
                    if let Some(value) = self.resolve_or_nothing(value)? {
                        resolved.insert(key.clone(), value);
                    }
                }
                Ok(Some(Value::Object(resolved)))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Option<Value>, TemplateError> {
        let wrong = || TemplateError::new(format!("{name} has an argument that is not understood: {argument}"));
        let list = |node: &Value| self.resolve(node)?.as_array().cloned().ok_or_else(wrong);
        let text = |node: &Value| Ok::<_, TemplateError>(as_text(&self.resolve(node)?));
        match name {
            "Ref" => self.reference(argument.as_str().ok_or_else(wrong)?),
            "Fn::GetAtt" => {
                let [Value::String(resource), Value::String(attribute)] =
                    argument.as_array().ok_or_else(wrong)?.as_slice()
                else {
                    return Err(wrong());
                };
                Ok(Some(json!(self.attribute(resource, attribute)?)))
            }
            "Fn::Sub" => Ok(Some(json!(self.substitute(argument)?))),
            "Fn::Join" => {
                let [separator, items] = argument.as_array().ok_or_else(wrong)?.as_slice() else { return Err(wrong()) };
                let items: Vec<String> = list(items)?.iter().map(as_text).collect();
                Ok(Some(json!(items.join(&text(separator)?))))
            }
            "Fn::Split" => {
                let [separator, whole] = argument.as_array().ok_or_else(wrong)?.as_slice() else { return Err(wrong()) };
                Ok(Some(json!(text(whole)?.split(&text(separator)?).collect::<Vec<_>>())))
            }
            "Fn::Select" => {
                let [index, items] = argument.as_array().ok_or_else(wrong)?.as_slice() else { return Err(wrong()) };
                let index: usize = text(index)?.parse().map_err(|_| wrong())?;
                list(items)?.get(index).cloned().map(Some).ok_or_else(wrong)
            }
            "Fn::FindInMap" => {
                let [map, first, second] = argument.as_array().ok_or_else(wrong)?.as_slice() else {
                    return Err(wrong());
                };
                let found =
                    self.mappings.get(&text(map)?).and_then(|m| m.get(text(first).ok()?)?.get(text(second).ok()?));
                found.cloned().map(Some).ok_or_else(wrong)
            }
            "Fn::If" => {
                let [condition, yes, no] = argument.as_array().ok_or_else(wrong)?.as_slice() else {
                    return Err(wrong());
                };
                let holds = self.condition(condition.as_str().ok_or_else(wrong)?)?;
                self.resolve_or_nothing(if holds { yes } else { no })
            }
            "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or" | "Condition" => {
                Ok(Some(json!(self.test(name, argument).ok_or_else(wrong)??)))
            }
            _ => Err(TemplateError::new(format!("{name} is not supported locally"))),
        }
    }

    /// Whether a named condition is true.
    pub(super) fn condition(&self, name: &str) -> Result<bool, TemplateError> {
        let node = self.conditions.get(name).ok_or_else(|| TemplateError::new(format!("no condition {name}")))?;
        self.resolve(node)?.as_bool().ok_or_else(|| TemplateError::new(format!("condition {name} is not yes or no")))
    }

    fn test(&self, name: &str, argument: &Value) -> Option<Result<bool, TemplateError>> {
        if name == "Condition" {
            return Some(self.condition(argument.as_str()?));
        }
        let resolved = match self.resolve(argument) {
            Ok(resolved) => resolved,
            Err(error) => return Some(Err(error)),
        };
        let items = resolved.as_array()?;
        let truths = || items.iter().map(Value::as_bool).collect::<Option<Vec<bool>>>();
        Some(Ok(match name {
            "Fn::Equals" => as_text(items.first()?) == as_text(items.get(1)?),
            "Fn::Not" => !*truths()?.first()?,
            "Fn::And" => truths()?.into_iter().all(|truth| truth),
            _ => truths()?.into_iter().any(|truth| truth),
        }))
    }

    fn reference(&self, name: &str) -> Result<Option<Value>, TemplateError> {
        if let Some(value) = self.parameters.get(name) {
            return Ok(Some(value.clone()));
        }
        Ok(Some(json!(match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => REGION.to_owned(),
            "AWS::AccountId" => ACCOUNT.to_owned(),
            "AWS::StackName" => STACK.to_owned(),
            "AWS::StackId" => format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/local"),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            // SAM derives these from other resources: an API's stage, a function's role.
            _ if !self.resources.contains_key(name) && !self.is_derived(name) => {
                return Err(TemplateError::new(format!("{name} is neither a parameter nor a resource")));
            }
            _ => self.resource_name(name)?,
        })))
    }

    /// Whether SAM derives a resource of this name. Such names start with the name of the original resource.
    fn is_derived(&self, name: &str) -> bool {
        self.resources.keys().any(|resource| name.starts_with(resource.as_str()))
            || name.starts_with("ServerlessHttpApi")
    }

    /// The physical name of a resource.
    pub(super) fn resource_name(&self, logical: &str) -> Result<String, TemplateError> {
        let properties = self.resources.get(logical).and_then(|resource| resource.get("Properties"));
        for property in ["TableName", "BucketName", "FunctionName", "QueueName"] {
            if let Some(node) = properties.and_then(|properties| properties.get(property))
                && let Some(name) = self.resolve_or_nothing(node)?
            {
                return Ok(as_text(&name));
            }
        }
        // Bucket names must be in lower case.
        Ok(match self.resource_type(logical) {
            Some("AWS::S3::Bucket") => format!("{STACK}-{}", logical.to_lowercase()),
            _ => format!("{STACK}-{logical}"),
        })
    }

    fn resource_type(&self, logical: &str) -> Option<&str> {
        self.resources.get(logical)?.get("Type")?.as_str()
    }

    fn attribute(&self, logical: &str, attribute: &str) -> Result<String, TemplateError> {
        let kind = self.resource_type(logical);
        if kind.is_none() && !self.is_derived(logical) {
            return Err(TemplateError::new(format!("{logical} is no resource")));
        }
        let name = self.resource_name(logical)?;
        Ok(match (kind.unwrap_or_default(), attribute) {
            ("AWS::DynamoDB::Table", "Arn") => format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"),
            ("AWS::DynamoDB::Table", "StreamArn") => {
                format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}/stream/2024-01-01T00:00:00.000")
            }
            ("AWS::S3::Bucket", "Arn") => format!("arn:aws:s3:::{name}"),
            ("AWS::SQS::Queue", "Arn") => format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"),
            ("AWS::Serverless::Function", "Arn") => format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"),
            (_, attribute) => format!("{name}.{attribute}"),
        })
    }

    /// Resolves `${Name}`, `${Resource.Attribute}` and `${!literal}`. The list form defines local variables in its
    /// second element.
    fn substitute(&self, argument: &Value) -> Result<String, TemplateError> {
        let wrong = || TemplateError::new(format!("Fn::Sub has an argument that is not understood: {argument}"));
        let (text, variables) = match argument {
            Value::String(text) => (text.as_str(), Map::new()),
            Value::Array(items) => match items.as_slice() {
                [Value::String(text), variables] => {
                    (text.as_str(), self.resolve(variables)?.as_object().cloned().ok_or_else(wrong)?)
                }
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        };
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or_else(wrong)?;
            result.push_str(before);
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str(&format!("${{{literal}}}"));
            } else if let Some(value) = variables.get(name) {
                result.push_str(&as_text(value));
            } else if let Some((resource, attribute)) = name.split_once('.') {
                result.push_str(&self.attribute(resource, attribute)?);
            } else {
                result.push_str(&self.reference(name)?.as_ref().map(as_text).unwrap_or_default());
            }
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }
}

/// The name and argument of a function call; `None` if the object is plain data.
fn call(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = object.iter().next().filter(|_| object.len() == 1)?;
    let is_call = name.starts_with("Fn::") || name == "Ref" || (name == "Condition" && argument.is_string());
    is_call.then_some((name.as_str(), argument))
}

/// Numbers and booleans as text, because CloudFormation passes them on as text.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
