//! Checks whether a variable may be used in a position: GraphQL specification (October 2021), section 5.8.5, "All
//! variable usages are allowed". Pure: no I/O.
//!
//! The library's own rule wrongly refuses a non-null list in a nullable position (`$ids: [ID!]!` for `_in`). Its errors
//! are therefore ignored and this check decides.

use std::collections::HashMap;

use async_graphql::{
    dynamic::TypeRef,
    parser::types::{OperationDefinition, VariableDefinition},
};
use async_graphql_value::{ConstValue, Value};

use crate::{input::type_ref, model::Model};

/// The declared variables of an operation.
pub(crate) struct Positions<'m, 'd> {
    model: &'m Model,
    declared: HashMap<&'d str, Declared>,
}

struct Declared {
    ty: TypeRef,
    has_default: bool,
}

impl<'m, 'd> Positions<'m, 'd> {
    /// The variables that `operation` declares.
    pub(crate) fn new(model: &'m Model, operation: &'d OperationDefinition) -> Self {
        let declare = |definition: &VariableDefinition| Declared {
            ty: type_ref(&definition.var_type.node),
            has_default: definition.default_value.as_ref().is_some_and(|value| value.node != ConstValue::Null),
        };
        let definitions = operation.variable_definitions.iter();
        let declared =
            definitions.map(|definition| (definition.node.name.node.as_str(), declare(&definition.node))).collect();
        Self { model, declared }
    }

    /// Checks every variable in a literal whose expected type is `place`.
    ///
    /// # Errors
    /// A message for the client about the first variable whose type does not fit.
    pub(crate) fn check(&self, value: &Value, place: &TypeRef) -> Result<(), String> {
        match (value, nullable(place)) {
            (Value::Variable(name), _) => {
                let Some(declared) = self.declared.get(name.as_str()) else {
                    return Err(format!("Variable \"${name}\" is not defined."));
                };
                let ty = &declared.ty;
                let fits = match place {
                    TypeRef::NonNull(inner) if declared.has_default && !matches!(ty, TypeRef::NonNull(_)) => {
                        is_within(ty, inner)
                    }
                    _ => is_within(ty, place),
                };
                let message =
                    || format!("Variable \"${name}\" of type \"{ty}\" used in position expecting type \"{place}\".");
                if fits { Ok(()) } else { Err(message()) }
            }
            (Value::List(items), TypeRef::List(inner)) => items.iter().try_for_each(|item| self.check(item, inner)),
            // A single value is coerced to a list of one.
            (_, TypeRef::List(inner)) => self.check(value, inner),
            (Value::Object(members), TypeRef::Named(name)) => {
                let Some(input) = self.model.input(name) else { return Ok(()) };
                let known = members.iter().filter_map(|(name, value)| Some((input.field(name)?, value)));
                known.into_iter().try_for_each(|(field, value)| self.check(value, &field.ty))
            }
            _ => Ok(()),
        }
    }
}

fn nullable(ty: &TypeRef) -> &TypeRef {
    match ty {
        TypeRef::NonNull(inner) => inner,
        other => other,
    }
}

/// Whether every value of `ty` is also a value of `other`.
fn is_within(ty: &TypeRef, other: &TypeRef) -> bool {
    match (ty, other) {
        (TypeRef::NonNull(inner), TypeRef::NonNull(other)) => is_within(inner, other),
        (TypeRef::NonNull(inner), _) => is_within(inner, other),
        (TypeRef::List(inner), TypeRef::List(other)) => is_within(inner, other),
        (TypeRef::Named(name), TypeRef::Named(other)) => name == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::{
        parse_query,
        types::{DocumentOperations, Selection},
    };

    use super::*;

    /// Whether a variable of a declared type may be an argument of type `place`.
    fn may(declared: &str, place: TypeRef) -> bool {
        let document = parse_query(format!("query Q($v: {declared}) {{ a(b: $v) }}")).unwrap();
        let DocumentOperations::Multiple(operations) = &document.operations else { panic!("it has a name") };
        let operation = &operations.values().next().unwrap().node;
        let Selection::Field(field) = &operation.selection_set.node.items[0].node else { panic!("it is a field") };
        let model = Model::items();
        Positions::new(&model, operation).check(&field.node.get_argument("b").unwrap().node, &place).is_ok()
    }

    #[test]
    fn a_variable_stands_where_all_its_values_may() {
        assert!(may("Int", TypeRef::named("Int")));
        assert!(may("Int!", TypeRef::named("Int")));
        assert!(may("Int = 1", TypeRef::named_nn("Int")));
        assert!(may("[ID!]!", TypeRef::named_list("ID")));
        assert!(may("[ID!]", TypeRef::named_list("ID")));
        for (declared, place) in [
            ("String", TypeRef::named("Int")),
            ("Int", TypeRef::named_nn("Int")),
            ("Int = null", TypeRef::named_nn("Int")),
            ("ID", TypeRef::named_list("ID")),
            ("[ID]", TypeRef::named_nn_list("ID")),
            ("[ID]", TypeRef::named("ID")),
        ] {
            assert!(!may(declared, place.clone()), "{declared} for {place}");
        }
    }
}
