//! Lists, counts, groups, sums and sorts over everything: exactly over the rows that exist for the caller.

use serde_json::{Value, json};

use super::{
    lines::Needs,
    world::{Caller, Target, World},
};
use crate::support::api::{CODES, RESERVATIONS, encoded};

/// A request over all rows, and the answer's data.
struct Over {
    needs: Needs,
    path: String,
    data: fn(&Scope<'_>) -> Value,
    /// The pointer to what `data` gives.
    at: &'static str,
}

/// What exists for a caller.
struct Scope<'a> {
    rows: Vec<&'a Target>,
    /// First names, in order.
    people: Vec<&'a str>,
    /// Whether only names of people can be read.
    is_limited: bool,
}

fn scope<'a>(world: &'a World, caller: &'a Caller) -> Scope<'a> {
    let shares = |own: &Option<Vec<String>>| match (&caller.own, own) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(_), Some(theirs)) => theirs.iter().any(|one| caller.sees(one)),
    };
    let people = world.people.iter().filter(|person| shares(&person.own));
    let mut people: Vec<_> = people.map(|person| person.first_name.as_str()).collect();
    people.sort_unstable();
    Scope { rows: world.seen_by(caller), people, is_limited: caller.own.is_some() }
}

fn texts(values: impl IntoIterator<Item = impl Into<Value>>, member: &str) -> Value {
    values.into_iter().map(|value| json!({ member: value.into() })).collect()
}

fn references(scope: &Scope<'_>) -> Value {
    texts(scope.rows.iter().map(|row| row.reference.as_str()), "reference_id")
}

fn count(number: usize) -> Value {
    json!([{"count": number.to_string()}])
}

fn counts(number: usize) -> Value {
    json!({"total_count": number, "filter_count": number})
}

fn table(world: &World) -> Vec<Over> {
    use Needs::{Organisations, Read, Users};
    let over = |needs, path: &str, data| Over { needs, path: path.to_owned(), data, at: "/data" };
    let meta = |needs, path: &str, data| Over { at: "/meta", ..over(needs, path, data) };
    let graphql = |needs, path: &str, text: &str, data| Over {
        at: "/data/x",
        ..over(needs, &format!("{path}?query={}", encoded(&json!(text))), data)
    };
    let both = json!({"reservation": {"_in": [world.targets[0].id, world.targets[1].id]}});
    let codes = format!("{CODES}?filter={}", encoded(&both));
    vec![
        over(Read, &format!("{RESERVATIONS}?fields=reference_id"), references),
        over(Read, &format!("{RESERVATIONS}?fields=reference_id&limit=-1&sort=reference_id"), references),
        over(
            Read,
            &format!("{RESERVATIONS}?fields=reference_id&sort=export_file.filename_download,reference_id"),
            |scope| {
                let mut rows = scope.rows.clone();
                rows.sort_by_key(|row| &row.file_name);
                texts(rows.iter().map(|row| row.reference.as_str()), "reference_id")
            },
        ),
        over(Read, &format!("{RESERVATIONS}?fields=reference_id&search=ref-"), references),
        over(Read, &format!("{RESERVATIONS}?fields=reference_id&filter[status][_neq]=new"), references),
        over(Read, &format!("{RESERVATIONS}?fields=reference_id&filter[product][_nnull]=true"), references),
        over(Read, &format!("{RESERVATIONS}?fields=reference_id&page=2"), |_| json!([])),
        over(Read, &format!("{RESERVATIONS}?aggregate[count]=*"), |scope| count(scope.rows.len())),
        over(Read, &format!("{RESERVATIONS}?aggregate[count]=*&filter[quantity][_gt]=1"), |scope| {
            count(scope.rows.len())
        }),
        over(
            Read,
            &format!("{RESERVATIONS}?aggregate[countDistinct]=reserved_for"),
            |scope| json!([{"countDistinct": {"reserved_for": scope.rows.len().to_string()}}]),
        ),
        over(Read, &format!("{RESERVATIONS}?aggregate[sum]=quantity"), |scope| {
            let sum = 3 * scope.rows.len();
            json!([{"sum": {"quantity": if sum == 0 { Value::Null } else { json!(sum.to_string()) }}}])
        }),
        over(Read, &format!("{RESERVATIONS}?groupBy[]=reserved_for"), |scope| {
            texts(scope.rows.iter().map(|row| row.organisation.as_str()), "reserved_for")
        }),
        meta(Read, &format!("{RESERVATIONS}?limit=0&meta=*"), |scope| counts(scope.rows.len())),
        meta(Read, &format!("{RESERVATIONS}?limit=1&meta=*"), |scope| counts(scope.rows.len())),
        over(Users, &format!("{RESERVATIONS}?fields=user_created.first_name&sort=user_created.first_name"), |scope| {
            scope.rows.iter().map(|row| json!({"user_created": {"first_name": row.first_name}})).collect()
        }),
        over(
            Organisations,
            &format!("{RESERVATIONS}?fields=reserved_for.organisation_name&sort=reserved_for.organisation_name"),
            |scope| {
                let name = |row: &&Target| json!({"reserved_for": {"organisation_name": row.organisation_name}});
                scope.rows.iter().map(name).collect()
            },
        ),
        over(Read, &format!("{codes}&aggregate[count]=*"), |scope| count(3 * scope.rows.len())),
        over(Read, &format!("{codes}&groupBy[]=product"), |scope| {
            let mut products: Vec<_> = scope.rows.iter().map(|row| row.product.as_str()).collect();
            products.sort_unstable();
            texts(products, "product")
        }),
        meta(Read, &format!("{codes}&limit=0&meta=*"), |scope| counts(3 * scope.rows.len())),
        over(Read, "/files?aggregate[count]=*", |scope| count(scope.rows.len())),
        over(Read, "/files?fields=filename_download&sort=filename_download", |scope| {
            let mut names: Vec<_> = scope.rows.iter().map(|row| row.file_name.as_str()).collect();
            names.sort_unstable();
            texts(names, "filename_download")
        }),
        over(Read, "/files?groupBy[]=storage&aggregate[count]=id", |scope| match scope.rows.len() {
            0 => json!([]),
            files => json!([{"storage": "s3", "count": {"id": files.to_string()}}]),
        }),
        meta(Read, "/files?limit=0&meta=*", |scope| counts(scope.rows.len())),
        meta(
            Read,
            "/files?limit=1&meta=*&search=csv",
            |scope| json!({"total_count": scope.rows.len(), "filter_count": scope.rows.len()}),
        ),
        over(Users, "/users?fields=first_name&sort=first_name", |scope| texts(scope.people.clone(), "first_name")),
        over(Users, "/users?aggregate[count]=*", |scope| count(scope.people.len())),
        over(Users, "/users?groupBy[]=first_name", |scope| texts(scope.people.clone(), "first_name")),
        meta(Users, "/users?limit=0&meta=*", |scope| counts(scope.people.len())),
        meta(Users, "/users?limit=0&meta=*&search=people.example", |scope| {
            // Who cannot read an address of e-mail does not find by it. One person has another one.
            let found = if scope.is_limited { 0 } else { scope.people.len() - 1 };
            json!({"total_count": scope.people.len(), "filter_count": found})
        }),
        over(Organisations, "/items/organisation?fields=organisation_name&sort=organisation_name", |scope| {
            texts(scope.rows.iter().map(|row| row.organisation_name.as_str()), "organisation_name")
        }),
        over(Organisations, "/items/organisation?aggregate[count]=*", |scope| count(scope.rows.len())),
        meta(Organisations, "/items/organisation?limit=0&meta=*&search=mills", |scope| counts(scope.rows.len())),
        graphql(Read, "/graphql", "{ x: code_reservation { reference_id } }", references),
        graphql(
            Read,
            "/graphql",
            "{ x: code_reservation_aggregated { countAll } }",
            |scope| json!([{"countAll": scope.rows.len()}]),
        ),
        graphql(
            Read,
            "/graphql",
            "{ x: code_reservation_aggregated(groupBy: [\"reserved_for\"]) { group } }",
            |scope| scope.rows.iter().map(|row| json!({"group": {"reserved_for": row.organisation}})).collect(),
        ),
        graphql(
            Users,
            "/graphql",
            "{ x: code_reservation(sort: [\"user_created.first_name\"]) { reference_id user_created { first_name } } }",
            |scope| {
                let user = |row: &Target| json!({"first_name": row.first_name});
                let row = |row: &&Target| json!({"reference_id": row.reference, "user_created": user(row)});
                scope.rows.iter().map(row).collect()
            },
        ),
        graphql(Read, "/graphql/system", "{ x: files(sort: \"filename_download\") { filename_download } }", |scope| {
            let mut names: Vec<_> = scope.rows.iter().map(|row| row.file_name.as_str()).collect();
            names.sort_unstable();
            texts(names, "filename_download")
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_counts_groups_and_sorts_are_over_what_exists_for_the_caller() {
    let world = World::new().await;
    for over in table(&world) {
        for caller in &world.callers {
            let reply = world.send(caller, "GET", &over.path, &Value::Null).await;
            let context = format!("{}: {} gives {}", caller.name, over.path, reply.text);
            let Some(role) = caller.role else {
                assert_eq!(reply.status, 401, "{context}");
                continue;
            };
            if !over.needs.are_met_by(role, caller.token.is_some(), caller.own.is_some()) {
                let refused = ["FORBIDDEN", "GRAPHQL_VALIDATION"].contains(&reply.code().as_str());
                assert!(refused, "{context}");
                assert!(world.targets.iter().all(|target| target.found_in(&reply.text).is_none()), "{context}");
                continue;
            }
            assert_eq!(reply.status, 200, "{context}");
            let wanted = (over.data)(&scope(&world, caller));
            let data = reply.json().pointer(over.at).cloned().unwrap_or_default();
            assert_eq!(data, wanted, "{context}");
        }
    }
    world.server.stop().await;
}
