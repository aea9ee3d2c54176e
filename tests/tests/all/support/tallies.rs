//! The tallies against the rows that are stored, and the function that keeps them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use aws_lambda_events::event::{dynamodb::Event, streams::DynamoDbEventResponse};
use aws_sdk_dynamodb::types::AttributeValue;
use common::{
    context::Context,
    reservation::tally::Counted,
    store::{Spread, Wanted},
};
use lambda_runtime::LambdaEvent;
use local::{
    calls,
    invocation::{Invoked, request_id},
};
use serde_json::Value;

use super::harness::wait_until;

/// Hands a batch to `follow` and returns the sequence numbers that it reports as failed.
pub(crate) async fn follow(context: &Context, records: &[Value]) -> Vec<String> {
    let recorded = calls::recorded(context, "follow");
    let context = recorded.as_deref().unwrap_or(context);
    let mut event = Event::default();
    event.records = records.iter().map(|record| serde_json::from_value(record.clone()).unwrap()).collect();
    let invoked = Invoked { name: "follow".to_owned(), timeout: Duration::from_secs(60) };
    let event = LambdaEvent::new(event, invoked.context(&request_id()));
    let response: DynamoDbEventResponse = ::follow::handle(context, event).await.unwrap();
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier.unwrap()).collect()
}

/// What is counted of the stored rows, by the attributes of the items.
pub(crate) async fn rows(context: &Context) -> Vec<Counted> {
    let table = &context.config().tables.reservations;
    let pages = context.dynamodb().scan().table_name(table).into_paginator().items().send();
    let items: Vec<HashMap<String, AttributeValue>> = pages.collect::<Result<_, _>>().await.unwrap();
    let counted = |item: &HashMap<String, AttributeValue>| {
        let member = |name| item.get(name).map(|value| value.as_s().unwrap().as_str());
        let status = member("status").unwrap();
        Counted::new(member("reserved_for"), member("product"), member("code_type"), status)
    };
    items.iter().map(counted).collect()
}

/// The cells that these rows make, and those of the tallies, told apart by organisation, product, both or neither.
async fn differences(context: &Context) -> Vec<String> {
    let rows = rows(context).await;
    let mut differences = Vec::new();
    for (by_organisation, by_product) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut expected: BTreeMap<Counted, usize> = BTreeMap::new();
        for row in &rows {
            let organisation = row.organisation.clone().filter(|_| by_organisation);
            let product = row.product.clone().filter(|_| by_product);
            *expected.entry(Counted { organisation, product, ..row.clone() }).or_default() += 1;
        }
        let spread = |is_apart| if is_apart { Spread::All } else { Spread::Together };
        let wanted = Wanted { organisations: spread(by_organisation), products: spread(by_product) };
        let found = context.store().tallied(&wanted, 100_000).await.unwrap();
        let found: Option<BTreeMap<Counted, usize>> = found.map(|(cells, _)| cells.into_iter().collect());
        if found.as_ref() != Some(&expected) {
            differences.push(format!("{wanted:?}: {found:?} instead of {expected:?}"));
        }
    }
    differences.extend(of_lists(context).await);
    differences
}

/// What lists by status do not have as the marks say, or have beside that. A mark with `apart` has an item in the list of
/// each of its organisation and its product.
async fn of_lists(context: &Context) -> Option<String> {
    let table = &context.config().tables.tallies;
    let pages = context.dynamodb().scan().table_name(table).into_paginator().items().send();
    let items: Vec<HashMap<String, AttributeValue>> = pages.collect::<Result<_, _>>().await.unwrap();
    let (mut found, mut expected) = (BTreeSet::new(), BTreeSet::new());
    for item in &items {
        let text = |name| item.get(name).map(|value| value.as_s().unwrap().as_str());
        let (tally, key) = (text("tally").unwrap(), text("key").unwrap());
        if tally.starts_with("listed#") {
            found.insert((tally.to_owned(), key.to_owned()));
        }
        if let Some(id) = tally.strip_prefix("row#").filter(|_| item.contains_key("apart")) {
            let (status, _) = text("listed").unwrap().split_once('#').unwrap();
            for (name, value) in ["organisation", "product"].map(|name| (name, text(name))) {
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    expected.insert((format!("listed#{status}#{name}#={value}"), id.to_owned()));
                }
            }
        }
    }
    (found != expected).then(|| format!("lists by status have {found:?} instead of {expected:?}"))
}

/// Asserts that the tallies are complete and equal what is stored.
pub(crate) async fn assert_tallied(context: &Context) {
    let differences = differences(context).await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Waits until the tallies are complete and equal what is stored.
pub(crate) async fn tallied(context: &Context) {
    let look = || async { differences(context).await.is_empty().then_some(()) };
    wait_until("the tallies equal the rows", look).await;
}
