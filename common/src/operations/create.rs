//! Creating reservations: one or many, all or nothing, once per Idempotency-Key. A request of REST has one creation; a
//! document of GraphQL may have several, which are one transaction under an Idempotency-Key.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    OperationError, Session,
    bad_rows::BadRows,
    character_sets::CharacterSets,
    open_limit,
    profiles::Profiles,
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
    store::{Created, REMEMBERED_SECONDS, Remembered, request_key},
};

/// Maximum rows in one batch: the actions that one DynamoDB transaction holds.
pub const MAX_BATCH: usize = 100;

/// Maximum size of an answer that is stored with an Idempotency-Key (bytes). A larger answer is built again from its
/// rows. A DynamoDB item can contain 400 KB.
const MAX_REMEMBERED_ANSWER: usize = 300_000;

/// Maximum length of an Idempotency-Key (characters).
pub const MAX_KEY: usize = 255;

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

/// One creation of a request.
#[derive(Clone, Copy)]
pub struct Creation<'a> {
    /// An object, or an array of objects.
    pub input: &'a Value,
    /// The parameters that shape the answer.
    pub query: &'a RawQuery,
}

/// A creation while it is worked on.
struct Part<'a> {
    query: Query,
    inputs: &'a [Value],
    is_list: bool,
}

impl<'a> Part<'a> {
    fn read(session: Session<'_>, creation: &Creation<'a>) -> Result<Self, OperationError> {
        let query = session.query(Collection::CodeReservation, creation.query)?;
        let inputs: &[Value] = match creation.input {
            Value::Array(inputs) => inputs,
            one => std::slice::from_ref(one),
        };
        Ok(Self { query, inputs, is_list: creation.input.is_array() })
    }
}

/// Why nothing was created: the position of the creation that failed, and its error.
pub type Failed = (usize, OperationError);

/// Adds the position of a creation to its error.
fn at<T>(position: usize, result: Result<T, OperationError>) -> Result<T, Failed> {
    result.map_err(|error| (position, error))
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
    let creations = [Creation { input: request.input, query: request.query }];
    let created = create_all(context, session, &creations, request.body, request.key).await;
    let answers = created.map_err(|(_, error)| error)?;
    answers.into_iter().next().ok_or_else(|| OperationError::Unavailable("a creation without an answer".to_owned()))
}

/// Creates the reservations of all creations in one transaction. Gives one answer for each. `body` and `key` are those of
/// the whole request, as in [`Request`].
///
/// # Errors
/// As [`create`], with the position of the creation whose fault it is; the first one for a fault of the request. Then
/// nothing is written.
pub async fn create_all(
    context: &Context,
    session: Session<'_>,
    creations: &[Creation<'_>],
    body: &[u8],
    key: Option<&str>,
) -> Result<Vec<Value>, Failed> {
    let parts = parts(session, creations)?;
    let key = at(0, remembered_key(session, key))?;
    check_number(&parts, MAX_BATCH - usize::from(key.is_some()))?;
    let store = context.store();
    let body = hash(body);
    let now = session.now.time().timestamp();
    if let Some(key) = &key
        && let Some(remembered) = at(0, store.remembered(key, now).await.map_err(OperationError::from))?
    {
        return first_answers(context, session, &remembered, &parts, &body).await;
    }
    let new = all_drafts(context, session, &parts).await?;
    let all: Vec<Reservation> = new.iter().flatten().cloned().collect();
    if let Err(error) = check_open(context, session, &all).await {
        // A concurrent request with the same key may have created the rows that are too many.
        let first = match &key {
            Some(key) => at(0, store.remembered(key, now).await.map_err(OperationError::from))?,
            None => None,
        };
        return match first {
            Some(first) => first_answers(context, session, &first, &parts, &body).await,
            None => Err((0, error)),
        };
    }
    let mut answers = Vec::with_capacity(parts.len());
    for (position, (part, items)) in parts.iter().zip(&new).enumerate() {
        let data = at(position, show(context, session, part, items).await)?;
        at(position, check_length(session, &data))?;
        answers.push(data);
    }
    let remembered = key.map(|key| Remembered {
        key,
        body: body.clone(),
        ids: all.iter().map(|item| item.id).collect(),
        rights: Some(rights(session)),
        answer: Some(stored_text(&answers)).filter(|text| text.len() <= MAX_REMEMBERED_ANSWER),
        expires_at: now + REMEMBERED_SECONDS,
    });
    if all.is_empty() && remembered.is_none() {
        return Ok(answers);
    }
    let created = store.create(&all, remembered.as_ref().map(|remembered| (remembered, now))).await;
    match at(0, created.map_err(OperationError::from))? {
        Created::Done => Ok(answers),
        Created::Exists(id) => {
            let position = new.iter().position(|items| items.iter().any(|item| item.id == id)).unwrap_or(0);
            let is_list = parts.get(position).is_some_and(|part| part.is_list);
            let mut bad = BadRows::new(is_list);
            let rows: Vec<_> = new.get(position).into_iter().flatten().map(|item| item.id).enumerate().collect();
            at(position, taken(context, &rows, &mut bad).await)?;
            at(position, bad.finish())?;
            // Deleted since, or the only row.
            Err((position, not_unique(id)))
        }
        // A concurrent request with the same key committed first.
        Created::Remembered(first) => first_answers(context, session, &first, &parts, &body).await,
    }
}

/// Checks what [`create`] checks before it writes, and writes nothing: for forms that say what is wrong while a person
/// types.
///
/// # Errors
/// As [`create`] for the same input, except what only a write can tell: `RECORD_NOT_UNIQUE` and [`OperationError::KeyReused`].
pub async fn check(context: &Context, session: Session<'_>, input: &Value) -> Result<(), OperationError> {
    let only = |failed: Failed| failed.1;
    let creations = [Creation { input, query: &RawQuery::default() }];
    let parts = parts(session, &creations).map_err(only)?;
    check_number(&parts, MAX_BATCH).map_err(only)?;
    let new = all_drafts(context, session, &parts).await.map_err(only)?;
    let all: Vec<Reservation> = new.into_iter().flatten().collect();
    check_open(context, session, &all).await
}

/// Checks the right to create, and the parameters of all creations.
fn parts<'a>(session: Session<'_>, creations: &[Creation<'a>]) -> Result<Vec<Part<'a>>, Failed> {
    at(0, session.caller.may(Action::Create, Collection::CodeReservation))?;
    let read = |(position, creation)| at(position, Part::read(session, creation));
    creations.iter().enumerate().map(read).collect()
}

/// Checks the number of rows of a request.
fn check_number(parts: &[Part<'_>], most: usize) -> Result<(), Failed> {
    let rows = parts.iter().map(|part| part.inputs.len()).sum();
    if rows > most { Err((0, OperationError::too_many_rows(rows, most))) } else { Ok(()) }
}

/// The reservations of all creations, one list for each, which nothing is written for yet.
async fn all_drafts(
    context: &Context,
    session: Session<'_>,
    parts: &[Part<'_>],
) -> Result<Vec<Vec<Reservation>>, Failed> {
    let mut ids = BTreeSet::new();
    let mut new = Vec::with_capacity(parts.len());
    for (position, part) in parts.iter().enumerate() {
        new.push(at(position, drafts(context, session, part, &mut ids).await)?);
    }
    Ok(new)
}

/// Checks that new reservations do not open too many.
async fn check_open(context: &Context, session: Session<'_>, new: &[Reservation]) -> Result<(), OperationError> {
    open_limit::check(context, session.caller, new.iter().map(|item| (None, item))).await
}

/// The answers as they are stored: that of the only creation, or a list.
fn stored_text(answers: &[Value]) -> String {
    match answers {
        [one] => one.to_string(),
        many => Value::from(many.to_vec()).to_string(),
    }
}

/// Reads [`stored_text`] of so many answers.
fn stored_answers(text: &str, count: usize) -> Option<Vec<Value>> {
    let data: Value = serde_json::from_str(text).ok()?;
    match data {
        one if count == 1 => Some(vec![one]),
        Value::Array(many) if many.len() == count => Some(many),
        _ => None,
    }
}

/// Validates all inputs of a creation. Nothing is written unless every one is valid. `ids` are those that the request chose
/// so far.
///
/// # Errors
/// That of the only input; for a list [`OperationError::Rows`] with all bad ones.
async fn drafts(
    context: &Context,
    session: Session<'_>,
    part: &Part<'_>,
    ids: &mut BTreeSet<Uuid>,
) -> Result<Vec<Reservation>, OperationError> {
    let mut new: Vec<Reservation> = Vec::with_capacity(part.inputs.len());
    let mut chosen: Vec<(usize, Uuid)> = Vec::new();
    let mut bad = BadRows::new(part.is_list);
    let mut character_sets = CharacterSets::new(context, session.caller);
    let mut profiles = Profiles::new(context);
    for (row, input) in part.inputs.iter().enumerate() {
        let draft = draft(context, session, input, &mut character_sets, &mut profiles).await;
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
    profiles: &mut Profiles<'_>,
) -> Result<Reservation, OperationError> {
    let draft = Draft::parse(&*keys_of_relations(input)?, &context.config().rules())?;
    if !session.caller.sees(Some(&draft.reserved_for)) {
        return Err(OperationError::no_row());
    }
    let birth = Birth {
        // A version 7 UUID, so ids are in the order of time and, within one request, of the array.
        id: context.host().ordered_id(),
        incarnation: context.host().random_id(),
        user: session.caller.id().unwrap_or_default().to_owned(),
        now: session.now,
    };
    let reservation = draft.into_reservation(birth);
    character_sets.check(&reservation).await?;
    profiles.check(&reservation).await?;
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
    part: &Part<'_>,
    items: &[Reservation],
) -> Result<Value, OperationError> {
    match items {
        [one] if !part.is_list => show_written(context, session, &part.query, one).await,
        many => Ok(show_many(context, session, &part.query, many).await?.data),
    }
}

/// The answers of the first request with this key, if the caller has the right to them today. They are the stored ones
/// if the caller's rights are those of the first request. Otherwise they are built from the rows with today's rights.
///
/// # Errors
/// [`OperationError::KeyReused`] when the body differs from the first request's; `FORBIDDEN` when a row belongs to an
/// organisation that the caller may not see today, or when the answer must be built and a row was deleted.
async fn first_answers(
    context: &Context,
    session: Session<'_>,
    remembered: &Remembered,
    parts: &[Part<'_>],
    body: &str,
) -> Result<Vec<Value>, Failed> {
    // An older version remembered the first creation of a document alone.
    let rows: usize = parts.iter().map(|part| part.inputs.len()).sum();
    if remembered.body != body || remembered.ids.len() != rows {
        let reused = OperationError::KeyReused("The Idempotency-Key was used with another body".to_owned());
        return Err((0, reused));
    }
    // The organisation in the request decides for a row that was deleted since, that of the row for any other.
    for (position, part) in parts.iter().enumerate() {
        for input in part.inputs {
            let input = at(position, keys_of_relations(input))?;
            if !session.caller.sees(input.get("reserved_for").and_then(Value::as_str)) {
                return Err((position, OperationError::no_row()));
            }
        }
    }
    let items = at(0, context.store().reservations(&remembered.ids).await.map_err(OperationError::from))?;
    if !items.iter().all(|item| session.caller.sees(item.reserved_for.as_deref())) {
        return Err((0, OperationError::no_row()));
    }
    let same_rights = remembered.rights.as_deref() == Some(&*rights(session));
    let stored = remembered.answer.as_deref().filter(|_| same_rights);
    if let Some(answers) = stored.and_then(|text| stored_answers(text, parts.len())) {
        return Ok(answers);
    }
    if !same_rights && items.len() < remembered.ids.len() {
        return Err((0, OperationError::no_row()));
    }
    let mut answers = Vec::with_capacity(parts.len());
    let mut ids = remembered.ids.iter();
    for (position, part) in parts.iter().enumerate() {
        let own: BTreeSet<&Uuid> = ids.by_ref().take(part.inputs.len()).collect();
        let items: Vec<Reservation> = items.iter().filter(|item| own.contains(&item.id)).cloned().collect();
        answers.push(at(position, show(context, session, part, &items).await)?);
    }
    Ok(answers)
}

/// A hash of the rights that decide what an answer may show: the role and the organisations.
fn rights(session: Session<'_>) -> String {
    let own = session.caller.organisations().map(|own| own.iter().collect::<BTreeSet<_>>());
    hash(json!([session.caller.role(), own]).to_string().as_bytes())
}

fn remembered_key(session: Session<'_>, key: Option<&str>) -> Result<Option<String>, OperationError> {
    match key {
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
