//! Fields, aliases, relations, deep, meta, single rows.

use super::*;
use crate::query::Window;
use std::collections::BTreeSet;

fn first(text: &str) -> Value {
    data(text)[0].clone()
}

#[test]
fn members_come_in_the_order_asked_for() {
    assert_eq!(
        first("fields=status,id,quantity").to_string(),
        r#"{"status":"new","id":"00000000-0000-4000-8000-000000000001","quantity":10}"#
    );
    assert_eq!(first("fields[]=quantity&fields[]= status , quantity").to_string(), r#"{"quantity":10,"status":"new"}"#);
}

#[test]
fn everything_but_what_must_be_named_is_shown_by_default() {
    let row = first("");
    let names: Vec<&String> = row.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 18);
    assert_eq!(names.first().map(|n| n.as_str()), Some("id"));
    assert_eq!(row["codes"], json!(["c0de0000-0000-4000-8000-000000000001", "c0de0000-0000-4000-8000-000000000002"]));
    assert_eq!(row["user_created"], json!(ALICE));
    assert_eq!(first("fields=length,character_set"), json!({"length": 8, "character_set": "alphanumeric"}));
}

#[test]
fn relations_are_expanded_by_dotted_names() {
    assert_eq!(
        first("fields=id,user_created.first_name,user_created.id,user_updated.id&limit=1"),
        json!({"id": "00000000-0000-4000-8000-000000000001", "user_created": {"first_name": "Alice", "id": ALICE}, "user_updated": null})
    );
    assert_eq!(
        first("fields=export_file.uploaded_by.first_name"),
        json!({"export_file": {"uploaded_by": {"first_name": "Bob"}}})
    );
    assert_eq!(first("fields=export_file.filesize"), json!({"export_file": {"filesize": "144"}}));
    assert_eq!(first("fields=user_created,user_created.first_name"), json!({"user_created": {"first_name": "Alice"}}));
    assert_eq!(
        first("fields=user_created.token,user_created.password"),
        json!({"user_created": {"token": "**********", "password": null}})
    );
}

#[test]
fn star_star_expands_relations_first() {
    let row = first("fields=*.*");
    let names: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names[..6], ["user_created", "user_updated", "reserved_for", "export_file", "codes", "id"]);
    assert!(!names.contains(&"purchase_order"), "a bare key has nothing to expand");
    assert_eq!(row["user_created"]["first_name"], "Alice");
    assert_eq!(row["codes"][0]["code"], "X1");
}

#[test]
fn what_may_not_be_read_drops_from_fields() {
    let as_role = |role: Role, text: &str| {
        query_as(&Access::new(role, None), text).unwrap().run(&rows(), &related()).unwrap().data[0].clone()
    };
    assert_eq!(as_role(Role::Writer, "fields=status,reserved_for.*"), json!({"status": "new"}));
    assert_eq!(as_role(Role::Reader, "fields=status,user_created.first_name"), json!({"status": "new"}));
    assert_eq!(as_role(Role::Reader, "fields=reserved_for.city"), json!({"reserved_for": {"city": "Berlin"}}));
    assert_eq!(as_role(Role::Writer, "fields=reserved_for"), json!({"reserved_for": "ORG-1"}));
    assert_eq!(
        data("fields=purchase_order.x,status.foo,nope.foo&limit=1"),
        json!(["00000000-0000-4000-8000-000000000001"])
    );
}

#[test]
fn nobody_reads_nothing() {
    let root = "403 You don't have permission to access collection \"code_reservation\" or it does not exist. Queried in root.";
    assert_eq!(reason_as(&Access::public(), ""), root);
    assert_eq!(reason_as(&Access::public(), "fields=id&filter[id][_eq]=x"), root);
    assert_eq!(reason_as(&Access::new(Role::None, None), "aggregate[count]=*"), root);
    assert_eq!(
        reason("fields=id,nope"),
        "403 You don't have permission to access field \"nope\" in collection \"code_reservation\" or it does not exist. Queried in root."
    );
    assert_eq!(
        reason("fields=user_created.nope"),
        "403 You don't have permission to access field \"nope\" in collection \"directus_users\" or it does not exist. Queried in \"user_created\"."
    );
}

#[test]
fn whoever_is_limited_to_organisations_reads_of_users_only_the_names() {
    for role in [Role::Admin, Role::Writer] {
        let access = Access::new(role, None).limited_to_organisations();
        let shown = |text: &str| query_as(&access, text).unwrap().run(&rows(), &related()).unwrap().data[0].clone();
        let user = shown("fields=user_created.*")["user_created"].clone();
        let members: Vec<_> = user.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["id", "first_name", "last_name"]);
        assert_eq!(
            shown("fields=user_created.first_name&filter[user_created][first_name][_nnull]=true"),
            json!({
                "user_created": {"first_name": "Alice"}
            })
        );
        for text in [
            "fields=user_created.email",
            "filter[user_created][email][_eq]=x",
            "sort=-user_created.status",
            "groupBy[]=user_created.email",
            "aggregate[countDistinct]=user_created.token",
            "alias[x]=user_created&fields=x.email",
            "fields=user_created.id&deep[user_created][_filter][email][_eq]=x",
        ] {
            assert!(query_as(&access, text).is_err(), "{text}");
        }
        // What is searched for is not looked for in the other members.
        let deep = |search: &str| shown(&format!("fields=user_created.id&deep[user_created][_search]={search}"));
        assert_eq!(deep("alice@example.com"), json!({"user_created": null}));
        assert_ne!(deep("alice"), json!({"user_created": null}));
        // One's own account is no other user; what it leads to is.
        let own = access.clone().for_own_account();
        let parsed =
            |text: &str| parse(&parse_query_string(text).unwrap(), Collection::Users, &own, now(), &Budget::default());
        assert!(parsed("fields=email,status&filter[email][_nnull]=true").is_ok());
        assert!(parsed("fields=*.*.*").is_ok());
        assert!(parsed("fields=avatar.uploaded_by.email").is_err());
    }
}

#[test]
fn whoever_may_not_read_users_sees_the_own_id() {
    let access = Access::new(Role::Reader, None);
    let raw = parse_query_string("").unwrap();
    let users = [object(json!({"id": BOB, "first_name": "Bob", "token": "t"}))];
    assert!(parse(&raw, Collection::Users, &access, now(), &Budget::default()).is_err());
    let own = parse(&raw, Collection::Users, &access.for_own_account(), now(), &Budget::default()).unwrap();
    assert_eq!(own.run_one(users.first(), &related()), Ok(json!({"id": BOB})));
}

#[test]
fn functions_are_texts_named_after_member_and_function() {
    assert_eq!(
        data(
            "fields=year(date_created),second(date_created),weekday(date_created),year(date_updated)&filter[id][_eq]=00000000-0000-4000-8000-000000000003"
        ),
        json!([{"date_created_year": "2025", "date_created_second": "56.789000", "date_created_weekday": "3", "date_updated_year": null}])
    );
    assert_eq!(first("fields=count(codes)"), json!({"codes_count": 10}));
    assert_eq!(reason("fields=upper(status)"), "400 Invalid function specified \"upper\"");
    assert_eq!(reason("fields=year(status)"), "400 Invalid function specified \"year\"");
}

#[test]
fn the_iso_week_of_new_year_belongs_to_its_own_year() {
    assert_eq!(
        data("fields=week(date_created)&limit=2"),
        json!([{"date_created_week": "1"}, {"date_created_week": "1"}])
    );
}

#[test]
fn aliases_follow_the_members_with_their_own_name() {
    assert_eq!(first("alias[qty]=quantity&fields=qty,status").to_string(), r#"{"status":"new","qty":10}"#);
    assert_eq!(data("alias[qty]=quantity&fields=qty&limit=1"), json!(["00000000-0000-4000-8000-000000000001"]));
    assert_eq!(first("alias[who]=user_created&fields=who.first_name"), json!({"who": {"first_name": "Alice"}}));
    assert_eq!(first("alias[y]=year(date_created)&fields=id,y")["y"], "2024");
    assert_eq!(first("alias={\"qty\":\"quantity\"}&fields=*")["qty"], 10);
    assert_eq!(reason("alias[a.b]=id"), "400 \"alias\" key can't contain a period character `.`");
    for name in ["=1", "a b", "a-b", "@a", "é", "a>", "a\"", "$", "%0d", "%00"] {
        let refusal = "400 \"alias\" key can only contain letters, digits and `_`";
        assert_eq!(reason(&format!("alias[{name}]=id&fields=id")), refusal, "{name}");
    }
    assert_eq!(reason("alias={\"\":\"id\"}"), "400 \"alias\" key can only contain letters, digits and `_`");
    assert_eq!(first("alias[1_A]=quantity&fields=1_A,id")["1_A"], 10);
    assert_eq!(reason("alias=x"), "400 \"alias\" has to be an object");
    assert!(reason("alias[x]=nope&fields=x").starts_with("403"));
}

#[test]
fn deep_filters_a_relation_and_cuts_the_codes() {
    let text = "fields=id,user_created.first_name&deep[user_created][_filter][first_name][_eq]=Bob&limit=3";
    let shown: Vec<Value> = data(text).as_array().unwrap().iter().map(|r| r["user_created"].clone()).collect();
    assert_eq!(shown, [Value::Null, Value::Null, json!({"first_name": "Bob"})]);
    assert_eq!(first("fields=codes&deep[codes][_limit]=1")["codes"].as_array().map(Vec::len), Some(1));
    assert!(
        reason("fields=codes.code&deep[codes][_filter][code][_eq]=A").starts_with("400 The codes of a reservation")
    );
    assert!(reason("fields=codes.code&deep[codes][_sort]=-code").starts_with("400 The codes of a reservation"));
    assert!(
        reason("fields=user_created.id&deep[user_created][_filter][nope][_eq]=1")
            .contains("Queried in \"user_created\"")
    );
}

#[test]
fn a_query_tells_what_it_needs() {
    let needs =
        query("fields=id,export_file.uploaded_by.first_name&filter[reserved_for][city][_eq]=x&sort=user_created.email")
            .unwrap()
            .needs();
    assert_eq!(needs.evaluate, BTreeSet::from([vec!["reserved_for"], vec!["user_created"]]));
    assert_eq!(needs.render, BTreeSet::from([vec!["export_file"], vec!["export_file", "uploaded_by"]]));
    assert_eq!(needs.codes, None);
    let needs = query("deep[codes][_limit]=5&deep[codes][_offset]=2&sort=count(codes)").unwrap().needs();
    assert_eq!(needs.codes, Some(Window { limit: Some(5), offset: 2, page: 0 }));
    assert!(needs.count_to_evaluate && !needs.count_to_render);
    assert_eq!(query("aggregate[count]=*&fields=user_created.id").unwrap().needs().render, BTreeSet::new());
}

#[test]
fn meta_counts_before_the_window_is_cut() {
    let answer = run("meta=*&limit=1&fields=id&filter[status][_eq]=new");
    assert_eq!(
        answer.into_body().to_string(),
        r#"{"meta":{"total_count":4,"filter_count":2},"data":[{"id":"00000000-0000-4000-8000-000000000001"}]}"#
    );
    assert_eq!(run("meta[]=filter_count&limit=0").meta, Some(members(json!({"filter_count": 4}))));
    assert_eq!(run("").meta, None);
}

#[test]
fn a_single_row_obeys_every_parameter() {
    let one = |text: &str| query(text).unwrap().run_one(rows().first(), &related());
    assert_eq!(one("fields=status"), Ok(json!({"status": "new"})));
    assert_eq!(one("fields=id&filter[status][_eq]=error"), Err(QueryError::forbidden()));
    assert_eq!(one("fields=id&search=zzz"), Err(QueryError::forbidden()));
    assert_eq!(one("limit=0"), Err(QueryError::forbidden()));
    assert_eq!(one("aggregate[count]=*"), Ok(json!({"count": "1"})));
    assert_eq!(one("version=draft"), Err(QueryError::forbidden()));
    assert_eq!(one("version=main&fields=status"), Ok(json!({"status": "new"})));
    assert_eq!(query("").unwrap().run_one(None, &related()), Err(QueryError::forbidden()));
}
