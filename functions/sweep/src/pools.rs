//! Completes pools that an older version made (operations, "Pools of an older version"): the index over all pools, and
//! the claims of company prefixes.

use std::time::{Duration, SystemTime};

use common::{
    context::Context,
    store::{Completed, StoreError},
};
use serde_json::{Value, json};

/// Passes over the table. During the first one, a worker of the older version may still make pools behind it. The
/// second one begins an hour later, with the next scheduled run.
const PASSES: u32 = 2;

/// Time reserved at the end of an invocation.
const RESERVE: Duration = Duration::from_secs(10);

/// Makes one pass, or as much of it as the time allows; the next run continues. After the last pass a run reads one
/// item and ends.
///
/// # Errors
/// When DynamoDB does not answer, or a pool cannot be read.
pub(crate) async fn run(context: &Context, deadline: SystemTime) -> Result<Value, StoreError> {
    let store = context.store();
    let mut state = store.old_pools().await?;
    if state.passes >= PASSES {
        return Ok(answer(&Completed::default(), true));
    }
    let mut completed = Completed::default();
    while state.passes < PASSES && context.host().time() + RESERVE < deadline {
        state.after = store.complete_old_pools(state.after.take(), &mut completed).await?;
        if state.after.is_none() {
            state.passes += 1;
            break;
        }
    }
    for namespace in &completed.conflicts {
        tracing::error!(
            namespace,
            "the company prefix of {namespace} begins or continues that of another pool: no codes are reserved in it"
        );
    }
    tracing::info!(pools = completed.pools, passes = state.passes, "sweep completed {} pools", completed.pools);
    store.save_old_pools(&state).await?;
    Ok(answer(&completed, state.passes >= PASSES))
}

fn answer(completed: &Completed, done: bool) -> Value {
    json!({ "pools": completed.pools, "conflicts": completed.conflicts, "done": done })
}
