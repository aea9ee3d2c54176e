//! The schemas of rows, filters and inputs, in JSON Schema (draft 2020-12).

use common::{
    code::{CharacterSet, CodeType, Day, MIN_SERIAL_LENGTH, lot_pattern, product_pattern},
    query::{
        Collection, operators,
        schema::{Field, FieldType},
    },
    reservation::{BUILT_IN_PROFILES, ExportType, MAX_LENGTH, MAX_MESSAGE, Rules, Status, TEXTS, update},
};
use serde_json::{Map, Value, json};

use super::{
    PARTS, administered, refusals, schema,
    view::{Form, View},
};

/// The most characters of a serial of any type.
const MAX_SERIAL_LENGTH: u8 = {
    let (mut most, mut at) = (0, 0);
    while at < CodeType::ALL.len() {
        let code_type = CodeType::ALL[at];
        if !code_type.is_counted() && code_type.max_length() > most {
            most = code_type.max_length();
        }
        at += 1;
    }
    most
};

/// The largest value of an integer column.
const MAX_INTEGER: i32 = i32::MAX;

/// The functions of a timestamp, and of a day.
const OF_INSTANT: [&str; 8] = ["year", "month", "week", "day", "weekday", "hour", "minute", "second"];
const OF_DAY: [&str; 5] = ["year", "month", "week", "day", "weekday"];

/// The functions of a point in time.
const fn functions_of_time(kind: FieldType) -> &'static [&'static str] {
    match kind {
        FieldType::Timestamp => &OF_INSTANT,
        FieldType::Date => &OF_DAY,
        _ => &[],
    }
}

/// The name of the schema of a collection's rows.
pub(super) fn name(collection: Collection) -> &'static str {
    match collection {
        Collection::CodeReservation => "CodeReservation",
        Collection::UniqueCode => "UniqueCode",
        Collection::Users => "User",
        Collection::Files => "File",
        Collection::Organisation => "Organisation",
        Collection::ExportProfile => "ExportProfile",
        Collection::Roles => "Role",
    }
}

/// The name of the schema of a query that selects the rows of a write.
pub(super) fn selection_name(collection: Collection) -> String {
    match collection {
        Collection::CodeReservation => "Selection".to_owned(),
        other => format!("{}Selection", name(other)),
    }
}

/// Rows that parameters can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// Those of a collection.
    Of(Collection),
    /// The caller's own account, of which more members may be read than of other users.
    OwnAccount,
}

impl Rows {
    pub(super) fn collection(self) -> Collection {
        match self {
            Self::Of(collection) => collection,
            Self::OwnAccount => Collection::Users,
        }
    }

    /// The name of the schema of a row.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Of(collection) => name(collection),
            Self::OwnAccount => "Account",
        }
    }

    fn members(self, view: &View) -> impl Iterator<Item = (&'static Field, Form)> {
        view.members(self.collection(), self == Self::OwnAccount)
    }
}

pub(super) fn filter_name(rows: Rows) -> String {
    format!("{}Filter", rows.name())
}

/// All schemas that an operation of the caller can refer to.
pub(super) fn all(view: &View, rules: &Rules) -> Map<String, Value> {
    let mut all = PARTS["schemas"].as_object().cloned().unwrap_or_default();
    all.extend(refusals::error_schemas());
    let collections = Collection::ALL.into_iter().filter(|collection| view.can_read(*collection)).map(Rows::Of);
    for rows in collections.chain([Rows::OwnAccount]) {
        all.insert(rows.name().to_owned(), row(view, rows));
        all.insert(filter_name(rows), filter(view, rows));
    }
    for kind in [FieldType::String, FieldType::Uuid, FieldType::Integer, FieldType::Timestamp] {
        all.insert(condition_name(kind).to_owned(), condition(operators(kind), operand(kind)));
    }
    for kind in [FieldType::Boolean, FieldType::Json, FieldType::Hash] {
        all.insert(condition_name(kind).to_owned(), condition(operators(kind), json!({ "type": "boolean" })));
    }
    all.insert("Query".to_owned(), query(Collection::CodeReservation, true));
    for collection in [Collection::CodeReservation, Collection::Users, Collection::Organisation] {
        all.insert(selection_name(collection), query(collection, false));
    }
    all.extend(administered::inputs());
    all.insert("CodeReservationCreate".to_owned(), create());
    all.extend(CodeType::ALL.map(|code_type| (create_name(code_type), create_of_type(code_type, rules))));
    all.insert("CodeReservationUpdate".to_owned(), change(rules));
    all
}

fn object(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties })
}

fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    schema
}

/// The row of a collection. No member is required, since `fields` chooses them, and others may be there, since `alias`
/// and functions add them.
fn row(view: &View, rows: Rows) -> Value {
    let mut properties = Map::new();
    for (field, form) in rows.members(view) {
        properties.insert(field.name.to_owned(), member(rows.collection(), field, form));
        for function in functions_of_time(field.kind) {
            let text = json!({ "type": ["string", "null"], "pattern": r"^[0-9]+(\.[0-9]+)?$" });
            properties.insert(format!("{}_{function}", field.name), text);
        }
        if let Form::Rows(_) = form {
            properties.insert(format!("{}_count", field.name), json!({ "type": ["integer", "string", "null"] }));
        }
    }
    object(properties)
}

/// A member of a row.
fn member(collection: Collection, field: &Field, form: Form) -> Value {
    match form {
        Form::Row(target) => json!({ "anyOf": [value(collection, field), schema(name(target))] }),
        Form::Rows(target) => {
            json!({ "type": "array", "items": { "anyOf": [uuid(), schema(name(target))] } })
        }
        Form::Nothing => json!({ "type": "array", "maxItems": 0 }),
        Form::Value => value(collection, field),
    }
}

/// A member's own value. The key of a row is never null.
fn value(collection: Collection, field: &Field) -> Value {
    if let (Collection::CodeReservation, Some(names)) = (collection, choices(field.name)) {
        return nullable(json!({ "type": "string", "enum": names }));
    }
    if (collection, field.name) == (Collection::CodeReservation, "export_type") {
        return nullable(export_type());
    }
    if field.concealed {
        return json!({ "type": ["string", "null"], "description": "Asterisks, if there is one." });
    }
    let is_key = field.name == collection.primary_key().name;
    let plain = match field.kind {
        FieldType::Integer => json!({ "type": "integer" }),
        FieldType::BigInteger => json!({ "type": "string", "pattern": "^-?[0-9]+$" }),
        FieldType::Boolean => json!({ "type": "boolean" }),
        // A key of another system is any text.
        FieldType::Uuid if field.name == "purchase_order" => json!({ "type": "string" }),
        FieldType::Uuid => uuid(),
        FieldType::Timestamp => instant(),
        FieldType::Date => json!({ "type": "string", "format": "date" }),
        FieldType::Json => return json!({}),
        FieldType::String | FieldType::Text | FieldType::Hash | FieldType::Alias => json!({ "type": "string" }),
    };
    if is_key { plain } else { nullable(plain) }
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn instant() -> Value {
    json!({ "type": "string", "format": "date-time", "pattern": "Z$" })
}

/// A built-in export type, or the name of a profile.
fn export_type() -> Value {
    let known: Vec<&str> = ExportType::NAMES.into_iter().chain(BUILT_IN_PROFILES).collect();
    json!({ "type": "string", "pattern": ExportType::pattern(), "examples": known })
}

/// The values of a member of a reservation that has a fixed set of them.
fn choices(member: &str) -> Option<Vec<&'static str>> {
    Some(match member {
        "code_type" => CodeType::ALL.map(CodeType::as_str).to_vec(),
        "character_set" => CharacterSet::ALL.map(CharacterSet::as_str).to_vec(),
        "status" => Status::ALL.map(Status::as_str).to_vec(),
        _ => return None,
    })
}

fn condition_name(kind: FieldType) -> &'static str {
    match kind {
        FieldType::String | FieldType::Text | FieldType::Alias => "TextCondition",
        FieldType::Uuid => "KeyCondition",
        FieldType::Integer | FieldType::BigInteger => "NumberCondition",
        FieldType::Timestamp | FieldType::Date => "InstantCondition",
        FieldType::Boolean => "TruthCondition",
        FieldType::Json => "JsonCondition",
        FieldType::Hash => "SecretCondition",
    }
}

fn operand(kind: FieldType) -> Value {
    match kind {
        FieldType::Integer => json!({ "type": "number" }),
        FieldType::Timestamp | FieldType::Date => {
            json!({ "type": "string", "description": "An instant of ISO 8601, a day, or `$NOW(-1 day)`." })
        }
        _ => json!({ "type": "string" }),
    }
}

/// The operators on a type of member, each with its operand.
fn condition(operators: &[&str], operand: Value) -> Value {
    let properties = operators.iter().map(|operator| {
        let operand = match *operator {
            "null" | "nnull" | "empty" | "nempty" => json!({ "type": "boolean" }),
            "in" | "nin" => json!({ "type": "array", "items": operand }),
            "between" | "nbetween" => json!({ "type": "array", "items": operand, "minItems": 2, "maxItems": 2 }),
            _ => operand.clone(),
        };
        (format!("_{operator}"), operand)
    });
    let mut condition = object(properties.collect());
    condition["additionalProperties"] = json!(false);
    condition
}

fn filter(view: &View, rows: Rows) -> Value {
    let own = schema(&filter_name(rows));
    let mut properties = Map::new();
    for (field, form) in rows.members(view) {
        let kind = if field.concealed { FieldType::Hash } else { field.kind };
        let plain = schema(condition_name(kind));
        let condition = match form {
            Form::Nothing => continue,
            Form::Value => plain,
            Form::Row(target) => json!({ "anyOf": [plain, schema(&filter_name(Rows::Of(target)))] }),
            Form::Rows(target) => {
                let quantified = schema(&filter_name(Rows::Of(target)));
                let mut below = object(Map::from_iter(
                    ["_some", "_none"].map(|quantifier| (quantifier.to_owned(), quantified.clone())),
                ));
                below["additionalProperties"] = json!(false);
                json!({ "anyOf": [below, quantified] })
            }
        };
        properties.insert(field.name.to_owned(), condition);
        let functions = match form {
            Form::Rows(_) => &["count"],
            _ => functions_of_time(field.kind),
        };
        for function in functions {
            properties.insert(format!("{function}({})", field.name), schema(condition_name(FieldType::Integer)));
        }
    }
    for group in ["_and", "_or"] {
        properties.insert(group.to_owned(), json!({ "type": "array", "items": own }));
    }
    let mut filter = object(properties);
    filter["additionalProperties"] = json!(false);
    filter
}

/// The schema of a parameter that names members.
pub(super) fn names(view: &View, rows: Rows, mark: &str) -> Value {
    let names: Vec<String> = rows.members(view).map(|(field, _)| format!("{mark}{}", field.name)).collect();
    json!({ "type": "array", "items": { "anyOf": [{ "enum": names }, { "type": "string", "minLength": 1 }] } })
}

/// Parameters in a body: those that select rows and, for a list, those that shape its answer.
fn query(collection: Collection, is_list: bool) -> Value {
    let texts = || json!({ "type": ["array", "string"], "items": { "type": "string" } });
    let whole = |least: i64| json!({ "type": "integer", "minimum": least });
    let mut properties = Map::new();
    let mut add = |name: &str, schema: Value| drop(properties.insert(name.to_owned(), schema));
    add("filter", schema(&filter_name(Rows::Of(collection))));
    add("search", json!({ "type": "string" }));
    add("fields", texts());
    add("sort", texts());
    add("limit", whole(-1));
    add("offset", whole(0));
    add("page", whole(0));
    add("alias", json!({ "type": "object", "additionalProperties": { "type": "string" } }));
    if is_list {
        add("aggregate", json!({ "type": "object", "additionalProperties": texts() }));
        add("groupBy", texts());
        add("deep", json!({ "type": "object" }));
        for name in ["meta", "export"] {
            add(name, PARTS["parameters"][name]["schema"].clone());
        }
    }
    let mut query = object(properties);
    query["additionalProperties"] = json!(false);
    if !is_list {
        query["description"] = json!(
            "Names the rows of a write: by `filter`, by `search`, or, for every row, by `\"limit\": -1` without a \
             filter."
        );
    }
    query
}

/// A member that a client sets.
fn input(member: &str, rules: &Rules) -> Value {
    let text = || json!({ "type": ["string", "null"], "maxLength": MAX_LENGTH });
    let described = |mut schema: Value, text: &str| {
        schema["description"] = json!(text);
        schema
    };
    if let Some(names) = choices(member) {
        let choice = json!({ "type": "string", "enum": names });
        // Null stands for the default.
        return if member == "character_set" { nullable(choice) } else { choice };
    }
    match member {
        "export_type" => nullable(export_type()),
        "quantity" => json!({ "type": "integer", "minimum": 1, "maximum": rules.max_quantity }),
        "quantity_reserved" => nullable(json!({ "type": "integer", "minimum": 0, "maximum": MAX_INTEGER })),
        "length" => nullable(json!({ "type": "integer", "minimum": MIN_SERIAL_LENGTH, "maximum": MAX_SERIAL_LENGTH })),
        "expiry_date" => described(day(), "The last day on which the items may be used (AI 17)."),
        "production_date" => described(day(), "When the items were produced (AI 11)."),
        "best_before" => described(day(), "Until when the items have their best quality (AI 15)."),
        "lot" => lot(),
        "id" => uuid(),
        "reserved_for" => json!({ "type": "string", "minLength": 1, "maxLength": MAX_LENGTH }),
        "error_message" => json!({ "type": ["string", "number", "null"], "maxLength": MAX_MESSAGE }),
        "url_suffix" => described(text(), "A query for the links, such as `?batch=7`."),
        "product" => described(text(), "A key path of the type, such as `/01/` and a GTIN."),
        member if TEXTS.contains(&member) => json!({ "type": ["string", "number", "null"], "maxLength": MAX_LENGTH }),
        _ => json!({}),
    }
}

/// A lot. A number is taken for its text.
fn lot() -> Value {
    json!({
        "anyOf": [{ "type": "string", "pattern": lot_pattern() }, { "type": ["number", "null"] }],
        "description": "The batch or lot of the items (AI 10), without digits in brackets and not the number of a GS1 key.",
    })
}

/// A date of goods. The calendar must have the day.
fn day() -> Value {
    nullable(json!({ "type": "string", "format": "date", "pattern": Day::PATTERN }))
}

/// The schema of a new reservation: one for each type of code, since the rules of its members depend on it.
fn create() -> Value {
    let of_types: Vec<Value> = CodeType::ALL.into_iter().map(|code_type| schema(&create_name(code_type))).collect();
    json!({ "oneOf": of_types })
}

/// `short_code` → `CreateShortCode`.
fn create_name(code_type: CodeType) -> String {
    let words = code_type.as_str().split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    format!("Create{}", words.collect::<String>())
}

/// A new reservation of one type of code.
fn create_of_type(code_type: CodeType, rules: &Rules) -> Value {
    let members = ["id"].into_iter().chain(update::SETTABLE);
    let not_yet = ["quantity_reserved", "error_message"];
    let mut properties = Map::new();
    for member in members.filter(|member| !not_yet.contains(member)) {
        let mut schema = input(member, rules);
        match member {
            "code_type" => schema = json!({ "const": code_type.as_str() }),
            "status" => schema = json!({ "const": Status::New.as_str() }),
            // A member with a `default` would be one that some generators demand.
            "export_type" => {
                let text =
                    "unless given. Others are the names of export profiles, of the organisation or of the deployment.";
                schema["description"] = json!(format!("`{}`, {text}", ExportType::default()));
            }
            "length" => {
                schema["minimum"] = json!(code_type.min_length());
                schema["maximum"] = json!(code_type.max_length());
            }
            "character_set" => {
                let sets = CharacterSet::ALL.into_iter().filter(|set| code_type.allows(*set)).map(CharacterSet::as_str);
                schema["enum"] = sets.map(Some).chain([None]).collect();
            }
            "lot" | "expiry_date" | "production_date" | "best_before" if !code_type.has_lot_and_dates() => {
                schema = json!({ "type": "null" });
            }
            "product" => {
                if let Some(pattern) = product_pattern(code_type) {
                    schema = json!({ "type": "string", "pattern": pattern });
                    if rules.strict_check_digits {
                        schema["description"] = json!("Its check digit must be right.");
                    }
                }
            }
            _ => {}
        }
        properties.insert(member.to_owned(), schema);
    }
    let mut required = vec!["reserved_for", "code_type", "quantity"];
    if code_type.needs_product() {
        required.push("product");
    }
    let mut create = object(properties);
    create["required"] = json!(required);
    create
}

fn change(rules: &Rules) -> Value {
    let properties = update::SETTABLE.iter().map(|member| ((*member).to_owned(), input(member, rules)));
    let kept = update::IGNORED
        .iter()
        .map(|member| ((*member).to_owned(), json!({ "description": "Keeps its value.", "readOnly": true })));
    let mut change = object(properties.chain(kept).collect());
    change["additionalProperties"] = json!(false);
    change
}
