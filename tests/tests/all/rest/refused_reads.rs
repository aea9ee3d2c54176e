//! A list that would read more than `MaxScan` items is refused with the reason and with filters that help.

use common::{
    context::Context,
    directory::Role,
    operations::{Caller, OperationError, Session, read},
    query::Budget,
    reservation::{Reservation, Timestamp},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::plans::raw;
use crate::support::{
    counting::counted,
    harness::Running,
    rows::{noon, reservation, store, user},
};

/// `MaxScan` of these tests.
const MOST: i64 = 1_000;

/// Rows of one organisation and product, a minute apart.
fn rows(count: i64) -> Vec<Reservation> {
    let row = |minute| {
        let mut row = reservation(&json!({"reserved_for": "A", "code_type": "sgtin", "quantity": 5,
            "product": "/01/09521234543213", "reference_id": format!("r{minute}")}));
        row.date_created = Some(Timestamp::new(noon().time() + chrono::TimeDelta::minutes(minute)));
        row
    };
    (0..count).map(row).collect()
}

async fn list(context: &Context, organisations: Option<&[&str]>, query: &Value) -> Result<(), String> {
    let caller = Caller::user(user(Role::Admin, organisations));
    let budget = Budget::default();
    let session = Session::new(&caller, noon(), &budget);
    match read::list(context, session, &raw(query)).await {
        Ok(_) => Ok(()),
        Err(OperationError::InvalidQuery(reason)) => Err(reason),
        Err(other) => panic!("{query}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_is_told_what_makes_it_read_so_much() {
    let server = Running::paused().await;
    store(server.context(), &rows(MOST + 1)).await;
    let (context, _) = counted(&server.system, |config| config.max_scan = usize::try_from(MOST).unwrap());
    let id = Uuid::new_v4().to_string();
    let whole = |text: &str, member: &str| {
        (json!({ "search": text }), format!("If the text is a whole value, filter by \"{member}\""))
    };
    let forms = [
        whole("PO-1", "reference_id"),
        whole("9521234543299", "product"),
        whole("/01/09521234543299", "product"),
        whole("/417/9312345000012", "reserved_for"),
        whole(&id, "id"),
        (json!({"sort": ["quantity"]}), "Sort by \"id\" or \"date_created\"".to_owned()),
        (json!({"aggregate": {"sum": ["quantity"]}}), "groups and aggregates are made of all".to_owned()),
        (json!({"groupBy": ["code_type"], "filter": {"quantity": {"_gt": 1}}}), "groups and aggregates".to_owned()),
        (json!({"limit": 1, "meta": "filter_count", "filter": {"quantity": {"_gt": 1}}}), "Leave it out".to_owned()),
        (json!({"limit": -1}), "Ask for fewer rows".to_owned()),
        (json!({"filter": {"quantity": {"_gt": 100}}}), "too few rows match".to_owned()),
    ];
    for (query, words) in &forms {
        let reason = list(&context, None, query).await.unwrap_err();
        assert!(reason.contains("more than 1000 items") && reason.contains(words), "{query}: {reason}");
        for member in ["id", "codes", "reference_id", "product", "reserved_for", "user_created", "date_created"] {
            assert!(reason.contains(&format!("\"{member}\"")), "{query}: {reason}");
        }
        // What the refusal proposes works.
        for filter in [
            json!({"date_created": {"_gte": "2026-01-02T04:00:00Z"}}),
            json!({"reference_id": {"_eq": "r7"}}),
            json!({"id": {"_eq": id}}),
        ] {
            let mut narrower = query.clone();
            let both =
                json!({"_and": [filter, query.get("filter").cloned().unwrap_or(json!({"id": {"_nnull": true}}))]});
            narrower["filter"] = both;
            assert_eq!(list(&context, None, &narrower).await, Ok(()), "{narrower}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_limited_to_organisations_is_told_only_what_helps_within_them() {
    let server = Running::paused().await;
    store(server.context(), &rows(MOST + 1)).await;
    let (context, _) = counted(&server.system, |config| config.max_scan = usize::try_from(MOST).unwrap());
    let reason = list(&context, Some(&["A"]), &json!({"sort": ["quantity"]})).await.unwrap_err();
    assert!(reason.contains("\"date_created\", \"status\""), "{reason}");
    assert!(!reason.contains("\"product\"") && !reason.contains("\"reserved_for\""), "{reason}");
    let narrower = json!({"sort": ["quantity"], "filter": {"status": {"_eq": "error"}}});
    assert_eq!(list(&context, Some(&["A"]), &narrower).await, Ok(()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_a_filter_implies_reads_a_page() {
    let server = Running::paused().await;
    store(server.context(), &rows(60)).await;
    let (context, counter) = counted(&server.system, |_| {});
    let query = json!({"search": "9521234543213", "filter": {"product": {"_eq": "/01/09521234543213"}}, "offset": 50,
        "limit": 5, "fields": ["id"]});
    assert_eq!(list(&context, None, &query).await, Ok(()));
    // The skipped entries match without a look at their rows.
    assert_eq!(counter.take()["BatchGetItem"].items, 5);
    let other =
        json!({"search": "9521234543214", "filter": {"product": {"_eq": "/01/09521234543213"}}, "fields": ["id"]});
    assert_eq!(list(&context, None, &other).await, Ok(()));
    assert!(counter.take()["BatchGetItem"].items >= 60);
    server.stop().await;
}
