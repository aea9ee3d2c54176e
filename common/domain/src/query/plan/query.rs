//! [`Query`]: everything a checked query consists of, and what may be added to it afterwards.

use super::aggregate::{Aggregate, Operation};
use super::code_lookup::CodeLookup;
use super::column::Column;
use super::condition::{Condition, Test};
use super::field_path::FieldPath;
use super::filter::Filter;
use super::list_format::ListFormat;
use super::meta::Meta;
use super::search::Search;
use super::selection::Selection;
use super::sort::{SortKey, SortTarget};
use super::window::Window;
use crate::query::error::QueryError;
use crate::query::limits::DEFAULT_LIMIT;
use crate::query::schema::{Collection, Field, FieldType};

/// A checked query of one collection. Every field in it exists and may be read by the caller that it was parsed for.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The collection.
    pub collection: Collection,
    /// The fields of each row of the answer.
    pub selection: Selection,
    /// The columns of the rows in a table: the fields in the order in which they were asked for. Empty if the answer is
    /// no table.
    pub(in crate::query) columns_of_rows: Vec<Column>,
    /// The `filter` parameter; `None` if it has no condition.
    pub filter: Option<Filter>,
    /// The rows that the caller may read, set by [`Query::restrict`]; `total_count` counts these.
    pub rights: Option<Filter>,
    /// `search`
    pub search: Option<Search>,
    /// The order; empty for aggregates over all rows. Rows that compare equal are ordered by their primary keys
    /// (see [`Query::is_sorted_by_creation`] for the direction).
    pub sort: Vec<SortKey>,
    /// `limit`, `offset`, `page`
    pub window: Window,
    /// `meta`, in the order of the parameter.
    pub meta: Vec<Meta>,
    /// Whether `aggregate` has any operation, even an unknown one.
    pub is_aggregate: bool,
    /// Whether `countAll` is shown. GraphQL sets this; REST shows an empty object instead.
    pub shows_count_all: bool,
    /// Whether counts, sums and averages are numbers instead of texts. GraphQL sets this. Over REST it is set for groups
    /// that are sorted by a field which is not in `groupBy`: PostgreSQL refuses such a query, so the recorded answer is
    /// that of SQLite, which has numbers.
    pub plain_numbers: bool,
    /// The known operations of `aggregate`.
    pub aggregates: Vec<Aggregate>,
    /// `groupBy`
    pub groups: Vec<FieldPath>,
    /// `export`
    pub export: Option<ListFormat>,
    /// `version`; the only one that exists is `main`.
    pub version: Option<String>,
}

impl Query {
    /// Limits the query to the rows that the caller may read (RSV-6). Row rights enter a query in no other way.
    pub fn restrict(&mut self, rights: Filter) {
        self.rights = Some(match self.rights.take() {
            Some(known) => Filter::And(vec![known, rights]),
            None => rights,
        });
    }

    /// Adds a condition to `filter`.
    pub fn and_filter(&mut self, filter: Filter) {
        self.filter = Some(match self.filter.take() {
            Some(known) => Filter::And(vec![known, filter]),
            None => filter,
        });
    }

    /// Limits the query to the rows of these keys (`keys` of a `SEARCH`). If the query has no limit, the limit is the number
    /// of keys.
    ///
    /// # Errors
    /// `FORBIDDEN` without a reason if a key is not a UUID where the primary key is one, the same as for an unknown key.
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

    /// Rights and filter together, for the planner of the store; `None` if there is neither.
    pub fn conditions(&self) -> Option<Filter> {
        match (&self.rights, &self.filter) {
            (Some(rights), Some(filter)) => Some(Filter::And(vec![rights.clone(), filter.clone()])),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        }
    }

    /// Whether `search` excludes no row that passes the conditions.
    pub fn search_excludes_nothing(&self, conditions: Option<&Filter>) -> bool {
        let Some(search) = &self.search else { return true };
        conditions.is_some_and(|conditions| search.is_implied_by(conditions))
    }

    /// The codes that the filter looks up. The caller resolves each and passes the result to
    /// [`Related::set_lookup`](crate::query::Related::set_lookup) before rows are matched.
    pub fn code_lookups(&self) -> Vec<&CodeLookup> {
        self.filter.iter().chain(&self.rights).flat_map(Filter::code_lookups).collect()
    }

    /// Whether rows are ordered by their primary keys (codes: by their positions): `Some(false)` ascending, `Some(true)`
    /// descending, `None` for another order.
    pub fn is_default_sort(&self) -> Option<bool> {
        let key = order_key(self.collection).name;
        match self.sort.first() {
            Some(SortKey { target: SortTarget::Path(path), descending }) if self.groups.is_empty() => {
                (path.own_field() == Some(key)).then_some(*descending)
            }
            _ => None,
        }
    }

    /// Whether rows are ordered by their times of creation first: whether times are descending, and whether ids of one
    /// time are. `None` for another order.
    pub fn is_sorted_by_creation(&self) -> Option<(bool, bool)> {
        let own = |key: &SortKey| match &key.target {
            SortTarget::Path(path) => path.own_field(),
            SortTarget::Aggregate(_) => None,
        };
        let [first, rest @ ..] = self.sort.as_slice() else { return None };
        if !self.shows_rows() || own(first) != Some(CREATED) {
            return None;
        }
        match rest {
            [] => Some((first.descending, self.ties_are_descending())),
            [second, ..] => (own(second) == Some("id")).then_some((first.descending, second.descending)),
        }
    }

    /// Whether rows that compare equal are ordered by descending primary keys: after a descending time of creation, so
    /// that the newest row is first also among those of one request.
    pub(in crate::query) fn ties_are_descending(&self) -> bool {
        self.sort.last().is_some_and(|key| {
            key.descending && matches!(&key.target, SortTarget::Path(path) if path.own_field() == Some(CREATED))
        })
    }

    /// The limit: −1 for all rows, [`DEFAULT_LIMIT`] if the query has none.
    pub fn limit_or_default(&self) -> i64 {
        self.window.limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// Whether the answer has a member for this aggregate.
    pub(in crate::query) fn shows(&self, aggregate: &Aggregate) -> bool {
        self.shows_count_all || aggregate.operation != Operation::CountAll
    }

    /// Whether the answer consists of rows, not of aggregates or groups.
    pub fn shows_rows(&self) -> bool {
        !self.is_aggregate && self.groups.is_empty()
    }
}

/// The time of creation of a row.
const CREATED: &str = "date_created";

/// The field of the default order: the primary key; for codes, whose keys have no useful order, the position in the
/// reservation.
pub(in crate::query) fn order_key(collection: Collection) -> &'static Field {
    let position = (collection == Collection::UniqueCode).then(|| collection.field("position")).flatten();
    position.unwrap_or_else(|| collection.primary_key())
}

/// Normalizes a UUID to the form of keys: 36 characters, lower case.
///
/// # Errors
/// `FORBIDDEN` without a reason if the text is not a UUID of 36 characters, the same as for an unknown key.
pub fn uuid_key(text: &str) -> Result<String, QueryError> {
    match uuid::Uuid::parse_str(text) {
        Ok(uuid) if text.len() == 36 => Ok(uuid.hyphenated().to_string()),
        _ => Err(QueryError::forbidden()),
    }
}
