//! Codes are not built from company prefixes of which one begins another, whoever has them (RSV-11).

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use common::{
    code::{CodeRequest, CodeType, PoolSpec, RenderOptions, Renderer, SerialDefaults},
    context::Context,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{end, reserve};
use crate::support::{
    api::{id, with},
    faults::{Fault, Network},
    harness::{Running, Setup},
    invariants::{assert_consistent, items, stored},
    stream::{deliver, hint, invoke},
    sweep::sweep,
};

/// The organisations of these tests, by company prefix.
const SHORT: &str = "/417/0614141000005";
const LONG: &str = "/417/0614141200003";
const EQUAL: &str = "/417/0614141000012";
const OTHER: &str = "/417/9506000000004";

const PREFIX_TAKEN: &str = "The organisation's company prefix overlaps another one that codes were made with, so the same \
                            code could be issued twice. Ask the operator to correct the prefix.";

fn organisations() -> Setup {
    let rows = json!({
        "directus_users": [{ "id": Uuid::new_v4(), "token": "local-token", "role": "admin" }],
        "organisation": [
            { "id": SHORT, "organisation_company_prefix": "0614141" },
            { "id": LONG, "organisation_company_prefix": "06141412" },
            { "id": EQUAL, "organisation_company_prefix": "0614141" },
            { "id": OTHER, "organisation_company_prefix": "9506000" },
        ],
    });
    Setup::new().paused().rows(&rows)
}

fn body(organisation: &str, code_type: &str, quantity: u64) -> Value {
    json!({ "reserved_for": organisation, "code_type": code_type, "quantity": quantity, "export_type": "csv" })
}

async fn reserved(running: &Running, organisation: &str, code_type: &str) -> (String, Option<String>) {
    let object = reserve(running, &running.api, &body(organisation, code_type, 3)).await;
    let (status, message) = end(&object);
    (status.to_owned(), message.map(str::to_owned))
}

fn complete() -> (String, Option<String>) {
    ("complete".to_owned(), None)
}

fn refused() -> (String, Option<String>) {
    ("error".to_owned(), Some(PREFIX_TAKEN.to_owned()))
}

/// The items of company prefixes: `claimed` and `continued`.
async fn claims(context: &Context) -> BTreeMap<String, (bool, bool)> {
    let claims = stored(context).await.state.claims;
    claims.into_iter().map(|claim| (claim.prefix, (claim.claimed, claim.continued))).collect()
}

/// What the tests of this file are about: after 200 million codes of the shorter prefix, the pools would meet.
#[tokio::test(flavor = "multi_thread")]
async fn codes_of_prefixes_that_begin_one_another_are_the_same_text() {
    let running = organisations().start().await;
    let secret = running.context().secret().await.unwrap();
    let code = |prefix: &str, index: u64| {
        let request = CodeRequest {
            code_type: CodeType::Sscc,
            product: None,
            company_prefix: Some(prefix),
            length: None,
            character_set: None,
        };
        let spec = PoolSpec::resolve(&request, &SerialDefaults::default(), false).unwrap();
        let options = RenderOptions { company_prefix: Some(prefix.to_owned()), ..RenderOptions::default() };
        Renderer::new(&spec, &secret.pool_key(&spec.namespace), &options).unwrap().code(index).unwrap().code
    };
    assert_eq!(code("0614141", 200_000_000), code("06141412", 0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_that_begins_or_continues_one_in_use_is_refused_for_every_type_that_is_built_from_it() {
    for (first, second) in [(SHORT, LONG), (LONG, SHORT)] {
        let running = organisations().start().await;
        assert_eq!(reserved(&running, first, "sscc").await, complete());
        for code_type in ["sscc", "gsrn", "giai"] {
            assert_eq!(reserved(&running, second, code_type).await, refused(), "{second} {code_type}");
        }
        // Nothing of the refused ones is left but their message.
        let state = assert_consistent(running.context()).await.state;
        assert_eq!(state.pools.len(), 1, "{:?}", state.pools);
        assert_eq!(state.ranges.len(), 1, "{:?}", state.ranges);
        // A product has one text, whatever the prefix; so do short codes. Other prefixes are not concerned.
        let product = with(&body(second, "sgtin", 3), json!({ "product": "/01/00614141200003" }));
        for body in [product, body(second, "short_code", 3), body(OTHER, "sscc", 3)] {
            assert_eq!(end(&reserve(&running, &running.api, &body).await), ("complete", None), "{body}");
        }
        // The first one goes on, with other types too.
        for code_type in ["sscc", "gsrn", "giai"] {
            assert_eq!(reserved(&running, first, code_type).await, complete(), "{first} {code_type}");
        }
        assert_consistent(running.context()).await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn organisations_with_an_equal_prefix_share_its_pool() {
    let running = organisations().start().await;
    for organisation in [SHORT, EQUAL, SHORT] {
        assert_eq!(reserved(&running, organisation, "sscc").await, complete());
        assert_eq!(reserved(&running, LONG, "sscc").await, refused());
    }
    let state = assert_consistent(running.context()).await.state;
    assert_eq!((state.pools.len(), state.pools[0].next), (1, 9));
    running.stop().await;
}

/// The text of the message must depend on neither the other prefix nor its organisation.
#[tokio::test(flavor = "multi_thread")]
async fn the_message_tells_nothing_of_the_other_organisation() {
    let running = organisations().start().await;
    assert_eq!(reserved(&running, SHORT, "sscc").await, complete());
    let (_, message) = reserved(&running, LONG, "gsrn").await;
    assert!(!message.unwrap().contains("0614141"));
    // A reservation that fails for its own reasons says so, before anything is looked up.
    let too_many = reserve(&running, &running.api, &body(LONG, "sscc", 100_000_000)).await;
    assert_eq!(end(&too_many), ("error", Some(PREFIX_TAKEN)));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_stays_when_its_organisation_and_its_reservations_are_gone() {
    let running = organisations().start().await;
    let context = running.context();
    let first = reserve(&running, &running.api, &body(SHORT, "giai", 3)).await;
    running.api.delete(id(&first)).await;
    let delete = context.dynamodb().delete_item().table_name(&context.config().tables.directory);
    let delete = delete.key("kind", AttributeValue::S("organisation".to_owned()));
    delete.key("id", AttributeValue::S(SHORT.to_owned())).send().await.unwrap();
    assert_eq!(reserved(&running, LONG, "giai").await, refused());
    assert_eq!(reserved(&running, LONG, "sscc").await, refused());
    // The early message knows it too.
    for (prefix, taken) in
        [("0614141", false), ("061414", true), ("06141412", true), ("0614142", false), ("9506", false)]
    {
        assert_eq!(context.store().is_prefix_taken(prefix).await.unwrap(), taken, "{prefix}");
    }
    // The same organisation with a corrected prefix would repeat its own codes.
    let again = json!({ "id": SHORT, "organisation_company_prefix": "06141413" });
    context.store().seed_organisation(&serde_json::from_value(again).unwrap()).await.unwrap();
    assert_eq!(reserved(&running, SHORT, "sscc").await, refused());
    assert_eq!(reserved(&running, EQUAL, "sscc").await, complete());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_first_allocations_at_once_exactly_one_wins() {
    for (slow, fast) in [(SHORT, LONG), (LONG, SHORT)] {
        let running = organisations().start().await;
        let first = running.api.post(&body(slow, "sscc", 10)).await;
        let second = running.api.post(&body(fast, "gsrn", 10)).await;
        // The worker has read that there is no pool, and is held up before it writes.
        let network = Network::failing("TransactWriteItems", Fault::HoldBefore);
        let worker = network.worker(&running, |_| {});
        let meanwhile = async {
            network.struck().await;
            deliver(running.context(), &[id(&second)]).await;
            network.release();
        };
        let (failed, ()) = tokio::join!(invoke(&worker, vec![hint(1, id(&first))]), meanwhile);
        assert_eq!(failed, [""; 0]);
        assert_eq!(end(&running.api.get(id(&second)).await), ("complete", None));
        assert_eq!(end(&running.api.get(id(&first)).await), ("error", Some(PREFIX_TAKEN)));
        assert_consistent(running.context()).await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_organisations_with_nested_prefixes_at_once_exactly_one_gets_codes() {
    let prefixes: Vec<&str> = (4..=12).map(|digits| &"950600013435"[..digits]).collect();
    let organisations: Vec<Value> = prefixes
        .iter()
        .map(|prefix| json!({ "id": format!("/org/{prefix}"), "organisation_company_prefix": prefix }))
        .collect();
    let rows = json!({
        "directus_users": [{ "id": Uuid::new_v4(), "token": "local-token", "role": "admin" }],
        "organisation": organisations,
    });
    let running = Setup::new().paused().rows(&rows).start().await;
    let all: Vec<Value> = prefixes.iter().map(|prefix| body(&format!("/org/{prefix}"), "sscc", 2)).collect();
    let posted = running.api.post(&json!(all)).await;
    let ids: Vec<String> = posted.as_array().unwrap().iter().map(|object| id(object).to_owned()).collect();
    let workers: Vec<_> = ids.iter().map(|_| Network::healthy().worker(&running, |_| {})).collect();
    let work = workers.iter().zip(&ids).zip(1..).map(|((worker, id), number)| {
        let records = vec![hint(number, id)];
        async move { invoke(worker, records).await }
    });
    assert_eq!(futures::future::join_all(work).await.concat(), [""; 0]);
    let mut ends = Vec::new();
    for id in &ids {
        let object = running.api.get(id).await;
        ends.push(end(&object).1.map(str::to_owned));
    }
    assert_eq!(ends.iter().filter(|message| message.is_none()).count(), 1, "{ends:?}");
    assert_eq!(ends.iter().flatten().filter(|message| *message == PREFIX_TAKEN).count(), 8, "{ends:?}");
    let state = assert_consistent(running.context()).await.state;
    assert_eq!(state.pools.len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_exists_costs_an_allocation_nothing_more_and_a_new_one_at_most_nine_items() {
    let running = organisations().start().await;
    let actions = async |body: Value| {
        let posted = running.api.post(&body).await;
        let network = Network::healthy();
        assert_eq!(invoke(&network.worker(&running, |_| {}), vec![hint(1, id(&posted))]).await, [""; 0]);
        let requests = network.requests();
        let transactions = requests.iter().filter(|request| request.operation == "TransactWriteItems");
        let sizes = transactions.map(|request| {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            body["TransactItems"].as_array().unwrap().len()
        });
        // The completion of the export is another one, of two items.
        (sizes.max().unwrap(), network.calls().len())
    };
    // The first allocation of all also notes the check value of the secret.
    actions(body(OTHER, "sscc", 1)).await;
    // The pool, its number, the range, the reservation; and the items of 0614, 06141, 061414 and 0614141.
    let (made, calls_of_first) = actions(body(SHORT, "sscc", 3)).await;
    assert_eq!(made, 4 + 4);
    // The pool, the range, the reservation.
    let (advanced, calls_of_second) = actions(body(SHORT, "sscc", 3)).await;
    assert_eq!(advanced, 3);
    assert_eq!(calls_of_first, calls_of_second, "no further read or write");
    let product = with(&body(SHORT, "sgtin", 3), json!({ "product": "/01/00614141200003" }));
    assert_eq!(actions(product).await.0, 4);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_batch_on_a_new_pool_has_room_for_the_claims() {
    let rows = json!({
        "directus_users": [{ "id": Uuid::new_v4(), "token": "local-token", "role": "admin" }],
        "organisation": [{ "id": SHORT, "organisation_company_prefix": "950600013435" }],
    });
    let running = Setup::new().paused().rows(&rows).start().await;
    let posted = running.api.post(&json!(vec![body(SHORT, "sscc", 1); 60])).await;
    let ids: Vec<&str> = posted.as_array().unwrap().iter().map(id).collect();
    deliver(running.context(), &ids).await;
    for id in ids {
        assert_eq!(end(&running.api.get(id).await), ("complete", None));
    }
    assert_consistent(running.context()).await;
    running.stop().await;
}

/// Makes the tables those of a version without claims.
async fn make_old(context: &Context) {
    let table = &context.config().tables.pools;
    for item in items::<Value>(context, table).await {
        let key = |name: &str| AttributeValue::S(item[name].as_str().unwrap().to_owned());
        let (namespace, entry) = (key("namespace"), key("entry"));
        if item["entry"] == "claim" || item["entry"] == "state" {
            let delete = context.dynamodb().delete_item().table_name(table);
            delete.key("namespace", namespace).key("entry", entry).send().await.unwrap();
        } else {
            let update = context.dynamodb().update_item().table_name(table).update_expression("REMOVE claimed, listed");
            update.key("namespace", namespace).key("entry", entry).send().await.unwrap();
        }
    }
}

/// The namespaces in the index over all pools.
async fn listed(context: &Context) -> Vec<String> {
    let scan = context.dynamodb().scan().table_name(&context.config().tables.pools).index_name("pools");
    let items = scan.send().await.unwrap().items.unwrap();
    let mut all: Vec<_> = items.iter().map(|item| item["namespace"].as_s().unwrap().clone()).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_claims_the_prefixes_of_older_pools_and_lists_them() {
    let running = organisations().start().await;
    let context = running.context();
    for code_type in ["sscc", "giai"] {
        assert_eq!(reserved(&running, SHORT, code_type).await, complete());
    }
    let product = with(&body(SHORT, "sgtin", 3), json!({ "product": "/01/00614141200003" }));
    reserve(&running, &running.api, &product).await;
    let claimed = claims(context).await;
    let before = stored(context).await.state.pools;
    let all = ["giai#0614141#8", "sgtin#00614141200003#8", "sscc#0614141#18"];
    assert_eq!(listed(context).await, all);
    make_old(context).await;
    assert_eq!((claims(context).await.len(), listed(context).await.len()), (0, 0));

    let sweep = async || sweep(context, &json!({ "task": "pools" })).await;
    assert_eq!(sweep().await, json!({ "pools": 3, "conflicts": [], "done": false }));
    assert_eq!((claims(context).await, listed(context).await), (claimed.clone(), all.map(str::to_owned).to_vec()));
    assert_eq!(stored(context).await.state.pools, before);
    assert_eq!(reserved(&running, LONG, "sscc").await, refused());
    // A worker of the older version makes one more pool; the second pass finds it, and then none is needed.
    assert_eq!(reserved(&running, OTHER, "gsrn").await, complete());
    make_old_pool(context, "gsrn#9506000#18").await;
    assert_eq!(sweep().await, json!({ "pools": 1, "conflicts": [], "done": true }));
    assert!(claims(context).await["9506000"].0);
    make_old_pool(context, "gsrn#9506000#18").await;
    assert_eq!(sweep().await, json!({ "pools": 0, "conflicts": [], "done": true }));
    running.stop().await;
}

async fn make_old_pool(context: &Context, namespace: &str) {
    let update = context.dynamodb().update_item().table_name(&context.config().tables.pools);
    let update = update.key("namespace", AttributeValue::S(namespace.to_owned()));
    let update = update.key("entry", AttributeValue::S("pool".to_owned()));
    update.update_expression("REMOVE claimed, listed").send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_pool_claims_its_prefix_with_its_next_allocation() {
    let running = organisations().start().await;
    let context = running.context();
    assert_eq!(reserved(&running, SHORT, "sscc").await, complete());
    let claimed = claims(context).await;
    make_old(context).await;
    assert_eq!(reserved(&running, SHORT, "sscc").await, complete());
    assert_eq!(claims(context).await, claimed);
    assert_eq!(reserved(&running, LONG, "sscc").await, refused());
    assert_consistent(context).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_older_pools_with_nested_prefixes_only_one_goes_on() {
    let running = organisations().start().await;
    let context = running.context();
    assert_eq!(reserved(&running, SHORT, "sscc").await, complete());
    make_old(context).await;
    assert_eq!(reserved(&running, LONG, "sscc").await, complete());
    make_old(context).await;
    let answer = sweep(context, &json!({ "task": "pools" })).await;
    assert_eq!((&answer["pools"], answer["conflicts"].as_array().unwrap().len()), (&json!(2), 1), "{answer}");
    let (goes_on, ends) = match answer["conflicts"][0].as_str().unwrap() {
        "sscc#06141412#18" => (SHORT, LONG),
        _ => (LONG, SHORT),
    };
    assert_eq!(reserved(&running, goes_on, "sscc").await, complete());
    assert_eq!(reserved(&running, ends, "sscc").await, refused());
    // Both are listed, and the codes that were issued stay.
    assert_eq!(listed(context).await, ["sscc#0614141#18", "sscc#06141412#18"]);
    assert_consistent(context).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_data_directory_gets_its_claims_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let running = organisations().data_dir(folder.path()).start().await;
    assert_eq!(reserved(&running, SHORT, "sscc").await, complete());
    let claimed = claims(running.context()).await;
    make_old(running.context()).await;
    running.stop().await;
    // A directory of an older version has no note.
    std::fs::remove_file(folder.path().join("complete-pools-1")).unwrap();
    let running = organisations().data_dir(folder.path()).start().await;
    assert_eq!(claims(running.context()).await, claimed);
    assert_eq!(listed(running.context()).await, ["sscc#0614141#18"]);
    assert_eq!(reserved(&running, LONG, "sscc").await, refused());
    running.stop().await;
}
