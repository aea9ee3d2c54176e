//! Changing reservations: one, by keys, by query, or row by row; all or nothing, and no update is lost.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    batch::{Rows, parse_keys},
    create::MAX_BATCH,
    freeze,
    read::{Asker, matching, show_many, show_one},
};
use crate::{
    api::{Action, ApiError},
    context::Context,
    query::{Collection, Filter, RawQuery},
    reservation::{
        COLLECTION, Reservation, Status,
        update::{Editor, apply},
    },
    store::{Organisation, Store, Written},
};

/// How often an edit that was overtaken is made again on fresh data.
const MAX_TRIES: u32 = 20;

/// One row's change.
struct Change<'a> {
    id: Uuid,
    data: &'a Value,
}

/// Changes one reservation and shows it.
///
/// # Errors
/// FORBIDDEN for a row that does not exist for the caller; what the input deserves. Nothing is written then.
pub async fn one(
    context: &Context,
    asker: Asker<'_>,
    id: Uuid,
    data: &Value,
    raw: &RawQuery,
) -> Result<Value, ApiError> {
    asker.caller.may(Action::Update, COLLECTION)?;
    let query = asker.query(Collection::CodeReservation, raw)?;
    let written = write(context, asker, &[Change { id, data }], None).await?;
    match written.first() {
        Some(item) => show_one(context, asker, &query, item).await,
        None => Err(ApiError::no_row()),
    }
}

/// Changes many: `{keys, data}`, `{query, data}`, or an array of objects with their ids.
///
/// # Errors
/// As [`one`]; INVALID_PAYLOAD for another shape or too many rows.
pub async fn many(context: &Context, asker: Asker<'_>, body: &Value, raw: &RawQuery) -> Result<Value, ApiError> {
    asker.caller.may(Action::Update, COLLECTION)?;
    let query = asker.query(Collection::CodeReservation, raw)?;
    let written = match body {
        Value::Array(rows) => {
            let changes = rows.iter().map(change).collect::<Result<Vec<_>, _>>()?;
            write(context, asker, &changes, None).await?
        }
        _ => {
            let members =
                body.as_object().ok_or_else(|| ApiError::InvalidPayload("\"value\" must be of type object".into()))?;
            let data = data_of(members)?;
            match Rows::parse(members)? {
                Rows::Keys(ids) => write(context, asker, &changes(&ids, data), None).await?,
                Rows::Query(raw) => {
                    let selecting = asker.query(Collection::CodeReservation, &raw)?;
                    let items = matching(context, asker, &selecting).await?;
                    let ids: Vec<Uuid> = items.iter().map(|item| item.id).collect();
                    // The filter is looked at again on the row that is written over.
                    write(context, asker, &changes(&ids, data), selecting.conditions()).await?
                }
            }
        }
    };
    Ok(show_many(context, asker, &query, &written).await?.data)
}

fn data_of(members: &Map<String, Value>) -> Result<&Value, ApiError> {
    members.get("data").ok_or_else(|| ApiError::InvalidPayload("\"data\" is required".to_owned()))
}

fn changes<'a>(ids: &[Uuid], data: &'a Value) -> Vec<Change<'a>> {
    ids.iter().map(|id| Change { id: *id, data }).collect()
}

fn change(row: &Value) -> Result<Change<'_>, ApiError> {
    let id = row.get("id").filter(|id| !id.is_null());
    let id = id.ok_or_else(|| ApiError::InvalidPayload("Item in update misses primary key".to_owned()))?;
    let id = parse_keys(std::slice::from_ref(id))?.into_iter().next().ok_or_else(ApiError::no_row)?;
    Ok(Change { id, data: row })
}

/// Writes changes in one transaction, each on the row as it was read; an overtaken one is made again on fresh data.
async fn write(
    context: &Context,
    asker: Asker<'_>,
    changes: &[Change<'_>],
    still: Option<Filter>,
) -> Result<Vec<Reservation>, ApiError> {
    let ids: BTreeSet<Uuid> = changes.iter().map(|change| change.id).collect();
    if ids.len() > MAX_BATCH {
        return Err(ApiError::InvalidPayload(format!(
            "{} rows in one request, {MAX_BATCH} at most are allowed",
            ids.len()
        )));
    }
    let store = Store::of(context);
    let ids: Vec<Uuid> = ids.into_iter().collect();
    for _ in 0..MAX_TRIES {
        let current: HashMap<Uuid, Reservation> =
            store.reservations(&ids).await?.into_iter().map(|item| (item.id, item)).collect();
        let edits = edit(context, asker, changes, &current, still.as_ref()).await?;
        if store.replace(&edits).await? == Written::Done {
            return Ok(edits.into_iter().map(|(_, new)| new).collect());
        }
    }
    Err(ApiError::Unavailable(format!("an update was overtaken {MAX_TRIES} times")))
}

/// Applies changes to rows as they are now; rights are checked on the row before and after (RSV-6).
async fn edit(
    context: &Context,
    asker: Asker<'_>,
    changes: &[Change<'_>],
    current: &HashMap<Uuid, Reservation>,
    still: Option<&Filter>,
) -> Result<Vec<(Reservation, Reservation)>, ApiError> {
    let rules = context.config().rules();
    let editor = Editor { user: asker.caller.id().unwrap_or_default().to_owned(), now: asker.now };
    let mut edits: Vec<(Reservation, Reservation)> = Vec::with_capacity(changes.len());
    for change in changes {
        let read = current.get(&change.id).cloned();
        if let Some(filter) = still {
            let matches = read.as_ref().is_some_and(|item| {
                filter.matches(&super::rows::reservation(item), &crate::query::Related::new()) || has_relations(filter)
            });
            if !matches {
                continue;
            }
        }
        let read = asker.caller.own(read)?;
        // A row that is named twice is changed twice, in order, and written once.
        let position = edits.iter().position(|(old, _)| old.id == change.id);
        let base = position.and_then(|at| edits.get(at)).map_or(&read, |(_, new)| new).clone();
        let organisation = organisation_if_needed(context, &base, change.data).await?;
        let render = |item: &Reservation| freeze(item, organisation.as_ref(), context.config());
        let new = apply(&base, change.data, &rules, &editor, render)?;
        if !asker.caller.sees(new.reserved_for.as_deref()) {
            return Err(ApiError::no_row());
        }
        match position.and_then(|at| edits.get_mut(at)) {
            Some((_, known)) => *known = new,
            None => edits.push((read, new)),
        }
    }
    Ok(edits)
}

/// Filters over related rows were evaluated when the rows were found; what they point at is not loaded again.
fn has_relations(filter: &Filter) -> bool {
    filter.leaves().iter().any(|leaf| !leaf.path.relations.is_empty()) || !filter.code_lookups().is_empty()
}

/// The organisation, where a change may begin an export: it is rendered with the organisation's prefix and domain.
async fn organisation_if_needed(
    context: &Context,
    item: &Reservation,
    data: &Value,
) -> Result<Option<Organisation>, ApiError> {
    let wants_new = data.get("status").and_then(Value::as_str) == Some(Status::New.as_str());
    match (&item.reserved_for, wants_new && item.range.is_some()) {
        (Some(id), true) => Ok(Store::of(context).organisation(id).await?),
        _ => Ok(None),
    }
}
