//! Object types: rows of collections as the role `writer` sees them, their functions, and aggregates.

use async_graphql::dynamic::TypeRef;
use common::query::{
    Collection,
    schema::{Field as Member, FieldType, Relation},
};

use super::{Field, Model, Source, leaf, list_arguments};

/// Functions of a timestamp.
pub(super) const INSTANT_FUNCTIONS: [&str; 8] = ["year", "month", "week", "day", "weekday", "hour", "minute", "second"];

/// Functions of a day.
pub(super) const DAY_FUNCTIONS: [&str; 5] = ["year", "month", "week", "day", "weekday"];

/// Members that can be written and not read: the published object does not have them.
const HIDDEN: [&str; 2] = ["length", "character_set"];

/// The form in which a member appears in the schema.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// A value of a scalar.
    Scalar(&'static str),
    /// The row that the member references.
    Row(Collection),
    /// The rows that reference this row.
    Rows(Collection),
}

/// The form of a member for the role `writer`; `None` if it is hidden. Writers cannot read organisations and roles, so
/// a reference to one appears as its key.
pub(super) fn seen(member: &Member) -> Option<Seen> {
    match member.relation {
        Relation::One(Collection::Organisation | Collection::Roles) | Relation::None => {
            Some(Seen::Scalar(scalar(member)))
        }
        Relation::Foreign(_) if member.kind == FieldType::Alias => None,
        Relation::Foreign(_) => Some(Seen::Scalar(scalar(member))),
        Relation::One(collection) => Some(Seen::Row(collection)),
        Relation::Many(collection) => Some(Seen::Rows(collection)),
    }
}

/// The scalar type of a member's own value.
pub(super) fn scalar(member: &Member) -> &'static str {
    if member.concealed {
        return "Hash";
    }
    match member.kind {
        FieldType::Integer => TypeRef::INT,
        FieldType::BigInteger => "GraphQLBigInt",
        FieldType::Boolean => TypeRef::BOOLEAN,
        FieldType::Uuid => TypeRef::ID,
        FieldType::Timestamp | FieldType::Date => "Date",
        FieldType::Json => "JSON",
        FieldType::Hash => "Hash",
        FieldType::String | FieldType::Text | FieldType::Alias => TypeRef::STRING,
    }
}

/// Members in the schema: those of `*`, `position`, by which codes are sorted, and lot and dates.
pub(super) fn members(collection: Collection) -> impl Iterator<Item = &'static Member> {
    collection.fields().iter().filter(|member| !HIDDEN.contains(&member.name))
}

/// The object of a collection's rows.
pub(super) fn object(model: &mut Model, collection: Collection) {
    let key = collection.primary_key().name;
    let mut fields = Vec::new();
    for member in members(collection) {
        match seen(member) {
            Some(Seen::Scalar(_)) if member.name == key => fields.push(leaf(key, TypeRef::named_nn(TypeRef::ID))),
            Some(Seen::Scalar(scalar)) => fields.push(leaf(member.name, TypeRef::named(scalar))),
            Some(Seen::Row(target)) => fields.push(relation(member, target, TypeRef::named(target.name()))),
            Some(Seen::Rows(target)) => fields.push(relation(member, target, TypeRef::named_list(target.name()))),
            None => {}
        }
        let functions = match (member.kind, member.relation) {
            (FieldType::Timestamp, _) => "datetime_functions",
            (FieldType::Date, _) => "date_functions",
            (_, Relation::Many(_)) => "count_functions",
            _ => continue,
        };
        fields.push(Field {
            source: Source::Functions(member.name),
            ..leaf(format!("{}_func", member.name), TypeRef::named(functions))
        });
    }
    model.add_output(collection.name(), fields);
}

fn relation(member: &'static Member, target: Collection, ty: TypeRef) -> Field {
    Field { arguments: list_arguments(target), source: Source::Relation(member.name, target), ..leaf(member.name, ty) }
}

/// The object types of functions.
pub(super) fn functions(model: &mut Model) {
    let whole = |name: &str| leaf(name, TypeRef::named(TypeRef::INT));
    model.add_output("datetime_functions", INSTANT_FUNCTIONS.into_iter().map(whole).collect());
    model.add_output("date_functions", DAY_FUNCTIONS.into_iter().map(whole).collect());
    model.add_output("count_functions", vec![whole("count")]);
}

/// The object types of aggregates.
pub(super) fn aggregated(model: &mut Model, collection: Collection) {
    let name = collection.name();
    let counted = members(collection).filter(|member| member.kind != FieldType::Alias);
    let counts = counted.map(|member| leaf(member.name, TypeRef::named(TypeRef::INT))).collect();
    let numeric = members(collection).filter(|member| member.kind.is_numeric());
    let numbers: Vec<Field> = numeric.map(|member| leaf(member.name, TypeRef::named(TypeRef::FLOAT))).collect();
    let count = || TypeRef::named(format!("{name}_aggregated_count"));
    let number = || TypeRef::named(format!("{name}_aggregated_fields"));
    let mut fields = vec![
        leaf("group", TypeRef::named("JSON")),
        leaf("countAll", TypeRef::named(TypeRef::INT)),
        leaf("count", count()),
        leaf("countDistinct", count()),
    ];
    if !numbers.is_empty() {
        let operations = ["avg", "sum", "avgDistinct", "sumDistinct", "min", "max"];
        fields.extend(operations.into_iter().map(|operation| leaf(operation, number())));
        model.add_output(format!("{name}_aggregated_fields"), numbers);
    }
    model.add_output(format!("{name}_aggregated_count"), counts);
    model.add_output(format!("{name}_aggregated"), fields);
}

/// The results of deletions.
pub(super) fn deleted(model: &mut Model) {
    model.add_output("delete_one", vec![leaf("id", TypeRef::named_nn(TypeRef::ID))]);
    model.add_output("delete_many", vec![leaf("ids", TypeRef::named_list_nn(TypeRef::ID))]);
}
