//! Completes the tallies: counts every row, and then looks at everything that is counted, to find what is no row any
//! more. So it also repairs what a lost stream record left (operations, "Counts").
//!
//! It takes the step of the stream function for each row, so it may run beside that function and be cut short anywhere.
//! Its place is kept in the state of the tallies; the next run continues there.

use std::time::{Duration, SystemTime};

use common::{
    config::MAX_SHARDS,
    context::Context,
    store::{Entries, MAX_COUNTED, MarksPlace, Recounted, Store, StoreError},
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

/// Where a run continues.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// After a row of a shard, in the order of ids.
    Rows { shard: u32, after: Option<Uuid> },
    /// After a mark.
    Marks(Option<MarksPlace>),
}

impl Place {
    const START: Self = Self::Rows { shard: 0, after: None };

    fn write(&self) -> String {
        match self {
            Self::Rows { shard, after } => json!({ "shard": shard, "after": after }),
            Self::Marks(after) => json!({ "marks": after }),
        }
        .to_string()
    }

    /// The place that a text describes; the start if it cannot be read, which repeats work and does no harm.
    fn read(text: &str) -> Self {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        if let Some(after) = value.get("marks") {
            return serde_json::from_value(after.clone()).map_or(Self::START, Self::Marks);
        }
        let shard = value.get("shard").and_then(Value::as_u64).and_then(|shard| u32::try_from(shard).ok());
        let after = value.get("after").cloned().unwrap_or_default();
        match (shard, serde_json::from_value(after)) {
            (Some(shard), Ok(after)) => Self::Rows { shard, after },
            _ => Self::START,
        }
    }
}

/// Continues the run that completes the tallies until it ends or the time is up. Nothing happens if they are complete,
/// unless the event has `"again": true`.
///
/// # Errors
/// When DynamoDB does not answer. The next run continues.
pub(crate) async fn run(context: &Context, event: &Value, deadline: SystemTime) -> Result<Value, StoreError> {
    let store = context.store();
    let state = store.tally_state().await?;
    let again = event.get("again").and_then(Value::as_bool) == Some(true);
    let place = match &state.next {
        _ if again => Place::START,
        Some(next) => Place::read(next),
        None if state.is_complete() => return Ok(json!({ "complete": true, "counted": 0 })),
        None => Place::START,
    };
    let mut run = Run { context, store, deadline, done: Recounted::default(), looked: 0, forgotten: 0, pages: 0 };
    let ended = run.from(place).await?;
    let Run { done: Recounted { moved, failed, .. }, looked, .. } = &run;
    for id in failed {
        tracing::error!(reservation = %id, "reservation {id} was not counted");
    }
    tracing::info!(looked, moved, ended, "sweep counted {moved} of {looked} reservations that it looked at");
    Ok(json!({
        "complete": ended || (state.is_complete() && !again),
        "looked": looked,
        "counted": moved,
        "failed": failed.len(),
    }))
}

/// Removes marks of reservations that were deleted long ago, until the time is up. Gives their number.
///
/// # Errors
/// When DynamoDB does not answer. The next run removes the rest.
pub(crate) async fn forget(context: &Context, deadline: SystemTime) -> Result<usize, StoreError> {
    let (store, forget) = (context.store(), forget_before(context));
    let (mut forgotten, mut after) = (0, None);
    while context.host().time() + RESERVE < deadline {
        let page = store.marks_page(after.as_ref(), forget).await?;
        forgotten += page.forgotten;
        after = page.next;
        if after.is_none() {
            return Ok(forgotten);
        }
    }
    tracing::warn!(forgotten, "sweep ran out of time after {forgotten} marks of deleted reservations");
    Ok(forgotten)
}

fn forget_before(context: &Context) -> i64 {
    context.now().time().timestamp().saturating_sub(KEPT_SECONDS)
}

/// The state of one run.
struct Run<'a> {
    context: &'a Context,
    store: Store<'a>,
    deadline: SystemTime,
    done: Recounted,
    /// Rows and marks that were looked at.
    looked: usize,
    forgotten: usize,
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
                Some(left) => {
                    self.store.save_tally_run(&left.write()).await?;
                    return Ok(false);
                }
                None => place = Place::Rows { shard: shard + 1, after: None },
            }
        }
        let Place::Marks(mut after) = place else { return Ok(false) };
        loop {
            let place = Place::Marks(after.clone());
            if self.is_over() {
                self.store.save_tally_run(&place.write()).await?;
                return Ok(false);
            }
            self.note(&place).await?;
            let page = self.store.marks_page(after.as_ref(), forget_before(self.context)).await?;
            self.forgotten += page.forgotten;
            self.count(&page.counted).await?;
            after = page.next;
            if after.is_none() {
                self.store.end_tally_run(self.context.now()).await?;
                return Ok(true);
            }
        }
    }

    /// Counts the rows of a shard. Gives the place where the time was up.
    async fn rows(&mut self, shard: u32, mut after: Option<Uuid>) -> Result<Option<Place>, StoreError> {
        let mut entries = Entries::of_shard(shard, after);
        loop {
            let place = Place::Rows { shard, after };
            if self.is_over() {
                return Ok(Some(place));
            }
            let ids = entries.next(self.store, MAX_COUNTED).await?;
            let Some(last) = ids.last() else { return Ok(None) };
            self.note(&place).await?;
            after = Some(*last);
            self.count(&ids).await?;
        }
    }

    async fn count(&mut self, ids: &[Uuid]) -> Result<(), StoreError> {
        self.looked += ids.len();
        for ids in ids.chunks(MAX_COUNTED) {
            self.done.add(self.store.count_rows(ids, self.context.now()).await?);
        }
        Ok(())
    }

    /// Saves the place now and then, before the work that follows it.
    async fn note(&mut self, place: &Place) -> Result<(), StoreError> {
        self.pages += 1;
        if self.pages.is_multiple_of(SAVED_AFTER) {
            self.store.save_tally_run(&place.write()).await?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.context.host().time() + RESERVE >= self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_continues_where_the_one_before_was_cut_short() {
        let id = Uuid::from_u128(7);
        for place in [
            Place::START,
            Place::Rows { shard: 255, after: Some(id) },
            Place::Marks(None),
            Place::Marks(Some(("row#1".to_owned(), "mark".to_owned()))),
        ] {
            assert_eq!(Place::read(&place.write()), place);
        }
        for wrong in ["", "{}", "7", r#"{"marks":7}"#, r#"{"shard":-1,"after":null}"#, r#"{"shard":1,"after":"x"}"#] {
            assert_eq!(Place::read(wrong), Place::START, "{wrong}");
        }
    }
}
