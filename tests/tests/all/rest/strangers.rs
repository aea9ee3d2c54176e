//! RSV-6: every request for a row of another organisation is answered exactly like one for a row that does not exist.

use common::directory::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    api::{CODES, RESERVATIONS, Reply, encoded},
    harness::{Running, TOKEN as ADMINISTRATOR, completed},
    rows::user,
};

/// Two organisations with one complete reservation each, and tokens of users of the first one.
struct World {
    server: Running,
    /// The reservations of A and B, as the administrator sees them.
    items: [Value; 2],
    /// The first code of each.
    codes: [Value; 2],
}

async fn world() -> World {
    let server = Running::in_memory().await;
    let store = server.store();
    for (token, role, own) in [
        ("admin-a", Role::Admin, &["A"][..]),
        ("writer-a", Role::Writer, &["A"]),
        ("reader-a", Role::Reader, &["A"]),
        ("writer-none", Role::Writer, &[]),
    ] {
        store.seed_user(&user(role, Some(own)), Some(token)).await.unwrap();
    }
    let mut items = Vec::new();
    let mut codes = Vec::new();
    for (organisation, gtin) in [("A", "09521234543213"), ("B", "09506000134352")] {
        let input = json!({"reserved_for": organisation, "code_type": "sgtin", "quantity": 3,
            "product": format!("/01/{gtin}"), "reference_id": format!("of-{organisation}")});
        let id =
            server.json("POST", RESERVATIONS, ADMINISTRATOR, &input).await.data()["id"].as_str().unwrap().to_owned();
        items.push(completed(&server.api, &id).await);
        let path = format!("{CODES}?filter[reservation][_eq]={id}&limit=1");
        codes.push(server.get(&path, ADMINISTRATOR).await.data()[0].clone());
    }
    let (items, codes) = (items.try_into().unwrap(), codes.try_into().unwrap());
    World { server, items, codes }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

/// What a caller can tell apart in an answer; the id of the request is replaced.
fn seen(reply: &Reply, asked: &str) -> (u16, String, String) {
    (reply.status, reply.header("content-type").to_owned(), reply.text.replace(asked, "…"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_row_is_like_no_row_for_every_request() {
    let world = world().await;
    let server = &world.server;
    let theirs = text(&world.items[1], "id").to_owned();
    let their_file = text(&world.items[1], "export_file").to_owned();
    let their_code = text(&world.codes[1], "id").to_owned();
    let nobodys = Uuid::new_v4().to_string();
    let no_code = Uuid::new_v8(*Uuid::new_v4().as_bytes()).to_string();
    let before = server.get(&format!("{RESERVATIONS}/{theirs}"), ADMINISTRATOR).await.text;

    // Each request with the id of a row of others, and with an unknown id.
    let own = text(&world.items[0], "id").to_owned();
    let data = json!({"reference_id": "mine now"});
    let requests = |id: &str| -> Vec<(&'static str, String, Value)> {
        let list = |filter: Value| format!("{RESERVATIONS}?filter={}", encoded(&filter));
        vec![
            ("GET", format!("{RESERVATIONS}/{id}"), Value::Null),
            ("GET", format!("{RESERVATIONS}/{id}?fields=codes.*,user_created.*"), Value::Null),
            ("HEAD", format!("{RESERVATIONS}/{id}"), Value::Null),
            ("PATCH", format!("{RESERVATIONS}/{id}"), data.clone()),
            ("PATCH", format!("{RESERVATIONS}/{id}"), json!({"nope": 1})),
            ("PATCH", format!("{RESERVATIONS}/{id}"), json!({"quantity": 0})),
            ("DELETE", format!("{RESERVATIONS}/{id}"), Value::Null),
            ("GET", list(json!({"id": {"_eq": id}})), Value::Null),
            ("GET", list(json!({"id": {"_in": [own, id]}})), Value::Null),
            ("GET", list(json!({"_or": [{"id": {"_eq": id}}, {"id": {"_eq": own}}]})), Value::Null),
            ("GET", list(json!({"id": {"_neq": id}})) + "&aggregate[count]=*", Value::Null),
            ("SEARCH", RESERVATIONS.to_owned(), json!({"keys": [id]})),
            (
                "SEARCH",
                RESERVATIONS.to_owned(),
                json!({"query": {"filter": {"id": {"_eq": id}}, "aggregate": {"count": "*"}}}),
            ),
            ("PATCH", RESERVATIONS.to_owned(), json!({"keys": [own, id], "data": data})),
            ("PATCH", RESERVATIONS.to_owned(), json!([{"id": id, "reference_id": "mine now"}])),
            ("PATCH", RESERVATIONS.to_owned(), json!({"query": {"filter": {"id": {"_eq": id}}}, "data": data})),
            ("DELETE", RESERVATIONS.to_owned(), json!([id])),
            ("DELETE", RESERVATIONS.to_owned(), json!({"keys": [own, id]})),
            ("DELETE", RESERVATIONS.to_owned(), json!({"query": {"filter": {"id": {"_eq": id}}}})),
            ("GET", format!("{CODES}?filter[reservation][_eq]={id}"), Value::Null),
            ("GET", format!("{CODES}?filter[reservation][_eq]={id}&aggregate[count]=*"), Value::Null),
            ("GET", format!("{CODES}?filter[reservation][_in]={id}&meta=*"), Value::Null),
        ]
    };
    for token in ["writer-a", "reader-a", "admin-a", "writer-none"] {
        for ((method, path, body), (_, other_path, other_body)) in requests(&theirs).into_iter().zip(requests(&nobodys))
        {
            let strangers = server.json(method, &path, token, &body).await;
            let nothing = server.json(method, &other_path, token, &other_body).await;
            assert_eq!(seen(&strangers, &theirs), seen(&nothing, &nobodys), "{token} {method} {path} {body}");
        }
        let files = [("/files/", ""), ("/assets/", ""), ("/assets/", "/name.csv"), ("/assets/", "?download")];
        for (before, after) in files {
            let strangers = server.get(&format!("{before}{their_file}{after}"), token).await;
            let nothing = server.get(&format!("{before}{nobodys}{after}"), token).await;
            assert_eq!(strangers.status, 403);
            assert_eq!(seen(&strangers, &their_file), seen(&nothing, &nobodys), "{token} {before}");
        }
        for path in [format!("{CODES}/"), format!("{CODES}?filter[id][_eq]=")] {
            let strangers = server.get(&format!("{path}{their_code}"), token).await;
            let nothing = server.get(&format!("{path}{no_code}"), token).await;
            assert_eq!(seen(&strangers, &their_code), seen(&nothing, &no_code), "{token} {path}");
        }
    }
    assert_eq!(server.get(&format!("{RESERVATIONS}/{theirs}"), ADMINISTRATOR).await.text, before);
    assert_eq!(server.get(&format!("{RESERVATIONS}/{own}"), ADMINISTRATOR).await.status, 200);
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_counts_and_searches_are_over_the_callers_own_rows() {
    let world = world().await;
    let server = &world.server;
    let own = text(&world.items[0], "id").to_owned();
    for token in ["writer-a", "reader-a", "admin-a"] {
        let get = async |query: &str| server.get(&format!("{RESERVATIONS}?{query}"), token).await.json();
        let only = json!({"data": [{ "id": own }]});
        assert_eq!(get("fields=id").await, only, "{token}");
        for query in [
            "search=of-",
            "sort=-product",
            "sort=export_file.filename_download",
            "limit=-1",
            "sort=-id",
            "filter[product][_nnull]=true",
        ] {
            assert_eq!(get(&format!("fields=id&{query}")).await, only, "{token} {query}");
        }
        assert_eq!(get("aggregate[count]=*").await, json!({"data": [{"count": "1"}]}));
        assert_eq!(get("aggregate[sum]=quantity").await["data"][0]["sum"]["quantity"], json!("3"));
        assert_eq!(get("groupBy=reserved_for").await, json!({"data": [{"reserved_for": "A"}]}));
        assert_eq!(get("limit=0&meta=*").await["meta"], json!({"total_count": 1, "filter_count": 1}));
        assert_eq!(get("fields=id&filter[reserved_for][_eq]=B").await, json!({"data": []}));
        assert_eq!(get("fields=id&filter[reserved_for][_neq]=C").await, only);
        assert_eq!(get("fields=id&search=of-B").await, json!({"data": []}));
        let files = server.get("/files?fields=id", token).await.json();
        assert_eq!(files, json!({"data": [{ "id": world.items[0]["export_file"] }]}));
        assert_eq!(server.get("/files?aggregate[count]=*", token).await.data(), json!([{"count": "1"}]));

        // A code leads to its reservation for its owner, and to nothing for others.
        for (code, found) in [(&world.codes[0], 1), (&world.codes[1], 0)] {
            for lookup in [
                json!({"code": {"_eq": code["code"]}, "product": {"_eq": code["product"]}}),
                json!({"digital_link": {"_eq": code["digital_link"]}}),
                json!({"epc_join_key": {"_eq": code["epc_join_key"]}}),
            ] {
                let codes = server.get(&format!("{CODES}?filter={}", encoded(&lookup)), token).await.data();
                assert_eq!(codes.as_array().unwrap().len(), found, "{token} {lookup}");
                for (word, rows) in [("_some", found), ("_none", 1 - found)] {
                    let filter = json!({"codes": { word: lookup }});
                    let rows_seen = get(&format!("fields=id&filter={}", encoded(&filter))).await;
                    assert_eq!(rows_seen["data"].as_array().unwrap().len(), rows, "{token} {word} {lookup}");
                }
            }
        }
    }
    // A caller cannot create a row for another organisation or move one to it.
    let input = json!({"reserved_for": "B", "code_type": "short_code", "quantity": 1});
    let refused = server.json("POST", RESERVATIONS, "writer-a", &input).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "FORBIDDEN"));
    let fresh = json!({"reserved_for": "A", "code_type": "short_code", "quantity": 1, "status": "new"});
    let fresh = server.json("POST", RESERVATIONS, "writer-a", &fresh).await.data();
    let path = format!("{RESERVATIONS}/{}", text(&fresh, "id"));
    completed(&server.api, text(&fresh, "id")).await;
    assert_eq!(server.json("PATCH", &path, "writer-a", &json!({"reserved_for": "B"})).await.status / 100, 4);
    assert_eq!(server.get(&path, ADMINISTRATOR).await.data()["reserved_for"], "A");
    let nobody = server.get(&format!("{RESERVATIONS}?meta=*"), "writer-none").await.json();
    assert_eq!(nobody, json!({"meta": {"total_count": 0, "filter_count": 0}, "data": []}));
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_taken_away_is_gone_with_the_next_request() {
    let server = Running::paused().await;
    let context = server.context();
    let table = &context.config().tables.directory;
    let known = user(Role::Writer, Some(&["A"]));
    context.store().seed_user(&known, Some("token-1")).await.unwrap();
    let row = json!({"reserved_for": "A", "code_type": "short_code", "quantity": 1});
    // Twice, so that the token is in the cache of the process.
    for _ in 0..2 {
        assert_eq!(server.json("POST", RESERVATIONS, "token-1", &row).await.status, 200);
    }
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let set = async |member: &str, value: aws_sdk_dynamodb::types::AttributeValue| {
        let update = context.dynamodb().update_item().table_name(table).key("kind", text("user"));
        let update = update.key("id", text(&known.id)).update_expression("SET #m = :v");
        update.expression_attribute_names("#m", member).expression_attribute_values(":v", value).send().await.unwrap();
    };
    set("role", text("reader")).await;
    assert_eq!(server.json("POST", RESERVATIONS, "token-1", &row).await.status, 403);
    assert_eq!(server.get(RESERVATIONS, "token-1").await.data().as_array().unwrap().len(), 2);
    set("organisations", aws_sdk_dynamodb::types::AttributeValue::L(vec![text("B")])).await;
    assert_eq!(server.get(RESERVATIONS, "token-1").await.data(), json!([]));
    set("status", text("suspended")).await;
    assert_eq!(server.get(RESERVATIONS, "token-1").await.code(), "INVALID_CREDENTIALS");
    set("status", text("active")).await;
    assert_eq!(server.get(RESERVATIONS, "token-1").await.status, 200);
    let token = common::store::token_hash("token-1");
    let delete = context.dynamodb().delete_item().table_name(table).key("kind", text("token"));
    delete.key("id", text(&token)).send().await.unwrap();
    assert_eq!(server.get(RESERVATIONS, "token-1").await.code(), "INVALID_CREDENTIALS");
    // A token that now belongs to another user is that user.
    let other = user(Role::Admin, None);
    context.store().seed_user(&other, Some("token-1")).await.unwrap();
    assert_eq!(server.get("/users/me?fields=id", "token-1").await.data(), json!({"id": other.id}));
    server.stop().await;
}
