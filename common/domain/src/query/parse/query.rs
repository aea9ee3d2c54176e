//! [`RawQuery`] → [`Query`]: forms, then names and rights, then meaning.

use crate::query::access::Access;
use crate::query::error::QueryError;
use crate::query::evaluate::aggregate::{self, Aggregate};
use crate::query::files::ExportFormat;
use crate::query::limits::{DEFAULT_LIMIT, MAX_SELECTED_FIELDS};
use crate::query::parse::fields::{self, Drafting, Selection};
use crate::query::parse::filter::lower;
use crate::query::parse::filter::normalize::Variables;
use crate::query::parse::filter::operators::Test;
use crate::query::parse::named_fields::{Named, Use};
use crate::query::parse::parameters::Parameters;
use crate::query::parse::sort::{self, SortKey, SortTarget};
use crate::query::plan::code_lookup::CodeLookup;
use crate::query::plan::filter::{Condition, FieldPath, Filter};
use crate::query::plan::search::Search;
use crate::query::plan::window::Window;
use crate::query::raw::raw_query::RawQuery;
use crate::query::schema::{Collection, Field, FieldType};
use chrono::{DateTime, Utc};

/// Counts that a list answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meta {
    /// `total_count`: rows that the caller may see.
    TotalCount,
    /// `filter_count`: those of them that filter and search leave.
    FilterCount,
}

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

/// Checks parameters for a collection and a caller. `now` is what `$NOW` stands for.
///
/// # Errors
/// [`QueryError::InvalidQuery`] for a wrong form or value; [`QueryError::Forbidden`] for a member or collection that does
/// not exist or may not be read.
pub fn parse(raw: &RawQuery, collection: Collection, access: &Access, now: DateTime<Utc>) -> Result<Query, QueryError> {
    let variables = Variables { access, now };
    let parameters = Parameters::read(raw, variables)?;
    let aliases = parameters.aliases()?;
    let operations = parameters.operations();

    let fields = match (&parameters.group, &parameters.aggregate, &parameters.fields) {
        // Groups and aggregates replace the fields.
        (Some(_), _, _) | (None, Some(_), _) => Vec::new(),
        (None, None, Some(fields)) => fields.clone(),
        (None, None, None) => vec!["*".to_owned()],
    };
    let mut named = Named::default();
    let below_codes = collection == Collection::UniqueCode;
    let mut drafting = Drafting { access, variables, named: &mut named, budget: MAX_SELECTED_FIELDS, below_codes };
    let draft = fields::draft(&fields, collection, &aliases, &parameters.deep, &[], &mut drafting)?;
    parameters.note_conditions(collection, &[], &mut named);
    for member in parameters.aggregate.iter().flatten().flat_map(|(_, fields)| fields).filter(|f| *f != "*") {
        named.add_path(Use::Output, &[], collection, &dotted(member));
    }
    for member in parameters.group.iter().flatten() {
        named.add_path(Use::Output, &[], collection, &dotted(member));
    }
    named.check(access)?;

    let filter = parameters.filter.as_ref().map_or(Ok(None), |f| lower::lower(f, collection))?;
    let selection = draft.resolve(access)?;
    let aggregates = aggregate::lower(parameters.aggregate.as_deref().unwrap_or(&[]), collection)?;
    let groups = parameters.group.as_deref().unwrap_or(&[]);
    let groups = aggregate::lower_groups(&unique(groups), collection)?;
    let is_aggregate = parameters.aggregate.is_some();
    let sort = match parameters.sort.as_deref() {
        _ if is_aggregate && groups.is_empty() => Vec::new(),
        Some(keys) if !keys.is_empty() => sort::lower(keys, collection, &operations, &aggregates)?,
        _ => default_sort(collection, &groups),
    };
    if groups.is_empty() {
        check_order(collection, &sort)?;
    }
    let shared = |key: &SortKey| match &key.target {
        SortTarget::Path(path) => groups.contains(path),
        SortTarget::Aggregate(_) => true,
    };
    Ok(Query {
        plain_numbers: !groups.is_empty() && !sort.iter().all(shared),
        collection,
        selection,
        filter,
        rights: None,
        search: parameters.search.as_deref().map(|text| Search::new(text, collection, access)),
        sort,
        window: parameters.window,
        meta: parameters.meta.iter().flatten().map(|name| meta(name)).collect(),
        is_aggregate,
        shows_count_all: false,
        aggregates,
        groups,
        export: parameters.export.as_deref().and_then(ExportFormat::from_name),
        version: parameters.version,
    })
}

fn dotted(member: &str) -> Vec<String> {
    member.split('.').map(str::to_owned).collect()
}

fn unique(names: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for name in names {
        if !out.contains(name) {
            out.push(name.clone());
        }
    }
    out
}

fn meta(name: &str) -> Meta {
    if name == "total_count" { Meta::TotalCount } else { Meta::FilterCount }
}

fn default_sort(collection: Collection, groups: &[FieldPath]) -> Vec<SortKey> {
    let first = groups.first().cloned();
    let path = first.unwrap_or_else(|| FieldPath::own(collection, order_key(collection)));
    vec![SortKey { target: SortTarget::Path(path), descending: false }]
}

/// The member that rows are ordered by when nobody says otherwise: the key, but the place in the reservation for codes,
/// whose keys are in no order.
fn order_key(collection: Collection) -> &'static Field {
    let position = (collection == Collection::UniqueCode).then(|| collection.field("position")).flatten();
    position.unwrap_or_else(|| collection.primary_key())
}

/// Codes are computed in the order of their positions, so no other order of a list of them can be had.
fn check_order(collection: Collection, sort: &[SortKey]) -> Result<(), QueryError> {
    let by_position = |key: &SortKey| match &key.target {
        SortTarget::Path(path) => path.own_field() == Some("position"),
        SortTarget::Aggregate(_) => true,
    };
    if collection == Collection::UniqueCode && !sort.iter().all(by_position) {
        return Err(QueryError::invalid("Codes can be sorted by \"position\" only"));
    }
    Ok(())
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
