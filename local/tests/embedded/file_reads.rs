//! Reads of tables in a file, which are executed on the thread of the caller: they give the same answers as the server,
//! and they see what was written before.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::{
    Client,
    operation::{RequestId, query::QueryOutput},
    types::{AttributeValue, KeysAndAttributes, Select},
};
use local::{data_dir::DataDir, dynamodb::DynamoDb, template::Template};
use tempfile::TempDir;

use crate::clients::{clients, text};

const TABLE: &str = "things";

/// The table with an index that has some attributes, and perhaps a second one.
fn template(second: bool) -> Template {
    let colour = if second { "\n        - {AttributeName: colour, AttributeType: S}" } else { "" };
    let second = if second {
        "
        - IndexName: by_colour
          KeySchema: [{AttributeName: colour, KeyType: HASH}, {AttributeName: id, KeyType: RANGE}]
          Projection: {ProjectionType: KEYS_ONLY}"
    } else {
        ""
    };
    let text = format!(
        "
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: {TABLE}
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {{AttributeName: id, AttributeType: S}}
        - {{AttributeName: kind, AttributeType: S}}
        - {{AttributeName: place, AttributeType: S}}{colour}
      KeySchema: [{{AttributeName: id, KeyType: HASH}}]
      GlobalSecondaryIndexes:
        - IndexName: by_kind
          KeySchema: [{{AttributeName: kind, KeyType: HASH}}, {{AttributeName: place, KeyType: RANGE}}]
          Projection: {{ProjectionType: INCLUDE, NonKeyAttributes: [colour, size, note]}}{second}
"
    );
    Template::parse(&text, &[]).unwrap()
}

type Item = HashMap<String, AttributeValue>;

fn key(n: usize) -> Item {
    Item::from([("id".to_owned(), text(format!("{n:03}")))])
}

const COLOURS: [&str; 4] = ["red", "blue \"navy\"", "grün\n", "back\\slash"];

/// Thing `n`: many have one place, some lack an attribute.
fn thing(n: usize) -> Item {
    let mut item = key(n);
    item.insert("kind".to_owned(), text("a\"é"));
    item.insert("place".to_owned(), text(format!("p{}\\", n / 3)));
    if !n.is_multiple_of(7) {
        item.insert("colour".to_owned(), text(COLOURS[n % 4]));
    }
    let size = if n.is_multiple_of(5) { AttributeValue::N("7".to_owned()) } else { text("large") };
    item.insert("size".to_owned(), size);
    item.insert("nested".to_owned(), AttributeValue::L(vec![AttributeValue::Null(true), text("colour")]));
    item
}

async fn filled(count: usize) -> (TempDir, DynamoDb, [Client; 2]) {
    let home = tempfile::tempdir().unwrap();
    let store = DynamoDb::start(&DataDir::open(home.path()).unwrap()).unwrap();
    store.create_tables(&template(false).tables).await.unwrap();
    let [direct, sockets] = clients(&store);
    for n in 0..count {
        let writer = if n % 2 == 0 { &direct } else { &sockets };
        writer.put_item().table_name(TABLE).set_item(Some(thing(n))).send().await.unwrap();
    }
    (home, store, [direct, sockets])
}

/// A query of the index.
#[derive(Clone, Copy)]
struct Asked {
    bounds: Option<[&'static str; 2]>,
    filter: Option<&'static str>,
    /// `None` counts.
    projection: Option<&'static str>,
    forward: bool,
    limit: i32,
}

impl Asked {
    async fn of(self, client: &Client, start: Option<Item>) -> QueryOutput {
        let condition = if self.bounds.is_some() { "#k = :k AND #s BETWEEN :low AND :high" } else { "#k = :k" };
        let mut query = client.query().table_name(TABLE).index_name("by_kind").key_condition_expression(condition);
        query = query.expression_attribute_names("#k", "kind").expression_attribute_values(":k", text("a\"é"));
        let texts = [Some(condition), self.filter, self.projection];
        let uses = |name: &str| texts.iter().flatten().any(|text| text.contains(name));
        for (name, real) in [("#s", "place"), ("#c", "colour"), ("#z", "size"), ("#n", "nested")] {
            if uses(name) {
                query = query.expression_attribute_names(name, real);
            }
        }
        for (name, value) in [(":x", COLOURS[1]), (":y", COLOURS[2]), (":z", "large")] {
            if uses(name) {
                query = query.expression_attribute_values(name, text(value));
            }
        }
        for (name, value) in [":low", ":high"].into_iter().zip(self.bounds.into_iter().flatten()) {
            query = query.expression_attribute_values(name, text(value));
        }
        query = match self.projection {
            Some(projection) => query.projection_expression(projection),
            None => query.select(Select::Count),
        };
        let query = query.set_filter_expression(self.filter.map(str::to_owned));
        query.scan_index_forward(self.forward).limit(self.limit).set_exclusive_start_key(start).send().await.unwrap()
    }
}

/// Long reads map the file, which every commit changes and which grows.
#[tokio::test]
async fn long_reads_see_every_write_before_them_while_the_file_grows() {
    let (_home, _store, [direct, _]) = filled(100).await;
    let keys = KeysAndAttributes::builder().set_keys(Some((0..100).map(key).collect())).build().unwrap();
    let query = Asked { bounds: None, filter: None, projection: Some("id, #s"), forward: true, limit: 500 };
    for round in 1..=30_usize {
        // One item larger than many pages, and sometimes time for a checkpoint.
        let (changed, note) = (round % 100, "x".repeat(round * 3_000));
        let mut item = thing(changed);
        item.insert("note".to_owned(), text(note.as_str()));
        item.insert("place".to_owned(), text(format!("moved {round:02}")));
        direct.put_item().table_name(TABLE).set_item(Some(item.clone())).send().await.unwrap();
        if round.is_multiple_of(10) {
            tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        }

        let answer = direct.batch_get_item().request_items(TABLE, keys.clone()).send().await.unwrap();
        let items = answer.responses.unwrap().remove(TABLE).unwrap();
        assert_eq!(items.len(), 100);
        assert!(items.contains(&item), "round {round}");
        let page = query.of(&direct, None).await.items.unwrap();
        assert_eq!(page.len(), 100);
        assert!(page.iter().any(|entry| entry["id"] == item["id"] && entry["place"] == item["place"]), "round {round}");
    }
}

#[tokio::test]
async fn pages_of_entries_are_those_of_the_server() {
    let (_home, _store, [direct, sockets]) = filled(60).await;
    let filters = [
        None,
        Some("#c IN (:x)"),
        Some("#c IN (:x, :y) AND #z IN (:z)"),
        Some("attribute_exists(#c)"),
        Some("attribute_exists(#c) AND #z IN (:z)"),
        Some("attribute_exists(#n)"),
    ];
    let projections = [None, Some("id"), Some("id, #s"), Some("#k,#s"), Some("id, #s, #c"), Some("#z"), Some("#n")];
    let mut compared = 0;
    for bounds in [None, Some(["p1", "p14"]), Some(["p5", "p5"])] {
        for filter in filters {
            for projection in projections {
                for (forward, limit) in [(true, 60), (true, 7), (false, 13), (false, 61)] {
                    let asked = Asked { bounds, filter, projection, forward, limit };
                    let mut start = None;
                    loop {
                        let (short, long) =
                            (asked.of(&direct, start.clone()).await, asked.of(&sockets, start.clone()).await);
                        let what = format!("{bounds:?} {filter:?} {projection:?} {forward} {limit} after {start:?}");
                        assert_eq!(short.items, long.items, "{what}");
                        assert_eq!((short.count, short.scanned_count), (long.count, long.scanned_count), "{what}");
                        assert_eq!(short.last_evaluated_key, long.last_evaluated_key, "{what}");
                        // An answer without the server's id did not use a socket.
                        assert_eq!((short.request_id(), long.request_id().is_some()), (None, true), "{what}");
                        compared += 1;
                        start = short.last_evaluated_key;
                        if start.is_none() {
                            break;
                        }
                    }
                }
            }
        }
    }
    assert!(compared > 1_000, "{compared} pages");
}

#[tokio::test]
async fn items_are_those_of_the_server() {
    let (_home, _store, [direct, sockets]) = filled(12).await;
    let some = KeysAndAttributes::builder().set_keys(Some(vec![key(1), key(77), key(7)])).consistent_read(true);
    let cut = some.clone().projection_expression("#c, id").expression_attribute_names("#c", "colour");
    for wanted in [some, cut] {
        let get =
            |client: &Client| client.batch_get_item().request_items(TABLE, wanted.clone().build().unwrap()).send();
        let (short, long) = (get(&direct).await.unwrap(), get(&sockets).await.unwrap());
        assert_eq!((short.responses.clone(), short.request_id()), (long.responses, None));
        assert_eq!(short.responses.unwrap()[TABLE].len(), 2);
    }
    for n in [3, 99] {
        let get = |client: &Client| client.get_item().table_name(TABLE).set_key(Some(key(n))).send();
        let (short, long) = (get(&direct).await.unwrap(), get(&sockets).await.unwrap());
        assert_eq!((short.item.clone(), short.request_id(), short.item.is_some()), (long.item, None, n == 3));
    }
}

#[tokio::test]
async fn a_page_of_large_entries_ends_early_and_the_next_goes_on() {
    let (_home, _store, [direct, sockets]) = filled(0).await;
    for n in 0..12 {
        let note = text("x".repeat(200_000));
        direct.put_item().table_name(TABLE).set_item(Some(thing(n))).item("note", note).send().await.unwrap();
    }
    for projection in [Some("id, #c"), None] {
        let filter = projection.is_none().then_some("#z IN (:z)");
        let asked = Asked { bounds: None, filter, projection, forward: true, limit: 100 };
        for (client, is_ours) in [(&direct, true), (&sockets, false)] {
            let (mut start, mut pages, mut scanned, mut ids) = (None, 0, 0, BTreeSet::new());
            loop {
                let page = asked.of(client, start).await;
                scanned += page.scanned_count;
                ids.extend(page.items().iter().map(|item| item["id"].as_s().unwrap().clone()));
                pages += 1;
                start = page.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
            assert_eq!(ids.len(), if projection.is_some() { 12 } else { 0 });
            // The engine counts the entry that does not fit on two pages.
            assert!(scanned == 12 || !is_ours && scanned >= 12, "{scanned}");
            assert!(pages > 1, "{projection:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_on_any_thread_sees_what_was_answered_before() {
    let (_home, _store, [direct, sockets]) = filled(0).await;
    let workers = (0..8).map(|worker| {
        let (direct, sockets) = (direct.clone(), sockets.clone());
        tokio::spawn(async move {
            for round in 0..40 {
                let writer = if round % 2 == 0 { &direct } else { &sockets };
                let item = Item::from([
                    ("id".to_owned(), text(format!("w{worker}"))),
                    ("round".to_owned(), text(round.to_string())),
                ]);
                writer.put_item().table_name(TABLE).set_item(Some(item.clone())).send().await.unwrap();
                let id = Item::from([("id".to_owned(), text(format!("w{worker}")))]);
                let read = direct.get_item().table_name(TABLE).set_key(Some(id)).send().await.unwrap();
                assert_eq!((read.item.as_ref(), read.request_id()), (Some(&item), None));
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
}

#[tokio::test]
async fn an_index_that_is_added_later_is_read_without_a_socket_too() {
    let (_home, store, [direct, _]) = filled(9).await;
    let by_colour = || {
        let query = direct.query().table_name(TABLE).index_name("by_colour").key_condition_expression("#c = :c");
        let query = query.expression_attribute_names("#c", "colour").expression_attribute_values(":c", text("red"));
        query.projection_expression("id").limit(10).send()
    };
    let ask = Asked { bounds: None, filter: None, projection: Some("id"), forward: true, limit: 10 };
    assert_eq!(ask.of(&direct, None).await.count, 9);
    assert!(by_colour().await.is_err());
    store.create_tables(&template(true).tables).await.unwrap();
    let page = by_colour().await.unwrap();
    assert_eq!((page.count, page.request_id()), (2, None));
    direct.put_item().table_name(TABLE).set_item(Some(thing(12))).send().await.unwrap();
    assert_eq!(by_colour().await.unwrap().count, 3);
}
