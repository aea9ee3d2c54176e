//! Roles, and relations to collections of Directus that have no rows here.

use super::*;

fn shown(collection: Collection, access: &Access, text: &str) -> Value {
    let mut related = related();
    related.insert(Collection::Roles, object(json!({"id": "r", "name": "Administrator"})));
    let user = object(json!({"id": ALICE, "first_name": "Alice", "role": "r"}));
    let raw = parse_query_string(text).unwrap();
    let query = parse(&raw, collection, access, now(), &Budget::default()).unwrap();
    query.run(&[user], &related).unwrap().data[0].clone()
}

#[test]
fn an_administrator_reads_the_role_of_a_user() {
    let user = |text: &str| shown(Collection::Users, &admin(), text);
    assert_eq!(user("fields=first_name,role.name"), json!({"first_name": "Alice", "role": {"name": "Administrator"}}));
    assert_eq!(
        user("fields=role.*")["role"],
        json!({
            "id": "r", "name": "Administrator", "icon": null, "description": null, "parent": null,
            "children": [], "policies": [],
        })
    );
    assert_eq!(user("fields=role"), json!({"role": "r"}));
    assert_eq!(user("fields=role:directus_roles.name"), json!({"role": "r"}));
    assert_eq!(user("fields=id&filter[role][name][_eq]=Administrator"), json!({"id": ALICE}));
    assert_eq!(user("fields=id&filter[role][name][_eq]=Writer"), Value::Null);
    assert_eq!(user("fields=*.*")["role"]["name"], "Administrator");
    let raw = parse_query_string("fields=role.nope").unwrap();
    let refused = parse(&raw, Collection::Users, &admin(), now(), &Budget::default()).unwrap_err();
    assert!(refused.to_string().contains("\"nope\" in collection \"directus_roles\""), "{refused}");
}

#[test]
fn for_a_writer_a_role_is_a_key() {
    let writer = Access::new(Role::Writer, None);
    assert_eq!(shown(Collection::Users, &writer, "fields=id,role,role.name"), json!({"id": ALICE, "role": "r"}));
    assert_eq!(shown(Collection::Users, &writer, "fields=id,role.name"), json!({"id": ALICE}));
    assert_eq!(shown(Collection::Users, &writer.for_own_account(), "fields=id,role.name"), json!({"id": ALICE}));
    let raw = parse_query_string("filter[role][name][_eq]=Writer").unwrap();
    let refused = parse(&raw, Collection::Users, &Access::new(Role::Writer, None), now(), &Budget::default());
    assert_eq!(refused.map_err(|error| error.status()), Err(403));
}

#[test]
fn a_relation_to_a_collection_without_rows_is_empty_for_an_administrator() {
    assert_eq!(
        shown(Collection::Users, &admin(), "fields=policies.policy.name,role.policies.*,id"),
        json!({"policies": [], "role": {"policies": []}, "id": ALICE})
    );
    assert_eq!(shown(Collection::Files, &admin(), "fields=id,folder.name"), json!({"id": ALICE, "folder": null}));
    for role in [Role::Writer, Role::Reader] {
        let access = Access::new(role, None);
        assert_eq!(shown(Collection::Files, &access, "fields=id,folder.name"), json!({"id": ALICE}));
    }
    assert_eq!(data("fields=id,purchase_order.supplier"), data("fields=id"), "another system has its rows");
}
