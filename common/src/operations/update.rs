//! Updates reservations: one, by keys, by query, or each with its own data. All changes are written or none, and no
//! concurrent update is lost.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use uuid::Uuid;

use super::{
    OperationError, Session,
    bad_rows::BadRows,
    batch::{Rows, check_matches, check_number, data_of, parse_keys, uuid_key},
    character_sets::CharacterSets,
    create::MAX_BATCH,
    freeze, open_limit,
    profiles::{Profiles, profile_name},
    read::{check_length, matching, show_many, show_written},
    refreeze,
    relation_keys::keys_of_relations,
    render::with_profile,
};
use crate::{
    context::Context,
    directory::{Audit, Organisation},
    metrics::Event,
    query::{Action, Budget, Collection, Query, RawQuery},
    reservation::{
        Reservation, Status,
        update::{Editor, apply},
    },
    store::Written,
};

/// Maximum tries of an update after version conflicts.
const MAX_TRIES: u32 = 20;

/// Makes the audit row of a change: of the row as it was and as it is written.
pub type MakeAudit<'a> = dyn Fn(&Reservation, &Reservation) -> Audit + Send + Sync + 'a;

/// One row's change.
#[derive(Clone, Copy)]
struct Change<'a> {
    id: Uuid,
    data: &'a Value,
}

/// The rows to change, and their changes.
enum Selected<'a> {
    /// These rows, all with the same change.
    Keys(Vec<Uuid>, &'a Value),
    /// Objects with the id and the change of a row each.
    Batch(&'a [Value]),
    /// The rows that a query matches when they are written, all with the same change.
    Matching(Box<Query>, &'a Value),
}

/// The form in which the written rows are shown.
#[derive(Clone, Copy)]
enum Shown<'a> {
    /// The single row, or `null` if the filter excludes it.
    One(&'a Query),
    /// A list.
    Many(&'a Query),
}

impl Shown<'_> {
    async fn of(self, context: &Context, session: Session<'_>, items: &[Reservation]) -> Result<Value, OperationError> {
        match (self, items) {
            (Self::One(query), [item]) => show_written(context, session, query, item).await,
            (Self::One(_), _) => Err(OperationError::no_row()),
            (Self::Many(query), _) => Ok(show_many(context, session, query, items).await?.data),
        }
    }
}

/// Changes one reservation and shows it; `null` when the filter of the parameters excludes it.
///
/// # Errors
/// `FORBIDDEN` for a row that does not exist for the caller; `FAILED_VALIDATION` or `INVALID_PAYLOAD` for a bad input.
/// Then nothing is written.
pub async fn one(
    context: &Context,
    session: Session<'_>,
    id: Uuid,
    data: &Value,
    raw: &RawQuery,
) -> Result<Value, OperationError> {
    session.caller.may(Action::Update, Collection::CodeReservation)?;
    let query = session.query(Collection::CodeReservation, raw)?;
    write(context, session, &Selected::Keys(vec![id], data), Shown::One(&query), None).await
}

/// [`one`] by an operator: the audit row that `audit` makes of the row as it was and as it is written is in the
/// transaction.
///
/// # Errors
/// As [`one`].
pub async fn one_audited(
    context: &Context,
    session: Session<'_>,
    id: Uuid,
    data: &Value,
    audit: &MakeAudit<'_>,
) -> Result<(), OperationError> {
    session.caller.may(Action::Update, Collection::CodeReservation)?;
    let query = session.query(Collection::CodeReservation, &RawQuery::default())?;
    write(context, session, &Selected::Keys(vec![id], data), Shown::One(&query), Some(audit)).await.map(drop)
}

/// Changes several reservations: `{keys, data}`, `{query, data}`, or an array of objects with their ids.
///
/// # Errors
/// As [`one`]; `INVALID_PAYLOAD` for another shape or too many rows; `INVALID_QUERY` for a query that names no rows
/// ([`Session::selection`]); [`OperationError::Rows`] with all bad rows of an array.
pub async fn many(
    context: &Context,
    session: Session<'_>,
    body: &Value,
    raw: &RawQuery,
) -> Result<Value, OperationError> {
    session.caller.may(Action::Update, Collection::CodeReservation)?;
    let query = session.query(Collection::CodeReservation, raw)?;
    let selected = match body {
        Value::Array(rows) => {
            check_number(rows.len())?;
            Selected::Batch(rows)
        }
        _ => {
            let members = body
                .as_object()
                .ok_or_else(|| OperationError::InvalidPayload("\"value\" must be of type object".into()))?;
            let data = data_of(members)?;
            match Rows::parse(members, &["data"], uuid_key)? {
                Rows::Keys(ids) => Selected::Keys(ids, data),
                Rows::Query(raw) => {
                    Selected::Matching(Box::new(session.selection(Collection::CodeReservation, &raw)?), data)
                }
            }
        }
    };
    write(context, session, &selected, Shown::Many(&query), None).await
}

fn change(row: &Value) -> Result<Change<'_>, OperationError> {
    let id = row.get("id").filter(|id| !id.is_null());
    let id = id.ok_or_else(|| OperationError::InvalidPayload("Item in update misses primary key".to_owned()))?;
    let id = parse_keys(std::slice::from_ref(id), uuid_key)?.into_iter().next().ok_or_else(OperationError::no_row)?;
    Ok(Change { id, data: row })
}

/// Writes changes in one transaction, each conditional on the version read; after a conflict the rows are read again.
///
/// The answer is built before anything is written, so an answer that fails leaves the rows unchanged.
async fn write(
    context: &Context,
    session: Session<'_>,
    selected: &Selected<'_>,
    shown: Shown<'_>,
    audit: Option<&MakeAudit<'_>>,
) -> Result<Value, OperationError> {
    let store = context.store();
    for _ in 0..MAX_TRIES {
        let budget = Budget::of_rows(context.config().max_scan);
        let session = session.again(&budget);
        let current;
        let changes: Vec<Result<Change<'_>, OperationError>> = match selected {
            Selected::Keys(ids, data) => {
                current = store.reservations(&distinct(ids.iter().copied())).await?;
                ids.iter().map(|id| Ok(Change { id: *id, data })).collect()
            }
            Selected::Batch(rows) => {
                let changes: Vec<_> = rows.iter().map(change).collect();
                current = store.reservations(&distinct(changes.iter().flatten().map(|change| change.id))).await?;
                changes
            }
            // The condition on the version ensures that only rows that still match are written: after a conflict the
            // query runs again.
            Selected::Matching(query, data) => {
                current = matching(context, session, query, MAX_BATCH).await?;
                check_matches(current.len(), "changed")?;
                current.iter().map(|item| Ok(Change { id: item.id, data })).collect()
            }
        };
        let current = current.into_iter().map(|item| (item.id, item)).collect();
        let bad = BadRows::new(matches!(selected, Selected::Batch(_)));
        let edits = edit(context, session, changes, &current, bad).await?;
        open_limit::check(context, session.caller, edits.iter().map(|(old, new)| (Some(old), new))).await?;
        let new: Vec<Reservation> = edits.iter().map(|(_, new)| new.clone()).collect();
        let answer = shown.of(context, session, &new).await?;
        check_length(session, &answer)?;
        let audits: Vec<Audit> =
            audit.iter().flat_map(|audit| edits.iter().map(move |(old, new)| audit(old, new))).collect();
        if store.replace_audited(&edits, &audits).await? == Written::Done {
            return Ok(answer);
        }
        context.metrics().record(&Event::EditConflict);
    }
    Err(OperationError::Unavailable(format!("an update was overtaken {MAX_TRIES} times")))
}

/// Each id once.
fn distinct(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The checks of a request that need more than the row.
struct Checks<'a> {
    character_sets: CharacterSets<'a>,
    profiles: Profiles<'a>,
}

/// Applies changes to the current rows. Rights are checked on each row before and after its change (RSV-6).
///
/// # Errors
/// The first error; for a batch [`OperationError::Rows`] with those of all rows.
async fn edit(
    context: &Context,
    session: Session<'_>,
    changes: Vec<Result<Change<'_>, OperationError>>,
    current: &HashMap<Uuid, Reservation>,
    mut bad: BadRows,
) -> Result<Vec<(Reservation, Reservation)>, OperationError> {
    let mut edits: Vec<(Reservation, Reservation)> = Vec::with_capacity(changes.len());
    let mut checks =
        Checks { character_sets: CharacterSets::new(context, session.caller), profiles: Profiles::new(context) };
    for (row, change) in changes.into_iter().enumerate() {
        let Some(change) = bad.keep(row, change)? else { continue };
        // Two changes of one row are applied in order and written together. A bad one is left out, so that the later
        // ones are judged too.
        let position = edits.iter().position(|(old, _)| old.id == change.id);
        let before = position.and_then(|at| edits.get(at)).map(|(_, new)| new);
        let edited = edit_one(context, session, change, before, current, &mut checks).await;
        match (bad.keep(row, edited)?, position.and_then(|at| edits.get_mut(at))) {
            (None, _) => {}
            (Some((_, new)), Some((_, known))) => *known = new,
            (Some(edited), None) => edits.push(edited),
        }
    }
    bad.finish()?;
    Ok(edits)
}

/// Applies one change: to the row as it is stored, or as an earlier change of the request left it (`before`). Gives the
/// row as it is stored, and as it will be.
async fn edit_one(
    context: &Context,
    session: Session<'_>,
    change: Change<'_>,
    before: Option<&Reservation>,
    current: &HashMap<Uuid, Reservation>,
    checks: &mut Checks<'_>,
) -> Result<(Reservation, Reservation), OperationError> {
    let read = session.caller.own(current.get(&change.id).cloned())?;
    let base = before.unwrap_or(&read);
    let organisation = organisation_if_needed(context, base, change.data).await?;
    // Naming the type asks for what it stands for now; otherwise the export is repeated as it was.
    let is_named = change.data.get("export_type").is_some();
    // What the name stands for now must not matter to an export that is repeated, unless it is part of the service.
    let is_frozen =
        !is_named && with_profile(base).is_some() && profile_name(base).is_some_and(|name| !name.is_built_in());
    let profile = match begins_export(base, change.data) && !is_frozen {
        true => checks.profiles.of(&with_type(base, change.data)).await?,
        false => None,
    };
    let freeze = if is_named { freeze } else { refreeze };
    let render = |item: &Reservation| freeze(item, organisation.as_ref(), context.config(), profile.as_ref());
    let editor = Editor { user: session.caller.id().unwrap_or_default().to_owned(), now: session.now };
    let new = apply(base, &*keys_of_relations(change.data)?, &context.config().rules(), &editor, render)?;
    if !session.caller.sees(new.reserved_for.as_deref()) {
        return Err(OperationError::no_row());
    }
    checks.character_sets.check_change(&read, &new).await?;
    checks.profiles.check_change(&read, &new).await?;
    Ok((read, new))
}

/// The organisation, if the change may begin an export. Such an export is rendered with the organisation's prefix and
/// domain.
async fn organisation_if_needed(
    context: &Context,
    item: &Reservation,
    data: &Value,
) -> Result<Option<Organisation>, OperationError> {
    match (&item.reserved_for, begins_export(item, data)) {
        (Some(id), true) => Ok(context.store().organisation(id).await?),
        _ => Ok(None),
    }
}

/// Whether a change may begin an export.
fn begins_export(item: &Reservation, data: &Value) -> bool {
    item.range.is_some() && data.get("status").and_then(Value::as_str) == Some(Status::New.as_str())
}

/// The reservation with the type of export that a change names.
fn with_type(item: &Reservation, data: &Value) -> Reservation {
    let named = data.get("export_type").and_then(Value::as_str).map(str::to_owned);
    Reservation { export_type: named.or_else(|| item.export_type.clone()), ..item.clone() }
}
