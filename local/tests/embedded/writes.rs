//! Writes without a socket have the effects and the errors of the server, also those that share a transaction.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    operation::RequestId,
    types::{
        AttributeDefinition, AttributeValue, CreateGlobalSecondaryIndexAction, Delete, GlobalSecondaryIndexUpdate,
        KeySchemaElement, KeyType, Projection, ProjectionType, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
        ScalarAttributeType, TransactWriteItem, Update,
    },
};
use futures::future::join_all;
use local::{data_dir::DataDir, dynamodb::DynamoDb, template::Template};
use serde_json::Value;

use crate::clients::{clients, text};

const TABLE: &str = "things";

const TEMPLATE: &str = "
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: things
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}, {AttributeName: kind, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      GlobalSecondaryIndexes:
        - IndexName: by_kind
          KeySchema: [{AttributeName: kind, KeyType: HASH}, {AttributeName: id, KeyType: RANGE}]
          Projection: {ProjectionType: KEYS_ONLY}
";

type Item = HashMap<String, AttributeValue>;

fn number(value: usize) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn key(id: &str) -> Item {
    Item::from([("id".to_owned(), text(id))])
}

async fn store(data_dir: &DataDir) -> DynamoDb {
    let store = DynamoDb::start(data_dir).unwrap();
    store.create_tables(&Template::parse(TEMPLATE, &[]).unwrap().tables).await.unwrap();
    store
}

/// All items by id, and the ids in the index.
async fn contents(client: &Client) -> (BTreeMap<String, Item>, Vec<String>) {
    let id = |item: &Item| item["id"].as_s().unwrap().clone();
    let all = client.scan().table_name(TABLE).send().await.unwrap();
    let index = client.scan().table_name(TABLE).index_name("by_kind").send().await.unwrap();
    let mut indexed: Vec<_> = index.items().iter().map(id).collect();
    indexed.sort();
    (all.items().iter().map(|item| (id(item), item.clone())).collect(), indexed)
}

/// The names and images of the stream.
async fn stream(store: &DynamoDb) -> Vec<[Value; 4]> {
    let records = store.records_after(TABLE, 0, 1_000, "arn:stream").await.unwrap();
    let shown = |event: &Value| {
        let images = &event["dynamodb"];
        [&event["eventName"], &images["Keys"], &images["OldImage"], &images["NewImage"]].map(Value::clone)
    };
    records.iter().map(|record| shown(&record.event)).collect()
}

fn put(id: &str) -> Put {
    let put = Put::builder().table_name(TABLE).set_item(Some(key(id))).item("kind", text("k")).item("count", number(1));
    put.condition_expression("attribute_not_exists(id)").build().unwrap()
}

fn add(id: &str) -> Update {
    let update = Update::builder().table_name(TABLE).set_key(Some(key(id))).update_expression("ADD #c :one");
    let update = update.condition_expression("attribute_exists(id)");
    update.expression_attribute_names("#c", "count").expression_attribute_values(":one", number(1)).build().unwrap()
}

/// The parts of a printed answer in one order: the attributes of an item come in any.
fn in_order(answer: &str) -> String {
    let mut parts: Vec<&str> = answer.split(['{', '}', ',']).map(str::trim).collect();
    parts.sort_unstable();
    parts.join(", ")
}

/// Every kind of write, those that succeed and those that fail. Gives what the client saw.
async fn history(client: &Client) -> Vec<String> {
    let mut seen = Vec::new();
    let mut see = |name: &str, result: Result<String, (Option<&str>, Option<&str>, bool)>| {
        seen.push(format!("{name}: {result:?}"));
    };
    macro_rules! see {
        ($name:literal, $request:expr) => {
            let result = $request.send().await;
            see(
                $name,
                match &result {
                    Ok(answer) => Ok(in_order(format!("{answer:?}").split(", _request_id").next().unwrap())),
                    Err(error) => Err((error.code(), error.message(), error.request_id().is_some())),
                },
            );
        };
    }
    let item = |id: &str| client.put_item().table_name(TABLE).set_item(Some(key(id))).item("kind", text("k"));
    let transaction = |actions: Vec<TransactWriteItem>| client.transact_write_items().set_transact_items(Some(actions));
    let puts = |put| TransactWriteItem::builder().put(put).build();
    let updates = |update| TransactWriteItem::builder().update(update).build();

    see!("put", item("a").item("count", number(1)));
    let only_key = || client.put_item().table_name(TABLE).set_item(Some(key("e")));
    see!("put of a key", only_key());
    see!("put with answer", only_key().return_values(ReturnValue::AllOld));
    let once = || item("a").condition_expression("attribute_not_exists(id)");
    see!("condition", once());
    see!(
        "condition with item",
        once().return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    );
    see!("empty key", client.put_item().table_name(TABLE).set_item(Some(key(""))));
    see!("no table", client.put_item().table_name("nothing").set_item(Some(key("a"))));
    see!(
        "old form",
        item("b").expected("id", aws_sdk_dynamodb::types::ExpectedAttributeValue::builder().exists(false).build())
    );
    let update = |id: &str| client.update_item().table_name(TABLE).set_key(Some(key(id)));
    see!(
        "update",
        update("a")
            .update_expression("SET #c = :c")
            .expression_attribute_names("#c", "count")
            .expression_attribute_values(":c", number(5))
    );
    see!("update of nothing", update("c"));
    see!("update with answer", update("a").update_expression("REMOVE kind").return_values(ReturnValue::UpdatedNew));
    see!("bad expression", update("a").update_expression("SET"));
    see!("transaction", transaction(vec![puts(put("d")), updates(add("a"))]));
    see!("cancelled", transaction(vec![updates(add("a")), puts(put("d")), updates(add("nobody"))]));
    see!("twice", transaction(vec![updates(add("a")), updates(add("a"))]));
    let delete = client.delete_item().table_name(TABLE);
    see!("delete", delete.clone().set_key(Some(key("b"))));
    see!("delete of nothing", delete.clone().set_key(Some(key("nobody"))));
    see!("delete under a condition", delete.set_key(Some(key("d"))).condition_expression("attribute_not_exists(id)"));
    let deletes = Delete::builder().table_name(TABLE).set_key(Some(key("d"))).build().unwrap();
    see!("transaction that deletes", transaction(vec![TransactWriteItem::builder().delete(deletes).build()]));
    seen
}

#[tokio::test]
async fn writes_have_the_effects_and_errors_of_the_server() {
    let (one, other) = (DataDir::temporary().unwrap(), DataDir::temporary().unwrap());
    let (one, other) = (store(&one).await, store(&other).await);
    let ([direct, _], [_, sockets]) = (clients(&one), clients(&other));
    assert_eq!(history(&direct).await, history(&sockets).await);
    assert_eq!(contents(&direct).await, contents(&sockets).await);
    assert_eq!(stream(&one).await, stream(&other).await);
    assert!(stream(&one).await.len() > 5);
    // The server adds an id to every answer. An answer without one did not use a socket.
    let answer = direct.put_item().table_name(TABLE).set_item(Some(key("x"))).send().await.unwrap();
    assert_eq!(answer.request_id(), None);
}

#[tokio::test]
async fn of_writes_that_wait_at_the_same_time_each_has_its_own_result() {
    const PAIRS: usize = 150;
    let data_dir = DataDir::temporary().unwrap();
    let store = store(&data_dir).await;
    let [client, _] = clients(&store);
    client.put_item().table_name(TABLE).set_item(Some(key("counter"))).item("count", number(0)).send().await.unwrap();
    // Of two writes with one id, one fails. Every third is a transaction that also counts; all of them write one item.
    let written = join_all((0..2 * PAIRS).map(|n| {
        let (client, id) = (client.clone(), format!("{:03}", n / 2));
        async move {
            if n / 2 % 3 == 0 {
                let actions = [
                    TransactWriteItem::builder().update(add("counter")).build(),
                    TransactWriteItem::builder().put(put(&id)).build(),
                ];
                let result = client.transact_write_items().set_transact_items(Some(actions.into())).send().await;
                result.map(drop).map_err(|error| error.into_service_error().is_transaction_canceled_exception())
            } else {
                let put = client.put_item().table_name(TABLE).set_item(Some(key(&id))).item("kind", text("k"));
                let result = put.condition_expression("attribute_not_exists(id)").send().await;
                result.map(drop).map_err(|error| error.into_service_error().is_conditional_check_failed_exception())
            }
        }
    }))
    .await;
    for pair in written.chunks(2) {
        assert!(pair.contains(&Ok(())) && pair.contains(&Err(true)), "{pair:?}");
    }
    let (items, indexed) = contents(&client).await;
    assert_eq!((items.len(), indexed.len()), (PAIRS + 1, PAIRS));
    assert_eq!(items["counter"]["count"], number(PAIRS / 3));
    // One record for each write that succeeded, in the order of the writes.
    let records = stream(&store).await;
    assert_eq!(records.len(), 1 + PAIRS + PAIRS / 3);
}

#[tokio::test]
async fn a_transaction_with_a_token_is_executed_once() {
    let data_dir = DataDir::temporary().unwrap();
    let store = store(&data_dir).await;
    let [client, _] = clients(&store);
    client.put_item().table_name(TABLE).set_item(Some(key("counter"))).item("count", number(0)).send().await.unwrap();
    let request = client.transact_write_items().client_request_token("token");
    let request = request.transact_items(TransactWriteItem::builder().update(add("counter")).build());
    // The repetitions come before and after the answer of the first.
    for result in join_all((0..5).map(|_| request.clone().send())).await {
        result.unwrap();
    }
    request.send().await.unwrap();
    assert_eq!(contents(&client).await.0["counter"]["count"], number(1));
}

#[tokio::test]
async fn an_index_that_another_client_adds_gets_the_entries_of_later_writes() {
    let data_dir = DataDir::temporary().unwrap();
    let store = store(&data_dir).await;
    let [client, other] = clients(&store);
    let write =
        |id: &str| client.put_item().table_name(TABLE).set_item(Some(key(id))).item("colour", text("red")).send();
    write("before").await.unwrap();
    let hash = |name: &str| KeySchemaElement::builder().attribute_name(name).key_type(KeyType::Hash).build().unwrap();
    let index = CreateGlobalSecondaryIndexAction::builder()
        .index_name("by_colour")
        .key_schema(hash("colour"))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .unwrap();
    let colour = AttributeDefinition::builder().attribute_name("colour").attribute_type(ScalarAttributeType::S).build();
    other
        .update_table()
        .table_name(TABLE)
        .attribute_definitions(colour.unwrap())
        .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(index).build())
        .send()
        .await
        .unwrap();
    write("after").await.unwrap();
    let query = client.query().table_name(TABLE).index_name("by_colour").key_condition_expression("colour = :red");
    let found = query.expression_attribute_values(":red", text("red")).send().await.unwrap();
    assert_eq!((found.count(), found.request_id()), (2, None));
}

#[tokio::test]
async fn what_is_written_is_in_the_file_when_the_caller_has_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::open(folder.path()).unwrap();
    let store = store(&data_dir).await;
    let [client, _] = clients(&store);
    // Another connection, as a process that starts after a kill would open it.
    let file = rusqlite::Connection::open(data_dir.tables()).unwrap();
    let count = || file.query_row("SELECT COUNT(*) FROM things", [], |row| row.get::<_, usize>(0)).unwrap();
    for n in 0..20 {
        let ids = (0..10).map(|m| format!("{n}-{m}")).collect::<Vec<_>>();
        let put = |id: &String| client.put_item().table_name(TABLE).set_item(Some(key(id))).send();
        for result in join_all(ids.iter().map(put)).await {
            result.unwrap();
        }
        assert_eq!(count(), (n + 1) * 10);
    }
}
