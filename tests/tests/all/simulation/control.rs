//! The control of the simulation: if the transaction of the allocation loses its conditions on the pool, the same runs
//! report breaches of RSV-1. So a breach would be seen.

use std::sync::Arc;

use serde_json::Value;

use super::{bench::Bench, run::Run};
use crate::support::faults::Request;

/// Runs until a breach must have been found.
const RUNS: u64 = 60;

/// Takes the conditions on the pool and on its ranges away. A condition that always holds takes their place, because
/// DynamoDB refuses values that no expression uses.
fn without_conditions(request: &Request) -> Option<String> {
    if request.operation != "TransactWriteItems" {
        return None;
    }
    let mut body: Value = serde_json::from_str(&request.body).ok()?;
    let mut is_changed = false;
    for action in body["TransactItems"].as_array_mut()? {
        for action in action.as_object_mut()?.values_mut() {
            let is_of_pools = action["TableName"].as_str().is_some_and(|table| table.contains("Pools"));
            if let (true, Some(condition)) = (is_of_pools, action["ConditionExpression"].as_str()) {
                action["ConditionExpression"] = format!("({condition}) OR attribute_not_exists(no_such)").into();
                is_changed = true;
            }
        }
    }
    is_changed.then(|| body.to_string())
}

#[test]
fn without_the_conditions_on_the_pool_the_runs_find_codes_that_are_issued_twice() {
    let (mut seen, bench) = (Vec::new(), Arc::new(Bench::start()));
    for seed in 0..RUNS {
        let run = Run { rewrite: Some(without_conditions), ..Run::of(seed) };
        let breaches = run.make(&bench).breaches;
        if breaches.iter().any(|breach| breach.starts_with("RSV-1")) {
            println!("seed {seed}: {}", breaches.join("\n"));
            return;
        }
        seen.extend(breaches);
        bench.clear();
    }
    panic!("no breach of RSV-1 in {RUNS} runs, but {seen:#?}");
}
