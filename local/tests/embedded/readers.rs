//! Two functions read one stream, each at its own position.

use local::{data_dir::DataDir, dynamodb::DynamoDb, template::Template};
use rusqlite::Connection;

const TABLE: &str = "things";

async fn open(folder: &std::path::Path) -> DynamoDb {
    let text = format!(
        "Resources:\n  Table:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      TableName: {TABLE}\n      \
         BillingMode: PAY_PER_REQUEST\n      AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}]\n      \
         KeySchema: [{{AttributeName: id, KeyType: HASH}}]\n      \
         StreamSpecification: {{StreamViewType: NEW_AND_OLD_IMAGES}}\n"
    );
    let store = DynamoDb::start(&DataDir::open(folder).unwrap()).unwrap();
    store.create_tables(&Template::parse(&text, &[]).unwrap().tables).await.unwrap();
    store
}

async fn put(store: &DynamoDb, id: &str) {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version_latest()
        .http_client(common::https::direct())
        .region(aws_sdk_dynamodb::config::Region::new("eu-central-1"))
        .credentials_provider(aws_sdk_dynamodb::config::Credentials::new("a", "b", None, None, "test"))
        .endpoint_url(store.endpoint());
    let client = aws_sdk_dynamodb::Client::from_conf(config.build());
    let id = aws_sdk_dynamodb::types::AttributeValue::S(id.to_owned());
    client.put_item().table_name(TABLE).item("id", id).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_kept_until_every_reader_is_past_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for id in ["a", "b", "c"] {
        put(&store, id).await;
    }
    let records = async || store.records_after(TABLE, 0, 10, "arn").await.unwrap();
    let all = records().await;
    assert_eq!(all.len(), 3);
    store.save_position(TABLE, "reserve-codes", 0).await.unwrap();
    store.save_position(TABLE, "follow", all[2].position).await.unwrap();
    assert_eq!(records().await.len(), 3, "the other reader has not read them");
    store.save_position(TABLE, "reserve-codes", all[1].position).await.unwrap();
    assert_eq!(records().await, all[1..]);
    let position = async |reader| store.position(TABLE, reader).await.unwrap();
    assert_eq!(position("follow").await, Some(all[2].position));
    assert_eq!(position("reserve-codes").await, Some(all[1].position));
    assert_eq!(position("another").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_position_in_an_older_file_is_that_of_reserve_codes() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).await);
    let old = Connection::open(folder.path().join("tables.db")).unwrap();
    old.execute_batch(
        "DROP TABLE _local_readers;
         CREATE TABLE _local_positions (table_name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
         INSERT INTO _local_positions VALUES ('things', 41);",
    )
    .unwrap();
    drop(old);
    // The second start finds what the first one made of it.
    for position in [41, 42] {
        let store = open(folder.path()).await;
        assert_eq!(store.position(TABLE, "reserve-codes").await.unwrap(), Some(position));
        assert_eq!(store.position(TABLE, "follow").await.unwrap(), None);
        store.save_position(TABLE, "reserve-codes", position + 1).await.unwrap();
    }
}
