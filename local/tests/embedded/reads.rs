//! Reads without a socket give the same answers as the server.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    config::retry::RetryConfig,
    error::ProvideErrorMetadata,
    operation::RequestId,
    types::{AttributeValue, KeysAndAttributes, Select},
};
use local::{data_dir::DataDir, dynamodb::DynamoDb, template::Template};

use crate::clients::{clients, config, text};

const TABLE: &str = "things";
const PAIRS: &str = "pairs";

const TEMPLATE: &str = "
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: things
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}, {AttributeName: kind, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      GlobalSecondaryIndexes:
        - IndexName: by_kind
          KeySchema: [{AttributeName: kind, KeyType: HASH}, {AttributeName: id, KeyType: RANGE}]
          Projection: {ProjectionType: KEYS_ONLY}
  Pairs:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: pairs
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: a, AttributeType: S}, {AttributeName: b, AttributeType: S}]
      KeySchema: [{AttributeName: a, KeyType: HASH}, {AttributeName: b, KeyType: RANGE}]
";

type Item = HashMap<String, AttributeValue>;

fn pair(a: &str, b: &str) -> Item {
    Item::from([("a".to_owned(), text(a)), ("b".to_owned(), text(b))])
}

fn key(n: usize) -> Item {
    Item::from([("id".to_owned(), text(format!("{n:03}")))])
}

async fn filled() -> (DynamoDb, [Client; 2]) {
    let store = DynamoDb::start(&DataDir::temporary().unwrap()).unwrap();
    store.create_tables(&Template::parse(TEMPLATE, &[]).unwrap().tables).await.unwrap();
    let [direct, sockets] = clients(&store);
    for n in 0..30 {
        // What one client writes, the other reads immediately.
        let writer = if n % 2 == 0 { &direct } else { &sockets };
        let put = writer.put_item().table_name(TABLE).set_item(Some(key(n))).item("kind", text("a\"é"));
        let nested = AttributeValue::M(HashMap::from([
            ("list".to_owned(), AttributeValue::L(vec![AttributeValue::Null(true), AttributeValue::Bool(false)])),
            ("amount".to_owned(), AttributeValue::N("-1.50".to_owned())),
        ]));
        let set = AttributeValue::Ns(vec!["10".to_owned(), "9".to_owned()]);
        put.item("nested", nested).item("set", set).send().await.unwrap();
    }
    sockets.put_item().table_name(PAIRS).set_item(Some(pair("x", "y\"z"))).send().await.unwrap();
    (store, [direct, sockets])
}

#[tokio::test]
async fn keys_of_entries_are_those_of_the_server() {
    let (_store, [direct, sockets]) = filled().await;
    let whole = ("#k = :k", &[][..]);
    let bounds = ("#k = :k AND #s BETWEEN :low AND :high", &[(":low", "003"), (":high", "0177")][..]);
    for ((condition, values), forward, limit, projection) in [
        (whole, true, 7, "id"),
        (whole, false, 30, "id, #k"),
        (bounds, true, 4, "#k, #s"),
        (bounds, false, 15, "#s"),
        (bounds, true, 1_000, "nested"),
        // These are left to the engine.
        (whole, true, 1_001, "id"),
        (("#s BETWEEN :low AND :high AND #k = :k", bounds.1), true, 7, "id"),
    ] {
        let (mut start, mut pages) = (None, 0);
        loop {
            let page = |client: &Client| {
                let query = client.query().table_name(TABLE).index_name("by_kind").key_condition_expression(condition);
                let query = query.projection_expression(projection).expression_attribute_names("#k", "kind");
                let query = if condition.contains("#s") || projection.contains("#s") {
                    query.expression_attribute_names("#s", "id")
                } else {
                    query
                };
                let query = query.expression_attribute_values(":k", text("a\"é"));
                let query = values
                    .iter()
                    .fold(query, |query, (name, value)| query.expression_attribute_values(*name, text(*value)));
                query.scan_index_forward(forward).limit(limit).set_exclusive_start_key(start.clone()).send()
            };
            let (short, long) = (page(&direct).await.unwrap(), page(&sockets).await.unwrap());
            assert_eq!(short.items, long.items, "{condition} {forward} {limit} {projection}");
            assert_eq!((short.count, short.scanned_count), (long.count, long.scanned_count));
            assert_eq!((&short.last_evaluated_key, short.request_id()), (&long.last_evaluated_key, None));
            pages += 1;
            start = short.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        assert!(pages > 1 || limit > 15, "{condition} {limit}");
    }
    // What the server refuses is refused by the server.
    let wrong = direct.query().table_name(TABLE).index_name("by_kind").key_condition_expression("#k = :k");
    let wrong = wrong.expression_attribute_names("#k", "id").expression_attribute_values(":k", text("a"));
    assert!(wrong.projection_expression("id").limit(5).send().await.is_err());
    let some = KeysAndAttributes::builder().set_keys(Some(vec![key(1)]));
    let unused = some.clone().projection_expression("id").expression_attribute_names("#k", "kind");
    for refused in [some.clone().projection_expression("none"), some.projection_expression("id, id"), unused] {
        assert!(direct.batch_get_item().request_items(TABLE, refused.build().unwrap()).send().await.is_err());
    }
}

#[tokio::test]
async fn answers_are_those_of_the_server() {
    let (_store, [direct, sockets]) = filled().await;
    for n in [3, 99] {
        let get =
            |client: &Client| client.get_item().table_name(TABLE).set_key(Some(key(n))).consistent_read(true).send();
        let (short, long) = (get(&direct).await.unwrap(), get(&sockets).await.unwrap());
        assert_eq!((short.item.clone(), short.item.is_some()), (long.item.clone(), n == 3));
        // The server adds an id to every answer. An answer without one did not use a socket.
        assert_eq!((short.request_id(), long.request_id().is_some()), (None, true));
    }

    let some = KeysAndAttributes::builder().set_keys(Some(vec![key(1), key(77), key(2)])).consistent_read(true);
    let part = some.clone().projection_expression("#k, nested.amount").expression_attribute_names("#k", "kind");
    let cut = some.clone().projection_expression("#n, #k,id").expression_attribute_names("#k", "kind");
    let cut = cut.expression_attribute_names("#n", "nested");
    let plain = some.clone().projection_expression("nested, id");
    for wanted in [some, part, cut, plain] {
        let get =
            |client: &Client| client.batch_get_item().request_items(TABLE, wanted.clone().build().unwrap()).send();
        let (short, long) = (get(&direct).await.unwrap(), get(&sockets).await.unwrap());
        assert_eq!(short.responses, long.responses);
        assert_eq!(short.responses.as_ref().unwrap()[TABLE].len(), 2);
        assert_eq!(short.unprocessed_keys, long.unprocessed_keys);
        assert_eq!(short.request_id(), None);
    }

    // Two tables, one with a sort key; half of a composite key is not a complete key.
    let keys = |keys: Vec<Item>| KeysAndAttributes::builder().set_keys(Some(keys)).build().unwrap();
    let get = |client: &Client| {
        let pairs = keys(vec![pair("x", "y"), pair("x", "y\"z"), pair("xy", "\"z")]);
        client.batch_get_item().request_items(TABLE, keys(vec![key(5)])).request_items(PAIRS, pairs).send()
    };
    let (short, long) = (get(&direct).await.unwrap(), get(&sockets).await.unwrap());
    assert_eq!(short.responses, long.responses);
    let found = short.responses.unwrap();
    assert_eq!((found[TABLE].len(), &found[PAIRS]), (1, &vec![pair("x", "y\"z")]));

    let mut start = None;
    let mut seen = 0;
    loop {
        let page = |client: &Client| {
            let query = client.query().table_name(TABLE).index_name("by_kind").key_condition_expression("#k = :k");
            let query = query.expression_attribute_names("#k", "kind").expression_attribute_values(":k", text("a\"é"));
            query.scan_index_forward(false).limit(7).set_exclusive_start_key(start.clone()).send()
        };
        let (short, long) = (page(&direct).await.unwrap(), page(&sockets).await.unwrap());
        assert_eq!(short.items, long.items);
        assert_eq!((short.count, short.scanned_count), (long.count, long.scanned_count));
        assert_eq!((&short.last_evaluated_key, short.request_id()), (&long.last_evaluated_key, None));
        seen += short.items().len();
        start = short.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    assert_eq!(seen, 30);
    let count = |client: &Client| {
        let query = client.query().table_name(TABLE).index_name("by_kind").key_condition_expression("kind = :k");
        query.expression_attribute_values(":k", text("a\"é")).select(Select::Count).send()
    };
    let (short, long) = (count(&direct).await.unwrap(), count(&sockets).await.unwrap());
    assert_eq!((short.count, short.items), (long.count, long.items));
    assert_eq!(short.count, 30);
}

#[tokio::test]
async fn errors_are_those_of_the_server() {
    let (_store, [direct, sockets]) = filled().await;
    let mut shown: HashMap<String, u32> = HashMap::new();
    for client in [&direct, &sockets] {
        let none = client.get_item().table_name("nothing").set_key(Some(key(1))).send().await.unwrap_err();
        let wrong = client.query().table_name(TABLE).key_condition_expression("kind = :k").send().await.unwrap_err();
        let empty = client.batch_get_item().send().await.unwrap_err();
        let none = none.into_service_error();
        assert!(none.is_resource_not_found_exception(), "{none:?}");
        for (table, wrong) in [
            (PAIRS, pair("x", "")),
            (PAIRS, Item::from([("a".to_owned(), text("x"))])),
            (TABLE, pair("x", "y")),
            (TABLE, Item::from([("id".to_owned(), AttributeValue::N("1".to_owned()))])),
            (TABLE, Item::from([("id".to_owned(), text("x".repeat(2_049)))])),
        ] {
            let refused = client.get_item().table_name(table).set_key(Some(wrong)).send().await.unwrap_err();
            let refused = refused.into_service_error();
            assert_eq!(refused.code(), Some("ValidationException"), "{refused:?}");
            *shown.entry(refused.message().unwrap().to_owned()).or_insert(0) += 1;
        }
        for many in [vec![key(1), key(1)], (0..101).map(key).collect(), Vec::new()] {
            let wanted = KeysAndAttributes::builder().set_keys(Some(many)).build().unwrap();
            let refused = client.batch_get_item().request_items(TABLE, wanted).send().await.unwrap_err();
            let refused = refused.into_service_error();
            assert_eq!(refused.code(), Some("ValidationException"), "{refused:?}");
            *shown.entry(refused.message().unwrap().to_owned()).or_insert(0) += 1;
        }
        for error in [none.meta(), wrong.into_service_error().meta(), empty.into_service_error().meta()] {
            *shown.entry(format!("{:?} {:?}", error.code(), error.message())).or_insert(0) += 1;
        }
    }
    // Both clients gave the same answers.
    assert!(shown.values().all(|times| times % 2 == 0), "{shown:#?}");
    assert!(shown.len() > 5, "{shown:#?}");
}

#[tokio::test]
async fn another_port_is_another_server() {
    let (store, _) = filled().await;
    // This address is a prefix of the other.
    let config = config(&store).retry_config(RetryConfig::disabled()).http_client(store.http_client());
    for endpoint in [format!("{}9", store.endpoint()), format!("{}@127.0.0.1:1", store.endpoint())] {
        let client = Client::from_conf(config.clone().endpoint_url(&endpoint).build());
        let read = client.get_item().table_name(TABLE).set_key(Some(key(1))).send().await;
        assert!(read.is_err(), "{endpoint}");
    }
}
