//! Executes the root fields of an operation one after the other. Each calls the operation that REST calls too, with the
//! same rights. The rows that a document reads are counted over all its roots.

use std::collections::VecDeque;

use common::{
    api::Call,
    context::Context,
    host::Host,
    operations::{
        OperationError, Session,
        create::{self, Creation},
        delete, export_profiles, files, read, unique_code, update, users,
    },
    query::{Answer, Collection, DEFAULT_LIMIT, RawQuery},
    reservation::uuid,
};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::{
    lower,
    model::{Model, Root},
    selection::Selected,
};

/// Maximum rows that one document may read, codes included.
pub(crate) const MAX_ROWS: usize = 10_000;

/// The execution of one document.
pub(crate) struct Execution<'a> {
    context: &'a Context,
    call: &'a Call,
    model: &'a Model,
    rows_left: usize,
    /// The Idempotency-Key of the document.
    key: Option<&'a str>,
    /// The answers of the creations under the key that are not given yet.
    created: VecDeque<Json>,
}

impl<'a> Execution<'a> {
    /// An execution that has read nothing yet.
    pub(crate) fn new(context: &'a Context, call: &'a Call, model: &'a Model, key: Option<&'a str>) -> Self {
        Self { context, call, model, rows_left: MAX_ROWS, key, created: VecDeque::new() }
    }

    /// Makes all creations of a document with an Idempotency-Key in one transaction, before its root fields are
    /// executed. So the key stands for the document: all its creations are made, or none.
    ///
    /// # Errors
    /// The position of the creation that failed, and its error; nothing is created then.
    pub(crate) async fn create_all(&mut self, creations: &[&Selected<'_>]) -> Result<(), (usize, OperationError)> {
        let queries: Vec<RawQuery> = creations.iter().map(|selected| self.query(selected)).collect();
        let creations: Vec<Creation<'_>> = creations
            .iter()
            .zip(&queries)
            .map(|(selected, query)| Creation { input: argument(selected, "data"), query })
            .collect();
        let body = self.call.body();
        self.created = create::create_all(self.context, self.session(), &creations, body, self.key).await?.into();
        Ok(())
    }

    /// The machine of this process.
    pub(crate) fn host(&self) -> &'a dyn Host {
        self.context.host()
    }

    fn session(&self) -> Session<'a> {
        self.call.session()
    }

    /// Executes one root field and gives its data.
    ///
    /// # Errors
    /// `INVALID_QUERY` when codes are selected below codes, or when the document reads more than `MAX_ROWS`; otherwise
    /// the error of the operation.
    pub(crate) async fn root(&mut self, root: Root, selected: &Selected<'_>) -> Result<Json, OperationError> {
        let below = matches!(root, Root::List(Collection::UniqueCode) | Root::ById(Collection::UniqueCode));
        if lower::has_codes_below_codes(&selected.children, below) {
            return Err(OperationError::InvalidQuery("\"codes\" cannot be asked for below codes".to_owned()));
        }
        let data = match root {
            Root::List(collection) => self.list(collection, selected).await?,
            Root::ById(collection) => self.by_id(collection, selected).await?,
            Root::Aggregated(collection) => self.aggregated(collection, selected).await?,
            Root::Empty => return Ok(Json::Null),
            Root::Me => users::me(self.context, self.session(), &self.query(selected)).await?.1,
            Root::CreateItem | Root::CreateItems => self.create(selected).await?,
            Root::UpdateItem => {
                let id = id(selected)?;
                update::one(self.context, self.session(), id, argument(selected, "data"), &self.query(selected)).await?
            }
            Root::UpdateItems => {
                let body = json!({ "keys": argument(selected, "ids"), "data": argument(selected, "data") });
                update::many(self.context, self.session(), &body, &self.query(selected)).await?
            }
            Root::UpdateBatch => {
                update::many(self.context, self.session(), argument(selected, "data"), &self.query(selected)).await?
            }
            Root::DeleteItem => {
                delete::by_ids(self.context, self.session(), &[id(selected)?]).await?;
                return Ok(json!({ "id": argument(selected, "id") }));
            }
            Root::DeleteItems => {
                let ids = argument(selected, "ids");
                if ids.as_array().is_some_and(|ids| !ids.is_empty()) {
                    delete::many(self.context, self.session(), ids, &RawQuery::default()).await?;
                }
                return Ok(json!({ "ids": ids }));
            }
        };
        self.pay(&data)?;
        Ok(data)
    }

    fn query(&self, selected: &Selected<'_>) -> RawQuery {
        lower::rows(self.model, selected)
    }

    async fn list(&self, collection: Collection, selected: &Selected<'_>) -> Result<Json, OperationError> {
        let raw = self.within_reach(self.query(selected))?;
        let (context, session) = (self.context, self.session());
        let (_, answer) = match collection {
            Collection::UniqueCode => unique_code::list(context, session, &raw).await?,
            Collection::ExportProfile => export_profiles::list(context, session, &raw).await?,
            Collection::Files => files::list(context, session, &raw).await?,
            Collection::Users => users::list(context, session, &raw).await?,
            _ => {
                let (query, list) = read::list(context, session, &raw).await?;
                let answer = list.into_answer(&query)?;
                (query, answer)
            }
        };
        Ok(answer.data)
    }

    async fn by_id(&self, collection: Collection, selected: &Selected<'_>) -> Result<Json, OperationError> {
        let raw = self.query(selected);
        let (context, session) = (self.context, self.session());
        let (_, data) = match collection {
            Collection::UniqueCode => unique_code::one(context, session, id(selected)?, &raw).await?,
            Collection::CodeReservation => read::one(context, session, id(selected)?, &raw, None).await?,
            Collection::ExportProfile => {
                export_profiles::one(context, session, &id(selected)?.to_string(), &raw).await?
            }
            Collection::Files => files::one(context, session, &id(selected)?.to_string(), &raw).await?,
            _ => return Err(OperationError::no_row()),
        };
        Ok(data)
    }

    async fn aggregated(&self, collection: Collection, selected: &Selected<'_>) -> Result<Json, OperationError> {
        let raw = self.within_reach(lower::aggregates(self.model, selected))?;
        let mut query = self.session().query(collection, &raw)?;
        query.shows_count_all = true;
        query.plain_numbers = true;
        let Answer { data, .. } = match collection {
            Collection::UniqueCode => unique_code::run(self.context, self.session(), &query).await?,
            Collection::ExportProfile => export_profiles::run(self.context, self.session(), &query).await?,
            _ => read::run(self.context, self.session(), &query).await?.into_answer(&query)?,
        };
        let operations: Vec<&str> = query.aggregates.iter().map(|aggregate| aggregate.operation.name()).collect();
        let is_grouped = !query.groups.is_empty();
        Ok(match data {
            Json::Array(rows) => rows.into_iter().map(|row| with_group(row, &operations, is_grouped)).collect(),
            other => other,
        })
    }

    async fn create(&mut self, selected: &Selected<'_>) -> Result<Json, OperationError> {
        if let Some(created) = self.created.pop_front() {
            return Ok(created);
        }
        let (input, query) = (argument(selected, "data"), &self.query(selected));
        let request = create::Request { input, body: self.call.body(), key: None, query };
        create::create(self.context, self.session(), request).await
    }

    /// Refuses a list whose limit exceeds the rows left. A list of all rows reads at most one more, so that `pay`
    /// detects it.
    fn within_reach(&self, mut raw: RawQuery) -> Result<RawQuery, OperationError> {
        let limit = raw.get("limit").and_then(Json::as_i64).unwrap_or(DEFAULT_LIMIT);
        if self.rows_left == 0 {
            // Before anything is read for an answer that has no room.
            return Err(too_many_rows());
        }
        let left = i64::try_from(self.rows_left).unwrap_or(i64::MAX);
        if limit == -1 {
            raw.set("limit", json!(left + 1));
            raw.set("page", Json::Null);
        } else if limit > left {
            return Err(too_many_rows());
        }
        Ok(raw)
    }

    /// Subtracts the rows of an answer, codes included, from the rows left.
    fn pay(&mut self, data: &Json) -> Result<(), OperationError> {
        let left = self.rows_left.checked_sub(rows_of(data));
        self.rows_left = left.unwrap_or(0);
        left.map(drop).ok_or_else(too_many_rows)
    }
}

fn too_many_rows() -> OperationError {
    OperationError::InvalidQuery(format!(
        "One document reads {MAX_ROWS} rows at most, codes included. Use \"limit\" and \"page\" in several documents"
    ))
}

/// Counts the objects in lists, at any depth.
fn rows_of(data: &Json) -> usize {
    match data {
        Json::Array(items) => items.iter().map(|item| usize::from(item.is_object()) + rows_of(item)).sum(),
        Json::Object(members) => members.values().map(rows_of).sum(),
        _ => 0,
    }
}

fn argument<'s>(selected: &'s Selected<'_>, name: &str) -> &'s Json {
    selected.arguments.get(name).unwrap_or(&Json::Null)
}

/// The `id` argument of a root field.
fn id(selected: &Selected<'_>) -> Result<Uuid, OperationError> {
    argument(selected, "id").as_str().and_then(uuid).ok_or_else(OperationError::no_row)
}

/// Moves the group's members of an aggregate row into a member `group`.
fn with_group(row: Json, operations: &[&str], is_grouped: bool) -> Json {
    let Json::Object(mut members) = row else { return row };
    if is_grouped {
        let named = members.iter().filter(|(name, _)| !operations.contains(&name.as_str()));
        let group: Map<String, Json> = named.map(|(name, value)| (name.clone(), value.clone())).collect();
        members.insert("group".to_owned(), Json::Object(group));
    }
    Json::Object(members)
}
