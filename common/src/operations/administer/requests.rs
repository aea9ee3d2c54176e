//! The forms of requests that write rows of the Directory, and their answers. What the members mean is said by the
//! collection ([`Administers`]); the rules about rows are those of [`crate::operations::directory`].
//!
//! A request is one transaction. Its answer is built before it is written, so an answer that fails changes nothing.

use std::{collections::BTreeSet, future::Future};

use serde_json::{Map, Value};

use crate::{
    backoff::pause,
    context::Context,
    metrics::Event,
    operations::{
        OperationError, Session,
        bad_rows::BadRows,
        batch::{Rows, check_matches, check_number, data_of},
        delete::no_selection,
        directory::{DirectoryError, MAX_TRIES, Members, Prepared, Refused, Sent, Writes},
        in_memory::{self, Items},
        read::check_length,
    },
    query::{Action, Budget, Collection, Query, RawQuery, Row},
};

/// The members of an input, and the token beside them.
pub(super) struct Given {
    pub(super) members: Members,
    pub(super) token: Option<Option<String>>,
}

/// A collection that administrators write.
pub(super) trait Administers: Writes {
    /// A primary key.
    type Key: Clone + Ord + Send + Sync;
    /// The collection.
    const COLLECTION: Collection;

    /// Reads a key; `None` for a value that is the key of no row.
    fn key(value: &Value) -> Option<Self::Key>;
    /// The key of a row; `None` if it is none that a request can name.
    fn key_of(row: &Self::Row) -> Option<Self::Key>;
    /// The row for a query.
    fn shown(row: &Self::Row) -> Row;
    /// The change that creates a row.
    fn new_row(given: &Map<String, Value>) -> Result<Self::Change, OperationError>;
    /// A change of a row. `is_selected` says that the row was selected by a query.
    fn change(key: Self::Key, given: &Map<String, Value>, is_selected: bool) -> Result<Self::Change, OperationError>;
    /// The change that removes a row.
    fn removal(key: Self::Key) -> Self::Change;
    /// All rows (consistent).
    fn all(context: &Context) -> impl Future<Output = Result<Vec<Self::Row>, DirectoryError>> + Send;
}

/// The changes of a request.
enum Changes<'a, C> {
    /// These, which do not depend on what is stored. The flag says whether each is a row of an array.
    Known(Vec<C>, bool),
    /// The same change of the rows that a query matches when they are written; `None` removes them.
    Matching(Box<Query>, Option<&'a Map<String, Value>>),
}

/// The form in which the written rows are shown.
#[derive(Clone, Copy)]
enum Shown<'a> {
    /// The single row, or `null` if the filter excludes it.
    One(&'a Query),
    /// A list.
    Many(&'a Query),
    /// Nothing.
    Nothing,
}

/// See [`super::create`].
pub(super) async fn create<A: Administers>(
    rows: &mut A,
    context: &Context,
    session: Session<'_>,
    input: &Value,
    raw: &RawQuery,
) -> Result<Value, OperationError> {
    session.caller.may(Action::Create, A::COLLECTION)?;
    let query = session.query(A::COLLECTION, raw)?;
    let inputs: &[Value] = match input {
        Value::Array(inputs) => inputs,
        one => std::slice::from_ref(one),
    };
    check_number(inputs.len())?;
    let is_list = input.is_array();
    let changes = judged(inputs, is_list, |input| A::new_row(object(input)?))?;
    let shown = if is_list { Shown::Many(&query) } else { Shown::One(&query) };
    write(rows, context, session, Changes::Known(changes, is_list), shown).await
}

/// See [`super::update_one`].
pub(super) async fn update_one<A: Administers>(
    rows: &mut A,
    context: &Context,
    session: Session<'_>,
    key: &str,
    data: &Value,
    raw: &RawQuery,
) -> Result<Value, OperationError> {
    session.caller.may(Action::Update, A::COLLECTION)?;
    let query = session.query(A::COLLECTION, raw)?;
    let key = A::key(&Value::from(key)).ok_or_else(OperationError::no_row)?;
    let data = object(data)?;
    keeps_key::<A>(data, Some(&key))?;
    let changes = vec![A::change(key, data, false)?];
    write(rows, context, session, Changes::Known(changes, false), Shown::One(&query)).await
}

/// See [`super::update_many`].
pub(super) async fn update_many<A: Administers>(
    rows: &mut A,
    context: &Context,
    session: Session<'_>,
    body: &Value,
    raw: &RawQuery,
) -> Result<Value, OperationError> {
    session.caller.may(Action::Update, A::COLLECTION)?;
    let query = session.query(A::COLLECTION, raw)?;
    let changes = match body {
        Value::Array(inputs) => {
            check_number(inputs.len())?;
            let changes = judged(inputs, true, |input| {
                let data = object(input)?;
                let key = data.get(A::COLLECTION.primary_key().name).filter(|key| !key.is_null());
                let missing = || OperationError::InvalidPayload("Item in update misses primary key".to_owned());
                let key = A::key(key.ok_or_else(missing)?).ok_or_else(OperationError::no_row)?;
                A::change(key, data, false)
            })?;
            Changes::Known(changes, true)
        }
        _ => {
            let members = body.as_object().ok_or_else(no_object)?;
            let data = object(data_of(members)?)?;
            match Rows::parse(members, &["data"], A::key)? {
                Rows::Keys(keys) => {
                    let keys = distinct(keys);
                    keeps_key::<A>(data, None)?;
                    let changes = keys.into_iter().map(|key| A::change(key, data, false));
                    Changes::Known(changes.collect::<Result<_, _>>()?, false)
                }
                Rows::Query(raw) => {
                    keeps_key::<A>(data, None)?;
                    let query = session.selection(A::COLLECTION, &raw)?;
                    Changes::Matching(Box::new(query), Some(data))
                }
            }
        }
    };
    write(rows, context, session, changes, Shown::Many(&query)).await
}

/// See [`super::delete_one`].
pub(super) async fn delete_one<A: Administers>(
    rows: &mut A,
    context: &Context,
    session: Session<'_>,
    key: &str,
    beside: &RawQuery,
) -> Result<(), OperationError> {
    session.caller.may(Action::Delete, A::COLLECTION)?;
    no_selection(beside)?;
    let key = A::key(&Value::from(key)).ok_or_else(OperationError::no_row)?;
    write(rows, context, session, Changes::Known(vec![A::removal(key)], false), Shown::Nothing).await.map(drop)
}

/// See [`super::delete_many`].
pub(super) async fn delete_many<A: Administers>(
    rows: &mut A,
    context: &Context,
    session: Session<'_>,
    body: &Value,
    beside: &RawQuery,
) -> Result<(), OperationError> {
    session.caller.may(Action::Delete, A::COLLECTION)?;
    let selected = Rows::of_deletion(body, A::key)?;
    no_selection(beside)?;
    let changes = match selected {
        Rows::Keys(keys) => Changes::Known(distinct(keys).into_iter().map(A::removal).collect(), false),
        Rows::Query(raw) => Changes::Matching(Box::new(session.selection(A::COLLECTION, &raw)?), None),
    };
    write(rows, context, session, changes, Shown::Nothing).await.map(drop)
}

/// Writes changes in one transaction; after a conflict with another writer they are checked again.
async fn write<A: Administers>(
    rows: &mut A,
    context: &Context,
    session: Session<'_>,
    changes: Changes<'_, A::Change>,
    shown: Shown<'_>,
) -> Result<Value, OperationError> {
    for attempt in 1..=MAX_TRIES {
        let budget = Budget::of_rows(context.config().max_scan);
        let session = session.again(&budget);
        let (known, is_list) = match &changes {
            Changes::Known(changes, is_list) => (changes.clone(), *is_list),
            Changes::Matching(query, data) => (matching::<A>(context, session, query, *data).await?, false),
        };
        let prepared = rows.prepare(&known).await.map_err(|refused| blamed(refused, is_list))?;
        let answer = answer::<A>(context, session, &prepared, shown).await?;
        check_length(session, &answer)?;
        match rows.commit(prepared).await.map_err(|refused| blamed(vec![refused], is_list))? {
            Sent::Done => return Ok(answer),
            Sent::Again => {
                context.metrics().record(&Event::EditConflict);
                pause(attempt).await;
            }
        }
    }
    Err(OperationError::Unavailable(format!("a write of the Directory was overtaken {MAX_TRIES} times")))
}

/// The changes of the rows that a query selects.
async fn matching<A: Administers>(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    data: Option<&Map<String, Value>>,
) -> Result<Vec<A::Change>, OperationError> {
    let all = A::all(context).await?;
    let positions = in_memory::matching(context, session, query, &Items(&all, A::shown)).await?;
    check_matches(positions.len(), if data.is_some() { "changed" } else { "deleted" })?;
    let keys = positions.into_iter().filter_map(|at| all.get(at)).map(|row| {
        A::key_of(row).ok_or_else(|| OperationError::Internal("a row has a key that no request can name".to_owned()))
    });
    keys.map(|key| match data {
        Some(data) => A::change(key?, data, true),
        None => Ok(A::removal(key?)),
    })
    .collect()
}

/// The answer to a request, from the rows as they will be.
async fn answer<A: Administers>(
    context: &Context,
    session: Session<'_>,
    prepared: &Prepared<A::Row>,
    shown: Shown<'_>,
) -> Result<Value, OperationError> {
    if matches!(shown, Shown::Nothing) {
        return Ok(Value::Null);
    }
    let unreadable = || OperationError::Internal("a row of the Directory cannot be read".to_owned());
    let rows = prepared.rows.iter().map(|row| row.as_ref().map(A::shown).ok_or_else(unreadable));
    let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
    match (shown, <[Row; 1]>::try_from(rows)) {
        (Shown::One(query), Ok([row])) => in_memory::one_written(context, session, query, row).await,
        (Shown::One(_), Err(_)) => Err(OperationError::no_row()),
        (Shown::Many(query), Ok(rows)) => in_memory::many_written(context, session, query, &rows).await,
        (Shown::Many(query), Err(rows)) => in_memory::many_written(context, session, query, &rows).await,
        (Shown::Nothing, _) => Ok(Value::Null),
    }
}

/// Reads each input of a request.
///
/// # Errors
/// The first error; for an array [`OperationError::Rows`] with all bad ones.
fn judged<C>(
    inputs: &[Value],
    is_list: bool,
    read: impl Fn(&Value) -> Result<C, OperationError>,
) -> Result<Vec<C>, OperationError> {
    let mut bad = BadRows::new(is_list);
    let mut changes = Vec::with_capacity(inputs.len());
    for (row, input) in inputs.iter().enumerate() {
        changes.extend(bad.keep(row, read(input))?);
    }
    bad.finish()?;
    Ok(changes)
}

/// The error of refused changes: those of all rows of an array, otherwise the first.
fn blamed(refused: Refused, is_list: bool) -> OperationError {
    let mut bad = BadRows::new(is_list);
    for (row, error) in refused {
        if let Err(error) = bad.keep(row, Err::<(), _>(OperationError::from(error))) {
            return error;
        }
    }
    bad.finish().err().unwrap_or_else(OperationError::no_row)
}

/// Checks that data names no other key than that of its row, which cannot change.
fn keeps_key<A: Administers>(data: &Map<String, Value>, key: Option<&A::Key>) -> Result<(), OperationError> {
    match data.get(A::COLLECTION.primary_key().name) {
        None => Ok(()),
        Some(given) if key.is_some() && A::key(given).as_ref() == key => Ok(()),
        Some(_) => Err(OperationError::InvalidPayload("The primary key of a row cannot change".to_owned())),
    }
}

fn object(input: &Value) -> Result<&Map<String, Value>, OperationError> {
    input.as_object().ok_or_else(no_object)
}

fn no_object() -> OperationError {
    OperationError::InvalidPayload("\"value\" must be of type object".to_owned())
}

/// Each key once.
fn distinct<K: Ord>(keys: Vec<K>) -> Vec<K> {
    keys.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}
