//! The schema that clients see: `async-graphql` validates documents and answers introspection, based on the [`Model`].
//!
//! Its resolvers are never called: a root field is answered as a whole by one query, so nothing is resolved member by
//! member. Every request runs the library with `only_introspection`.

use std::sync::OnceLock;

use async_graphql::{
    ValidationMode, Value,
    dynamic::{self, FieldFuture, InputObject, InputValue, Object, Scalar},
};
use common::{api::ApiError, operations::OperationError};

use crate::{
    input::accepts,
    model::{Argument, MUTATION, Model, QUERY, SCALARS, Viewer},
};

/// An endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `/graphql`
    Items,
    /// `/graphql/system`
    System,
}

/// The types of an endpoint and the schema built from them.
#[derive(Debug)]
pub(crate) struct Api {
    /// The types.
    pub(crate) model: Model,
    /// The schema.
    pub(crate) schema: dynamic::Schema,
}

static ITEMS: OnceLock<Result<Api, String>> = OnceLock::new();
static SYSTEM: OnceLock<Result<Api, String>> = OnceLock::new();

/// The schemas that viewers see, of both endpoints.
static VIEWS: [[OnceLock<Result<dynamic::Schema, String>>; Viewer::NUMBER]; 2] =
    [const { [const { OnceLock::new() }; Viewer::NUMBER] }; 2];

impl Endpoint {
    /// The types and the schema. They are built on first use.
    ///
    /// # Errors
    /// `ApiError` (500) when the types contradict each other, which is a bug in this crate.
    pub(crate) fn api(self) -> Result<&'static Api, ApiError> {
        let (cell, model): (_, fn() -> Model) = match self {
            Self::Items => (&ITEMS, Model::items),
            Self::System => (&SYSTEM, Model::system),
        };
        let built = cell.get_or_init(|| {
            let model = model();
            let schema = build(&model, ValidationMode::Strict)?;
            Ok(Api { model, schema })
        });
        built.as_ref().map_err(|error| fault(error))
    }

    /// The schema that a viewer sees: the part of [`Endpoint::api`] that the caller may use. It is built on first use.
    /// A document is validated before, against the whole schema.
    ///
    /// # Errors
    /// As [`Endpoint::api`].
    pub(crate) fn view(self, viewer: Viewer) -> Result<&'static dynamic::Schema, ApiError> {
        let [items, system] = &VIEWS;
        let views = if self == Self::Items { items } else { system };
        let cell = views.get(viewer.index()).ok_or_else(|| fault("a viewer without a place"))?;
        let model = &self.api()?.model;
        cell.get_or_init(|| build(&model.seen_by(viewer), ValidationMode::Fast)).as_ref().map_err(|error| fault(error))
    }
}

fn fault(error: &str) -> ApiError {
    OperationError::Internal(error.to_owned()).into()
}

/// Builds the schema of a model, with the scalars that its types name.
fn build(model: &Model, mode: ValidationMode) -> Result<dynamic::Schema, String> {
    let mutation = model.output(MUTATION).map(|output| output.name.as_str());
    let mut builder = dynamic::Schema::build(QUERY, mutation, None).validation_mode(mode);
    let named = model.names_from_roots();
    for (name, description) in SCALARS.into_iter().filter(|(name, _)| named.contains(name)) {
        let scalar = Scalar::new(name).description(description);
        builder = builder.register(scalar.validator(move |value| accepts_literal(name, value)));
    }
    for output in &model.outputs {
        let fields = output.fields.iter().map(|field| {
            let resolved = dynamic::Field::new(&field.name, field.ty.clone(), |_| FieldFuture::from_value(None));
            field.arguments.iter().fold(resolved, |field, argument| field.argument(input(argument)))
        });
        builder = builder.register(fields.fold(Object::new(&output.name), Object::field));
    }
    for object in &model.inputs {
        let fields = object.fields.iter().map(input);
        builder = builder.register(fields.fold(InputObject::new(&object.name), InputObject::field));
    }
    builder.finish().map_err(|error| error.to_string())
}

fn input(argument: &Argument) -> InputValue {
    InputValue::new(&argument.name, argument.ty.clone())
}

fn accepts_literal(scalar: &str, value: &Value) -> bool {
    matches!(value, Value::Null) || accepts(scalar, value).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schemas_hold_together() {
        let items = Endpoint::Items.api().unwrap().schema.sdl();
        let system = Endpoint::System.api().unwrap().schema.sdl();
        for name in ["type code_reservation {", "type unique_code {", "type directus_users {", "type directus_files {"]
        {
            assert!(items.contains(name), "{name}");
        }
        assert!(system.contains("users_me: directus_users") && !system.contains("code_reservation"));
        assert!(!items.contains("type organisation"), "a writer does not see organisations");
    }

    #[test]
    fn every_type_that_is_named_exists() {
        for endpoint in [Endpoint::Items, Endpoint::System] {
            let model = &endpoint.api().unwrap().model;
            let outputs = model.outputs.iter().flat_map(|output| &output.fields);
            let arguments = outputs.clone().flat_map(|field| &field.arguments);
            let inputs = model.inputs.iter().flat_map(|input| &input.fields).chain(arguments);
            let known = ["ID", "String", "Int", "Float", "Boolean"];
            let is_scalar = |name: &str| known.contains(&name) || SCALARS.iter().any(|(scalar, _)| *scalar == name);
            for field in outputs {
                assert!(
                    is_scalar(field.ty.type_name()) || model.output(field.ty.type_name()).is_some(),
                    "{}",
                    field.ty
                );
            }
            for argument in inputs {
                let name = argument.ty.type_name();
                assert!(is_scalar(name) || model.input(name).is_some(), "{}", argument.ty);
            }
        }
    }
}
