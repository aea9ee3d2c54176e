//! Codes that are read back, as members of a reservation and as the collection `unique_code`.

use serde_json::{Value, json};

use crate::support::{
    api::{CODES, RESERVATIONS},
    counting::{counted, total},
    harness::{Running, TOKEN, completed},
    rows::{allocate, noon, reservation, user},
};
use common::{
    directory::Role,
    operations::{Caller, Session, unique_code},
    query::RawQuery,
};

fn made(quantity: u64) -> Value {
    json!({"reserved_for": "/417/9312345000012", "code_type": "sgtin", "quantity": quantity, "product": "/01/09521234543213"})
}

fn ids(rows: &Value) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

fn texts(rows: &Value) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| row.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_list_and_export_show_the_same_codes() {
    let server = Running::in_memory().await;
    let made = server.json("POST", RESERVATIONS, TOKEN, &made(250)).await.data();
    assert_eq!(made["codes"], json!([]));
    let id = made["id"].as_str().unwrap();
    let item = completed(&server.api, id).await;

    // The keys of 100 codes by default, in the order of their positions.
    let keys = texts(&item["codes"]);
    assert_eq!(keys.len(), 100);
    let listed = server.get(RESERVATIONS, TOKEN).await.data();
    assert_eq!(texts(&listed[0]["codes"]), keys);
    let all =
        server.get(&format!("{CODES}?filter[reservation][_eq]={id}&limit=-1&fields=*,position"), TOKEN).await.data();
    assert_eq!(ids(&all).len(), 250);
    assert_eq!(ids(&all)[..100], keys);
    let positions: Vec<u64> = all.as_array().unwrap().iter().map(|row| row["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=250).collect::<Vec<_>>());

    // The rows are those of the export.
    let file = server.get(&format!("/assets/{}", item["export_file"].as_str().unwrap()), TOKEN).await;
    assert_eq!(file.status, 302);
    let export = reqwest::get(file.header("location")).await.unwrap().text().await.unwrap();
    for (line, row) in export.lines().skip(1).zip(all.as_array().unwrap()) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[1], row["code"]);
        assert_eq!(cells[2], row["digital_link"]);
        assert_eq!(
            cells[3].replace(['(', ')'], "").len(),
            row["epc_join_key"].as_str().unwrap().replace(['(', ')'], "").len()
        );
    }

    // Limits and offsets below a reservation.
    let deep = |query: &str| format!("{RESERVATIONS}/{id}?{query}");
    let of = async |query: &str| server.get(&deep(query), TOKEN).await.data();
    let shown = of("fields=codes.*,codes.position&deep[codes][_limit]=5&deep[codes][_offset]=100").await;
    assert_eq!(shown["codes"], json!(all.as_array().unwrap()[100..105]));
    let shown =
        of("fields=codes.position&deep[codes][_limit]=20&deep[codes][_page]=3&deep[codes][_sort]=position").await;
    assert_eq!(shown["codes"][0], json!({"position": 41}));
    assert_eq!(shown["codes"].as_array().unwrap().len(), 20);
    let shown = of("fields=codes&deep[codes][_limit]=-1").await;
    assert_eq!(texts(&shown["codes"]), ids(&all));
    let shown = of("fields=id,count(codes)").await;
    assert_eq!(shown, json!({"id": id, "codes_count": 250}));
    let shown = of("fields=a.position,b.position&alias[a]=codes&alias[b]=codes&deep[a][_limit]=2&deep[b][_offset]=7&deep[b][_limit]=1").await;
    assert_eq!(shown["a"], json!([{"position": 1}, {"position": 2}]));
    assert_eq!(shown["b"], json!([{"position": 8}]));

    // The collection.
    let one = server.get(&format!("{CODES}/{}?fields=*,position", keys[41]), TOKEN).await.data();
    assert_eq!(one, all[41]);
    let path = format!("{CODES}?filter[reservation][_eq]={id}");
    let of = async |query: &str| server.get(&format!("{path}&{query}"), TOKEN).await;
    assert_eq!(
        of("sort=-position&limit=2&fields=position").await.data(),
        json!([{"position": 250}, {"position": 249}])
    );
    assert_eq!(of("page=3&fields=position").await.data()[0], json!({"position": 201}));
    assert_eq!(of("page=4").await.data(), json!([]));
    assert_eq!(of("aggregate[count]=*").await.data(), json!([{"count": "250"}]));
    let meta = of("limit=0&meta=*").await.json();
    assert_eq!(meta, json!({"meta": {"total_count": 250, "filter_count": 250}, "data": []}));
    assert_eq!(of("filter[position][_between]=11,13&fields=position").await.data().as_array().unwrap().len(), 3);
    assert_eq!(of("fields=reservation.status&limit=1").await.data(), json!([{"reservation": {"status": "complete"}}]));
    assert_eq!(of("sort=code").await.code(), "INVALID_QUERY");
    let two = format!("{CODES}?filter[id][_in]={},{}&fields=position", keys[9], keys[3]);
    assert_eq!(server.get(&two, TOKEN).await.data(), json!([{"position": 4}, {"position": 10}]));

    // The collection is read-only, and an id without a code is forbidden.
    for id in [uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v8([7; 16]).to_string(), "nope".to_owned()] {
        let reply = server.get(&format!("{CODES}/{id}"), TOKEN).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "FORBIDDEN"), "{id}");
    }
    for method in ["POST", "PATCH", "DELETE"] {
        assert_eq!(server.json(method, CODES, TOKEN, &json!([])).await.status, 403, "{method}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_costs_the_same_wherever_it_lies() {
    let server = Running::paused().await;
    let items = allocate(server.context(), "09521234543213", &[reservation(&made(20_000_000))]).await;
    let (context, counter) = counted(&server.system, |_| ());
    context.establish_secret().await.unwrap();
    counter.take();
    let caller = Caller::user(user(Role::Admin, None));
    for offset in [0_u64, 100, 10_000_000, 19_999_900] {
        let filter = json!({"filter": {"reservation": {"_eq": items[0].id}}, "offset": offset, "fields": ["position"]});
        let budget = common::query::Budget::default();
        let session = Session::new(&caller, noon(), &budget);
        let raw = RawQuery::from_json(filter.as_object().unwrap().clone());
        let (_, answer) = unique_code::list(&context, session, &raw).await.unwrap();
        let rows = answer.data.as_array().unwrap();
        assert_eq!(
            (rows.len(), &rows[0]["position"], &rows[99]["position"]),
            (100, &json!(offset + 1), &json!(offset + 100))
        );
        assert_eq!(total(&counter.take()).calls, 1);
    }
    let path = format!("{CODES}?filter[reservation][_eq]={}", items[0].id);
    let beyond = server.get(&format!("{path}&offset=20000000"), TOKEN).await;
    assert_eq!(beyond.json(), json!({"data": []}));
    // More codes than one answer can hold are refused; the message names the parameter that helps.
    for query in ["limit=-1", "limit=10001"] {
        let reply = server.get(&format!("{path}&{query}"), TOKEN).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_QUERY"));
        assert!(reply.reason().contains("limit"), "{}", reply.reason());
    }
    let reply = server.get(&format!("{RESERVATIONS}?fields=codes&deep[codes][_limit]=10001"), TOKEN).await;
    assert!(reply.status == 400 && reply.reason().contains("deep[codes][_limit]"), "{}", reply.text);
    // A condition that has to be evaluated for every code is refused for this many codes.
    let reply = server.get(&format!("{path}&filter[position][_gt]=5"), TOKEN).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_QUERY"));
    assert_eq!(
        server.get(&format!("{path}&aggregate[count]=id"), TOKEN).await.data(),
        json!([{"count": {"id": "20000000"}}])
    );
    server.stop().await;
}
