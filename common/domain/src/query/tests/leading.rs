//! The first rows of rows that arrive in any order.

use super::*;
use crate::query::{Leading, Limit, RawQuery, Window};

fn query(parameters: Value) -> Query {
    let raw = RawQuery::from_json(members(parameters));
    parse(&raw, Collection::CodeReservation, &admin(), now(), &Budget::default()).unwrap()
}

#[test]
fn the_leading_rows_are_those_of_the_sorted_list() {
    let sorts = [&["quantity"][..], &["-quantity", "status"], &["reference_id", "-id"], &["-date_created"], &["id"]];
    let rows: Vec<Row> = (0..60_u64)
        .map(|n| {
            let id = uuid::Uuid::from_u128(u128::from(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            let date = format!("2024-01-0{}T00:00:00.000Z", 1 + n % 3);
            Row::from([
                ("id", json!(id)),
                ("quantity", if n % 7 == 0 { Value::Null } else { json!(n % 5) }),
                ("status", json!(["new", "error"][n as usize % 2])),
                ("reference_id", json!(format!("r{}", n % 11))),
                ("date_created", json!(date)),
            ])
        })
        .collect();
    for sort in sorts {
        for (limit, offset) in [(-1, 0), (-1, 7), (0, 0), (1, 0), (9, 0), (9, 25), (100, 0), (5, 100)] {
            let query = query(json!({"sort": sort, "limit": limit, "offset": offset}));
            let related = Related::default();
            let mut leading = Leading::new(&query, query.window);
            rows.iter().enumerate().for_each(|(position, row)| leading.offer(row, &related, position));
            let mut sorted: Vec<usize> = (0..rows.len()).collect();
            sorted.sort_by(|a, b| query.compare(&rows[*a], &rows[*b], &related));
            assert_eq!(leading.into_window(), query.window.cut(sorted), "{sort:?} {limit} {offset}");
        }
    }
}

#[test]
fn the_budget_pays_for_the_rows_that_are_held_and_not_for_those_that_are_passed_over() {
    let query = query(json!({"sort": ["quantity"], "limit": 10}));
    let budget = Budget::default();
    let related = Related::within(&budget);
    let mut leading = Leading::new(&query, query.window);
    // Each row is before all others.
    for n in (0..200_000).rev() {
        leading.offer(&Row::from([("id", json!("x")), ("quantity", json!(n))]), &related, n);
    }
    assert_eq!(budget.check(), Ok(()));
    assert_eq!(leading.into_window(), (0..10).collect::<Vec<_>>());
    // All of them held would be more values than a request may sort.
    let all = Window { limit: Some(-1), ..query.window };
    let mut leading = Leading::new(&query, all);
    for n in 0..200_000 {
        leading.offer(&Row::from([("id", json!("x")), ("quantity", json!(n))]), &related, n);
    }
    assert_eq!(budget.check(), Err(Limit::SortValues.error()));
}
