//! Coerces the values that clients send, as literals or in variables, to their declared types: GraphQL specification
//! (October 2021), sections 3.5, 3.10, 3.11 (input coercion) and 6.1.2 (variables). Pure: no I/O.
//!
//! The library's validation accepts some literals that no type allows. The operations receive what this module gives,
//! so it checks every value completely.

use async_graphql::{
    Name, Pos, Value, Variables,
    dynamic::TypeRef,
    parser::types::{BaseType, OperationDefinition, Type, VariableDefinition},
};
use serde_json::{Map, Number, Value as Json};

use crate::model::{Argument, Model};

/// Marks a variable without a value. No enum value can have this name.
const ABSENT: &str = "$";

/// The marker for a variable without a value inside a literal.
pub(crate) fn absent() -> Value {
    Value::Enum(Name::new(ABSENT))
}

fn is_absent(value: &Value) -> bool {
    matches!(value, Value::Enum(name) if name == ABSENT)
}

/// Coerces a value to a type.
///
/// # Errors
/// A message for the client that names the value and the expected type.
pub(crate) fn coerce(model: &Model, ty: &TypeRef, value: &Value) -> Result<Json, String> {
    match (ty, value) {
        (TypeRef::NonNull(_), Value::Null) => Err(format!("Expected value of type \"{ty}\", found null.")),
        (TypeRef::NonNull(inner), _) => coerce(model, inner, value),
        (_, Value::Null) => Ok(Json::Null),
        (_, absent) if is_absent(absent) => Ok(Json::Null),
        (TypeRef::List(inner), Value::List(items)) => {
            items.iter().map(|item| coerce(model, inner, item)).collect::<Result<_, _>>().map(Json::Array)
        }
        // A single value is a list of one.
        (TypeRef::List(inner), one) => Ok(Json::Array(vec![coerce(model, inner, one)?])),
        (TypeRef::Named(name), _) => match model.input(name) {
            Some(input) => object(model, name, &input.fields, value),
            None => accepts(name, value),
        },
    }
}

fn object(model: &Model, name: &str, fields: &[Argument], value: &Value) -> Result<Json, String> {
    let Value::Object(members) = value else {
        return Err(format!("Expected value of type \"{name}\", found {value}."));
    };
    if let Some(unknown) = members.keys().find(|key| !fields.iter().any(|field| field.name == key.as_str())) {
        return Err(format!("Field \"{unknown}\" is not defined by type \"{name}\"."));
    }
    let given = members.iter().map(|(key, value)| (key.as_str(), value));
    arguments(model, fields, given).map(Json::Object).map_err(|wrong| match wrong {
        Wrong::Missing(field) => {
            format!("Field \"{name}.{}\" of required type \"{}\" was not provided.", field.name, field.ty)
        }
        Wrong::Value(message) => message,
    })
}

/// Why arguments are refused.
pub(crate) enum Wrong<'m> {
    /// A required argument is missing.
    Missing(&'m Argument),
    /// A value is invalid; the message for the client.
    Value(String),
}

/// Coerces arguments, or the members of an input object, in the given order. Ignores unknown ones.
///
/// # Errors
/// [`Wrong::Missing`] for an absent required argument; [`Wrong::Value`] for a value that its type does not allow.
pub(crate) fn arguments<'m, 'v>(
    model: &Model,
    known: &'m [Argument],
    given: impl Iterator<Item = (&'v str, &'v Value)>,
) -> Result<Map<String, Json>, Wrong<'m>> {
    let mut out = Map::new();
    for (name, value) in given.filter(|(_, value)| !is_absent(value)) {
        if let Some(argument) = known.iter().find(|argument| argument.name == name) {
            out.insert(name.to_owned(), coerce(model, &argument.ty, value).map_err(Wrong::Value)?);
        }
    }
    let missing =
        |argument: &&Argument| matches!(argument.ty, TypeRef::NonNull(_)) && !out.contains_key(&argument.name);
    match known.iter().find(missing) {
        Some(argument) => Err(Wrong::Missing(argument)),
        None => Ok(out),
    }
}

/// Coerces a non-null value of a scalar. Refuses null.
///
/// # Errors
/// When the scalar does not allow the value. The message has the wording of graphql-js.
pub(crate) fn accepts(scalar: &str, value: &Value) -> Result<Json, String> {
    let json = || value.clone().into_json().map_err(|error| error.to_string());
    match (scalar, value) {
        (_, Value::Null | Value::Binary(_)) => Err(format!("Expected value of type \"{scalar}\", found {value}.")),
        ("JSON", _) => json(),
        ("Int", Value::Number(number)) => int(number).map(Json::from),
        ("Int", _) => Err(format!("Int cannot represent non-integer value: {value}")),
        ("Float", Value::Number(_)) | ("Boolean", Value::Boolean(_)) => json(),
        ("Float", _) => Err(format!("Float cannot represent non numeric value: {value}")),
        ("Boolean", _) => Err(format!("Boolean cannot represent a non boolean value: {value}")),
        ("ID", Value::String(text)) => Ok(Json::String(text.clone())),
        ("ID", Value::Number(number)) if !number.is_f64() => Ok(Json::String(number.to_string())),
        ("ID", _) => Err(format!("ID cannot represent a non-string and non-integer value: {value}")),
        ("GraphQLStringOrFloat" | "GraphQLBigInt", Value::String(_) | Value::Number(_)) => json(),
        ("GraphQLStringOrFloat" | "GraphQLBigInt", _) => {
            Err(format!("{scalar} cannot represent a value that is neither text nor number: {value}"))
        }
        (_, Value::String(text)) => Ok(Json::String(text.clone())),
        _ => Err(format!("String cannot represent a non string value: {value}")),
    }
}

/// A 32-bit integer.
///
/// # Errors
/// When the number is no integer or does not fit into 32 bits. The message has the wording of graphql-js.
pub(crate) fn int(number: &Number) -> Result<i32, String> {
    if number.is_f64() {
        return Err(format!("Int cannot represent non-integer value: {number}"));
    }
    let small = number.as_i64().and_then(|number| i32::try_from(number).ok());
    small.ok_or_else(|| format!("Int cannot represent non 32-bit signed integer value: {number}"))
}

/// A variable whose value is invalid.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WrongVariable {
    /// The message for the client.
    pub(crate) message: String,
    /// The position of its declaration.
    pub(crate) pos: Pos,
}

/// Coerces the variables of an operation. Leaves out variables without a value.
///
/// # Errors
/// [`WrongVariable`] for the first invalid one.
pub(crate) fn variables(
    model: &Model,
    operation: &OperationDefinition,
    given: &Map<String, Json>,
) -> Result<Variables, WrongVariable> {
    let mut out = Variables::default();
    for definition in &operation.variable_definitions {
        let name = &definition.node.name.node;
        let read = variable(model, &definition.node, given.get(name.as_str()));
        match read.map_err(|message| WrongVariable { message, pos: definition.pos })? {
            None => {}
            Some(value) => {
                out.insert(name.clone(), Value::from_json(value).unwrap_or_default());
            }
        }
    }
    Ok(out)
}

fn variable(model: &Model, definition: &VariableDefinition, given: Option<&Json>) -> Result<Option<Json>, String> {
    let name = &definition.name.node;
    let ty = type_ref(&definition.var_type.node);
    let value = match given {
        Some(value) => Value::from_json(whole(value.clone())).map_err(|error| error.to_string())?,
        None => match &definition.default_value {
            Some(default) => default.node.clone(),
            None if matches!(ty, TypeRef::NonNull(_)) => {
                return Err(format!("Variable \"${name}\" of required type \"{ty}\" was not provided."));
            }
            None => return Ok(None),
        },
    };
    if matches!((&ty, &value), (TypeRef::NonNull(_), Value::Null)) {
        return Err(format!("Variable \"${name}\" of non-null type \"{ty}\" must not be null."));
    }
    let read = coerce(model, &ty, &value);
    read.map(Some).map_err(|reason| format!("Variable \"${name}\" got invalid value {value}; {reason}"))
}

/// JSON has only one number type, so `1.0` counts as the integer 1.
fn whole(value: Json) -> Json {
    match value {
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => Json::from(float as i64),
            _ => Json::Number(number),
        },
        Json::Array(items) => Json::Array(items.into_iter().map(whole).collect()),
        Json::Object(members) => Json::Object(members.into_iter().map(|(key, value)| (key, whole(value))).collect()),
        other => other,
    }
}

/// The type in a document's variable declaration.
pub(crate) fn type_ref(ty: &Type) -> TypeRef {
    let base = match &ty.base {
        BaseType::Named(name) => TypeRef::named(name.as_str()),
        BaseType::List(inner) => TypeRef::List(Box::new(type_ref(inner))),
    };
    if ty.nullable { base } else { TypeRef::NonNull(Box::new(base)) }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::{parse_query, types::DocumentOperations};
    use serde_json::json;

    use super::*;

    fn read(declared: &str, given: Json) -> Result<Option<Json>, String> {
        let document = parse_query(format!("query Q($v: {declared}) {{ a(b: $v) }}")).unwrap();
        let DocumentOperations::Multiple(operations) = document.operations else { panic!("it has a name") };
        let operation = &operations.values().next().unwrap().node;
        let given = given.as_object().cloned().unwrap_or_default();
        let read = variables(&Model::items(), operation, &given).map_err(|wrong| wrong.message)?;
        Ok(read.get("v").map(|value| value.clone().into_json().unwrap()))
    }

    #[test]
    fn variables_are_read_as_declared() {
        assert_eq!(read("Int", json!({ "v": 3 })), Ok(Some(json!(3))));
        assert_eq!(read("Int", json!({ "v": 3.0 })), Ok(Some(json!(3))));
        assert_eq!(read("Int = 2", json!({})), Ok(Some(json!(2))));
        assert_eq!(read("Int = 2", json!({ "v": null })), Ok(Some(Json::Null)));
        assert_eq!(read("Int", json!({})), Ok(None));
        assert_eq!(read("ID!", json!({ "v": 7 })), Ok(Some(json!("7"))));
        assert_eq!(read("[String]", json!({ "v": "one" })), Ok(Some(json!(["one"]))));
        assert_eq!(read("JSON", json!({ "v": { "a": [1.5] } })), Ok(Some(json!({ "a": [1.5] }))));
        assert_eq!(
            read("code_reservation_filter", json!({ "v": { "_or": { "status": { "_in": "new" } } } })),
            Ok(Some(json!({ "_or": [{ "status": { "_in": ["new"] } }] })))
        );
    }

    #[test]
    fn what_a_type_does_not_allow_is_named() {
        let wrong = |declared: &str, given: Json| read(declared, json!({ "v": given })).unwrap_err();
        assert_eq!(
            wrong("Int", json!("x")),
            "Variable \"$v\" got invalid value \"x\"; Int cannot represent non-integer value: \"x\""
        );
        assert!(wrong("Int", json!(1.5)).contains("non-integer value: 1.5"));
        assert!(wrong("Int", json!(2_147_483_648_i64)).contains("non 32-bit"));
        assert!(wrong("Int!", json!(null)).contains("must not be null"));
        assert!(wrong("[ID]!", json!([true])).contains("ID cannot represent"));
        assert!(wrong("String", json!(5)).contains("String cannot represent"));
        assert!(wrong("create_code_reservation_input", json!({ "nope": 1 })).contains("\"nope\" is not defined"));
        assert!(wrong("create_code_reservation_input", json!("x")).contains("Expected value of type"));
        assert!(read("ID!", json!({})).unwrap_err().contains("was not provided"));
    }
}
