//! [`Parameters`]: parameters of the right form, for a query or for a level of `deep`. Names are not resolved yet.
//!
//! Values are accepted as by Directus (`limit=0x10` is 16, `fields[]=a,b` is two fields). Errors have the text and the order
//! of those of Directus.

use super::aggregates;
use super::aliases::Aliases;
use super::filter::{normalize, validate, walk};
use super::named_fields::{NamedFields, Use};
use super::scope;
use super::sort;
use super::variables::Variables;
use crate::query::budget::{Limit, MAX_VALUES};
use crate::query::error::QueryError;
use crate::query::javascript::{self, MAX_SAFE_INTEGER};
use crate::query::json_size::json_values;
use crate::query::limits::{MAX_LIST, MAX_RELATIONAL_DEPTH, MAX_SELECTED_FIELDS};
use crate::query::plan::{ListFormat, Meta, Window};
use crate::query::raw::RawQuery;
use crate::query::schema::Collection;
use serde_json::{Map, Value};

/// Parameters of one query or of one level of `deep`.
#[derive(Debug, Clone, Default)]
pub(in crate::query) struct Parameters {
    pub(in crate::query) fields: Option<Vec<String>>,
    pub(in crate::query) group: Option<Vec<String>>,
    pub(in crate::query) sort: Option<Vec<String>>,
    pub(in crate::query) filter: Option<Value>,
    pub(in crate::query) window: Window,
    pub(in crate::query) meta: Option<Vec<Meta>>,
    pub(in crate::query) search: Option<String>,
    pub(in crate::query) export: Option<ListFormat>,
    pub(in crate::query) version: Option<String>,
    /// Operations and the fields they are applied to; `None` if the parameter is absent or has no operation.
    pub(in crate::query) aggregate: Option<Vec<(String, Vec<String>)>>,
    pub(in crate::query) deep: Value,
    alias: Option<Value>,
}

impl Parameters {
    /// Reads and checks all parameters.
    ///
    /// # Errors
    /// `INVALID_QUERY` for the first parameter of a wrong form: the filter, then `alias`, then the others.
    pub(in crate::query) fn read(raw: &RawQuery, variables: Variables<'_>) -> Result<Self, QueryError> {
        let given = |name: &str| raw.get(name).filter(|v| javascript::truthy(v));
        let filter = given("filter").map(|f| normalize::parse(f, variables)).transpose()?;
        // An invalid operand in the filter is reported before any other parameter, an invalid alias before the rest.
        if let Some(filter) = &filter {
            validate::validate(filter)?;
        }
        let alias = given("alias").cloned();
        if let Some(alias) = &alias {
            Aliases::parse(alias)?;
        }
        let lists = Self {
            fields: given("fields").map(|v| list("fields", v, true, MAX_SELECTED_FIELDS)).transpose()?,
            group: given("groupBy").map(|v| list("group", v, true, MAX_LIST)).transpose()?,
            sort: given("sort").map(|v| list("sort", v, false, MAX_LIST)).transpose()?,
            aggregate: given("aggregate").map(aggregates::parse).transpose()?.filter(|a| !a.is_empty()),
            ..Self::default()
        };
        lists.check_depth(filter.as_ref())?;
        for (name, list) in [("fields", &lists.fields), ("group", &lists.group), ("sort", &lists.sort)] {
            no_empty_entry(name, list.as_deref().unwrap_or(&[]))?;
        }
        if filter == Some(Value::Null) {
            return Err(QueryError::invalid("\"filter\" must be of type object"));
        }
        let window = Window {
            limit: raw.get("limit").map(|v| whole("limit", v, -1)).transpose()?,
            offset: raw.get("offset").map(|v| whole("offset", v, 0)).transpose()?.unwrap_or(0),
            page: given("page").map(|v| whole("page", v, 0)).transpose()?.unwrap_or(0),
        };
        Ok(Self {
            filter,
            window,
            meta: given("meta").map(meta).transpose()?,
            search: given("search").and_then(Value::as_str).map(search),
            export: given("export").map(export).transpose()?,
            version: given("version").map(version).transpose()?,
            deep: deep(given("deep"))?,
            alias,
            ..lists
        })
    }

    /// The parameters of one level of `deep`: the members that begin with `_`.
    ///
    /// # Errors
    /// As [`Parameters::read`].
    pub(in crate::query) fn of_deep_level(level: &Value, variables: Variables<'_>) -> Result<Self, QueryError> {
        let members = level.as_object().into_iter().flatten();
        let own = members.filter_map(|(k, v)| Some((k.strip_prefix('_')?.to_owned(), v.clone())));
        Self::read(&RawQuery::from_json(own.collect()), variables)
    }

    /// The aliases of this level.
    ///
    /// # Errors
    /// As [`Aliases::parse`]; the form was already checked by [`Parameters::read`].
    pub(in crate::query) fn aliases(&self) -> Result<Aliases, QueryError> {
        self.alias.as_ref().map_or_else(|| Ok(Aliases::default()), Aliases::parse)
    }

    /// The names of the operations of `aggregate`.
    pub(in crate::query) fn operations(&self) -> Vec<String> {
        self.aggregate.iter().flatten().map(|(operation, _)| operation.clone()).collect()
    }

    /// Records the fields that filter and sort name, and removes the scopes in the filter, which the record checks. Only a
    /// sort can name fields by the aliases of its level.
    pub(in crate::query) fn note_conditions(
        &mut self,
        collection: Collection,
        aliases: &Aliases,
        path: &[String],
        named: &mut NamedFields,
    ) {
        if let Some(filter) = &mut self.filter {
            for member in walk::paths(filter) {
                named.add_path(Use::Condition, path, collection, &member);
            }
            scope::remove(filter);
        }
        // Aggregates over all rows are not sorted, so the sort is not checked.
        if self.aggregate.is_some() && self.group.is_none() {
            return;
        }
        let operations = self.operations();
        for key in self.sort.iter().flatten() {
            if let Some(parts) = sort::field_parts(key, aliases, &operations) {
                named.add_path(Use::Condition, path, collection, &parts);
            }
        }
    }

    /// The window of the codes of a reservation.
    ///
    /// # Errors
    /// `INVALID_QUERY` if this level has a filter, a search, aggregates, groups, or another order than `position`.
    pub(in crate::query) fn codes_window(&self) -> Result<Window, QueryError> {
        if self.filter.as_ref().is_some_and(|f| f.as_object().is_some_and(|o| !o.is_empty())) || self.search.is_some() {
            return Err(QueryError::invalid(
                "The codes of a reservation can't be filtered; \"unique_code\" can look one up",
            ));
        }
        let plain = match self.sort.as_deref() {
            None | Some([]) => true,
            Some([one]) => self.aliases()?.get(one).unwrap_or(one) == "position",
            Some(_) => false,
        };
        if !plain || self.aggregate.is_some() || self.group.is_some() {
            return Err(QueryError::invalid("The codes of a reservation are sorted by \"position\" only"));
        }
        Ok(self.window)
    }

    fn check_depth(&self, filter: Option<&Value>) -> Result<(), QueryError> {
        let empty = Vec::new();
        let fields = match (&self.group, &self.aggregate) {
            (Some(group), _) => group,
            (None, Some(_)) => &empty,
            (None, None) => self.fields.as_ref().unwrap_or(&empty),
        };
        let names = fields.iter().chain(self.sort.iter().flatten());
        let too_deep = names.map(|f| f.split('.').count()).any(|depth| depth > MAX_RELATIONAL_DEPTH)
            || filter.is_some_and(|f| walk::depth(f) > MAX_RELATIONAL_DEPTH);
        if too_deep { Err(QueryError::invalid("Max relational depth exceeded")) } else { Ok(()) }
    }
}

/// `a,b` or `["a", "b,c"]`; anything else is an empty list. With `split_entries`, entries of an array are split at commas
/// too.
///
/// # Errors
/// `INVALID_QUERY` for more than `most` entries.
fn list(name: &str, value: &Value, split_entries: bool, most: usize) -> Result<Vec<String>, QueryError> {
    // One more than allowed is enough to refuse them.
    let split = |text: &str| text.split(',').take(most + 1).map(|part| part.trim().to_owned()).collect::<Vec<_>>();
    let texts: Vec<String> = match value {
        Value::String(text) => split(text),
        Value::Array(items) if split_entries => {
            items.iter().flat_map(|v| split(&javascript::text(v))).take(most + 1).collect()
        }
        Value::Array(items) => items.iter().take(most + 1).map(|v| javascript::text(v).trim().to_owned()).collect(),
        _ => Vec::new(),
    };
    if texts.len() > most {
        return Err(QueryError::invalid(format!("\"{name}\" must contain less than or equal to {most} items")));
    }
    Ok(texts)
}

fn no_empty_entry(name: &str, list: &[String]) -> Result<(), QueryError> {
    match list.iter().position(String::is_empty) {
        Some(at) => Err(QueryError::invalid(format!("\"{name}[{at}]\" is not allowed to be empty"))),
        None => Ok(()),
    }
}

fn whole(name: &str, value: &Value, least: i64) -> Result<i64, QueryError> {
    let number = javascript::number(value);
    let wrong = if number.is_nan() {
        "must be a number".to_owned()
    } else if number.is_infinite() {
        "cannot be infinity".to_owned()
    } else if number.abs() > MAX_SAFE_INTEGER {
        "must be a safe number".to_owned()
    } else if number.fract() != 0.0 {
        "must be an integer".to_owned()
    } else if number < least as f64 {
        format!("must be greater than or equal to {least}")
    } else {
        return Ok(number as i64);
    };
    Err(QueryError::invalid(format!("\"{name}\" {wrong}")))
}

/// The text to search for, without white space around it, unless there is nothing else.
fn search(text: &str) -> String {
    let trimmed = text.trim();
    if trimmed.is_empty() { text } else { trimmed }.to_owned()
}

fn meta(value: &Value) -> Result<Vec<Meta>, QueryError> {
    let names: Vec<String> = match value {
        Value::String(text) if text == "*" => return Ok(vec![Meta::TotalCount, Meta::FilterCount]),
        Value::String(text) => text.split(',').take(MAX_LIST).map(str::to_owned).collect(),
        Value::Array(items) => items.iter().take(MAX_LIST).map(javascript::text).collect(),
        other => vec![javascript::text(other)],
    };
    let read = |(at, name): (usize, &String)| match name.as_str() {
        "total_count" => Ok(Meta::TotalCount),
        "filter_count" => Ok(Meta::FilterCount),
        _ => Err(QueryError::invalid(format!("\"meta[{at}]\" must be one of [total_count, filter_count]"))),
    };
    names.iter().enumerate().map(read).collect()
}

fn export(value: &Value) -> Result<ListFormat, QueryError> {
    let format = value.as_str().and_then(ListFormat::from_name);
    format.ok_or_else(|| QueryError::invalid("\"export\" must be one of [csv, csv_utf8, json, xml, yaml]"))
}

fn version(value: &Value) -> Result<String, QueryError> {
    value.as_str().map(str::to_owned).ok_or_else(|| QueryError::invalid("\"version\" must be a string"))
}

fn deep(value: Option<&Value>) -> Result<Value, QueryError> {
    let parsed = match value {
        Some(Value::String(text)) if json_values(text.as_bytes()) > MAX_VALUES => return Err(Limit::Values.error()),
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
        Some(other) => other.clone(),
        None => Value::Null,
    };
    Ok(if parsed.is_object() { parsed } else { Value::Object(Map::new()) })
}
