//! Rows that a run of the sweep could not count, and marks that it had no time to remove.

use aws_sdk_dynamodb::types::AttributeValue;
use common::{context::Context, reservation::Reservation};
use serde_json::{Value, json};

use crate::support::{
    api::{sgtin, with},
    harness::{Running, Setup},
    rows::{reservation, store},
    sweep::sweep,
    tallies::assert_tallied,
};

/// A system where nothing runs by itself.
async fn still() -> Running {
    Setup::new().paused().without_tallies().parameter("Shards", 1).start().await
}

fn made(organisation: &str) -> Reservation {
    reservation(&with(&sgtin(5), json!({ "reserved_for": organisation })))
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// The tally of organisation A, in which a number is a text: DynamoDB refuses to add to it.
async fn spoil(context: &Context, is_spoilt: bool) {
    let table = &context.config().tables.tallies;
    let (tally, key) = (text("organisation#0"), text("=A"));
    if is_spoilt {
        let put = context.dynamodb().put_item().table_name(table).item("tally", tally).item("key", key);
        put.item("sgtin.n", text("many")).send().await.unwrap();
    } else {
        context.dynamodb().delete_item().table_name(table).key("tally", tally).key("key", key).send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_when_every_row_is_counted_also_one_that_failed_before() {
    let server = still().await;
    let context = server.context();
    store(context, &[made("A"), made("B"), made("A")]).await;
    let (first, next) = (json!({"task": "tallies", "again": true}), json!({"task": "tallies"}));
    for again in [false, true] {
        spoil(context, true).await;
        let begun = if again { &first } else { &next };
        let answer = sweep(context, begun).await;
        assert_eq!((&answer["complete"], &answer["failed"]), (&json!(false), &json!(2)), "{answer}");
        // The rest was counted, and the next run has only these to do.
        let answer = sweep(context, &next).await;
        assert_eq!((&answer["failed"], &answer["counted"]), (&json!(2), &json!(0)), "{answer}");
        assert_eq!(server.store().tally_state().await.unwrap().is_complete(), again);
        spoil(context, false).await;
        let answer = sweep(context, &next).await;
        assert_eq!(answer, json!({"complete": true, "looked": 2, "counted": 2, "failed": 0}));
        assert_tallied(context).await;
        // For the second round, nothing is counted.
        let rows = context.dynamodb().scan().table_name(&context.config().tables.tallies).send().await.unwrap();
        for item in rows.items.unwrap().iter().filter(|item| item["tally"] != text("state")) {
            let delete = context.dynamodb().delete_item().table_name(&context.config().tables.tallies);
            let delete = delete.key("tally", item["tally"].clone()).key("key", item["key"].clone());
            delete.send().await.unwrap();
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_removal_of_old_marks_goes_on_where_the_time_was_up() {
    let server = still().await;
    let context = server.context();
    let table = &context.config().tables.tallies;
    let rows: Vec<Reservation> = (0..6).map(|_| made("A")).collect();
    store(context, &rows).await;
    let count = json!({"task": "tallies", "again": true});
    sweep(context, &count).await;
    server.store().delete(&rows).await.unwrap();
    sweep(context, &count).await;
    let scan = async || context.dynamodb().scan().table_name(table).send().await.unwrap().items.unwrap();
    let marks: Vec<_> = scan().await.into_iter().filter(|item| item["key"] == text("mark")).collect();
    assert_eq!(marks.len(), 6);
    for mark in &marks {
        let edit = context.dynamodb().update_item().table_name(table).key("tally", mark["tally"].clone());
        let edit = edit.key("key", mark["key"].clone()).update_expression("SET gone_at = gone_at - :day");
        edit.expression_attribute_values(":day", AttributeValue::N("90000".to_owned())).send().await.unwrap();
    }
    // A run ended after the fourth of them.
    let fourth = (marks[3]["tally"].as_s().unwrap().clone(), "mark".to_owned());
    server.store().save_forgetting(Some(&fourth)).await.unwrap();
    assert_eq!(server.store().tally_state().await.unwrap().forgetting, Some(fourth));
    let forget = json!({"task": "marks"});
    assert_eq!(sweep(context, &forget).await, json!({"forgotten": 2}));
    let left: Vec<Value> = scan()
        .await
        .iter()
        .filter(|item| item["key"] == text("mark"))
        .map(|item| json!(item["tally"].as_s().unwrap()))
        .collect();
    assert_eq!(left.len(), 4);
    assert_eq!(server.store().tally_state().await.unwrap().forgetting, None);
    assert_eq!(sweep(context, &forget).await, json!({"forgotten": 4}));
    assert_tallied(context).await;
    server.stop().await;
}
