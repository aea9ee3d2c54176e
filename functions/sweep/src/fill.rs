//! Completes the index keys of rows that were written before the indexes existed (operations, "Indexes of an older
//! table").

use std::time::{Duration, SystemTime};

use common::{
    config::MAX_SHARDS,
    context::Context,
    store::{Filled, Filling, StoreError},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Time reserved at the end of an invocation.
const RESERVE: Duration = Duration::from_secs(5);

/// Where a run begins: the first row of the first shard, or after the place that the run before gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Start {
    shard: u32,
    after: Option<Uuid>,
}

impl Start {
    /// Reads `{"shard": 0, "after": "…"}`, which is the member `next` of an answer.
    ///
    /// # Errors
    /// When a member has another type.
    pub(crate) fn read(event: &Value) -> Result<Self, String> {
        let Some(place) = event.get("next").filter(|place| !place.is_null()) else { return Ok(Self::default()) };
        let shard = place.get("shard").and_then(Value::as_u64).and_then(|shard| u32::try_from(shard).ok());
        let after = match place.get("after") {
            None | Some(Value::Null) => Some(None),
            Some(id) => id.as_str().and_then(|id| Uuid::try_parse(id).ok()).map(Some),
        };
        match (shard, after) {
            (Some(shard), Some(after)) => Ok(Self { shard, after }),
            _ => Err("\"next\" must be null or that of an answer".to_owned()),
        }
    }
}

/// Completes rows of every partition there can be until the time is up. The answer says where the next run continues; `next` is null at the end.
///
/// # Errors
/// When DynamoDB does not answer.
pub(crate) async fn run(context: &Context, start: Start, deadline: SystemTime) -> Result<Value, StoreError> {
    let store = context.store();
    let mut filled = Filled::default();
    let mut next = Some(start);
    while let Some(Start { shard, after }) = next.filter(|place| place.shard < MAX_SHARDS) {
        let mut filling = Filling::of_shard(shard, after);
        let mut last = after;
        next = loop {
            if context.host().time() + RESERVE >= deadline {
                return Ok(answer(filled, Some(Start { shard, after: last })));
            }
            match filling.next(store, &mut filled).await? {
                Some(id) => last = Some(id),
                None => break Some(Start { shard: shard + 1, after: None }),
            }
        };
    }
    Ok(answer(filled, None))
}

fn answer(filled: Filled, next: Option<Start>) -> Value {
    let Filled { looked, written, busy, unreadable } = filled;
    tracing::info!(looked, written, busy, unreadable, "sweep completed the index keys of {written} of {looked} rows");
    let next = next.map(|place| json!({ "shard": place.shard, "after": place.after }));
    json!({ "looked": looked, "written": written, "busy": busy, "unreadable": unreadable, "next": next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_begins_where_the_one_before_ended() {
        let place = Start { shard: 2, after: Some(Uuid::from_u128(7)) };
        let next = answer(Filled::default(), Some(place));
        assert_eq!(Start::read(&next), Ok(place));
        assert_eq!(Start::read(&json!({ "next": null })), Ok(Start::default()));
        assert_eq!(Start::read(&json!({})), Ok(Start::default()));
        for wrong in [json!({"shard": -1}), json!({"shard": 0, "after": "x"}), json!("0"), json!({"after": null})] {
            assert!(Start::read(&json!({ "next": wrong })).is_err(), "{wrong}");
        }
    }
}
