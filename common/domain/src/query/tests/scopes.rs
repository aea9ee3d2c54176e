//! Collection scopes, `reserved_for:organisation`: in Directus they are for many-to-any relations; there are none here.

use super::*;

#[test]
fn a_member_with_a_scope_reads_as_the_plain_member() {
    for scoped in [
        "reserved_for:organisation.id",
        "reserved_for:organisation.*",
        "reserved_for:organisation.city,reserved_for:organisation.id",
        "reserved_for:organisation",
        "reserved_for:nope.city",
        "reserved_for,reserved_for:organisation.city",
        "reserved_for:organisation.a.b",
    ] {
        assert_eq!(data(&format!("fields=id,{scoped}")), data("fields=id,reserved_for"), "{scoped}");
        let keys: Vec<Value> = data(&format!("fields=id,{scoped}"))
            .as_array()
            .unwrap()
            .iter()
            .map(|row| json!(row.as_object().unwrap().keys().collect::<Vec<_>>()))
            .collect();
        assert_eq!(keys, vec![json!(["id", "reserved_for"]); 4], "{scoped}");
    }
    assert_eq!(data("fields=id,codes:unique_code.code"), data("fields=id,codes"));
    assert_eq!(data("fields=codes:unique_code,id"), data("fields=codes,id"));
    assert_eq!(data("fields=purchase_order:purchase_order.supplier,id"), data("fields=purchase_order,id"));
    assert_eq!(
        data("fields=export_file.uploaded_by:directus_users.first_name&limit=1"),
        json!([{"export_file": {"uploaded_by": BOB}}])
    );
    assert_eq!(
        data("alias[org]=reserved_for&fields=id,org:organisation.city&limit=1"),
        json!([{"id": "00000000-0000-4000-8000-000000000001", "org": "ORG-1"}])
    );
}

#[test]
fn names_without_a_scope_win() {
    for mixed in ["reserved_for.city,reserved_for:organisation.id", "reserved_for:organisation.id,reserved_for.city"] {
        assert_eq!(data(&format!("fields={mixed}&limit=1")), json!([{"reserved_for": {"city": "Berlin"}}]), "{mixed}");
    }
    assert_eq!(
        data("fields=codes.code,codes:unique_code.id&limit=1"),
        json!([{"codes": [{"code": "X1"}, {"code": "X2"}]}])
    );
}

#[test]
fn what_has_no_relation_to_scope_drops_from_fields() {
    assert_eq!(data("fields=id,status:organisation,nope:organisation.id"), data("fields=id"));
    let writer =
        |text: &str| query_as(&Access::new(Role::Writer, None), text).unwrap().run(&rows(), &related()).unwrap();
    assert_eq!(writer("fields=id,reserved_for:organisation.id").data, data("fields=id"), "not a writer's collection");
    assert_eq!(writer("fields=id,reserved_for,reserved_for:organisation.id").data, data("fields=id,reserved_for"));
}

#[test]
fn filters_and_sorts_read_a_scope_that_is_right() {
    let filter = |text: &str| ids(&format!("filter={text}"));
    assert_eq!(filter("{\"reserved_for:organisation\":{\"city\":{\"_eq\":\"Berlin\"}}}"), "12");
    assert_eq!(filter("{\"_or\":[{\"export_file\":{\"uploaded_by:directus_users\":{\"first_name\":\"Bob\"}}}]}"), "1");
    assert_eq!(ids("sort=reserved_for:organisation.city,-id"), ids("sort=reserved_for.city,-id"));
    assert_eq!(ids("sort=-user_created:directus_users.first_name"), ids("sort=-user_created.first_name"));
    assert_eq!(data("groupBy=reserved_for:organisation"), data("groupBy=reserved_for"));
    for wrong in [
        "sort=reserved_for:directus_users.city",
        "sort=reserved_for:nope",
        "sort=status:organisation.city",
        "filter={\"reserved_for:directus_users\":{\"city\":{\"_eq\":\"Berlin\"}}}",
    ] {
        let text = reason(wrong);
        assert!(text.starts_with("403 You don't have permission to access collection"), "{wrong}: {text}");
        assert!(text.ends_with("Queried in root."), "as in Directus: {text}");
    }
    let colleague = Access::new(Role::Admin, None).limited_to_organisations();
    for hidden in
        ["sort=user_created:directus_users.email", "filter={\"user_created:directus_users\":{\"email\":\"x\"}}"]
    {
        assert!(reason_as(&colleague, hidden).contains("\"email\""), "{hidden}");
    }
}
