//! Completes the tallies: counts every row, and then looks at everything that is counted, to find what is no row any
//! more. So it also repairs what a lost stream record left (operations, "Counts").
//!
//! It takes the step of the stream function for each row, so it may run beside that function and be cut short anywhere.
//! Its place is kept in the state of the tallies; the next run continues there.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use common::{
    config::MAX_SHARDS,
    context::Context,
    reservation::Timestamp,
    store::{Entries, MAX_COUNTED, MarksPlace, Recounted, Store, StoreError, TallyState},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Time reserved at the end of an invocation.
const RESERVE: Duration = Duration::from_secs(10);

/// Pages after which the place is saved. A run that dies repeats so many at most.
const SAVED_AFTER: usize = 20;

/// How long the mark of a deleted reservation is kept: far longer than any invocation that may still hold an older
/// reading of the row (seconds).
const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// Maximum number of rows that could not be counted and are kept by their ids, to be tried again at the end of the run.
/// With more, the whole run is made again.
const MAX_LEFT: usize = 1_000;

/// Rounds in which an invocation tries rows that could not be counted. Each has eight tries with back-off.
const ROUNDS: usize = 3;

/// Where a run continues.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// After a row of a shard, in the order of ids.
    Rows { shard: u32, after: Option<Uuid> },
    /// After a mark.
    Marks(Option<MarksPlace>),
    /// With the rows that could not be counted.
    Left,
}

impl Place {
    const START: Self = Self::Rows { shard: 0, after: None };

    fn write(&self) -> Value {
        match self {
            Self::Rows { shard, after } => json!({ "shard": shard, "after": after }),
            Self::Marks(after) => json!({ "marks": after }),
            Self::Left => json!({ "left": true }),
        }
    }

    /// The place that a value describes; the start if it cannot be read, which repeats work and does no harm.
    fn read(value: &Value) -> Self {
        if let Some(after) = value.get("marks") {
            return serde_json::from_value(after.clone()).map_or(Self::START, Self::Marks);
        }
        if value.get("left").and_then(Value::as_bool) == Some(true) {
            return Self::Left;
        }
        let shard = value.get("shard").and_then(Value::as_u64).and_then(|shard| u32::try_from(shard).ok());
        let after = value.get("after").cloned().unwrap_or_default();
        match (shard, serde_json::from_value(after)) {
            (Some(shard), Ok(after)) => Self::Rows { shard, after },
            _ => Self::START,
        }
    }
}

/// Rows that a run could not count so far. The run does not end before they are counted: an old row that is at an end
/// has no further stream record, so it would be missing for good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Left {
    ids: BTreeSet<Uuid>,
    /// Whether there were more, so that everything is to be counted once more.
    repeat: bool,
}

impl Left {
    fn add(&mut self, ids: impl IntoIterator<Item = Uuid>) {
        for id in ids {
            if self.ids.len() < MAX_LEFT {
                self.ids.insert(id);
            } else if !self.ids.contains(&id) {
                self.repeat = true;
            }
        }
    }
}

/// The text of a place and of what is left, for the state of the tallies.
fn write(place: &Place, left: &Left) -> String {
    let mut value = place.write();
    value[LISTS] = json!(LISTED);
    if !left.ids.is_empty() {
        value["failed"] = json!(left.ids);
    }
    if left.repeat {
        value["repeat"] = json!(true);
    }
    value.to_string()
}

/// Says what the run writes for lists beside the counts. One that an older version began does not end as if it had.
const LISTS: &str = "lists";
const LISTED: u64 = 2;

/// Reads what [`fn@write`] wrote. A run of an older version begins again.
fn read(text: &str) -> (Place, Left) {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    if value.get(LISTS).and_then(Value::as_u64) != Some(LISTED) {
        return (Place::START, Left::default());
    }
    let place = Place::read(&value);
    let ids = value.get("failed").cloned().unwrap_or_else(|| json!([]));
    match serde_json::from_value(ids) {
        Ok(ids) => (place, Left { ids, repeat: value.get("repeat").and_then(Value::as_bool) == Some(true) }),
        // Nobody knows which rows are left.
        Err(_) => (Place::START, Left::default()),
    }
}

/// Continues the run that completes the tallies until it ends or the time is up. If they are complete, nothing but
/// [`list_open`] happens, unless the event has `"again": true`.
///
/// # Errors
/// When DynamoDB does not answer. The next run continues.
pub(crate) async fn run(context: &Context, event: &Value, deadline: SystemTime) -> Result<Value, StoreError> {
    let store = context.store();
    let state = store.tally_state().await?;
    let again = event.get("again").and_then(Value::as_bool) == Some(true);
    let (place, left) = match &state.next {
        _ if again => {
            store.begin_tally_run().await?;
            (Place::START, Left::default())
        }
        Some(next) => read(next),
        None if state.is_complete() && state.lists => {
            return Ok(json!({ "complete": true, "counted": list_open(context, &state, deadline).await? }));
        }
        None => (Place::START, Left::default()),
    };
    let mut run = Run { context, store, deadline, left, moved: 0, looked: 0, pages: 0 };
    let ended = run.from(place).await?;
    if ended {
        run.moved += list_open(context, &state, deadline).await?;
    }
    let Run { left, moved, looked, .. } = &run;
    for id in &left.ids {
        tracing::error!(reservation = %id, "reservation {id} was not counted; the next run tries it again");
    }
    tracing::info!(looked, moved, ended, "sweep counted {moved} of {looked} reservations that it looked at");
    Ok(json!({
        "complete": ended || (state.is_complete() && state.lists && !again),
        "looked": looked,
        "counted": moved,
        "failed": left.ids.len(),
    }))
}

/// Lists the open reservations that have become old enough for it since the last run, until the time is up. Whoever counts a
/// change of an older one lists it at once. Gives the number of marks that were written.
///
/// # Errors
/// When DynamoDB does not answer. The next run goes on where this one was.
async fn list_open(context: &Context, state: &TallyState, deadline: SystemTime) -> Result<usize, StoreError> {
    let store = context.store();
    let Some((entries, until)) = store.open_to_list(state, context.now()) else { return Ok(0) };
    let mut open = OpenRows { context, store, deadline, entries, moved: 0, reached: None, is_behind: false };
    let ended = open.list().await;
    let before = if open.is_behind || !matches!(ended, Ok(true)) { open.reached } else { Some(until) };
    if let Some(before) = before {
        store.save_open_before(before).await?;
    }
    ended.map(|_| open.moved)
}

/// Open rows that are being listed, in the order of their creation.
struct OpenRows<'a> {
    context: &'a Context,
    store: Store<'a>,
    deadline: SystemTime,
    entries: Entries,
    /// Rows whose mark was written.
    moved: usize,
    /// The time of creation before which all are listed.
    reached: Option<Timestamp>,
    /// Whether one could not be listed now. What comes after it has its turn again.
    is_behind: bool,
}

impl OpenRows<'_> {
    /// Lists them. Gives whether that came to the end.
    async fn list(&mut self) -> Result<bool, StoreError> {
        let mut pages: usize = 0;
        while !is_over(self.context, self.deadline) {
            let ids = self.entries.next(self.store, MAX_COUNTED).await?;
            if ids.is_empty() {
                return Ok(true);
            }
            self.list_rows(&ids).await?;
            if !self.is_behind {
                self.reached = self.entries.reached();
            }
            pages += 1;
            if let Some(reached) = self.reached.filter(|_| pages.is_multiple_of(SAVED_AFTER)) {
                self.store.save_open_before(reached).await?;
            }
        }
        Ok(false)
    }

    async fn list_rows(&mut self, ids: &[Uuid]) -> Result<(), StoreError> {
        match self.store.count_rows(ids, self.context.now()).await {
            Ok(done) => self.note(&done),
            // A mark that cannot be read does not keep the others waiting. The task `marks` lists its row when it was repaired.
            Err(StoreError::Corrupt { .. }) => {
                for id in ids {
                    if is_over(self.context, self.deadline) {
                        self.is_behind = true;
                        break;
                    }
                    match self.store.count_rows(&[*id], self.context.now()).await {
                        Ok(done) => self.note(&done),
                        Err(error @ StoreError::Corrupt { .. }) => {
                            tracing::error!(reservation = %id, error = %error, "reservation {id} is missing from lists of its status");
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn note(&mut self, done: &Recounted) {
        self.moved += done.moved;
        for id in &done.failed {
            tracing::warn!(reservation = %id, "reservation {id} is not in lists of its status yet");
            self.is_behind = true;
        }
    }
}

/// Removes marks of reservations that were deleted long ago, and completes those that a function of an older version wrote
/// beside the new one, until the time is up. Gives the number of those that were removed. The next run goes on where the time
/// was up, so that every mark has its turn.
///
/// # Errors
/// When DynamoDB does not answer. The next run removes the rest.
pub(crate) async fn forget(context: &Context, deadline: SystemTime) -> Result<usize, StoreError> {
    let (store, forget) = (context.store(), forget_before(context));
    let begun = store.tally_state().await?.forgetting;
    let (mut forgotten, mut after) = (0, begun.clone());
    while !is_over(context, deadline) {
        let page = store.marks_page(after.as_ref(), forget).await?;
        forgotten += page.forgotten;
        for ids in page.unlisted.chunks(MAX_COUNTED) {
            // One that cannot be counted now has its turn again.
            store.count_rows(ids, context.now()).await?;
        }
        after = page.next;
        if after.is_none() {
            if begun.is_some() {
                store.save_forgetting(None).await?;
            }
            return Ok(forgotten);
        }
    }
    store.save_forgetting(after.as_ref()).await?;
    tracing::warn!(forgotten, "sweep ran out of time after {forgotten} marks of deleted reservations");
    Ok(forgotten)
}

/// Whether no time is left but what is reserved.
fn is_over(context: &Context, deadline: SystemTime) -> bool {
    context.host().time() + RESERVE >= deadline
}

fn forget_before(context: &Context) -> i64 {
    context.now().time().timestamp().saturating_sub(KEPT_SECONDS)
}

/// The state of one run.
struct Run<'a> {
    context: &'a Context,
    store: Store<'a>,
    deadline: SystemTime,
    /// Rows that could not be counted, in this invocation and in those before.
    left: Left,
    /// Rows whose mark was written.
    moved: usize,
    /// Rows and marks that were looked at.
    looked: usize,
    pages: usize,
}

impl Run<'_> {
    /// Goes on from a place. Gives whether it came to the end.
    async fn from(&mut self, mut place: Place) -> Result<bool, StoreError> {
        while let Place::Rows { shard, after } = place {
            if shard >= MAX_SHARDS {
                place = Place::Marks(None);
                break;
            }
            match self.rows(shard, after).await? {
                Some(left) => return self.pause(&left).await,
                None => place = Place::Rows { shard: shard + 1, after: None },
            }
        }
        if let Place::Marks(after) = place
            && let Some(left) = self.marks(after).await?
        {
            return self.pause(&left).await;
        }
        self.end().await
    }

    /// Saves the place where the time was up.
    async fn pause(&self, place: &Place) -> Result<bool, StoreError> {
        self.store.save_tally_run(&write(place, &self.left)).await?;
        Ok(false)
    }

    /// Counts the rows of a shard. Gives the place where the time was up.
    async fn rows(&mut self, shard: u32, mut after: Option<Uuid>) -> Result<Option<Place>, StoreError> {
        let mut entries = Entries::of_shard(shard, after);
        loop {
            let place = Place::Rows { shard, after };
            if is_over(self.context, self.deadline) {
                return Ok(Some(place));
            }
            let ids = entries.next(self.store, MAX_COUNTED).await?;
            let Some(last) = ids.last() else { return Ok(None) };
            self.note(&place).await?;
            after = Some(*last);
            self.count(&ids).await?;
        }
    }

    /// Counts what is counted already. Gives the place where the time was up.
    async fn marks(&mut self, mut after: Option<MarksPlace>) -> Result<Option<Place>, StoreError> {
        loop {
            let place = Place::Marks(after.clone());
            if is_over(self.context, self.deadline) {
                return Ok(Some(place));
            }
            self.note(&place).await?;
            let page = self.store.marks_page(after.as_ref(), forget_before(self.context)).await?;
            self.count(&page.counted).await?;
            after = page.next;
            if after.is_none() {
                return Ok(None);
            }
        }
    }

    /// Tries the rows that could not be counted once more, and ends the run if none is left. Gives whether it ended.
    async fn end(&mut self) -> Result<bool, StoreError> {
        for _ in 0..ROUNDS {
            if self.left.ids.is_empty() || is_over(self.context, self.deadline) {
                break;
            }
            let ids: Vec<Uuid> = std::mem::take(&mut self.left.ids).into_iter().collect();
            self.count(&ids).await?;
        }
        if !self.left.ids.is_empty() {
            return self.pause(&Place::Left).await;
        }
        if std::mem::take(&mut self.left.repeat) {
            return self.pause(&Place::START).await;
        }
        self.store.end_tally_run(self.context.now()).await?;
        Ok(true)
    }

    async fn count(&mut self, ids: &[Uuid]) -> Result<(), StoreError> {
        self.looked += ids.len();
        for ids in ids.chunks(MAX_COUNTED) {
            let Recounted { moved, failed, .. } = self.store.count_rows(ids, self.context.now()).await?;
            self.moved += moved;
            self.left.add(failed);
        }
        Ok(())
    }

    /// Saves the place now and then, before the work that follows it.
    async fn note(&mut self, place: &Place) -> Result<(), StoreError> {
        self.pages += 1;
        if self.pages.is_multiple_of(SAVED_AFTER) {
            self.store.save_tally_run(&write(place, &self.left)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use common::store::TALLY_START;

    use super::*;

    #[test]
    fn a_run_continues_where_the_one_before_was_cut_short() {
        let id = Uuid::from_u128(7);
        let lefts = [
            Left::default(),
            Left { ids: BTreeSet::from([id, Uuid::nil()]), repeat: false },
            Left { ids: BTreeSet::from([id]), repeat: true },
        ];
        for place in [
            Place::START,
            Place::Rows { shard: 255, after: Some(id) },
            Place::Marks(None),
            Place::Marks(Some(("row#1".to_owned(), "mark".to_owned()))),
            Place::Left,
        ] {
            for left in &lefts {
                assert_eq!(read(&write(&place, left)), (place.clone(), left.clone()));
            }
        }
        let written: Value = serde_json::from_str(&write(&Place::START, &Left::default())).unwrap();
        assert_eq!(serde_json::from_str::<Value>(TALLY_START).unwrap(), written);
        let (place, left) = read(r#"{"lists":2,"shard":7,"after":null}"#);
        assert_eq!((place, left), (Place::Rows { shard: 7, after: None }, Left::default()));
        for wrong in [
            "",
            "{}",
            "7",
            // As older versions wrote it.
            r#"{"shard":7,"after":null}"#,
            r#"{"lists":true,"shard":7,"after":null}"#,
            r#"{"lists":2,"marks":7}"#,
            r#"{"lists":2,"left":false}"#,
            r#"{"lists":2,"shard":-1,"after":null}"#,
            r#"{"lists":2,"shard":1,"after":"x"}"#,
            r#"{"lists":2,"left":true,"failed":[7]}"#,
        ] {
            assert_eq!(read(wrong), (Place::START, Left::default()), "{wrong}");
        }
    }

    #[test]
    fn more_rows_than_are_kept_make_the_run_begin_again() {
        let mut left = Left::default();
        let ids = |count: u128| (0..count).map(Uuid::from_u128);
        left.add(ids(MAX_LEFT as u128));
        left.add(ids(MAX_LEFT as u128));
        assert_eq!((left.ids.len(), left.repeat), (MAX_LEFT, false));
        left.add(ids(MAX_LEFT as u128 + 1));
        assert_eq!((left.ids.len(), left.repeat), (MAX_LEFT, true));
    }
}
