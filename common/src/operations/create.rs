//! Creating reservations: one or many, all or nothing, once per Idempotency-Key.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    OperationError, Session,
    bad_rows::BadRows,
    character_sets::CharacterSets,
    open_limit,
    read::{check_length, show_many, show_written},
    relation_keys::keys_of_relations,
};
use crate::{
    context::Context,
    query::{Action, Collection, Query, RawQuery},
    reservation::{
        COLLECTION, Reservation,
        create::{Birth, Draft},
        uuid,
    },
    store::{Created, Remembered, request_key},
};

/// Maximum rows in one batch: the actions that one DynamoDB transaction holds.
pub const MAX_BATCH: usize = 100;

/// How long an Idempotency-Key is remembered (seconds).
const REMEMBERED_SECONDS: i64 = 24 * 60 * 60;

/// Maximum size of an answer that is stored with an Idempotency-Key (bytes). A larger answer is built again from its
/// rows. A DynamoDB item can contain 400 KB.
const MAX_REMEMBERED_ANSWER: usize = 300_000;

/// Maximum length of an Idempotency-Key (characters).
const MAX_KEY: usize = 255;

/// A request to create reservations.
pub struct Request<'a> {
    /// An object, or an array of objects.
    pub input: &'a Value,
    /// The bytes of the body, which are compared with those of an earlier request with the same key.
    pub body: &'a [u8],
    /// The Idempotency-Key.
    pub key: Option<&'a str>,
    /// The parameters that shape the answer.
    pub query: &'a RawQuery,
}

/// Creates reservations and shows them. Gives `null` when the filter of the parameters excludes a single one.
///
/// # Errors
/// `FORBIDDEN` without the right; `INVALID_QUERY` for bad parameters; `FAILED_VALIDATION` or `INVALID_PAYLOAD` for a
/// bad input or too many open reservations; `RECORD_NOT_UNIQUE` for an id in use; [`OperationError::Rows`] with all of
/// these for a list of which rows are bad; [`OperationError::KeyReused`] for an
/// Idempotency-Key that was used with another body; `SERVICE_UNAVAILABLE` when DynamoDB does not answer. Either all
/// reservations are written or none.
pub async fn create(context: &Context, session: Session<'_>, request: Request<'_>) -> Result<Value, OperationError> {
    session.caller.may(Action::Create, Collection::CodeReservation)?;
    let query = session.query(Collection::CodeReservation, request.query)?;
    let inputs: &[Value] = match request.input {
        Value::Array(inputs) => inputs,
        one => std::slice::from_ref(one),
    };
    let is_list = request.input.is_array();
    let key = remembered_key(session, &request)?;
    let most = MAX_BATCH - usize::from(key.is_some());
    if inputs.len() > most {
        return Err(OperationError::too_many_rows(inputs.len(), most));
    }
    let store = context.store();
    let body = hash(request.body);
    let now = session.now.time().timestamp();
    let again = Again { query: &query, inputs, body: &body, is_list };
    if let Some(key) = &key
        && let Some(remembered) = store.remembered(key, now).await?
    {
        return first_answer(context, session, &remembered, &again).await;
    }
    let new = drafts(context, session, inputs, is_list).await?;
    if let Err(error) = open_limit::check(context, session.caller, new.iter().map(|item| (None, item))).await {
        // A concurrent request with the same key may have created the rows that are too many.
        let first = match &key {
            Some(key) => store.remembered(key, now).await?,
            None => None,
        };
        return match first {
            Some(first) => first_answer(context, session, &first, &again).await,
            None => Err(error),
        };
    }
    let data = show(context, session, &query, &new, is_list).await?;
    check_length(session, &data)?;
    let remembered = key.map(|key| Remembered {
        key,
        body: body.clone(),
        ids: new.iter().map(|item| item.id).collect(),
        rights: Some(rights(session)),
        answer: Some(data.to_string()).filter(|text| text.len() <= MAX_REMEMBERED_ANSWER),
        expires_at: now + REMEMBERED_SECONDS,
    });
    if new.is_empty() && remembered.is_none() {
        return Ok(data);
    }
    match store.create(&new, remembered.as_ref().map(|remembered| (remembered, now))).await? {
        Created::Done => Ok(data),
        Created::Exists(id) => {
            let mut bad = BadRows::new(is_list);
            let rows: Vec<_> = new.iter().map(|item| item.id).enumerate().collect();
            taken(context, &rows, &mut bad).await?;
            bad.finish()?;
            // Deleted since, or the only row.
            Err(not_unique(id))
        }
        // A concurrent request with the same key committed first.
        Created::Remembered(first) => first_answer(context, session, &first, &again).await,
    }
}

/// Validates all inputs. Nothing is written unless every one is valid.
///
/// # Errors
/// That of the only input; for a list [`OperationError::Rows`] with all bad ones.
async fn drafts(
    context: &Context,
    session: Session<'_>,
    inputs: &[Value],
    is_list: bool,
) -> Result<Vec<Reservation>, OperationError> {
    let mut new: Vec<Reservation> = Vec::with_capacity(inputs.len());
    let mut chosen: Vec<(usize, Uuid)> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut bad = BadRows::new(is_list);
    let mut character_sets = CharacterSets::new(context, session.caller);
    for (row, input) in inputs.iter().enumerate() {
        let draft = draft(context, session, input, &mut character_sets).await;
        let item = bad.keep(row, draft)?;
        // The id of a bad row is judged too.
        if let Some(id) = chosen_id(input) {
            if ids.insert(id) {
                chosen.push((row, id));
            } else {
                bad.keep(row, Err::<(), _>(not_unique(id)))?;
            }
        }
        new.extend(item);
    }
    if bad.any() {
        // Otherwise the write tells whether an id is taken, without a read.
        taken(context, &chosen, &mut bad).await?;
    }
    bad.finish()?;
    Ok(new)
}

/// The id that the client chose for a row.
fn chosen_id(input: &Value) -> Option<Uuid> {
    input.get("id").and_then(Value::as_str).and_then(uuid)
}

/// Validates one input.
async fn draft(
    context: &Context,
    session: Session<'_>,
    input: &Value,
    character_sets: &mut CharacterSets<'_>,
) -> Result<Reservation, OperationError> {
    let draft = Draft::parse(&*keys_of_relations(input)?, &context.config().rules())?;
    if !session.caller.sees(Some(&draft.reserved_for)) {
        return Err(OperationError::no_row());
    }
    let birth = Birth {
        // A version 7 UUID, so ids are in the order of time and, within one request, of the array.
        id: Uuid::now_v7(),
        incarnation: Uuid::new_v4(),
        user: session.caller.id().unwrap_or_default().to_owned(),
        now: session.now,
    };
    let reservation = draft.into_reservation(birth);
    character_sets.check(&reservation).await?;
    Ok(reservation)
}

/// Notes the rows whose id exists already.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB does not answer; `RECORD_NOT_UNIQUE` where there is only one row.
async fn taken(context: &Context, rows: &[(usize, Uuid)], bad: &mut BadRows) -> Result<(), OperationError> {
    let ids: Vec<Uuid> = rows.iter().map(|(_, id)| *id).collect();
    let known: BTreeSet<Uuid> = context.store().reservations(&ids).await?.into_iter().map(|item| item.id).collect();
    for (row, id) in rows.iter().filter(|(_, id)| known.contains(id)) {
        bad.keep(*row, Err::<(), _>(not_unique(*id)))?;
    }
    Ok(())
}

fn not_unique(id: Uuid) -> OperationError {
    OperationError::RecordNotUnique { collection: COLLECTION, field: "id", value: id.to_string() }
}

async fn show(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    items: &[Reservation],
    is_list: bool,
) -> Result<Value, OperationError> {
    match items {
        [one] if !is_list => show_written(context, session, query, one).await,
        many => Ok(show_many(context, session, query, many).await?.data),
    }
}

/// A request whose Idempotency-Key was used before.
struct Again<'a> {
    query: &'a Query,
    inputs: &'a [Value],
    body: &'a str,
    is_list: bool,
}

/// The answer of the first request with this key, if the caller has the right to it today. The answer is the stored one
/// if the caller's rights are those of the first request. Otherwise it is built from the rows with today's rights.
///
/// # Errors
/// [`OperationError::KeyReused`] when the body differs from the first request's; `FORBIDDEN` when a row belongs to an
/// organisation that the caller may not see today, or when the answer must be built and a row was deleted.
async fn first_answer(
    context: &Context,
    session: Session<'_>,
    remembered: &Remembered,
    again: &Again<'_>,
) -> Result<Value, OperationError> {
    if remembered.body != again.body {
        return Err(OperationError::KeyReused("The Idempotency-Key was used with another body".to_owned()));
    }
    // The organisation in the request decides for a row that was deleted since, that of the row for any other.
    for input in again.inputs {
        let input = keys_of_relations(input)?;
        if !session.caller.sees(input.get("reserved_for").and_then(Value::as_str)) {
            return Err(OperationError::no_row());
        }
    }
    let items = context.store().reservations(&remembered.ids).await?;
    if !items.iter().all(|item| session.caller.sees(item.reserved_for.as_deref())) {
        return Err(OperationError::no_row());
    }
    let same_rights = remembered.rights.as_deref() == Some(&*rights(session));
    if same_rights && let Some(data) = remembered.answer.as_deref().and_then(|text| serde_json::from_str(text).ok()) {
        return Ok(data);
    }
    if !same_rights && items.len() < remembered.ids.len() {
        return Err(OperationError::no_row());
    }
    show(context, session, again.query, &items, again.is_list).await
}

/// A hash of the rights that decide what an answer may show: the role and the organisations.
fn rights(session: Session<'_>) -> String {
    let own = session.caller.organisations().map(|own| own.iter().collect::<BTreeSet<_>>());
    hash(json!([session.caller.role(), own]).to_string().as_bytes())
}

fn remembered_key(session: Session<'_>, request: &Request<'_>) -> Result<Option<String>, OperationError> {
    match request.key {
        None | Some("") => Ok(None),
        Some(key) if key.chars().count() > MAX_KEY => {
            Err(OperationError::InvalidPayload(format!("The Idempotency-Key has more than {MAX_KEY} characters")))
        }
        Some(key) => Ok(Some(request_key(session.caller.id().unwrap_or_default(), key))),
    }
}

fn hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}
