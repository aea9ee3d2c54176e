//! `MaxCodesPerDay` and the quotas in the rows of organisations (RSV-9): never exceeded, never counted twice, and no
//! reservation waits for one that is over its quota.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::Utc;
use common::{config::Config, reservation::invariants::State};
use serde_json::{Value, json};

use super::{A, B, C, OF_B, end, far_from_midnight, reserve, sgtin_of, tenants};
use crate::support::{
    api::id,
    faults::{Fault, Network},
    harness::Running,
    invariants::{assert_consistent, stored},
    stream::{deliver, hint, invoke},
};

const QUOTA: u64 = 100;

async fn hundred() -> Running {
    far_from_midnight().await;
    tenants().parameter("MaxCodesPerDay", QUOTA).start().await
}

/// The codes that were issued to an organisation, which must be what is counted.
fn counted(state: &State, organisation: &str) -> u64 {
    let of = |of: Option<&str>| of == Some(organisation);
    let issued = state.ranges.iter().filter(|range| of(range.organisation.as_deref())).map(|range| range.count).sum();
    let counts: Vec<u64> =
        state.counts.iter().filter(|count| count.organisation == organisation).map(|count| count.codes).collect();
    assert_eq!(counts, if issued == 0 { vec![] } else { vec![issued] }, "{organisation}");
    issued
}

fn message(organisation: &str, quota: &str, left: &str, asked: &str, advice: &str) -> String {
    let tomorrow = Utc::now().date_naive().succ_opt().unwrap();
    format!(
        "The quota of {organisation} is {quota} codes a day, of which {left} are left today, and {asked} were asked for. \
         The quota renews at {tomorrow}T00:00:00.000Z (midnight UTC). {advice}"
    )
}

const LATER: &str = "Set the status to new after that.";

async fn ends(running: &Running, ids: &[&str]) -> Vec<(String, Option<String>)> {
    let mut ends = Vec::new();
    for id in ids {
        let object = running.api.get(id).await;
        let (status, message) = end(&object);
        ends.push((status.to_owned(), message.map(str::to_owned)));
    }
    ends
}

fn complete() -> (String, Option<String>) {
    ("complete".to_owned(), None)
}

fn error(message: String) -> (String, Option<String>) {
    ("error".to_owned(), Some(message))
}

/// Sets or removes an attribute of an organisation's row.
async fn set_quota(running: &Running, organisation: &str, quota: Option<AttributeValue>) {
    let context = running.context();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = context.dynamodb().update_item().table_name(&context.config().tables.directory);
    let update = update.key("kind", text("organisation")).key("id", text(organisation));
    let update = match quota {
        Some(quota) => {
            update.update_expression("SET max_codes_per_day = :quota").expression_attribute_values(":quota", quota)
        }
        None => update.update_expression("REMOVE max_codes_per_day"),
    };
    update.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_over_the_quota_ends_alone_and_says_when_it_renews() {
    let running = hundred().await;
    let of = |organisation: &str, quantity| sgtin_of(organisation, quantity, json!({}));
    // Two pools, three organisations, one batch.
    let other = sgtin_of(A, 30, json!({ "product": OF_B }));
    let batch = json!([of(A, 60), of(A, 50), of(B, 100), of(A, 9), of(B, 1), of(C, 1), of(A, 101), other, of(A, 1)]);
    let posted = running.api.post(&batch).await;
    let ids: Vec<&str> = posted.as_array().unwrap().iter().map(id).collect();
    deliver(running.context(), &ids).await;
    let state = assert_consistent(running.context()).await.state;
    // The pool of OF_B is worked on first, so 30 of A's codes are gone.
    let expected = [
        complete(),
        error(message(A, "100", "0", "50", LATER)),
        complete(),
        complete(),
        error(message(B, "100", "0", "1", LATER)),
        complete(),
        error(message(A, "100", "0", "101", "Ask for 100 codes at most.")),
        complete(),
        complete(),
    ];
    assert_eq!(ends(&running, &ids).await, expected);
    assert_eq!((counted(&state, A), counted(&state, B), counted(&state, C)), (100, 100, 1));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_of_an_organisation_overrides_the_deployments_quota() {
    let running = hundred().await;
    let api = &running.api;
    let number = |number: &str| Some(AttributeValue::N(number.to_owned()));
    let of_a = |quantity| sgtin_of(A, quantity, json!({}));
    set_quota(&running, A, number("1500")).await;
    assert_eq!(end(&reserve(&running, api, &of_a(1_200)).await), ("complete", None));
    let refused = reserve(&running, api, &of_a(400)).await;
    assert_eq!(end(&refused), ("error", Some(&*message(A, "1,500", "300", "400", LATER))));
    // The operator raises it, and the client does what the message says.
    set_quota(&running, A, number("2000")).await;
    api.patch(id(&refused), &json!({ "status": "new" })).await;
    deliver(running.context(), &[id(&refused)]).await;
    assert_eq!(end(&api.get(id(&refused)).await), ("complete", None));
    assert_eq!(counted(&assert_consistent(running.context()).await.state, A), 1_600);
    // Lowered below what was given already.
    set_quota(&running, A, number("10")).await;
    assert_eq!(end(&reserve(&running, api, &of_a(1)).await), ("error", Some(&*message(A, "10", "0", "1", LATER))));
    // 0 is no quota, and counts nothing.
    set_quota(&running, A, number("0")).await;
    assert_eq!(end(&reserve(&running, api, &of_a(5_000)).await), ("complete", None));
    // A value that is no number must not lift the quota.
    set_quota(&running, A, Some(AttributeValue::S("100".to_owned()))).await;
    let unreadable = "Max_codes_per_day of the organisation is not a whole number; ask the operator to correct it.";
    assert_eq!(end(&reserve(&running, api, &of_a(1)).await), ("error", Some(unreadable)));
    let organisations = api.send("GET", "/items/organisation?fields=*").await;
    assert_eq!(organisations.status, 200, "the rows can still be read");
    // Without one, the deployment's.
    set_quota(&running, A, None).await;
    assert_eq!(end(&reserve(&running, api, &of_a(1)).await), ("error", Some(&*message(A, "100", "0", "1", LATER))));
    // An organisation without a row has the deployment's too.
    let nowhere = "/417/0000000000000";
    let refused = reserve(&running, api, &sgtin_of(nowhere, 101, json!({}))).await;
    let advice = "Ask for 100 codes at most.";
    assert_eq!(end(&refused), ("error", Some(&*message(nowhere, "100", "100", "101", advice))));
    let state = assert_consistent(running.context()).await.state;
    assert_eq!(state.counts.iter().map(|count| count.codes).collect::<Vec<_>>(), [1_600]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quota_nothing_is_counted_or_read() {
    let running = tenants().start().await;
    let posted = running.api.post(&sgtin_of(A, 1_000, json!({}))).await;
    let network = Network::healthy();
    assert_eq!(invoke(&network.worker(&running, |_| {}), vec![hint(1, id(&posted))]).await, [""; 0]);
    let table = &running.context().config().tables.requests;
    assert!(network.requests().iter().all(|request| !request.body.contains(&**table)), "the table of counts was used");
    assert_eq!(assert_consistent(running.context()).await.state.counts, []);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_expires_after_its_day_and_the_next_day_has_its_own() {
    let running = hundred().await;
    let context = running.context();
    let table = &context.config().tables.requests;
    // Yesterday's quota is used up.
    let yesterday = Utc::now().date_naive().pred_opt().unwrap();
    let put = context.dynamodb().put_item().table_name(table);
    let put = put.item("key", AttributeValue::S(format!("codes#{yesterday}#{A}")));
    put.item("codes", AttributeValue::N(QUOTA.to_string())).send().await.unwrap();
    assert_eq!(end(&reserve(&running, &running.api, &sgtin_of(A, QUOTA, json!({}))).await), ("complete", None));
    let today = Utc::now().date_naive();
    let get = context.dynamodb().get_item().table_name(table);
    let get = get.key("key", AttributeValue::S(format!("codes#{today}#{A}"))).send().await.unwrap();
    let item = get.item.unwrap();
    let expires_at: i64 = item["expires_at"].as_n().unwrap().parse().unwrap();
    let in_hours = (expires_at - Utc::now().timestamp()) / 3_600;
    assert!((24..=96).contains(&in_hours), "it outlives its day and is deleted some day: {in_hours} hours");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_in_a_pool_is_not_found_out_with_a_quota_that_is_used_up() {
    let running = hundred().await;
    let api = &running.api;
    let six = |organisation: &str, quantity| {
        sgtin_of(organisation, quantity, json!({ "character_set": "numeric", "length": 6 }))
    };
    reserve(&running, api, &six(A, 60)).await;
    reserve(&running, api, &sgtin_of(B, 100, json!({}))).await;
    // 39 codes are left in the pool; the answers on both sides of that are the same.
    for (asked, advice) in [("39", LATER), ("40", LATER), ("99", LATER), ("100", LATER)] {
        let refused = reserve(&running, api, &six(B, asked.parse().unwrap())).await;
        assert_eq!(end(&refused), ("error", Some(&*message(B, "100", "0", asked, advice))));
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_set_of_a_pool_is_not_found_out_with_a_quota_that_is_used_up() {
    let running = hundred().await;
    let api = &running.api;
    reserve(&running, api, &sgtin_of(B, 100, json!({}))).await;
    let sets = ["alphanumeric", "uppercase", "hex", "numeric"];
    for set in sets {
        let six = |organisation: &str, quantity| {
            sgtin_of(organisation, quantity, json!({ "character_set": set, "length": 6 }))
        };
        // Without a pool, with a pool of this set and with pools of other sets.
        for asked in [1_u64, 50, 100] {
            let refused = reserve(&running, api, &six(B, asked)).await;
            assert_eq!(end(&refused), ("error", Some(&*message(B, "100", "0", &asked.to_string(), LATER))), "{set}");
        }
        if set == "uppercase" {
            assert_eq!(end(&reserve(&running, api, &six(A, 1)).await), ("complete", None));
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_organisations_than_one_transaction_has_room_for_are_all_counted() {
    let running = hundred().await;
    let batch: Vec<Value> = (0..60).map(|n| sgtin_of(&format!("ORG-{n}"), 2, json!({}))).collect();
    let posted = running.api.post(&json!(batch)).await;
    let network = Network::healthy();
    let records = posted.as_array().unwrap().iter().zip(1..).map(|(object, n)| hint(n, id(object))).collect();
    assert_eq!(invoke(&network.worker(&running, |_| {}), records).await, [""; 0]);
    let actions: Vec<usize> = network
        .requests()
        .iter()
        .filter(|request| request.operation == "TransactWriteItems")
        .filter_map(|request| {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            let actions = body["TransactItems"].as_array().unwrap();
            let tables = &running.context().config().tables;
            actions.iter().any(|action| action["Update"]["TableName"] == *tables.requests).then_some(actions.len())
        })
        .collect();
    // A new pool takes two, and each reservation three: its range, itself, and the count of its organisation.
    assert_eq!(actions, [2 + 32 * 3, 1 + 17 * 3, 1 + 11 * 3]);
    let state = assert_consistent(running.context()).await.state;
    assert_eq!((state.counts.len(), state.ranges.len()), (60, 60));
    assert!((0..60).all(|n| counted(&state, &format!("ORG-{n}")) == 2));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_at_once_never_exceed_a_quota() {
    let running = hundred().await;
    // Six workers, pools of their own and shared ones, one organisation: 12 reservations of 12 codes.
    let batch: Vec<Value> = (0..12).map(|n| sgtin_of(A, 12, json!({ "length": 8 + n % 5 }))).collect();
    let posted = running.api.post(&json!(batch)).await;
    let ids: Vec<&str> = posted.as_array().unwrap().iter().map(id).collect();
    let workers: Vec<_> = (0..6).map(|_| Network::healthy().worker(&running, |_| {})).collect();
    let work = workers.iter().enumerate().map(|(number, worker)| {
        // Each gets four, so that two workers compete for each.
        let records = (0..4).map(|n| hint(n as u64, ids[(number * 2 + n) % 12])).collect();
        async move { invoke(worker, records).await }
    });
    // What a conflict left is delivered again, as the stream does.
    futures::future::join_all(work).await;
    deliver(running.context(), &ids).await;
    let state = assert_consistent(running.context()).await.state;
    assert_eq!(counted(&state, A), 96, "eight of twelve fit into 100");
    let ends = ends(&running, &ids).await;
    assert_eq!(ends.iter().filter(|end| **end == complete()).count(), 8);
    let refused = error(message(A, "100", "4", "12", LATER));
    assert_eq!(ends.iter().filter(|end| **end == refused).count(), 4, "{ends:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_grew_since_it_was_read_is_read_again() {
    let running = hundred().await;
    let first = running.api.post(&sgtin_of(A, 60, json!({}))).await;
    let second = running.api.post(&sgtin_of(A, 60, json!({ "product": OF_B }))).await;
    let network = Network::failing("TransactWriteItems", Fault::HoldBefore);
    let worker = network.worker(&running, |_| {});
    let meanwhile = async {
        network.struck().await;
        deliver(running.context(), &[id(&second)]).await;
        network.release();
    };
    let (failed, ()) = tokio::join!(invoke(&worker, vec![hint(1, id(&first))]), meanwhile);
    assert_eq!(failed, [""; 0]);
    let ends = ends(&running, &[id(&first), id(&second)]).await;
    assert_eq!(ends, [error(message(A, "100", "40", "60", LATER)), complete()]);
    let state = assert_consistent(running.context()).await.state;
    assert_eq!((counted(&state, A), state.pools.len()), (60, 1), "the refused one made no pool");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_at_any_request_counts_no_code_twice_or_never() {
    let running = hundred().await;
    let quota = |config: &mut Config| config.max_codes_per_day = 1_000_000;
    let healthy = Network::healthy().worker(&running, quota);
    let (mut issued, mut deaths) = (0, 0);
    for number in 1.. {
        let mut lived = true;
        for fault in [Fault::RefuseBefore, Fault::RefuseAfter, Fault::LoseAnswer] {
            // One pool that exists after the first round, and a new one each time.
            let posted = [
                running.api.post(&sgtin_of(A, 3, json!({}))).await,
                running.api.post(&sgtin_of(A, 4, json!({ "product": fresh_product(deaths) }))).await,
            ];
            let records = || posted.iter().zip(1..).map(|(object, n)| hint(n, id(object))).collect::<Vec<_>>();
            let network = Network::failing(number, fault);
            invoke(&network.worker(&running, quota), records()).await;
            lived &= !network.has_failed();
            deaths += 1;
            for _ in 0..3 {
                assert_eq!(invoke(&healthy, records()).await, [""; 0]);
            }
            issued += 7;
            for object in &posted {
                assert_eq!(end(&running.api.get(id(object)).await), ("complete", None));
            }
            let state = stored(running.context()).await.state;
            assert_eq!((state.breaches(), counted(&state, A)), (vec![], issued), "{fault:?}");
        }
        if lived {
            println!("{number} requests");
            assert!(number > 8, "the worker made {number} requests");
            break;
        }
    }
    assert_consistent(running.context()).await;
    running.stop().await;
}

/// A product that no other reservation names.
fn fresh_product(number: usize) -> String {
    format!("/01/1931234{number:05}00")
}
