//! Parses template.yaml, the single source of routes, triggers, tables and settings, so that the local system matches
//! the deployed one. Pure: the file is compiled into the program, and this module must not do I/O.

mod buckets;
mod functions;
mod intrinsics;
mod mapping;
mod parameter;
mod schedule;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use buckets::{Bucket, CorsRule};
pub use functions::{Function, Route};
pub use intrinsics::{ACCOUNT, REGION};
pub use mapping::StreamMapping;
pub use parameter::Parameter;
pub use schedule::{Schedule, Timing};
use serde_json::{Map, Value};
pub use tables::Table;

use self::intrinsics::{Scope, as_text};

/// The repository's template.
pub const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The parts of template.yaml that the local system uses.
#[derive(Clone, Debug)]
pub struct Template {
    /// The functions.
    pub functions: Vec<Function>,
    /// The tables.
    pub tables: Vec<Table>,
    /// The buckets.
    pub buckets: Vec<Bucket>,
    /// The environment variables of the functions.
    pub environment: BTreeMap<String, String>,
}

/// A part of template.yaml that cannot be used here. The text names it.
#[derive(Debug, thiserror::Error)]
#[error("template.yaml: {0}")]
pub struct TemplateError(String);

impl TemplateError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl Template {
    /// Parses a template. `parameters` override its defaults.
    ///
    /// # Errors
    /// [`TemplateError`] when `text` is not valid YAML, a reference or parameter does not exist, or a feature is not
    /// supported locally.
    pub fn parse(text: &str, parameters: &[Parameter]) -> Result<Self, TemplateError> {
        let yaml = serde_yaml_ng::from_str(text).map_err(|error| TemplateError::new(error.to_string()))?;
        let document = intrinsics::to_json(&yaml)?;
        let section = |name: &str| document.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let (conditions, mappings, resources) = (section("Conditions"), section("Mappings"), section("Resources"));
        let scope = Scope {
            parameters: values(&section("Parameters"), parameters)?,
            conditions: &conditions,
            mappings: &mappings,
            resources: &resources,
        };
        let globals = scope.resolve(&document.get("Globals").cloned().unwrap_or_default())?;
        let function_defaults = globals.get("Function").cloned().unwrap_or_default();

        let mut template =
            Self { functions: Vec::new(), tables: Vec::new(), buckets: Vec::new(), environment: BTreeMap::new() };
        template.add_environment(&function_defaults);
        for (logical_id, resource) in &resources {
            if let Some(condition) = resource.get("Condition").and_then(Value::as_str)
                && !scope.condition(condition)?
            {
                continue;
            }
            let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
            let resolved = || scope.resolve(resource.get("Properties").unwrap_or(&Value::Null));
            match kind {
                "AWS::Serverless::Function" => {
                    let properties = resolved()?;
                    template.add_environment(&properties);
                    let binary = functions::binary(logical_id, resource);
                    let name = scope.resource_name(logical_id)?;
                    template.functions.push(Function::read(logical_id, name, binary, &properties, &function_defaults)?);
                }
                "AWS::DynamoDB::Table" => {
                    template.tables.push(Table::read(&scope.resource_name(logical_id)?, &resolved()?)?);
                }
                "AWS::S3::Bucket" => {
                    template.buckets.push(Bucket::read(&scope.resource_name(logical_id)?, &resolved()?)?);
                }
                _ => {}
            }
        }
        Ok(template)
    }

    /// The functions that read a stream, each with its mapping.
    pub fn stream_mappings(&self) -> impl Iterator<Item = (&Function, &StreamMapping)> {
        self.functions.iter().filter_map(|function| Some((function, function.stream.as_ref()?)))
    }

    fn add_environment(&mut self, function: &Value) {
        let variables = function.pointer("/Environment/Variables").and_then(Value::as_object);
        for (name, value) in variables.into_iter().flatten() {
            self.environment.insert(name.clone(), as_text(value));
        }
    }
}

/// The value of each parameter: the given one, or its default.
fn values(declared: &Map<String, Value>, given: &[Parameter]) -> Result<BTreeMap<String, Value>, TemplateError> {
    for parameter in given {
        if !declared.contains_key(&parameter.name) {
            return Err(TemplateError::new(format!("there is no parameter {}", parameter.name)));
        }
    }
    let mut values = BTreeMap::new();
    for (name, declaration) in declared {
        let is_list = declaration.get("Type").and_then(Value::as_str).is_some_and(|kind| kind.contains("List"));
        // Later options take precedence, as usual on a command line.
        let value = match given.iter().rev().find(|parameter| parameter.name == *name) {
            Some(parameter) => parameter.value.clone(),
            None => as_text(declaration.get("Default").unwrap_or(&Value::Null)),
        };
        let value = if is_list {
            value.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
        } else {
            Value::String(value)
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}

/// An integer, which the template may contain as text.
fn number(node: Option<&Value>) -> Option<i64> {
    let node = node?;
    node.as_i64().or_else(|| node.as_str()?.trim().parse().ok())
}

/// A boolean, which the template may contain as text.
fn truth(node: Option<&Value>) -> bool {
    node.is_some_and(|node| node.as_bool().unwrap_or_else(|| node.as_str() == Some("true")))
}
