//! RSV-6: the volume of another organisation shows in no answer and in no read.

use std::collections::BTreeMap;

use common::{
    context::Context,
    directory::{Organisation, Role},
    operations::{Caller, OperationError, Session, delete, files, organisations, read, unique_code, update, users},
    query::{Budget, RawQuery},
    reservation::Reservation,
    store::FileRow,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    counting::{Counter, Reads, counted},
    harness::Running,
    rows::{noon, reservation, store, user},
};

/// More rows than `MAX_SCAN` of one product and one reference.
const MANY: usize = 60;
const MAX_SCAN: usize = 20;
const PRODUCT: &str = "/01/09521234543213";

fn made(organisation: &str) -> Reservation {
    reservation(&json!({"reserved_for": organisation, "code_type": "sgtin", "quantity": 5, "product": PRODUCT,
        "reference_id": "same", "purchase_order": "same"}))
}

fn raw(query: &Value) -> RawQuery {
    RawQuery::from_json(query.as_object().unwrap().clone())
}

fn file(organisation: &str, at: usize) -> FileRow {
    FileRow {
        id: Uuid::new_v4().to_string(),
        s3_key: format!("exports/seed/{organisation}-{at}"),
        filename_download: "same.csv".to_owned(),
        title: None,
        media_type: "text/csv".to_owned(),
        filesize: 1,
        uploaded_by: None,
        created_on: None,
        reservation: None,
        incarnation: None,
        organisation: Some(organisation.to_owned()),
    }
}

/// Everything that A has more than enough of.
async fn fill(server: &Running, organisation: &str) {
    let context = server.system.context();
    store(context, &(0..MANY).map(|_| made(organisation)).collect::<Vec<_>>()).await;
    for at in 0..MANY {
        context.store().seed_file(&file(organisation, at)).await.unwrap();
        context.store().seed_user(&user(Role::Reader, Some(&[organisation])), None).await.unwrap();
        let id = format!("{organisation}-{at}");
        context.store().seed_organisation(&Organisation { id, ..Organisation::default() }).await.unwrap();
    }
}

/// Queries that lead to the rows of one product or reference, in every form.
fn queries(theirs: &Uuid) -> Vec<Value> {
    let filters = [
        json!({"product": {"_eq": PRODUCT}}),
        json!({"product": {"_in": [PRODUCT, "x"]}}),
        json!({"reference_id": {"_eq": "same"}}),
        json!({"reference_id": {"_eq": "same"}, "product": {"_eq": PRODUCT}}),
        json!({"_and": [{"product": {"_eq": PRODUCT}}, {"quantity": {"_gt": 0}}]}),
        json!({"_or": [{"product": {"_eq": PRODUCT}}, {"reference_id": {"_eq": "same"}}]}),
        json!({"reserved_for": {"_eq": "A"}}),
        json!({"reserved_for": {"_in": ["A", "B"]}}),
        json!({"id": {"_eq": theirs}}),
        json!({"id": {"_eq": theirs}, "user_created": {"first_name": {"_eq": "x"}}}),
        json!({"purchase_order": {"_eq": "same"}}),
        json!({}),
    ];
    let shapes = [
        json!({"fields": ["id"]}),
        json!({"fields": ["*", "user_created.*", "export_file.*", "codes"]}),
        json!({"fields": ["id"], "limit": -1, "sort": ["-quantity"]}),
        json!({"fields": ["id"], "sort": ["-id"], "offset": 1}),
        json!({"fields": ["id"], "limit": 0, "meta": "*"}),
        json!({"fields": ["id"], "search": "same"}),
        json!({"aggregate": {"count": ["*"]}}),
        json!({"aggregate": {"sum": ["quantity"], "countDistinct": ["product"]}}),
        json!({"groupBy": ["product"], "aggregate": {"count": ["id"]}}),
    ];
    let mut queries = Vec::new();
    for filter in &filters {
        for shape in &shapes {
            let mut query = shape.clone();
            query["filter"] = filter.clone();
            queries.push(query);
        }
    }
    queries
}

type Reading = (Result<String, String>, BTreeMap<&'static str, Reads>);

/// What each operation answers a caller, and what it reads.
async fn readings(context: &Context, counter: &Counter, caller: &Caller, theirs: &Uuid) -> Vec<(String, Reading)> {
    let budget = Budget::default();
    let session = Session::new(caller, noon(), &budget);
    let mut readings = Vec::new();
    let mut note = |what: String, answer: Result<String, OperationError>| {
        readings.push((what, (answer.map_err(|error| error.to_string()), counter.take())));
    };
    counter.take();
    for query in queries(theirs) {
        let answer = read::list(context, session, &raw(&query)).await;
        let answer = answer.and_then(|(query, list)| list.json(&query, session.budget));
        note(format!("list {query}"), answer);
        // A change by query.
        let mut selection = json!({"limit": -1});
        if query["filter"] != json!({}) {
            selection["filter"] = query["filter"].clone();
        }
        let body = json!({"query": selection, "data": {"purchase_order": "same"}});
        if query["fields"] == json!(["id"]) && query.get("sort").is_none() && query.get("search").is_none() {
            let answer = update::many(context, session, &body, &raw(&json!({"fields": ["id"]}))).await;
            note(format!("update {query}"), answer.map(|data| data.to_string()));
        }
    }
    let gone = json!({"query": {"filter": {"product": {"_eq": PRODUCT}, "reference_id": {"_eq": "none"}}}});
    note(
        "delete".to_owned(),
        delete::many(context, session, &gone, &RawQuery::default()).await.map(|()| String::new()),
    );
    for query in [
        json!({"filter": {"reservation": {"_eq": theirs}}, "meta": "*"}),
        json!({"filter": {"reservation": {"_in": [theirs]}}, "aggregate": {"count": ["*"]}}),
    ] {
        let answer = unique_code::list(context, session, &raw(&query)).await;
        note(format!("codes {query}"), answer.map(|(_, answer)| answer.into_body().to_string()));
    }
    for query in [
        json!({"meta": "*"}),
        json!({"filter": {"filename_download": {"_eq": "same.csv"}}, "sort": ["-filesize"]}),
        json!({"aggregate": {"count": ["*"]}}),
        json!({"search": "same", "limit": -1}),
    ] {
        let answer = files::list(context, session, &raw(&query)).await;
        note(format!("files {query}"), answer.map(|(_, answer)| answer.into_body().to_string()));
        if caller.role() == Role::Admin {
            let query = json!({"meta": "*", "aggregate": query["aggregate"]});
            let answer = organisations::list(context, session, &raw(&query)).await;
            note(format!("organisations {query}"), answer.map(|(_, answer)| answer.into_body().to_string()));
        }
    }
    readings
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_others_change_neither_an_answer_nor_what_is_read_for_it() {
    let server = Running::paused().await;
    let (context, counter) = counted(&server.system, |config| config.max_scan = MAX_SCAN);
    let own: Vec<_> = (0..3).map(|_| made("C")).collect();
    store(server.system.context(), &own).await;
    let theirs = made("A");
    let mut callers = Vec::new();
    for (role, organisations) in [
        (Role::Writer, &["B"][..]),
        (Role::Writer, &["C"]),
        (Role::Admin, &["C", "B", "C"]),
        (Role::Admin, &["B"]),
        (Role::Writer, &[]),
    ] {
        let user = user(role, Some(organisations));
        server.system.context().store().seed_user(&user, None).await.unwrap();
        callers.push(Caller::user(user));
    }
    // Once, so that all rows were updated before.
    for caller in &callers {
        readings(&context, &counter, caller, &theirs.id).await;
    }
    let all = async |caller| readings(&context, &counter, caller, &theirs.id).await;
    let mut before = Vec::new();
    for caller in &callers {
        before.push(all(caller).await);
    }
    store(server.system.context(), std::slice::from_ref(&theirs)).await;
    fill(&server, "A").await;
    for (caller, before) in callers.iter().zip(&before) {
        for (now, before) in all(caller).await.iter().zip(before) {
            let (what, (answer, reads)) = now;
            let (_, (before, known)) = before;
            assert!(answer.is_ok(), "{what}: {answer:?}");
            // Each run changes rows: versions and times differ, and no number of reads does.
            assert_eq!(answer, before, "{what}");
            assert_eq!(by_key(reads, what), by_key(known, what), "{what}");
        }
    }
    // Whoever sees all of it is told to filter.
    let all = Caller::user(user(Role::Admin, None));
    let budget = Budget::default();
    let session = Session::new(&all, noon(), &budget);
    let query = json!({"filter": {"product": {"_eq": PRODUCT}}, "sort": ["quantity"]});
    assert!(matches!(
        read::list(&context, session, &raw(&query)).await,
        Err(OperationError::InvalidQuery(reason)) if reason.contains("MaxScan") || reason.contains("20")
    ));
    server.stop().await;
}

/// The reads, without the row that a request names itself: reading a key shows whether an item is there.
fn by_key(reads: &BTreeMap<&'static str, Reads>, what: &str) -> BTreeMap<&'static str, Reads> {
    let named = what.contains("\"id\":{") || what.starts_with("codes ");
    let mut reads = reads.clone();
    if named && let Some(batch) = reads.get_mut("BatchGetItem") {
        batch.items = 0;
    }
    reads
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_other_users_refuses_no_list_of_ones_own() {
    let server = Running::paused().await;
    let (context, _) = counted(&server.system, |config| config.max_scan = MAX_SCAN);
    let me = user(Role::Writer, Some(&["B"]));
    context.store().seed_user(&me, None).await.unwrap();
    fill(&server, "A").await;
    let caller = Caller::user(me.clone());
    let budget = Budget::default();
    let session = Session::new(&caller, noon(), &budget);
    for query in [json!({"fields": ["id"]}), json!({"fields": ["id"], "limit": -1, "sort": ["last_name"]})] {
        let (_, answer) = users::list(&context, session, &raw(&query)).await.unwrap();
        assert_eq!(answer.data, json!([{ "id": me.id }]));
    }
    let (_, answer) = users::list(&context, session, &raw(&json!({"limit": 0, "meta": "*"}))).await.unwrap();
    assert_eq!(answer.into_body()["meta"], json!({"total_count": 1, "filter_count": 1}));
    // The same number of one's own is refused.
    let many = Caller::user(user(Role::Writer, Some(&["A"])));
    let budget = Budget::default();
    let session = Session::new(&many, noon(), &budget);
    assert!(users::list(&context, session, &raw(&json!({}))).await.is_err());
    server.stop().await;
}
