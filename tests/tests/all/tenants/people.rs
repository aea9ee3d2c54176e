//! Users: only those who share an organisation, and of these only the names.

use aws_sdk_dynamodb::types::AttributeValue;
use common::directory::Role;
use lambda_runtime::{Context as LambdaContext, LambdaEvent};
use local::functions;
use serde_json::{Value, json};

use super::{document, person, row, set, text};
use crate::support::{
    api::{RESERVATIONS, encoded},
    faults::Network,
    harness::{Running, TOKEN},
    repository::event_file,
};

/// Rows of A, created by a member of A, by one of B, and by an administrator of all; and who may look.
async fn world() -> (Running, [String; 3]) {
    let server = Running::paused().await;
    person(&server, "Zoe", Role::Admin, None).await;
    let anna = person(&server, "Anna", Role::Writer, Some(&["A"])).await;
    let both = person(&server, "Mia", Role::Writer, Some(&["A", "B"])).await;
    let boris = person(&server, "Boris", Role::Admin, Some(&["B"])).await;
    for (token, reference) in [("Anna", "by Anna"), ("Zoe", "by Zoe"), ("Mia", "by Mia")] {
        let mut new = row("A");
        new["reference_id"] = json!(reference);
        server.json("POST", RESERVATIONS, token, &new).await.data();
    }
    (server, [anna, both, boris])
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_other_users_than_the_names_are_refused_wherever_they_are_named() {
    let (server, [_, both, _]) = world().await;
    person(&server, "Adam", Role::Admin, Some(&["A"])).await;
    let members = [
        "email",
        "password",
        "location",
        "title",
        "avatar",
        "status",
        "role",
        "token",
        "last_access",
        "provider",
        "external_identifier",
        "policies",
        "tfa_secret",
        "auth_data",
    ];
    let mut paths = Vec::new();
    for member in members {
        let filter = |path: &str| {
            let test = json!({"_nnull": true});
            encoded(&path.rsplit('.').fold(test, |inner, part| json!({ part: inner })))
        };
        paths.extend([
            format!("/users?fields={member}"),
            format!("/users?fields=id,{member}"),
            format!("/users?filter={}", filter(member)),
            format!(
                "/users?filter={}",
                encoded(&json!({"_or": [{"id": {"_nnull": true}}, {member: {"_nnull": true}}]}))
            ),
            format!("/users?sort=-{member}"),
            format!("/users?groupBy[]={member}"),
            format!("/users?aggregate[countDistinct]={member}"),
            format!("/users?alias[x]={member}&fields=x"),
            format!("/users/{both}?fields={member}"),
            format!("/users/{both}?filter={}", filter(member)),
        ]);
        for (list, relation) in [
            (RESERVATIONS, "user_created"),
            (RESERVATIONS, "user_updated"),
            (RESERVATIONS, "export_file.uploaded_by"),
            ("/files", "uploaded_by"),
            ("/files", "modified_by"),
            ("/items/unique_code", "user_created"),
            ("/items/unique_code", "reservation.user_created"),
            ("/users/me", "avatar.uploaded_by"),
        ] {
            let path = format!("{relation}.{member}");
            paths.push(format!("{list}?fields={path}"));
            paths.push(format!("{list}?filter={}", filter(&path)));
            if !list.contains("unique_code") {
                paths.push(format!("{list}?sort={path}"));
                paths.push(format!("{list}?groupBy[]={path}"));
                paths.push(format!("{list}?aggregate[min]={path}"));
            }
            let (first, rest) = relation.split_once('.').unwrap_or((relation, ""));
            let below = if rest.is_empty() { member.to_owned() } else { path.split_once('.').unwrap().1.to_owned() };
            paths.push(format!("{list}?alias[x]={first}&fields=x.{below}"));
            let deep = format!(
                "{list}?fields={relation}.id&deep[{}][_filter]={}",
                relation.replace('.', "]["),
                filter(member)
            );
            paths.push(deep);
        }
        paths.push(format!("{RESERVATIONS}?fields=codes.user_created.{member}"));
        paths.push(format!("{RESERVATIONS}?fields=codes.reservation.user_created.{member}"));
    }
    paths.push("/users?fields=year(last_access)".to_owned());
    paths.push(format!("{RESERVATIONS}?filter[year(user_created.last_access)][_gt]=1"));
    paths.push(format!("{RESERVATIONS}?filter[user_created][year(last_access)][_gt]=1"));
    paths.push(format!("{RESERVATIONS}?sort=user_created.year(last_access)"));
    for token in ["Anna", "Adam"] {
        for path in &paths {
            let reply = server.get(path, token).await;
            let refused = matches!((reply.status, reply.code().as_str()), (403, "FORBIDDEN") | (400, "INVALID_QUERY"));
            assert!(refused, "{token} {path}: {} {}", reply.status, reply.text);
            assert!(!reply.text.contains("people.example"), "{path}: {}", reply.text);
        }
        for member in ["email", "status", "provider", "token", "external_identifier"] {
            for query in [
                format!("{{ code_reservation {{ user_created {{ {member} }} }} }}"),
                format!("{{ code_reservation {{ id user_created {{ id x: {member} }} }} }}"),
                format!(
                    "{{ code_reservation {{ ...F }} }} fragment F on code_reservation {{ user_updated {{ {member} }} }}"
                ),
                format!("{{ code_reservation(filter: {{user_created: {{{member}: {{_null: false}}}}}}) {{ id }} }}"),
                format!("{{ code_reservation(sort: [\"user_created.{member}\"]) {{ id }} }}"),
                format!("{{ code_reservation {{ user_created(filter: {{{member}: {{_null: false}}}}) {{ id }} }} }}"),
                format!("{{ code_reservation_aggregated(groupBy: [\"user_created.{member}\"]) {{ group }} }}"),
                format!("{{ code_reservation {{ export_file {{ uploaded_by {{ {member} }} }} }} }}"),
                format!(
                    "mutation {{ create_code_reservation_item(data: {{reserved_for: \"A\", code_type: \"short_code\", \
                     quantity: 1}}) {{ user_created {{ {member} }} }} }}"
                ),
            ] {
                let reply = document(&server, token, &query).await;
                assert!(reply.text.contains("FORBIDDEN"), "{query}: {}", reply.text);
                assert!(!reply.text.contains("people.example") && !reply.text.contains("Person"), "{}", reply.text);
            }
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_users_who_share_an_organisation_exist() {
    let (server, [anna, both, boris]) = world().await;
    let name = |id: &str, first: &str| json!({"id": id, "first_name": first, "last_name": "Person"});
    assert_eq!(
        server.get("/users?sort=first_name", "Anna").await.data(),
        json!([name(&anna, "Anna"), name(&both, "Mia")])
    );
    assert_eq!(
        server.get("/users?sort=first_name&fields=*.*.*", "Boris").await.data(),
        json!([name(&boris, "Boris"), name(&both, "Mia")])
    );
    assert_eq!(server.get(&format!("/users/{both}"), "Anna").await.data(), name(&both, "Mia"));
    assert_eq!(server.get(&format!("/users/{boris}"), "Anna").await.status, 403);
    // Who may see all rows sees everybody, with all members.
    let all = server.get("/users?fields=email&sort=email", "Zoe").await.data();
    assert_eq!(all.as_array().unwrap().len(), 5, "the four and the administrator of the system: {all}");

    // Over relations a stranger is a key and nothing else: no name shows, none is matched and none decides an order.
    let list =
        async |query: &str| server.get(&format!("{RESERVATIONS}?fields=reference_id{query}"), "Anna").await.data();
    let shown = list(",user_created.first_name&sort=reference_id").await;
    let created: Vec<_> = shown.as_array().unwrap().iter().map(|row| row["user_created"].clone()).collect();
    assert_eq!(created, [json!({"first_name": "Anna"}), json!({"first_name": "Mia"}), Value::Null]);
    assert!(list(",user_created&sort=reference_id").await[2]["user_created"].is_string());
    for first_name in ["Zoe", "Boris"] {
        assert_eq!(list(&format!("&filter[user_created][first_name][_eq]={first_name}")).await, json!([]));
    }
    assert_eq!(list("&filter[user_created][first_name][_eq]=Mia").await, json!([{"reference_id": "by Mia"}]));
    let wild = server.get(&format!("{RESERVATIONS}?fields=*.*&filter[reference_id][_eq]=by Mia"), "Anna").await.data();
    assert_eq!(wild[0]["user_created"], name(&both, "Mia"));

    let body =
        document(&server, "Anna", "{ code_reservation(sort: \"reference_id\") { user_created { id first_name } } }")
            .await;
    let created = json!([
        {"user_created": {"id": anna, "first_name": "Anna"}},
        {"user_created": {"id": both, "first_name": "Mia"}},
        {"user_created": null},
    ]);
    assert_eq!(body.json()["data"]["code_reservation"], created);
    server.stop().await;
}

/// A row that the operator wrote by hand and that cannot be read.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_row_of_a_stranger_disturbs_nobody_and_does_not_show() {
    let (server, [_, both, boris]) = world().await;
    let olga = person(&server, "Olga", Role::Admin, None).await;
    let mut new = row("A");
    new["reference_id"] = json!("by Olga");
    server.json("POST", RESERVATIONS, "Olga", &new).await.data();
    let paths = [
        "/users?fields=*".to_owned(),
        "/users?aggregate[count]=*".to_owned(),
        format!("/users/{boris}"),
        format!("/users/{olga}"),
        format!("{RESERVATIONS}?sort=user_created.first_name,reference_id&fields=reference_id,user_created.first_name"),
        format!("{RESERVATIONS}?filter[user_created][first_name][_eq]=Olga"),
    ];
    let answers = async || {
        let mut answers = Vec::new();
        for path in &paths {
            answers.push(server.get(path, "Anna").await.shape());
        }
        answers
    };
    let before = answers().await;
    for (member, value) in [
        ("status", AttributeValue::N("1".to_owned())),
        ("role", text("king")),
        ("first_name", AttributeValue::L(vec![])),
    ] {
        for id in [&boris, &olga] {
            set(&server, id, member, Some(value.clone())).await;
        }
        assert_eq!(answers().await, before, "{member}");
        // Whoever may see the row gets an error.
        assert_eq!(server.get("/users", TOKEN).await.status, 500, "{member}");
    }
    set(&server, &both, "status", Some(AttributeValue::N("1".to_owned()))).await;
    assert_eq!(server.get("/users", "Anna").await.status, 500);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_strangers_decide_no_order() {
    let server = Running::paused().await;
    person(&server, "Anna", Role::Writer, Some(&["A"])).await;
    let mut references = Vec::new();
    for name in ["Zoe", "Abel", "Max"] {
        person(&server, name, Role::Admin, None).await;
        let mut new = row("A");
        new["reference_id"] = json!(name);
        server.json("POST", RESERVATIONS, name, &new).await.data();
        references.push(json!({ "reference_id": name }));
    }
    for sort in ["user_created.first_name", "-user_created.first_name", "user_created.last_name,id"] {
        let path = format!("{RESERVATIONS}?fields=reference_id&sort={sort}");
        assert_eq!(
            server.get(&path, "Anna").await.data(),
            json!(references),
            "{sort}: rows that are equal are in the order of ids"
        );
    }
    assert_ne!(
        server.get(&format!("{RESERVATIONS}?fields=reference_id&sort=user_created.first_name"), "Zoe").await.data(),
        json!(references)
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_account_is_shown_as_before() {
    let (server, [anna, ..]) = world().await;
    let me = server.get("/users/me", "Anna").await.data();
    assert_eq!((me["id"].as_str(), me["email"].as_str()), (Some(&*anna), Some("Anna@people.example")));
    assert_eq!((&me["status"], &me["token"]), (&json!("active"), &json!("**********")));
    assert_eq!(me.get("policies"), None, "a writer does not have this member");
    assert_eq!(me["role"], server.get("/users/me?fields=role", "Mia").await.data()["role"]);
    assert_eq!(server.get("/users/me?filter[email][_eq]=Anna@people.example&fields=email", "Anna").await.status, 200);
    assert_eq!(server.get("/users/me?fields=*.*.*.*", "Anna").await.data()["email"], "Anna@people.example");
    let query = json!({"query": "{ users_me { id email status } }"});
    let body = server.json("POST", "/graphql/system", "Anna", &query).await.json();
    assert_eq!(body, json!({"data": {"users_me": {"id": anna, "email": "Anna@people.example", "status": "active"}}}));
    server.stop().await;
}

/// A list reads the rows of all users, so each tenant could take the capacity of the table that sign-in needs.
#[tokio::test(flavor = "multi_thread")]
async fn lists_of_the_directory_read_at_half_the_price_and_sign_in_reads_what_is_there() {
    let (server, _) = world().await;
    for (file, list) in [("directory/get-users.json", "user"), ("directory/get-organisations.json", "organisation")] {
        let network = Network::healthy();
        let function = functions::http("directory", &network.worker(&server, |_| {})).unwrap();
        let mut event = event_file(file).json();
        event["headers"]["authorization"] = json!("Bearer Zoe");
        let answer = function(LambdaEvent::new(event, LambdaContext::default())).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer}");
        let (mut lists, mut reads) = (0, 0);
        for request in network.requests() {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            match &*request.operation {
                "Query" => {
                    assert_eq!(body["ExpressionAttributeValues"][":kind"]["S"], list);
                    assert_ne!(body["ConsistentRead"], true, "{body}");
                    lists += 1;
                }
                _ => {
                    assert!(request.body.contains("\"ConsistentRead\":true"), "{} {body}", request.operation);
                    reads += 1;
                }
            }
        }
        assert!(lists == 1 && reads > 0, "{:?}", network.calls());
    }
    server.stop().await;
}
