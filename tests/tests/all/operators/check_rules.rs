//! `admin check` on quotas (RSV-9), on pools that name their only organisation (RSV-8) and on the claims of company prefixes
//! (RSV-11).

use std::sync::Arc;

use admin::failure::Exit;
use aws_sdk_dynamodb::types::AttributeValue;
use common::context::Context;

use super::{ORGANISATION, admin, body, named, operated, reserve};
use crate::support::harness::Running;

const SSCC: &str = "sscc#9506000#18";

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The invariants that a check finds broken.
async fn broken(running: &Running) -> Vec<String> {
    let ran = admin(running, &["check"]).await;
    let names: Vec<String> = named(&ran.out).into_keys().collect();
    assert_eq!(ran.exit, if names.is_empty() { Exit::Done } else { Exit::Refused }, "{ran:?}");
    names
}

/// Sets the count of codes of a day as nobody may.
async fn count(context: &Arc<Context>, days_ago: i64, codes: u64) {
    let day = (context.now().time() - chrono::TimeDelta::days(days_ago)).date_naive();
    let put = context.dynamodb().put_item().table_name(&context.config().tables.requests);
    let put = put.item("key", text(&format!("codes#{day}#{ORGANISATION}"))).item("codes", number(codes));
    put.send().await.unwrap();
}

/// Changes an item of the table Pools as nobody may.
async fn edit(
    context: &Arc<Context>,
    (namespace, entry): (&str, &str),
    update: &str,
    values: &[(&str, AttributeValue)],
) {
    let edit = context.dynamodb().update_item().table_name(&context.config().tables.pools);
    let mut edit = edit.key("namespace", text(namespace)).key("entry", text(entry)).update_expression(update);
    for (name, value) in values {
        edit = edit.expression_attribute_values(*name, value.clone());
    }
    edit.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_above_what_an_organisation_was_given_is_found() {
    let running = operated().paused().start().await;
    let context = running.context();
    let set = admin(&running, &["organisation", "set", ORGANISATION, "--codes-per-day", "1000"]).await;
    assert_eq!(set.exit, Exit::Done, "{set:?}");
    // Codes of two pools on one day.
    reserve(&running, &body("sscc", 10, "csv")).await;
    reserve(&running, &body("sgtin", 5, "csv")).await;
    assert_eq!(broken(&running).await, [""; 0]);
    count(context, 0, 16).await;
    assert_eq!(broken(&running).await, ["RSV-9"]);
    // Nothing is counted while there is no quota.
    count(context, 0, 7).await;
    assert_eq!(broken(&running).await, [""; 0]);
    count(context, 1, 1).await;
    assert_eq!(broken(&running).await, ["RSV-9"], "nothing was given yesterday");
    // Older counts are about to expire, and are not looked at.
    count(context, 1, 0).await;
    count(context, 2, 5).await;
    assert_eq!(broken(&running).await, [""; 0]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_claim_of_a_prefix_and_a_wrong_only_organisation_are_found() {
    let running = operated().paused().start().await;
    let context = running.context();
    reserve(&running, &body("sscc", 10, "csv")).await;
    assert_eq!(broken(&running).await, [""; 0]);
    let yes = AttributeValue::Bool(true);
    for (item, breaks, mends) in [
        ("prefix#9506000", "REMOVE claimed", "SET claimed = :value"),
        ("prefix#9506000", "SET continued = :value", "REMOVE continued"),
        ("prefix#9506", "REMOVE continued", "SET continued = :value"),
        ("prefix#950600", "SET claimed = :value", "REMOVE claimed"),
    ] {
        for (update, expected) in [(breaks, &["RSV-11"][..]), (mends, &[][..])] {
            let values = [(":value", yes.clone())];
            let values = if update.contains(":value") { &values[..] } else { &[] };
            edit(context, (item, "claim"), update, values).await;
            assert_eq!(broken(&running).await, expected, "{item}: {update}");
        }
    }
    let only = |organisation: &str| [(":value", text(organisation)), (":next", number(10))];
    let update = "SET only_organisation = :value, only_next = :next";
    edit(context, (SSCC, "pool"), update, &only("another")).await;
    assert_eq!(broken(&running).await, ["RSV-8"]);
    edit(context, (SSCC, "pool"), update, &only(ORGANISATION)).await;
    assert_eq!(broken(&running).await, [""; 0]);
    running.stop().await;
}
