//! Counts of index entries: several runs of keys at a time, and paid for by the request (decision 21).

use std::sync::Arc;

use common::{
    context::Context,
    directory::Role,
    operations::{Caller, OperationError, Session, read},
    query::{Budget, RawQuery},
    reservation::Reservation,
};
use serde_json::{Value, json};

use crate::support::{
    api::{sgtin, with},
    counting::{counted, total},
    faults::{Fault, Network},
    harness::{Setup, wait_until},
    rows::{noon, reservation, store, user},
};

async fn list(context: &Context, caller: &Caller, budget: &Budget, query: &Value) -> Result<Value, OperationError> {
    let session = Session::new(caller, noon(), budget);
    let raw = RawQuery::from_json(query.as_object().unwrap().clone());
    let (query, list) = read::list(context, session, &raw).await?;
    Ok(list.into_answer(&query)?.data)
}

fn rows(organisations: usize, of_each: usize) -> Vec<Reservation> {
    let all = (0..organisations * of_each).map(|n| format!("org-{}", n % organisations));
    all.map(|organisation| reservation(&with(&sgtin(5), json!({ "reserved_for": organisation })))).collect()
}

fn is_too_much(result: &Result<Value, OperationError>) -> bool {
    matches!(result, Err(OperationError::InvalidQuery(_) | OperationError::TooManyItems(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_pays_for_the_entries_that_it_counts() {
    // Nothing is followed, so more than a thousand entries are counted themselves.
    let server = Setup::new().paused().without_tallies().start().await;
    store(server.context(), &rows(1, 1_300)).await;
    let (context, counter) = counted(&server.system, |config| config.max_scan = 2_000);
    let admin = Caller::user(user(Role::Admin, None));
    let count = json!({"aggregate": {"count": ["*"]}});
    let budget = Budget::of_rows(2_000);
    assert_eq!(list(&context, &admin, &budget, &count).await.unwrap(), json!([{"count": "1300"}]));
    counter.take();
    let second = list(&context, &admin, &budget, &count).await;
    assert!(is_too_much(&second), "{second:?}");
    // The first thousand cost a tenth of rows; of the others, what is not paid for is hardly read.
    let read = total(&counter.take()).items;
    let left = 2_000 - 1_300 - 2 * 101;
    assert!(read <= 1_001 + left + 10, "{read} entries");
    // Each request has its own.
    let other = Budget::of_rows(2_000);
    assert_eq!(list(&context, &admin, &other, &count).await.unwrap(), json!([{"count": "1300"}]));
    // A count of exactly as many as a request may read is answered, but for the price of the first look.
    store(server.context(), &rows(1, 700 - 101)).await;
    let exact = Budget::of_rows(2_000);
    assert_eq!(list(&context, &admin, &exact, &count).await.unwrap(), json!([{"count": "1899"}]));
    store(server.context(), &rows(1, 1)).await;
    let more = list(&context, &admin, &Budget::of_rows(2_000), &count).await;
    assert!(is_too_much(&more), "{more:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entries_of_many_organisations_are_counted_at_the_same_time_and_hardly_beyond_the_limit() {
    let server = Setup::new().paused().without_tallies().start().await;
    store(server.context(), &rows(20, 100)).await;
    let organisations: Vec<String> = (0..20).map(|n| format!("org-{n}")).collect();
    let names: Vec<&str> = organisations.iter().map(String::as_str).collect();
    let limited = Caller::user(user(Role::Admin, Some(&names)));
    let count = json!({"aggregate": {"count": ["*"]}});
    let (context, counter) = counted(&server.system, |config| config.max_scan = 10_000);
    let answer = list(&context, &limited, &Budget::of_rows(10_000), &count).await.unwrap();
    assert_eq!(answer, json!([{"count": "2000"}]));
    // A thousand entries and one, rounded up for each of eight runs, and then all of them.
    let read = total(&counter.take()).items;
    assert!(read <= 1_001 + 8 + 2_000 + 10, "{read} entries");
    // While one run is not answered, others are read.
    let network = Network::failing("Query", Fault::HoldBefore);
    let held: Arc<Context> = network.worker(&server, |_| ());
    let counting = tokio::spawn(async move {
        let budget = Budget::of_rows(10_000);
        list(&held, &limited, &budget, &count).await
    });
    network.struck().await;
    let others = wait_until("other runs are counted", || async {
        let queries = network.calls().iter().filter(|call| *call == "Query").count();
        (queries >= 8).then_some(queries)
    });
    others.await;
    network.release();
    assert_eq!(counting.await.unwrap().unwrap(), json!([{"count": "2000"}]));
    server.stop().await;
}
