//! Finding the reservation that issued a code takes at most three reads, for any number of codes.

use std::collections::BTreeMap;

use common::{
    context::Context,
    directory::{Organisation, Role},
    operations::{Caller, Session, read, unique_code},
    query::{Answer, RawQuery},
};
use serde_json::{Value, json};

use crate::support::{
    api::{CODES, RESERVATIONS, encoded},
    counting::{Reads, counted, total},
    harness::{Running, TOKEN, completed},
    rows::{allocate, noon, reservation, user},
};

const ORGANISATION: &str = "/417/9312345000012";

fn raw(query: Value) -> RawQuery {
    RawQuery::from_json(query.as_object().unwrap().clone())
}

async fn of_codes(context: &Context, caller: &Caller, filter: &Value) -> Answer {
    let budget = common::query::Budget::default();
    let session = Session::new(caller, noon(), &budget);
    unique_code::list(context, session, &raw(json!({"filter": filter, "fields": ["*", "position"]}))).await.unwrap().1
}

async fn of_reservations(context: &Context, caller: &Caller, filter: &Value) -> Answer {
    let budget = common::query::Budget::default();
    let session = Session::new(caller, noon(), &budget);
    let query = raw(json!({"fields": ["id"], "filter": {"codes": {"_some": filter}}}));
    let (query, list) = read::list(context, session, &query).await.unwrap();
    list.into_answer(&query).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_among_a_hundred_million_is_found_with_three_reads() {
    let server = Running::paused().await;
    let input = json!({"reserved_for": ORGANISATION, "code_type": "sgtin", "quantity": 100_000,
        "product": "/01/09521234543213"});
    let new: Vec<_> = (0..1_000).map(|_| reservation(&input)).collect();
    let items = allocate(server.context(), "09521234543213", &new).await;
    assert_eq!(items.last().unwrap().range.as_ref().unwrap().end(), 100_000_000);

    let (context, counter) = counted(&server.system, |_| ());
    context.establish_secret().await.unwrap();
    let caller = Caller::user(user(Role::Admin, None));
    for at in [0, 1, 499, 998, 999] {
        let id = items[at].id;
        for position in [1_u64, 50_000, 100_000] {
            let window = json!({"reservation": {"_eq": id}});
            let query = raw(json!({"filter": window, "offset": position - 1, "limit": 1, "fields": ["*", "position"]}));
            counter.take();
            let budget = common::query::Budget::default();
            let session = Session::new(&caller, noon(), &budget);
            let (_, shown) = unique_code::list(&context, session, &query).await.unwrap();
            assert_eq!(counter.take(), BTreeMap::from([("BatchGetItem", Reads { calls: 1, items: 1 })]));
            let code = &shown.data[0];
            assert_eq!(code["position"], position);

            let lookups = [
                json!({"code": {"_eq": code["code"]}, "product": {"_eq": "/01/09521234543213"}}),
                json!({"digital_link": {"_eq": code["digital_link"]}}),
                json!({"epc_join_key": {"_eq": code["epc_join_key"]}}),
            ];
            for lookup in &lookups {
                let found = of_codes(&context, &caller, lookup).await;
                let reads = counter.take();
                assert_eq!(found.data, json!([code]), "{lookup}");
                assert!(total(&reads).calls <= 3, "{lookup}: {reads:?}");
                assert!(total(&reads).items <= 3, "{lookup}: {reads:?}");
                let found = of_reservations(&context, &caller, lookup).await;
                let reads = counter.take();
                assert_eq!(found.data, json!([{ "id": id }]), "{lookup}");
                assert!(total(&reads).calls <= 3, "{lookup}: {reads:?}");
            }
            let budget = common::query::Budget::default();
            let session = Session::new(&caller, noon(), &budget);
            let code_id: uuid::Uuid = code["id"].as_str().unwrap().parse().unwrap();
            let query = raw(json!({"fields": ["*", "position"]}));
            let (_, one) = unique_code::one(&context, session, code_id, &query).await.unwrap();
            assert_eq!(&one, code);
            assert_eq!(total(&counter.take()), Reads { calls: 3, items: 3 });
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_issued_is_not_found() {
    let server = Running::paused().await;
    let input = json!({"reserved_for": ORGANISATION, "code_type": "sgtin", "quantity": 3,
        "product": "/01/09521234543213"});
    allocate(server.context(), "09521234543213", &[reservation(&input)]).await;
    let product = "/01/09521234543213";
    let never = [
        // Malformed codes, other lengths and characters, a pool that does not exist, an index that was not issued.
        json!({"code": {"_eq": "no/code"}, "product": {"_eq": product}}),
        json!({"code": {"_eq": "A"}, "product": {"_eq": product}}),
        json!({"code": {"_eq": "AAAAAAAA"}, "product": {"_eq": product}}),
        json!({"code": {"_eq": "AAAAAAAA"}, "product": {"_eq": "/01/00000000000000"}}),
        json!({"code": {"_eq": "AAAAAAAA"}, "product": {"_eq": "nonsense"}}),
        json!({"code": {"_eq": "\u{e9}\u{1f600}AAAA"}, "product": {"_eq": product}}),
        json!({"digital_link": {"_eq": "https://id.gs1.org/01/09521234543213/21/AAAAAAAA"}}),
        json!({"digital_link": {"_eq": "https://id.gs1.org/01/09521234543213"}}),
        json!({"digital_link": {"_eq": "%%%"}}),
        json!({"epc_join_key": {"_eq": "(01)09521234543213(21)AAAAAAAA"}}),
        json!({"epc_join_key": {"_eq": "(01"}}),
        json!({"epc_join_key": {"_eq": "(00)095212345432130000"}}),
    ];
    for filter in &never {
        for path in [
            format!("{CODES}?filter={}", encoded(filter)),
            format!("{RESERVATIONS}?filter={}", encoded(&json!({"codes": {"_some": filter}}))),
        ] {
            let reply = server.get(&path, TOKEN).await;
            assert_eq!((reply.status, reply.json()), (200, json!({"data": []})), "{filter}");
        }
    }
    // A filter that no lookup can answer is refused; the service does not scan.
    for filter in [
        json!({"position": {"_eq": 1}}),
        json!({"code": {"_contains": "A"}}),
        json!({"_or": [{"digital_link": {"_eq": "x"}}, {"status": {"_eq": "reserved"}}]}),
    ] {
        let some = format!("{RESERVATIONS}?filter={}", encoded(&json!({"codes": {"_some": filter}})));
        for path in [format!("{CODES}?filter={}", encoded(&filter)), some] {
            let reply = server.get(&path, TOKEN).await;
            assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_QUERY"), "{filter}");
        }
    }
    assert_eq!(server.get(CODES, TOKEN).await.code(), "INVALID_QUERY");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_company_prefix_are_found_with_one_batch_read_of_their_pools() {
    let server = Running::in_memory().await;
    let organisation = Organisation {
        id: ORGANISATION.to_owned(),
        organisation_company_prefix: Some("952123456".to_owned()),
        digital_link_domain: Some("https://codes.example.com".to_owned()),
        ..Organisation::default()
    };
    server.store().seed_organisation(&organisation).await.unwrap();
    let (context, counter) = counted(&server.system, |_| ());
    context.establish_secret().await.unwrap();
    let caller = Caller::user(user(Role::Admin, None));
    for code_type in ["sscc", "gsrn", "giai"] {
        let input = json!({"reserved_for": ORGANISATION, "code_type": code_type, "quantity": 7});
        let made = server.json("POST", RESERVATIONS, TOKEN, &input).await.data();
        let id = made["id"].as_str().unwrap();
        completed(&server.api, id).await;
        let path = format!("{CODES}?filter[reservation][_eq]={id}&sort=-position&limit=1&fields=*,position");
        let code = server.get(&path, TOKEN).await.data()[0].clone();
        assert_eq!(code["position"], 7);
        let link = code["digital_link"].as_str().unwrap();
        let elsewhere = link.replace("https://codes.example.com", "http://other.example/some/path") + "?utm=1";
        assert_ne!(link, elsewhere);
        for lookup in [
            json!({"code": {"_eq": code["code"]}}),
            json!({"epc_join_key": {"_eq": code["epc_join_key"]}}),
            json!({"digital_link": {"_eq": link}}),
            json!({"digital_link": {"_eq": elsewhere}}),
        ] {
            counter.take();
            let found = of_codes(&context, &caller, &lookup).await;
            let reads = counter.take();
            assert_eq!(found.data, json!([code]), "{code_type} {lookup}");
            let expected = [
                ("BatchGetItem", Reads { calls: 1, items: 1 }),
                ("GetItem", Reads { calls: 1, items: 1 }),
                ("Query", Reads { calls: 1, items: 1 }),
            ];
            assert_eq!(reads, BTreeMap::from(expected), "{code_type} {lookup}");
            let found = of_reservations(&context, &caller, &lookup).await;
            assert_eq!(found.data, json!([{ "id": id }]), "{code_type} {lookup}");
        }
    }
    server.stop().await;
}
