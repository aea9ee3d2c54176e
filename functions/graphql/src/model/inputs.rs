//! Input objects: filters with the operators of each type, and the payloads of mutations.

use async_graphql::dynamic::TypeRef;
use common::query::{
    Collection,
    schema::{FieldType, Relation},
};

use super::{
    Argument, Model, argument,
    outputs::{DAY_FUNCTIONS, INSTANT_FUNCTIONS, Seen, members, scalar, seen},
};

const TEXT: &[&str] = &[
    "_eq",
    "_neq",
    "_contains",
    "_icontains",
    "_ncontains",
    "_starts_with",
    "_nstarts_with",
    "_istarts_with",
    "_nistarts_with",
    "_ends_with",
    "_nends_with",
    "_iends_with",
    "_niends_with",
    "_in",
    "_nin",
    "_null",
    "_nnull",
    "_empty",
    "_nempty",
];
const ORDERED: &[&str] =
    &["_eq", "_neq", "_in", "_nin", "_gt", "_gte", "_lt", "_lte", "_null", "_nnull", "_between", "_nbetween"];
const PRESENCE: &[&str] = &["_null", "_nnull", "_empty", "_nempty"];

/// The operators of each type.
pub(super) fn operators(model: &mut Model) {
    let mut add = |name: &str, operators: &[&str], operand: &str, between: &str| {
        let fields = operators.iter().map(|operator| {
            let ty = match *operator {
                "_null" | "_nnull" | "_empty" | "_nempty" => TypeRef::named(TypeRef::BOOLEAN),
                "_in" | "_nin" => TypeRef::named_list(operand),
                "_between" | "_nbetween" => TypeRef::named_list(between),
                _ => TypeRef::named(operand),
            };
            argument(*operator, ty)
        });
        let fields = fields.collect();
        model.add_input(name, fields);
    };
    let number = "GraphQLStringOrFloat";
    add("string_filter_operators", TEXT, TypeRef::STRING, number);
    add("id_filter_operators", TEXT, TypeRef::ID, number);
    add("boolean_filter_operators", &["_eq", "_neq", "_null", "_nnull"], TypeRef::BOOLEAN, number);
    add("number_filter_operators", ORDERED, number, number);
    add("big_int_filter_operators", ORDERED, "GraphQLBigInt", "GraphQLBigInt");
    add("date_filter_operators", ORDERED, TypeRef::STRING, number);
    add("hash_filter_operators", PRESENCE, TypeRef::STRING, number);
    let of_number = |name: &str| argument(name, TypeRef::named("number_filter_operators"));
    let instant = INSTANT_FUNCTIONS.into_iter().map(of_number).collect();
    model.add_input("datetime_function_filter_operators", instant);
    model.add_input("date_function_filter_operators", DAY_FUNCTIONS.into_iter().map(of_number).collect());
    model.add_input("count_function_filter_operators", vec![of_number("count")]);
}

/// The filter of a collection.
pub(super) fn filter(model: &mut Model, collection: Collection) {
    let name = format!("{}_filter", collection.name());
    let mut fields = Vec::new();
    for member in members(collection) {
        match seen(member) {
            Some(Seen::Scalar(scalar)) => {
                let is_key = member.name == collection.primary_key().name;
                let operators = if is_key { "id_filter_operators" } else { operators_of(scalar) };
                fields.push(argument(member.name, TypeRef::named(operators)));
            }
            Some(Seen::Row(target)) => {
                fields.push(argument(member.name, TypeRef::named(format!("{}_filter", target.name()))));
            }
            Some(Seen::Rows(target)) => {
                fields.push(argument(member.name, TypeRef::named(format!("{}_quantifier_filter", target.name()))));
            }
            None => {}
        }
        let functions = match (member.kind, member.relation) {
            (FieldType::Timestamp, _) => "datetime_function_filter_operators",
            (FieldType::Date, _) => "date_function_filter_operators",
            (_, Relation::Many(_)) => "count_function_filter_operators",
            _ => continue,
        };
        fields.push(argument(format!("{}_func", member.name), TypeRef::named(functions)));
    }
    fields.push(argument("_and", TypeRef::named_list(&name)));
    fields.push(argument("_or", TypeRef::named_list(&name)));
    if collection == Collection::UniqueCode {
        let mut quantified = fields.clone();
        quantified.extend(["_some", "_none"].map(|quantifier| argument(quantifier, TypeRef::named(&name))));
        model.add_input(format!("{}_quantifier_filter", collection.name()), quantified);
    }
    model.add_input(name, fields);
}

fn operators_of(scalar: &str) -> &'static str {
    match scalar {
        "ID" => "id_filter_operators",
        "Int" => "number_filter_operators",
        "GraphQLBigInt" => "big_int_filter_operators",
        "Boolean" => "boolean_filter_operators",
        "Date" => "date_filter_operators",
        "Hash" => "hash_filter_operators",
        _ => "string_filter_operators",
    }
}

/// The payloads of mutations: every member that REST accepts, relations as keys. Members that REST ignores are ignored
/// here too.
pub(super) fn payloads(model: &mut Model) {
    let fields: Vec<Argument> = Collection::CodeReservation
        .fields()
        .iter()
        .map(|member| match member.relation {
            Relation::Many(_) => argument(member.name, TypeRef::named_list(TypeRef::ID)),
            _ => argument(member.name, TypeRef::named(scalar(member))),
        })
        .collect();
    model.add_input("create_code_reservation_input", fields.clone());
    model.add_input("update_code_reservation_input", fields);
}
