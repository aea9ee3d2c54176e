//! Batches of `reserve-codes`: records that are repeated, late, out of order or unreadable, batches that share a
//! transaction, and two workers at once. The tests check RSV-1, RSV-2, RSV-3, RSV-4 and RSV-5 afterwards.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    faults::deaths::small_parts,
    support::{
        api::{id, sgtin, with},
        faults::{Fault, Network},
        harness::{Running, Setup},
        invariants::{assert_consistent, assert_finished, stored},
        stream::{deliver, hint, invoke, record},
    },
};

async fn post(running: &Running, quantity: u64) -> String {
    id(&running.api.post(&sgtin(quantity)).await).to_owned()
}

/// A system in which the product of [`sgtin`] belongs to its organisation, so that messages name what is left.
async fn owner() -> Running {
    let rows = json!({
        "directus_users": [{ "id": Uuid::new_v4(), "role": "admin", "token": "local-token" }],
        "organisation": [{ "id": "/417/9312345000012", "organisation_company_prefix": "9361758" }],
    });
    Setup::new().paused().rows(&rows).start().await
}

/// The number of rows of an export of three parts with [`small_parts`].
const THREE_PARTS: u64 = 120_000;

#[tokio::test(flavor = "multi_thread")]
async fn records_that_come_twice_late_or_in_disorder_reserve_once() {
    let running = Running::paused().await;
    let context = running.context();
    let (a, b) = (post(&running, 10).await, post(&running, 20).await);
    // One batch names a reservation several times, the newest record first.
    let batch = [(9, &a), (8, &b), (1, &a), (1, &a), (7, &b), (2, &a)];
    assert_eq!(invoke(context, batch.map(|(number, id)| hint(number, id)).into()).await, [""; 0]);
    let first = assert_consistent(context).await.state;
    assert_eq!(first.pools[0].next, 30);
    // The same records again, and two workers at once.
    deliver(context, &[&b, &a]).await;
    let again = || invoke(context, vec![hint(1, &a), hint(2, &b)]);
    assert_eq!(tokio::join!(again(), again()), (vec![], vec![]));
    let after = assert_consistent(context).await.state;
    assert_eq!((after.pools, after.ranges, after.reservations), (first.pools, first.ranges, first.reservations));
    assert_finished(running.context()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_at_once_reserve_once() {
    let running = Running::paused().await;
    for round in 0..8_u64 {
        let ids: Vec<String> = futures::future::join_all((1..=6).map(|n| post(&running, n * 10))).await;
        let (left, right) = (running.context(), Network::healthy().worker(&running, |_| {}));
        let batch = || ids.iter().zip(round * 10..).map(|(id, number)| hint(number, id)).collect::<Vec<_>>();
        let failed = tokio::join!(invoke(left, batch()), invoke(&right, batch()));
        assert_eq!(failed, (vec![], vec![]), "a worker that was overtaken reports no failure");
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        deliver(left, &ids).await;
        assert_finished(running.context()).await;
    }
    assert_eq!(stored(running.context()).await.state.pools[0].next, 8 * 210);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_at_one_large_export_make_one_file() {
    let running = Running::paused().await;
    let large = post(&running, THREE_PARTS).await;
    let left = Network::healthy().worker(&running, small_parts);
    let right = Network::healthy().worker(&running, small_parts);
    for number in 0..20 {
        let work = |context| invoke(context, vec![hint(number, &large)]);
        assert_eq!(tokio::join!(work(&left), work(&right)), (vec![], vec![]));
        if running.api.get(&large).await["status"] == "complete" {
            break;
        }
    }
    // The record of the completion: it tidies.
    deliver(running.context(), &[&large]).await;
    assert_eq!(running.api.get(&large).await["status"], "complete");
    assert_finished(running.context()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_worked_on_fails_alone() {
    let running = Running::paused().await;
    let context = running.context();
    let (first, last) = (post(&running, 10).await, post(&running, 10).await);
    // An item that the service cannot read.
    let broken = Uuid::new_v4().to_string();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = context.dynamodb().put_item().table_name(&context.config().tables.reservations);
    put.item("id", text(&broken)).item("status", text("new")).send().await.unwrap();

    let nameless = record(14, "INSERT", "no uuid", json!({}), json!({}));
    let batch = vec![hint(11, &first), hint(12, &broken), hint(13, &last), nameless, hint(15, &broken)];
    let failed: BTreeSet<String> = invoke(context, batch).await.into_iter().collect();
    assert_eq!(failed, ["12", "14", "15"].map(str::to_owned).into());
    for id in [&first, &last] {
        assert_eq!(running.api.get(id).await["status"], "complete");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_allocates_one_pool_in_one_transaction_and_49_at_most() {
    let running = Running::paused().await;
    let bodies: Vec<Value> = (1..=60).map(sgtin).collect();
    let posted = running.api.post(&json!(bodies)).await;
    let other = running.api.post(&with(&sgtin(5), json!({ "product": "/01/09361758000003" }))).await;
    let network = Network::healthy();
    let worker = network.worker(&running, |_| {});
    let all = posted.as_array().unwrap().iter().chain([&other]);
    let batch = all.zip(1..).map(|(object, number)| hint(number, id(object))).collect();
    assert_eq!(invoke(&worker, batch).await, [""; 0]);

    let pools = &running.context().config().tables.pools;
    let allocations: Vec<_> = network
        .requests()
        .into_iter()
        .filter(|request| request.operation == "TransactWriteItems")
        .filter_map(|request| {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            let of_pools =
                |action: &&Value| action["Put"]["TableName"] == **pools && action["Put"]["Item"].get("count").is_some();
            let ranges = body["TransactItems"].as_array().unwrap().iter().filter(of_pools).count();
            (ranges > 0).then_some(ranges)
        })
        .collect();
    // In the order of the namespaces: one reservation of the other product, then sixty.
    assert_eq!(allocations, [1, 49, 11]);
    assert_eq!(stored(running.context()).await.state.pools.len(), 2);
    assert_finished(running.context()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_too_large_fails_alone_and_the_others_fit() {
    let running = owner().await;
    // The pool has 99 codes.
    let six = |quantity| with(&sgtin(quantity), json!({ "character_set": "numeric", "length": 6 }));
    let posted = running.api.post(&json!([six(40), six(90), six(50), six(20), six(9)])).await;
    let ids: Vec<&str> = posted.as_array().unwrap().iter().map(id).collect();
    deliver(running.context(), &ids).await;
    let mut ends = Vec::new();
    for id in &ids {
        let object = running.api.get(id).await;
        ends.push((object["status"].as_str().unwrap().to_owned(), object["error_message"].clone()));
    }
    // The message counts what is left after the other reservations of the batch.
    let left = |asked: u32| {
        json!(format!(
            "No codes are left for sgtin of 19361758000003 with length 6 (numeric), {asked} asked for; length 7 would do."
        ))
    };
    let complete = || ("complete".to_owned(), Value::Null);
    assert_eq!(ends, [complete(), ("error".into(), left(90)), complete(), ("error".into(), left(20)), complete()]);
    assert_finished(running.context()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_set_is_taken_only_by_codes_that_exist() {
    let running = owner().await;
    // The first reservation would create the pool, but it is too large: 16^6 serials are 1,677 codes.
    let six = |quantity, set| with(&sgtin(quantity), json!({ "character_set": set, "length": 6 }));
    let posted = running.api.post(&json!([six(5_000, "hex"), six(5_000, "alphanumeric"), six(10, "hex")])).await;
    let ids: Vec<&str> = posted.as_array().unwrap().iter().map(id).collect();
    deliver(running.context(), &ids[..2]).await;
    let hex = running.api.get(ids[0]).await;
    // The pool does not exist, which the message must not tell.
    let message =
        "Not enough codes are left for sgtin of 19361758000003 with length 6, 5,000 asked for; length 7 would do.";
    assert_eq!((&hex["status"], &hex["error_message"]), (&json!("error"), &json!(message)));
    assert_eq!(running.api.get(ids[1]).await["status"], "complete");
    // Now the pool exists.
    deliver(running.context(), &ids[2..]).await;
    assert!(
        running.api.get(ids[2]).await["error_message"]
            .as_str()
            .unwrap()
            .contains("already exist in character_set alphanumeric")
    );
    assert_finished(running.context()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_costs_no_slice_and_no_slice_costs_an_edit() {
    let running = Running::paused().await;
    let (api, large) = (&running.api, post(&running, THREE_PARTS).await);
    let network = Network::healthy();
    let worker = network.worker(&running, small_parts);
    // Allocation is conditional on the version, so an edit at the same time could delay it again and again. It is done
    // first; the steps of an export do not depend on the version.
    assert_eq!(invoke(&worker, vec![hint(0, &large)]).await, [""; 0]);
    let mut last = Value::Null;
    for number in 1..12 {
        let edit = json!({ "reference_id": format!("edit {number}") });
        let work = invoke(&worker, vec![hint(number, &large)]);
        let (failed, edited) = tokio::join!(work, api.patch(&large, &edit));
        assert_eq!((failed, &edited["reference_id"]), (vec![], &edit["reference_id"]));
        last = edit["reference_id"].clone();
        if api.get(&large).await["status"] == "complete" {
            break;
        }
    }
    let done = api.get(&large).await;
    assert_eq!((&done["status"], &done["reference_id"]), (&json!("complete"), &last));
    // No part was uploaded twice.
    let parts = network.calls().iter().filter(|call| *call == "UploadPart").count();
    assert_eq!(parts, 3);
    assert_finished(running.context()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_edited_before_its_codes_are_reserved_is_reserved_as_it_is_then() {
    let running = Running::paused().await;
    for (edit, ranges) in [(json!({ "quantity": 50 }), 1), (json!({ "status": "error" }), 0), (Value::Null, 0)] {
        let before = stored(running.context()).await.state.ranges.len();
        let one = post(&running, 10).await;
        let network = Network::failing("TransactWriteItems", Fault::HoldBefore);
        let worker = network.worker(&running, |_| {});
        let meanwhile = async {
            network.struck().await;
            match &edit {
                Value::Null => running.api.delete(&one).await,
                edit => drop(running.api.patch(&one, edit).await),
            }
            network.release();
        };
        let (failed, ()) = tokio::join!(invoke(&worker, vec![hint(1, &one)]), meanwhile);
        assert_eq!(failed, [""; 0]);
        // The record of the edit.
        deliver(running.context(), &[&one]).await;
        assert_finished(running.context()).await;
        assert_eq!(stored(running.context()).await.state.ranges.len() - before, ranges, "{edit}");
        if ranges == 1 {
            let done = running.api.get(&one).await;
            assert_eq!((&done["status"], &done["quantity_reserved"]), (&json!("complete"), &json!(50)));
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_at_the_same_time_lose_none() {
    let running = Running::paused().await;
    let (api, one) = (&running.api, post(&running, 10).await);
    let edits = [
        json!({ "reference_id": "a" }),
        json!({ "purchase_order": "b" }),
        json!({ "url_suffix": "?c=d" }),
        json!({ "quantity_reserved": 5 }),
        json!({ "error_message": "e" }),
        json!({ "export_type": "xml" }),
    ];
    // Each edit four times, as clients retry.
    let all = edits.iter().cycle().take(24);
    futures::future::join_all(all.map(|edit| api.patch(&one, edit))).await;
    let after = api.get(&one).await;
    for edit in &edits {
        let (name, value) = edit.as_object().unwrap().iter().next().unwrap();
        assert_eq!(&after[name], value);
    }
    running.stop().await;
}
