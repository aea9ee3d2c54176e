//! Members of the rows that operations answer, and the queries that ask for them.

use common::{
    code::CodeType,
    query::{Action, Collection, RawQuery},
    reservation::{Status, Timestamp},
};
use serde_json::{Map, Value, json};

use crate::visit::Visit;

/// A query from its parameters in the form of a SEARCH body.
pub(crate) fn query(parameters: Value) -> RawQuery {
    match parameters {
        Value::Object(parameters) => RawQuery::from_json(parameters),
        _ => RawQuery::default(),
    }
}

/// A condition that a member has a value; none without one.
pub(crate) fn equals(member: &str, value: Option<&str>) -> Option<Value> {
    value.map(|value| json!({ member: { "_eq": value } }))
}

/// The name under which the row of a reservation's organisation is asked for. The member itself stays the key, which
/// exists also where the row does not.
const ORGANISATION: &str = "organisation";

/// The parameters with the name of each reservation's organisation, if the person may read it.
pub(crate) fn with_organisation(visit: &Visit<'_>, mut parameters: Value) -> Value {
    if visit.caller().may(Action::Read, Collection::Organisation).is_ok() {
        if let Some(fields) = parameters["fields"].as_array_mut() {
            fields.push(json!(format!("{ORGANISATION}.organisation_name")));
        }
        parameters["alias"] = json!({ ORGANISATION: "reserved_for" });
    }
    parameters
}

/// A row of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Row(Map<String, Value>);

impl Row {
    /// The rows of a list.
    pub(crate) fn all(data: Value) -> Vec<Self> {
        match data {
            Value::Array(rows) => rows.into_iter().map(Self::of).collect(),
            _ => Vec::new(),
        }
    }

    /// A single row.
    pub(crate) fn of(data: Value) -> Self {
        match data {
            Value::Object(members) => Self(members),
            _ => Self(Map::new()),
        }
    }

    /// A text; `None` if it is null or empty.
    pub(crate) fn text(&self, member: &str) -> Option<&str> {
        self.0.get(member)?.as_str().filter(|text| !text.is_empty())
    }

    /// A number; `None` if it is null. A big number is a text.
    pub(crate) fn number(&self, member: &str) -> Option<u64> {
        let value = self.0.get(member)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    /// A time.
    pub(crate) fn time(&self, member: &str) -> Option<Timestamp> {
        self.text(member).and_then(Timestamp::parse)
    }

    /// The row that a relation leads to, or one with nothing but its id if only the key may be read.
    pub(crate) fn related(&self, member: &str) -> Option<Self> {
        match self.0.get(member)? {
            Value::Object(row) => Some(Self(row.clone())),
            Value::String(id) => Some(Self(Map::from_iter([("id".to_owned(), json!(id))]))),
            _ => None,
        }
    }

    /// The id.
    pub(crate) fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    /// The status of a reservation.
    pub(crate) fn status(&self) -> Status {
        self.text("status").and_then(Status::parse).unwrap_or(Status::New)
    }

    /// The type of code.
    pub(crate) fn code_type(&self) -> Option<CodeType> {
        self.text("code_type").and_then(|text| text.parse().ok())
    }

    /// The name of an organisation, or its key if it has none.
    pub(crate) fn organisation(&self) -> &str {
        self.text("organisation_name").unwrap_or_else(|| self.id())
    }

    /// The name of the organisation of a reservation ([`with_organisation`]), or its key if the person may not read the
    /// name or there is none.
    pub(crate) fn reserved_for(&self) -> Option<String> {
        let name = self.related(ORGANISATION).and_then(|row| row.text("organisation_name").map(str::to_owned));
        name.or_else(|| self.text("reserved_for").map(str::to_owned))
    }
}
