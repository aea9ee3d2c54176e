//! Writes the answer: members in the selected order and under their aliases, values coerced to their scalar types
//! (GraphQL specification, October 2021, sections 3.5 and 6.4.3). Pure: no I/O.

use async_graphql::{Pos, dynamic::TypeRef};
use common::{operations::OperationError, query::Limit};
use serde_json::{Map, Value as Json, json};

use crate::{
    input::int,
    lower::relation_key,
    model::{Model, Output, Source},
    selection::{Selected, What},
};

/// Writes answers and collects the errors of values that cannot be coerced.
pub(crate) struct Writer<'m> {
    model: &'m Model,
    /// Entries of `errors`.
    pub(crate) errors: Vec<Json>,
    path: Vec<Json>,
    /// Members and bytes of text that may still be written. A member that is selected under several aliases is written
    /// several times.
    members: usize,
    text: usize,
    /// Why the answer is incomplete.
    exceeded: Option<String>,
}

/// Maximum members of an answer, each alias counted. Every one of them is a JSON value.
const MAX_MEMBERS: usize = 100_000;

/// What an error costs, in members.
const MEMBERS_PER_ERROR: usize = 10;

/// The row whose members are written.
#[derive(Clone, Copy)]
struct Row<'a> {
    members: &'a Map<String, Json>,
    /// The member to which functions apply; `None` when the members of the row itself are written.
    functions_of: Option<&'static str>,
}

impl<'m> Writer<'m> {
    /// A writer without errors.
    pub(crate) fn new(model: &'m Model) -> Self {
        Self {
            model,
            errors: Vec::new(),
            path: Vec::new(),
            members: MAX_MEMBERS,
            text: Limit::Text.most(),
            exceeded: None,
        }
    }

    /// Whether the answer is within its limits. Otherwise what was written is incomplete.
    ///
    /// # Errors
    /// `INVALID_QUERY` with the limit that was exceeded.
    pub(crate) fn check(&self) -> Result<(), OperationError> {
        self.exceeded.clone().map_or(Ok(()), |reason| Err(OperationError::InvalidQuery(reason)))
    }

    /// Subtracts members with their text; false when the answer has no room for them.
    fn pays(&mut self, members: usize, text: usize) -> bool {
        if self.exceeded.is_some() {
            return false;
        }
        let advice = "each alias counted. Use \"limit\" and \"page\"";
        match (self.members.checked_sub(members), self.text.checked_sub(text)) {
            (Some(members), Some(text)) => {
                self.members = members;
                self.text = text;
                return true;
            }
            (None, _) => {
                self.exceeded = Some(format!("The answer would have more than {MAX_MEMBERS} members, {advice}"));
            }
            (_, None) => {
                let most = Limit::Text.most();
                self.exceeded = Some(format!("The answer is larger than {most} bytes, {advice}"));
            }
        }
        false
    }

    /// The value of a root field.
    pub(crate) fn root(&mut self, selected: &Selected<'_>, ty: &TypeRef, data: &Json) -> Json {
        self.path = vec![json!(selected.key)];
        self.value(selected, ty, data)
    }

    fn value(&mut self, selected: &Selected<'_>, ty: &TypeRef, data: &Json) -> Json {
        match (ty, data) {
            (_, Json::Null) => Json::Null,
            (TypeRef::NonNull(inner), _) => self.value(selected, inner, data),
            (TypeRef::List(inner), Json::Array(items)) => {
                let mut out = Vec::with_capacity(items.len());
                for (at, item) in items.iter().enumerate() {
                    self.path.push(json!(at));
                    out.push(self.value(selected, inner, item));
                    self.path.pop();
                }
                Json::Array(out)
            }
            // A value other than a list stands for a list that the caller may not read.
            (TypeRef::List(_), _) => Json::Null,
            (TypeRef::Named(name), _) => match (self.model.output(name), data) {
                (Some(output), Json::Object(members)) => {
                    self.object(selected, output, Row { members, functions_of: None })
                }
                (Some(_), _) => Json::Null,
                (None, _) => self.scalar(selected.pos, name, data),
            },
        }
    }

    fn object(&mut self, selected: &Selected<'_>, output: &'m Output, row: Row<'_>) -> Json {
        let mut out = Map::new();
        for child in &selected.children {
            if !self.pays(1, child.key.len()) {
                break;
            }
            self.path.push(json!(child.key));
            let value = self.member(child, output, row);
            self.path.pop();
            out.insert(child.key.clone(), value);
        }
        Json::Object(out)
    }

    fn member(&mut self, child: &Selected<'_>, output: &Output, row: Row<'_>) -> Json {
        let field = match child.what {
            What::TypeName(name) => return json!(name),
            What::Introspection => return Json::Null,
            What::Member(field) => field,
        };
        match (field.source, row.functions_of) {
            (Source::Functions(member), _) => match self.model.output(field.ty.type_name()) {
                Some(functions) => self.object(child, functions, Row { functions_of: Some(member), ..row }),
                None => Json::Null,
            },
            (Source::Relation(..), _) => {
                let data = row.members.get(&relation_key(&child.key)).unwrap_or(&Json::Null);
                self.value(child, &field.ty, data)
            }
            (_, Some(member)) => {
                let data = row.members.get(&format!("{member}_{}", field.name)).unwrap_or(&Json::Null);
                self.value(child, &field.ty, data)
            }
            (_, None) => {
                debug_assert!(output.field(&field.name).is_some(), "the member is of this type");
                let data = row.members.get(&field.name).unwrap_or(&Json::Null);
                self.value(child, &field.ty, data)
            }
        }
    }

    fn scalar(&mut self, pos: Pos, name: &str, data: &Json) -> Json {
        let text = match data {
            Json::String(text) => text.len(),
            Json::Array(_) | Json::Object(_) => data.to_string().len(),
            _ => 8,
        };
        if !self.pays(0, text) {
            return Json::Null;
        }
        let written = match name {
            "Int" => whole(data),
            "Float" => number(data).ok_or_else(|| format!("Float cannot represent non numeric value: {data}")),
            "ID" | "String" => match data {
                Json::Number(number) => Ok(json!(number.to_string())),
                other => Ok(other.clone()),
            },
            _ => Ok(data.clone()),
        };
        written.unwrap_or_else(|message| {
            if !self.pays(MEMBERS_PER_ERROR, message.len()) {
                return Json::Null;
            }
            self.errors.push(json!({
                "message": message,
                // Directus reports errors of graphql-js with this code.
                "extensions": { "code": "INTERNAL_SERVER_ERROR" },
                "locations": [location(pos)],
                "path": self.path,
            }));
            Json::Null
        })
    }
}

/// A position in a document, in the form that errors use.
pub(crate) fn location(pos: Pos) -> Json {
    json!({ "line": pos.line, "column": pos.column })
}

/// A 32-bit integer. Counts, sums and date functions may arrive as text.
fn whole(data: &Json) -> Result<Json, String> {
    let Some(Json::Number(number)) = number(data) else {
        return Err(format!("Int cannot represent non-integer value: {data}"));
    };
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15);
    let number = float.map_or(number, |float| (float as i64).into());
    match int(&number) {
        Ok(number) => Ok(json!(number)),
        Err(message) if number.is_f64() && data.is_string() => {
            Err(message.replace(&number.to_string(), &data.to_string()))
        }
        Err(message) => Err(message),
    }
}

/// A number, which may also be given as text.
fn number(data: &Json) -> Option<Json> {
    match data {
        Json::Number(_) => Some(data.clone()),
        Json::String(text) => serde_json::from_str::<serde_json::Number>(text).ok().map(Json::Number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_numbers_become_numbers() {
        assert_eq!(whole(&json!("2025")), Ok(json!(2025)));
        assert_eq!(whole(&json!("0.000000")), Ok(json!(0)));
        assert_eq!(whole(&json!(-5)), Ok(json!(-5)));
        assert_eq!(number(&json!("154.5714285714285714")), Some(json!(154.571_428_571_428_58)));
        assert_eq!(number(&json!("x")), None);
    }

    #[test]
    fn what_is_no_whole_number_of_32_bits_is_an_error() {
        assert_eq!(whole(&json!("14.141000")), Err("Int cannot represent non-integer value: \"14.141000\"".to_owned()));
        assert_eq!(
            whole(&json!(2_147_483_648_i64)),
            Err("Int cannot represent non 32-bit signed integer value: 2147483648".to_owned())
        );
        assert!(whole(&json!("x")).is_err());
    }
}
