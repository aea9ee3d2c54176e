//! [`Query`]: everything a checked query consists of, and what may be added to it afterwards.

use super::aggregate::Aggregate;
use super::code_lookup::CodeLookup;
use super::condition::{Condition, Test};
use super::export_format::ExportFormat;
use super::field_path::FieldPath;
use super::filter::Filter;
use super::meta::Meta;
use super::search::Search;
use super::selection::Selection;
use super::sort::{SortKey, SortTarget};
use super::window::Window;
use crate::query::error::QueryError;
use crate::query::limits::DEFAULT_LIMIT;
use crate::query::schema::{Collection, Field, FieldType};

/// A checked query of one collection. Everything in it exists and may be read by the caller it was parsed for.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The collection.
    pub collection: Collection,
    /// The members of each row of the answer.
    pub selection: Selection,
    /// What the caller asks for. `None`: every row.
    pub filter: Option<Filter>,
    /// What the caller may see, set by [`Query::restrict`]; `total_count` counts within it.
    pub rights: Option<Filter>,
    /// `search`
    pub search: Option<Search>,
    /// The order; empty where only aggregates are asked for. Ties are broken by the key, ascending.
    pub sort: Vec<SortKey>,
    /// `limit`, `offset`, `page`
    pub window: Window,
    /// `meta`, in the order asked for.
    pub meta: Vec<Meta>,
    /// Whether `aggregate` names any operation, even an unknown one.
    pub is_aggregate: bool,
    /// Whether `countAll` is shown. REST has no place for it and shows an empty object; GraphQL sets this.
    pub shows_count_all: bool,
    /// Whether counts, sums and averages are numbers and not texts. GraphQL sets this. Over REST it is set for groups
    /// sorted by a member that they do not share: PostgreSQL refuses those, so the only recorded answer is SQLite's,
    /// which has numbers.
    pub plain_numbers: bool,
    /// The known operations.
    pub aggregates: Vec<Aggregate>,
    /// `groupBy`
    pub groups: Vec<FieldPath>,
    /// `export`
    pub export: Option<ExportFormat>,
    /// `version`; there is no version but `main`.
    pub version: Option<String>,
}

impl Query {
    /// Limits the query to rows that match, whatever it asks for: the one way in which row rights enter a query.
    pub fn restrict(&mut self, rights: Filter) {
        self.rights = Some(match self.rights.take() {
            Some(known) => Filter::And(vec![known, rights]),
            None => rights,
        });
    }

    /// Adds a condition to what is asked for: the keys of a `SEARCH`, the key of a single row.
    pub fn and_filter(&mut self, filter: Filter) {
        self.filter = Some(match self.filter.take() {
            Some(known) => Filter::And(vec![known, filter]),
            None => filter,
        });
    }

    /// Limits the query to rows of these keys, as `keys` of a `SEARCH` does: where the query names no limit, there are as
    /// many rows as keys.
    ///
    /// # Errors
    /// `FORBIDDEN` without a reason when a key cannot be one, just as if it were unknown.
    pub fn restrict_to_keys(&mut self, keys: &[String]) -> Result<(), QueryError> {
        let key = self.collection.primary_key();
        let mut values = Vec::with_capacity(keys.len());
        for text in keys {
            values.push(if key.kind == FieldType::Uuid { uuid_key(text)? } else { text.clone() });
        }
        if !keys.is_empty() && self.window.limit.is_none() {
            self.window.limit = i64::try_from(keys.len()).ok();
        }
        let path = FieldPath::own(self.collection, key);
        self.and_filter(Filter::Leaf(Condition { path, test: Test::any_of(values) }));
        Ok(())
    }

    /// Rights and filter together, for the planner; `None` where every row matches both.
    pub fn conditions(&self) -> Option<Filter> {
        match (&self.rights, &self.filter) {
            (Some(rights), Some(filter)) => Some(Filter::And(vec![rights.clone(), filter.clone()])),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        }
    }

    /// The codes that the filter asks for; each must be resolved and put into
    /// [`Related::set_lookup`](crate::query::Related::set_lookup) before rows are matched.
    pub fn codes_lookups(&self) -> Vec<&CodeLookup> {
        self.filter.iter().chain(&self.rights).flat_map(Filter::code_lookups).collect()
    }

    /// Whether rows come in the order of their keys (codes: of their positions): `Some(false)` ascending, `Some(true)` descending, `None` otherwise.
    pub fn is_default_sort(&self) -> Option<bool> {
        let key = order_key(self.collection).name;
        match self.sort.first() {
            Some(SortKey { target: SortTarget::Path(path), descending }) if self.groups.is_empty() => {
                (path.own_field() == Some(key)).then_some(*descending)
            }
            _ => None,
        }
    }

    /// The limit: −1 for all rows, 100 where the query names none.
    pub fn limit_or_default(&self) -> i64 {
        self.window.limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// Whether the answer shows rows, and not aggregates or groups.
    pub fn shows_rows(&self) -> bool {
        !self.is_aggregate && self.groups.is_empty()
    }
}

/// The member that rows are ordered by when nobody says otherwise: the key, but the place in the reservation for codes,
/// whose keys are in no order.
pub(in crate::query) fn order_key(collection: Collection) -> &'static Field {
    let position = (collection == Collection::UniqueCode).then(|| collection.field("position")).flatten();
    position.unwrap_or_else(|| collection.primary_key())
}

/// A UUID in the one form that keys have: 36 characters, lower case.
///
/// # Errors
/// `FORBIDDEN` without a reason: a key that cannot exist is answered like one that does not.
pub fn uuid_key(text: &str) -> Result<String, QueryError> {
    match uuid::Uuid::parse_str(text) {
        Ok(uuid) if text.len() == 36 => Ok(uuid.hyphenated().to_string()),
        _ => Err(QueryError::forbidden()),
    }
}
