//! Aliases outside of `fields`: a sort key that is one as a whole stands for its field; nothing else does.

use super::*;

fn unknown(name: &str) -> String {
    format!(
        "403 You don't have permission to access field \"{name}\" in collection \"code_reservation\" or it does not exist. \
         Queried in root."
    )
}

#[test]
fn a_sort_key_that_is_an_alias_stands_for_its_field() {
    for (alias, field) in [
        ("quantity", "quantity"),
        ("reference_id", "reference_id"),
        ("user_created", "user_created"),
        ("id", "id"),
        ("month(date_created)", "month(date_created)"),
        ("count(codes)", "count(codes)"),
        ("reserved_for:organisation", "reserved_for"),
    ] {
        for (key, expected) in
            [("x", field.to_owned()), ("-x", format!("-{field}")), ("status,-x", format!("status,-{field}"))]
        {
            assert_eq!(ids(&format!("alias[x]={alias}&sort={key}")), ids(&format!("sort={expected}")), "{alias} {key}");
        }
    }
    assert_eq!(ids("alias[x]=quantity&sort=-x"), "4312");
    assert_eq!(data("alias[x]=quantity&fields=id,x&sort=x&limit=1")[0]["x"], 2, "also where it is shown");
    assert_eq!(ids("alias[status]=quantity&sort=status"), ids("sort=quantity"), "the alias hides the field");
    assert_eq!(ids("alias={\"x\":\"quantity\"}&sort=x"), ids("sort=quantity"));
    assert_eq!(query("alias[x]=id&sort=-x").unwrap().is_default_sort(), Some(true), "an index serves it");
}

#[test]
fn only_a_whole_sort_key_is_an_alias() {
    let both = reason("alias[x]=user_created&sort=x.first_name");
    assert!(both.starts_with("403") && both.contains("fields \"x\", \"first_name\""), "{both}");
    assert_eq!(reason("alias[x]=date_created&sort=year(x)"), unknown("x"));
    assert_eq!(reason("alias[x]=quantity&sort=--x"), unknown("x"));
    assert_eq!(reason("alias[x]=quantity&sort=y"), unknown("y"));
    assert_eq!(reason("alias[x]=y&alias[y]=quantity&sort=x"), unknown("y"), "an alias of an alias");
    assert_eq!(reason("alias[x]=nope&sort=x"), unknown("nope"));
    assert_eq!(reason("alias[x]=-quantity&sort=x"), unknown("-quantity"));
    assert_eq!(reason("alias[x]=codes&sort=x"), "400 \"codes\" has no value of its own: use \"count(codes)\"");
    assert_eq!(reason("alias[x]=upper(status)&sort=x"), "400 Invalid function specified \"upper\"");
}

#[test]
fn filters_groups_and_aggregates_know_no_aliases() {
    assert_eq!(reason("alias[x]=status&filter[x][_eq]=new"), unknown("x"));
    assert_eq!(reason("alias[x]=status&groupBy=x"), unknown("x"));
    assert_eq!(reason("alias[x]=quantity&aggregate[sum]=x"), unknown("x"));
    assert_eq!(ids("alias[x]=reference_id&search=batch"), ids("search=batch"), "a search looks into fields only");
}

#[test]
fn groups_are_sorted_by_aliases_of_their_fields_and_of_aggregates() {
    let groups = "groupBy=status&aggregate[count]=*&aggregate[sum]=quantity";
    for (alias, field) in [("status", "status"), ("count", "count"), ("quantity", "quantity")] {
        for minus in ["", "-"] {
            assert_eq!(
                data(&format!("{groups}&alias[x]={alias}&sort={minus}x")),
                data(&format!("{groups}&sort={minus}{field}")),
                "{alias}"
            );
        }
    }
    let years = "groupBy=year(date_created)&aggregate[count]=*";
    assert_eq!(
        data(&format!("{years}&alias[x]=year(date_created)&sort=-x")),
        data(&format!("{years}&sort=-year(date_created)"))
    );
    // The name of an operation is the operation, as in Directus.
    assert_eq!(data(&format!("{groups}&alias[count]=status&sort=-count")), data(&format!("{groups}&sort=-count")));
    assert_eq!(reason(&format!("{groups}&alias[x]=status&sort=y")), unknown("y"));
    assert_eq!(data("aggregate[count]=*&alias[x]=nope&sort=x"), json!([{"count": "4"}]), "one row has no order");
}

#[test]
fn a_level_of_deep_has_its_own_aliases() {
    let codes = "fields=codes.code&deep[codes][_sort]=x";
    assert_eq!(data(&format!("{codes}&deep[codes][_alias][x]=position")), data("fields=codes.code"));
    assert!(reason(&format!("{codes}&deep[codes][_alias][x]=code")).starts_with("400 The codes of a reservation"));
    assert!(reason(&format!("{codes}&alias[x]=position")).contains("\"x\" in collection \"unique_code\""));
    let user = "fields=user_created.id&deep[user_created][_sort]=-x";
    assert!(query(&format!("{user}&deep[user_created][_alias][x]=email")).is_ok());
    assert!(reason(&format!("{user}&alias[x]=email")).contains("\"x\" in collection \"directus_users\""));
}

#[test]
fn an_alias_gives_no_right() {
    let reader = Access::new(Role::Reader, None);
    for text in ["alias[x]=user_created&sort=x", "alias[x]=reserved_for&sort=-x"] {
        assert!(query_as(&reader, text).is_ok(), "{text}");
    }
    let colleague = Access::new(Role::Writer, None).limited_to_organisations();
    let users = |text: &str| {
        let raw = parse_query_string(text).unwrap();
        parse(&raw, Collection::Users, &colleague, now(), &Budget::default()).map(|query| query.sort.len())
    };
    assert_eq!(users("alias[x]=first_name&sort=x"), Ok(1));
    assert!(users("alias[x]=email&sort=x").is_err_and(|error| error.status() == 403));
    assert!(users("alias[first_name]=email&sort=-first_name").is_err_and(|error| error.status() == 403));
}
