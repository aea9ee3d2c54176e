//! A pool that two organisations take codes from tells neither what the other has (RSV-8).

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{A, B, C, end, reserve, sgtin_of, tenants};
use crate::support::{
    api::{id, with},
    faults::{Fault, Network},
    harness::Running,
    invariants::{assert_consistent, stored},
    stream::{deliver, hint, invoke},
};

/// 10^6 serials, of which 99 may be issued.
fn six(organisation: &str, quantity: u64) -> Value {
    sgtin_of(organisation, quantity, json!({ "character_set": "numeric", "length": 6 }))
}

const NOT_ENOUGH: &str =
    "Not enough codes are left for sgtin of 19312345000019 with length 6, 90 asked for; length 7 would do.";

/// The only organisation of the only pool.
async fn only_organisation(running: &Running) -> Option<String> {
    let stored = assert_consistent(running.context()).await;
    assert_eq!(stored.state.pools.len(), 1);
    stored.state.pools[0].only_organisation.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_only_organisation_of_a_pool_is_told_what_is_left() {
    let running = tenants().start().await;
    let api = &running.api;
    // No pool exists, and the message does not tell.
    let refused = reserve(&running, api, &six(B, 100)).await;
    let none = NOT_ENOUGH.replace("90 asked", "100 asked");
    assert_eq!(end(&refused), ("error", Some(&*none)));

    assert_eq!(end(&reserve(&running, api, &six(A, 60)).await), ("complete", None));
    assert_eq!(only_organisation(&running).await.as_deref(), Some(A));
    let owner = "Only 39 codes are left for sgtin of 19312345000019 with length 6 (numeric), 90 asked for; \
                 length 7 would do.";
    assert_eq!(end(&reserve(&running, api, &six(A, 90)).await), ("error", Some(owner)));
    // The same words whether A has all codes of the pool or none of it.
    assert_eq!(end(&reserve(&running, api, &six(B, 100)).await), ("error", Some(&*none)));
    assert_eq!(end(&reserve(&running, api, &six(B, 90)).await), ("error", Some(NOT_ENOUGH)));
    // Refused reservations do not make it shared.
    assert_eq!(only_organisation(&running).await.as_deref(), Some(A));

    let of_b = reserve(&running, api, &six(B, 1)).await;
    assert_eq!(end(&of_b), ("complete", None));
    assert_eq!(only_organisation(&running).await, None);
    for organisation in [A, B] {
        assert_eq!(end(&reserve(&running, api, &six(organisation, 90)).await), ("error", Some(NOT_ENOUGH)));
    }
    // Its codes stay issued, so what is left stays a secret.
    api.delete(id(&of_b)).await;
    assert_eq!(end(&reserve(&running, api, &six(A, 90)).await), ("error", Some(NOT_ENOUGH)));
    assert_eq!(end(&reserve(&running, api, &six(A, 38)).await), ("complete", None));
    assert_eq!(only_organisation(&running).await, None);
    assert_eq!(end(&reserve(&running, api, &six(A, 90)).await), ("error", Some(NOT_ENOUGH)));
    running.stop().await;
}

/// Otherwise the change of wording would tell an organisation that another one reserved codes of the key.
#[tokio::test(flavor = "multi_thread")]
async fn the_only_organisation_of_a_pool_whose_key_is_not_its_own_reads_as_everybody_else() {
    let running = tenants().start().await;
    let api = &running.api;
    let short = |organisation: &str, quantity: u64| {
        let members = json!({ "code_type": "short_code", "product": null, "character_set": "numeric", "length": 6 });
        sgtin_of(organisation, quantity, members)
    };
    let hex = |body: Value| with(&body, json!({ "character_set": "hex" }));
    let others = "Character_set hex cannot be used with this length; choose another length or leave character_set out.";
    let of_short = NOT_ENOUGH.replace("sgtin of 19312345000019", "short_code");
    // A product of A, and short codes, which are nobody's. C has no prefix, and B another one.
    for (first, second, of, not_enough) in
        [(B, A, &six as &dyn Fn(&str, u64) -> Value, NOT_ENOUGH), (A, B, &short, &*of_short)]
    {
        assert_eq!(end(&reserve(&running, api, &of(first, 10)).await), ("complete", None));
        for next in [first, second, C] {
            assert_eq!(end(&reserve(&running, api, &of(first, 90)).await), ("error", Some(not_enough)), "{next}");
            assert_eq!(end(&reserve(&running, api, &hex(of(first, 5))).await), ("error", Some(others)), "{next}");
            assert_eq!(end(&reserve(&running, api, &of(next, 1)).await), ("complete", None));
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_organisation_was_told_does_not_go_with_the_reservation_to_another() {
    let running = tenants().start().await;
    let (api, writer) = (&running.api, running.api.with_token(Some("writer-ab")));
    reserve(&running, api, &six(A, 60)).await;
    let refused = reserve(&running, api, &six(A, 90)).await;
    assert!(end(&refused).1.unwrap().starts_with("Only 39 codes are left"), "{refused}");
    let moved = writer.patch(id(&refused), &json!({ "reserved_for": B })).await;
    assert_eq!(end(&moved), ("error", None));
    let of_b = running.api.with_token(Some("writer-b")).get(id(&refused)).await;
    assert_eq!(end(&of_b), ("error", None));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_an_older_version_counts_as_shared() {
    let running = tenants().start().await;
    let (api, context) = (&running.api, running.context());
    reserve(&running, api, &six(A, 60)).await;
    let update = context.dynamodb().update_item().table_name(&context.config().tables.pools);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = update.key("namespace", text("sgtin#19312345000019#6")).key("entry", text("pool"));
    update.update_expression("REMOVE only_organisation").send().await.unwrap();
    assert_eq!(end(&reserve(&running, api, &six(A, 90)).await), ("error", Some(NOT_ENOUGH)));
    assert_eq!(end(&reserve(&running, api, &six(A, 1)).await), ("complete", None));
    assert_eq!(only_organisation(&running).await, None);
    running.stop().await;
}

/// An older version allocates without regard to the only organisation; an operator burns a range after a restore.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_was_advanced_without_its_only_organisation_counts_as_shared() {
    for of_b in [false, true] {
        let running = tenants().start().await;
        let (api, context) = (&running.api, running.context());
        reserve(&running, api, &six(A, 60)).await;
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let number = |number: &str| AttributeValue::N(number.to_owned());
        let (table, namespace) = (&context.config().tables.pools, text("sgtin#19312345000019#6"));
        let put = context.dynamodb().put_item().table_name(table).item("namespace", namespace.clone());
        let mut put = put.item("entry", text("range#00000000000000000060")).item("count", number("5"));
        if of_b {
            put = put.item("organisation", text(B)).item("reservation", text(&Uuid::new_v4().to_string()));
            put = put.item("incarnation", text(&Uuid::new_v4().to_string()));
        }
        put.send().await.unwrap();
        let update = context.dynamodb().update_item().table_name(table).key("namespace", namespace);
        let update = update.key("entry", text("pool")).update_expression("SET #next = :next");
        let update = update.expression_attribute_names("#next", "next");
        update.expression_attribute_values(":next", number("65")).send().await.unwrap();
        assert_consistent(context).await;

        assert_eq!(end(&reserve(&running, api, &six(A, 90)).await), ("error", Some(NOT_ENOUGH)));
        // The next allocation makes it shared for ever.
        assert_eq!(end(&reserve(&running, api, &six(A, 1)).await), ("complete", None));
        assert_eq!(only_organisation(&running).await, None);
        assert_eq!(end(&reserve(&running, api, &six(A, 90)).await), ("error", Some(NOT_ENOUGH)));
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_organisations_in_the_first_transaction_share_the_pool() {
    let running = tenants().start().await;
    let posted = running.api.post(&json!([six(A, 10), six(B, 10), six(A, 90)])).await;
    let ids: Vec<&str> = posted.as_array().unwrap().iter().map(id).collect();
    deliver(running.context(), &ids).await;
    assert_eq!(end(&running.api.get(ids[2]).await), ("error", Some(NOT_ENOUGH)));
    assert_eq!(only_organisation(&running).await, None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_organisations_that_race_for_the_first_range_share_the_pool() {
    for (slow, fast) in [(A, B), (B, A)] {
        for pool_exists in [false, true] {
            let running = tenants().start().await;
            if pool_exists {
                reserve(&running, &running.api, &six(slow, 10)).await;
            }
            let first = running.api.post(&six(slow, 10)).await;
            let second = running.api.post(&six(fast, 10)).await;
            // The worker has read that there is no pool, or one of its organisation alone, and is held up before it
            // writes.
            let network = Network::failing("TransactWriteItems", Fault::HoldBefore);
            let worker = network.worker(&running, |_| {});
            let meanwhile = async {
                network.struck().await;
                deliver(running.context(), &[id(&second)]).await;
                let only = only_organisation(&running).await;
                assert_eq!(only.as_deref(), if pool_exists { None } else { Some(fast) });
                network.release();
            };
            let (failed, ()) = tokio::join!(invoke(&worker, vec![hint(1, id(&first))]), meanwhile);
            assert_eq!(failed, [""; 0]);
            for object in [&first, &second] {
                assert_eq!(end(&running.api.get(id(object)).await), ("complete", None));
            }
            assert_eq!(only_organisation(&running).await, None, "{slow} {pool_exists}");
            running.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn organisations_at_once_never_leave_a_pool_to_one_of_them() {
    let running = tenants().start().await;
    for round in 0..6_u64 {
        // Pools of their own lengths.
        let body = |organisation: &str, quantity| sgtin_of(organisation, quantity, json!({ "length": 8 + round }));
        let posted = running.api.post(&json!([body(A, 3), body(B, 4), body(A, 5), body(B, 6)])).await;
        let ids: Vec<String> = posted.as_array().unwrap().iter().map(|object| id(object).to_owned()).collect();
        let workers: Vec<_> = (0..4).map(|_| Network::healthy().worker(&running, |_| {})).collect();
        let work = workers.iter().zip(&ids).zip(1..).map(|((worker, id), number)| {
            let records = vec![hint(number, id)];
            async move { invoke(worker, records).await }
        });
        assert_eq!(futures::future::join_all(work).await.concat(), [""; 0]);
        for id in &ids {
            assert_eq!(end(&running.api.get(id).await), ("complete", None));
        }
    }
    let stored = assert_consistent(running.context()).await;
    assert_eq!(stored.state.pools.len(), 6);
    assert!(stored.state.pools.iter().all(|pool| pool.only_organisation.is_none()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_only_organisation_of_a_pool_is_told_its_character_set() {
    let running = tenants().start().await;
    let api = &running.api;
    let hex = |organisation: &str| sgtin_of(organisation, 5, json!({ "character_set": "hex" }));
    reserve(&running, api, &sgtin_of(A, 5, json!({}))).await;
    let owner = "Codes of this length already exist in character_set alphanumeric, so hex cannot be used with it; \
                 choose alphanumeric or another length.";
    let others = "Character_set hex cannot be used with this length; choose another length or leave character_set out.";
    assert_eq!(end(&reserve(&running, api, &hex(A)).await), ("error", Some(owner)));
    assert_eq!(end(&reserve(&running, api, &hex(B)).await), ("error", Some(others)));
    reserve(&running, api, &sgtin_of(B, 5, json!({}))).await;
    assert_eq!(end(&reserve(&running, api, &hex(A)).await), ("error", Some(others)));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quantity_that_no_pool_of_the_set_has_tells_nothing_of_the_pool() {
    let running = tenants().start().await;
    let api = &running.api;
    // One more than an empty pool of 6 characters may issue.
    let too_many = [("alphanumeric", 5_680_024), ("uppercase", 154_481), ("hex", 1_678), ("numeric", 100)];
    for (number, (of_pool, _)) in too_many.into_iter().enumerate() {
        let product = format!("/01/19312345{number:06}");
        let body = |organisation: &str, set: &str, quantity: u64| {
            let members = json!({ "character_set": set, "length": 6, "product": product });
            sgtin_of(organisation, quantity, members)
        };
        let mut without_pool = Vec::new();
        for (set, quantity) in too_many {
            let refused = reserve(&running, api, &body(B, set, quantity)).await;
            let message = end(&refused).1.unwrap().to_owned();
            assert!(message.starts_with("Not enough codes are left for sgtin of "), "{message}");
            without_pool.push(message);
        }
        assert_eq!(end(&reserve(&running, api, &body(A, of_pool, 1)).await), ("complete", None));
        for ((set, quantity), message) in too_many.into_iter().zip(&without_pool) {
            let refused = reserve(&running, api, &body(B, set, quantity)).await;
            assert_eq!(end(&refused), ("error", Some(&**message)), "{set} of a pool in {of_pool}");
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_that_names_no_character_set_takes_that_of_the_pool_or_the_default() {
    let running = tenants().parameter("DefaultCharacterSet", "uppercase").start().await;
    let api = &running.api;
    let named = |members: Value| sgtin_of(A, 30, members);
    let set_of = async |body: Value| {
        let object = reserve(&running, api, &body).await;
        assert_eq!(end(&object), ("complete", None), "{body}");
        let stored = stored(running.context()).await;
        let item = stored.state.reservations.iter().find(|item| item.id.to_string() == id(&object)).unwrap().clone();
        assert_eq!(
            item.character_set.is_some(),
            body.get("character_set").is_some(),
            "the row stays as it was asked for"
        );
        item.range.unwrap().character_set.as_str()
    };
    // A new pool: the set that is named, or the deployment's default.
    assert_eq!(set_of(named(json!({ "length": 7 }))).await, "uppercase");
    assert_eq!(set_of(named(json!({ "length": 6, "character_set": "numeric" }))).await, "numeric");
    assert_eq!(set_of(named(json!({ "length": 12, "character_set": "rfid96" }))).await, "rfid96");
    // An existing one: its own.
    for (length, set) in [(7, "uppercase"), (6, "numeric"), (12, "rfid96")] {
        assert_eq!(set_of(named(json!({ "length": length }))).await, set);
        assert_eq!(set_of(of_b(&named(json!({ "length": length })))).await, set);
    }
    // What fits is decided with the pool's set: 99 numeric codes of 6 digits, of which 90 are taken.
    let refused = reserve(&running, api, &of_b(&named(json!({ "length": 6 })))).await;
    // The advice is about a new pool, which would have the default, and says nothing of the pool's own set.
    let message =
        "Not enough codes are left for sgtin of 19312345000019 with length 6, 30 asked for; length 7 would do.";
    assert_eq!(end(&refused), ("error", Some(message)));
    assert_consistent(running.context()).await;
    running.stop().await;
}

/// The same for the other organisation.
fn of_b(body: &Value) -> Value {
    let mut body = body.clone();
    body["reserved_for"] = json!(B);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_batch_on_a_new_pool_the_first_that_gets_codes_fixes_the_set() {
    let running = tenants().start().await;
    // 16^6 hexadecimal serials are 1,677 codes.
    let body = |quantity: u64, length: u8, set: Option<&str>| {
        let set = set.map_or(json!({}), |set| json!({ "character_set": set }));
        with(&sgtin_of(A, quantity, json!({ "length": length })), set)
    };
    let sets = async |batch: Value| {
        let posted = running.api.post(&batch).await;
        let ids: Vec<&str> = posted.as_array().unwrap().iter().map(id).collect();
        deliver(running.context(), &ids).await;
        let state = stored(running.context()).await.state;
        let set = |id: &&str| {
            let item = state.reservations.iter().find(|item| item.id.to_string() == **id).unwrap();
            item.range.as_ref().map(|range| range.character_set.as_str())
        };
        ids.iter().map(set).collect::<Vec<_>>()
    };
    // The first is too large and fixes nothing; the last one names the same set and fits, before the others take it.
    let batch = json!([body(5_000, 6, Some("hex")), body(9, 6, None), body(9, 6, None), body(9, 6, Some("hex"))]);
    assert_eq!(sets(batch).await, [None, Some("hex"), Some("hex"), Some("hex")]);
    // Only the one that names none fits: the default.
    let batch = json!([body(50_000, 7, Some("hex")), body(9, 7, None)]);
    assert_eq!(sets(batch).await, [None, Some("alphanumeric")]);
    // The first names none, so the set is the default, and the one that names another is refused.
    let batch = json!([body(9, 8, None), body(9, 8, Some("hex")), body(9, 8, Some("alphanumeric"))]);
    assert_eq!(sets(batch).await, [Some("alphanumeric"), None, Some("alphanumeric")]);
    assert_consistent(running.context()).await;
    running.stop().await;
}
