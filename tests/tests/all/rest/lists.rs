//! Lists: their order, their columns as files, `SEARCH`, and one's own account.

use serde_json::{Value, json};

use super::{ADMIN, READER, WRITER, seeded};
use crate::support::{api::RESERVATIONS, harness::Running};

const FIRST: &str = "03343178-982f-4b83-8dcb-916595070e51";

async fn text(server: &Running, query: &str) -> String {
    let reply = server.get(&format!("{RESERVATIONS}?{query}"), ADMIN).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.text);
    reply.text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_of_a_csv_is_the_fields_whatever_rows_there_are() {
    let server = seeded().start().await;
    let asked = "export=csv&fields=id,user_updated.first_name,reserved_for.city,year(date_created),codes,qty&alias[qty]=quantity";
    let header = "\"id\",\"user_updated.first_name\",\"reserved_for.city\",\"date_created_year\",\"codes\",\"qty\"";
    for rows in [
        "",
        "&filter[user_updated][_nnull]=true",
        "&filter[user_updated][_null]=true",
        "&filter[reserved_for][_null]=true&limit=1",
        "&filter[status][_eq]=nothing",
        "&limit=0",
        "&sort=-qty",
    ] {
        let csv = text(&server, &format!("{asked}{rows}")).await;
        assert_eq!(csv.lines().next(), Some(header), "{rows}");
    }
    assert_eq!(text(&server, &format!("{asked}&limit=0")).await, header);
    let csv = text(&server, &format!("{asked}&filter[id][_eq]=10000000-0000-4000-8000-000000000008")).await;
    assert_eq!(csv, format!("{header}\n\"10000000-0000-4000-8000-000000000008\",,,\"2024\",\"[]\","));
    for (list, columns) in [
        ("/files?fields=title,modified_by.first_name", "\"title\",\"modified_by.first_name\""),
        ("/users?fields=first_name,avatar.title,role.name", "\"first_name\",\"avatar.title\",\"role.name\""),
        ("/items/organisation?fields=city,id", "\"city\",\"id\""),
        (
            "/items/unique_code?fields=code,reservation.product&filter[reservation][_eq]=03343178-982f-4b83-8dcb-916595070e51",
            "\"code\",\"reservation.product\"",
        ),
        (&format!("{RESERVATIONS}/{FIRST}?fields=export_file.title,id"), "\"export_file.title\",\"id\""),
        (&format!("{RESERVATIONS}?groupBy=status&aggregate[count]=*&limit=0"), "\"status\",\"count\""),
    ] {
        let csv = server.get(&format!("{list}&export=csv"), ADMIN).await.text;
        assert_eq!(csv.lines().next(), Some(columns), "{list}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_csv_of_a_write_has_the_columns_of_its_fields() {
    let server = seeded().start().await;
    let columns = "export=csv&fields=reference_id,user_updated.first_name,export_file.title";
    let header = "\"reference_id\",\"user_updated.first_name\",\"export_file.title\"";
    let input =
        json!({"reserved_for": "/417/9312345000012", "code_type": "short_code", "quantity": 1, "reference_id": "R"});
    for body in [input.clone(), json!([input]), json!([])] {
        let reply = server.json("POST", &format!("{RESERVATIONS}?{columns}"), WRITER, &body).await;
        assert_eq!((reply.status, reply.text.lines().next()), (200, Some(header)), "{body}");
    }
    let made = server.json("POST", RESERVATIONS, WRITER, &input).await.data();
    let path = format!("{RESERVATIONS}/{}?{columns}", made["id"].as_str().unwrap());
    let reply = server.json("PATCH", &path, WRITER, &json!({"reference_id": "S"})).await;
    assert_eq!(reply.text, format!("{header}\n\"S\",\"Dave\","));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_text_in_xml_is_an_empty_element() {
    let server = seeded().start().await;
    let asked =
        "export=xml&fields=error_message,reference_id,url_suffix&filter[id][_eq]=10000000-0000-4000-8000-0000000000";
    assert_eq!(
        text(&server, &format!("{asked}10")).await,
        "<?xml version='1.0'?>\n<data>\n    <data>\n        <error_message/>\n        \
         <reference_id>Partial</reference_id>\n        <url_suffix>null</url_suffix>\n    </data>\n</data>"
    );
    let lines = text(&server, &format!("{asked}09")).await;
    assert!(
        lines.contains("<error_message>Failed: \"quoted\", comma; newline\nsecond line é中😀</error_message>"),
        "{lines}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_sorted_by_an_alias() {
    let server = seeded().start().await;
    let ids =
        async |token: &str, query: &str| server.get(&format!("{RESERVATIONS}?fields=id&{query}"), token).await.data();
    for (alias, sort, same) in [
        ("alias[x]=quantity", "x,id", "quantity,id"),
        ("alias[x]=quantity", "-x,id", "-quantity,id"),
        ("alias[x]=reserved_for", "-x,-id", "-reserved_for,-id"),
        ("alias[x]=year(date_created)", "x,-id", "year(date_created),-id"),
        ("alias[x]=id", "-x", "-id"),
        ("alias[status]=id", "-status", "-id"),
    ] {
        for token in [ADMIN, WRITER, READER] {
            let sorted = ids(token, &format!("{alias}&sort={sort}")).await;
            assert_eq!(sorted, ids(token, &format!("sort={same}")).await, "{alias} {sort}");
            assert_ne!(sorted, ids(token, "").await, "{alias} {sort}");
        }
    }
    for unknown in ["alias[x]=quantity&sort=y", "alias[x]=quantity&filter[x][_gt]=1", "alias[x]=nope&sort=x"] {
        assert_eq!(server.get(&format!("{RESERVATIONS}?{unknown}"), ADMIN).await.status, 403, "{unknown}");
    }
    let users = async |query: &str| server.get(&format!("/users?fields=first_name&{query}"), ADMIN).await.data();
    assert_eq!(users("alias[x]=first_name&sort=-x").await, users("sort=-first_name").await);
    assert_eq!(server.get("/users?alias[x]=email&sort=x", READER).await.status, 403);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_without_a_query_in_its_body_takes_the_query_string() {
    let server = seeded().start().await;
    let parameters = "fields=id,status&filter[status][_eq]=error&sort=-id&limit=2&meta=filter_count";
    let expected = server.get(&format!("{RESERVATIONS}?{parameters}"), ADMIN).await.json();
    assert_eq!((&expected["meta"], expected["data"].as_array().unwrap().len()), (&json!({"filter_count": 4}), 2));
    let search = async |query: &str, body: Option<&str>| {
        let headers: &[(&str, &str)] = &[("content-type", "application/json")];
        let path = format!("{RESERVATIONS}?{query}");
        server.send("SEARCH", &path, Some(ADMIN), headers, body.map(|body| body.as_bytes().to_vec())).await
    };
    for body in [None, Some(""), Some("{}"), Some(" "), Some(" \r\n\t")] {
        assert_eq!(search(parameters, body).await.json(), expected, "{body:?}");
    }
    let keys = format!(r#"{{"keys": ["{FIRST}"]}}"#);
    assert_eq!(search("fields=id", Some(&keys)).await.json(), json!({"data": [{"id": FIRST}]}));
    let body = r#"{"query": {"fields": ["id"], "limit": 1}}"#;
    assert_eq!(search(parameters, Some(body)).await.json(), json!({"data": [{"id": FIRST}]}), "the body's query alone");
    assert_eq!(search("limit=1", Some(r#"{"query": {}}"#)).await.data().as_array().unwrap().len(), 32);
    assert_eq!(search("export=csv&fields=id&limit=1", None).await.text, format!("\"id\"\n\"{FIRST}\""));
    assert_eq!(search("limit=x", None).await.status, 400);
    assert_eq!(search("fields=nope", None).await.status, 403);
    let mut bare = search(&format!("{parameters}&access_token=reader-token"), None).await;
    assert_eq!(bare.status, 400, "two tokens");
    bare =
        server.send("SEARCH", &format!("{RESERVATIONS}?{parameters}&access_token=reader-token"), None, &[], None).await;
    assert_eq!(bare.json(), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_row_has_no_search() {
    let server = seeded().start().await;
    for path in [format!("{RESERVATIONS}/{FIRST}"), format!("{RESERVATIONS}/{FIRST}/"), format!("{RESERVATIONS}/no-id")]
    {
        for token in [ADMIN, READER] {
            let reply = server.json("SEARCH", &path, token, &json!({"query": {"fields": ["id"]}})).await;
            assert_eq!(reply.status, 404, "{path}");
            let extensions: Value = reply.json()["errors"][0]["extensions"].clone();
            assert_eq!(extensions, json!({"path": path, "code": "ROUTE_NOT_FOUND"}));
        }
    }
    for path in [
        format!("/items/unique_code/{FIRST}"),
        "/items/unique_code".to_owned(),
        "/items/organisation/".to_owned(),
        "/items/organisation".to_owned(),
        "/items/nothing/1".to_owned(),
        format!("/users/{FIRST}"),
        "/users".to_owned(),
        "/files".to_owned(),
    ] {
        let reply = server.json("SEARCH", &path, ADMIN, &json!({})).await;
        assert_eq!((reply.status, reply.code()), (404, "ROUTE_NOT_FOUND".to_owned()), "{path}");
    }
    let (path, body) = (format!("{RESERVATIONS}/"), json!({"query": {"limit": 1, "fields": ["id"]}}));
    assert_eq!(server.json("SEARCH", &path, ADMIN, &body).await.data(), json!([{"id": FIRST}]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_account_has_the_name_of_the_role() {
    let server = seeded().start().await;
    let me = async |token: &str, query: &str| server.get(&format!("/users/me?{query}"), token).await.data();
    assert_eq!(
        me(ADMIN, "fields=email,role.name").await,
        json!({"email": "alice@example.com", "role": {"name": "Administrator"}})
    );
    let all = me(ADMIN, "fields=role.*,policies.*,role.id").await;
    assert_eq!((&all["policies"], &all["role"]["policies"]), (&json!([]), &json!([])));
    assert_eq!(all["role"]["id"], me(ADMIN, "fields=role").await["role"]);
    let names = server.get("/users?fields=role.name&sort=first_name", ADMIN).await.data();
    assert_eq!(
        names,
        json!([{"role": {"name": "Administrator"}}, {"role": {"name": "Reader"}}, {"role": null}, {"role": {"name": "Writer"}}])
    );
    let sorted = server.get("/users?fields=first_name&sort=-role.name,first_name", ADMIN).await.data();
    assert_eq!(
        sorted,
        json!([{"first_name": "Carol"}, {"first_name": "Dave"}, {"first_name": "Bob"}, {"first_name": "Alice"}])
    );
    let made =
        format!("{RESERVATIONS}?fields=user_created.role.name&filter[user_created][role][name][_eq]=Reader&limit=1");
    assert_eq!(server.get(&made, ADMIN).await.data(), json!([{"user_created": {"role": {"name": "Reader"}}}]));
    // A writer has roles as keys, a reader only the own id, whatever is asked for.
    assert_eq!(me(WRITER, "fields=first_name,role.name").await, json!({"first_name": "Dave"}));
    for asked in ["", "fields=id,email,role.name", "fields=role.*", "fields=nope", "filter[email][_eq]=x", "fields=*.*"]
    {
        assert_eq!(me(READER, asked).await, json!({"id": "b0b00000-0000-4000-8000-000000000002"}), "{asked}");
    }
    assert_eq!(me("noperm-token", "fields=email").await, json!({"id": "ca401000-0000-4000-8000-000000000003"}));
    assert_eq!(server.get("/users/me?fields=nope", WRITER).await.status, 403);
    assert_eq!(server.get("/users/me?fields=email&limit=x", READER).await.status, 400);
    let csv = server.get("/users/me?fields=email&export=csv", READER).await.text;
    assert_eq!(csv, "\"id\"\n\"b0b00000-0000-4000-8000-000000000002\"");
    assert_eq!(server.send("GET", "/users/me?fields=email", None, &[], None).await.status, 401);
    server.stop().await;
}
