//! The schema that clients see: validation and introspection of `async-graphql` over the types of the [`Model`].
//!
//! Its resolvers are never called. A selection is answered as a whole, by one query, so there is nothing to resolve member
//! by member; and every request runs it with `only_introspection`.

use std::sync::OnceLock;

use async_graphql::{
    Value,
    dynamic::{self, FieldFuture, InputObject, InputValue, Object, Scalar, TypeRef},
};
use common::api::ApiError;

use crate::{
    input::accepts,
    model::{Argument, MUTATION, Model, QUERY, SCALARS},
};

/// An endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `/graphql`
    Items,
    /// `/graphql/system`
    System,
}

/// The types of an endpoint and the schema made of them.
#[derive(Debug)]
pub(crate) struct Api {
    /// The types.
    pub(crate) model: Model,
    /// The schema.
    pub(crate) schema: dynamic::Schema,
}

static ITEMS: OnceLock<Result<Api, String>> = OnceLock::new();
static SYSTEM: OnceLock<Result<Api, String>> = OnceLock::new();

impl Endpoint {
    /// The types and the schema, made when first asked for.
    ///
    /// # Errors
    /// When the types contradict each other.
    pub(crate) fn api(self) -> Result<&'static Api, ApiError> {
        let (cell, model): (_, fn() -> Model) = match self {
            Self::Items => (&ITEMS, Model::items),
            Self::System => (&SYSTEM, Model::system),
        };
        let built = cell.get_or_init(|| Api::build(model()));
        built.as_ref().map_err(|error| ApiError::Internal(error.clone()))
    }
}

impl Api {
    fn build(model: Model) -> Result<Self, String> {
        let mutation = model.output(MUTATION).map(|output| output.name.as_str());
        let mut builder = dynamic::Schema::build(QUERY, mutation, None);
        for name in [TypeRef::INT, TypeRef::FLOAT, TypeRef::STRING, TypeRef::BOOLEAN, TypeRef::ID] {
            builder = builder.register(Scalar::new(name).validator(move |value| accepts_literal(name, value)));
        }
        for (name, description) in SCALARS {
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
        let schema = builder.finish().map_err(|error| error.to_string())?;
        Ok(Self { model, schema })
    }
}

fn input(argument: &Argument) -> InputValue {
    InputValue::new(&argument.name, argument.ty.clone())
}

fn accepts_literal(scalar: &str, value: &Value) -> bool {
    matches!(value, Value::Null) || accepts(scalar, value).is_ok()
}
