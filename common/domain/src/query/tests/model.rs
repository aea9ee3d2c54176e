//! Random queries over random rows equal a naive model.
//!
//! The model below shares nothing with the module: it works on JSON values and on the conditions as they were drawn,
//! never on a parsed query. `PROPTEST_CASES` sets the number of cases.

use super::*;
use crate::query::RawQuery;
use crate::reservation::Status;
use proptest::prelude::*;
use serde_json::Map;
use std::cmp::Ordering;

#[derive(Debug, Clone)]
enum Cond {
    And(Vec<Cond>),
    Or(Vec<Cond>),
    Leaf { member: usize, operator: &'static str, operand: Value },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Number,
    Date,
    Key,
}

const MEMBERS: [(&str, Kind); 9] = [
    ("status", Kind::Text),
    ("reference_id", Kind::Text),
    ("reserved_for", Kind::Text),
    ("quantity", Kind::Number),
    ("date_created", Kind::Date),
    ("id", Kind::Key),
    ("user_created", Kind::Key),
    ("user_created.first_name", Kind::Text),
    ("reserved_for.city", Kind::Text),
];

const TEXTS: [&str; 8] = ["new", "New", "error", "A%b", "a_B", "é", "ORG-1", "ORG-2"];
const DATES: [&str; 4] =
    ["2024-12-31T23:59:59.999Z", "2025-01-01T00:00:00.000Z", "2025-01-01T00:00:00.001Z", "2025-06-30T12:00:00.000Z"];

fn operators(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Text => &[
            "_eq",
            "_neq",
            "_in",
            "_nin",
            "_null",
            "_nnull",
            "_empty",
            "_nempty",
            "_contains",
            "_ncontains",
            "_icontains",
            "_starts_with",
            "_nstarts_with",
            "_istarts_with",
            "_nistarts_with",
            "_ends_with",
            "_nends_with",
            "_iends_with",
            "_niends_with",
        ],
        Kind::Number | Kind::Date => {
            &["_eq", "_neq", "_lt", "_lte", "_gt", "_gte", "_between", "_nbetween", "_in", "_nin", "_null", "_nnull"]
        }
        Kind::Key => &["_eq", "_neq", "_in", "_nin", "_null", "_nnull"],
    }
}

fn operand(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Text => prop_oneof![
            prop::sample::select(&TEXTS[..]).prop_map(|t| json!(t)),
            prop::sample::select(&["n", "E", "%", "_", "b", "-"][..]).prop_map(|t| json!(t)),
        ]
        .boxed(),
        Kind::Number => (-3_i64..5).prop_map(|n| json!(n)).boxed(),
        Kind::Date => prop::sample::select(&DATES[..]).prop_map(|t| json!(t)).boxed(),
        Kind::Key => (0_usize..6).prop_map(|n| json!(key(n))).boxed(),
    }
}

fn key(n: usize) -> String {
    format!("00000000-0000-4000-8000-00000000000{n}")
}

fn leaf() -> impl Strategy<Value = Cond> {
    (0..MEMBERS.len()).prop_flat_map(|member| {
        let kind = MEMBERS[member].1;
        (prop::sample::select(operators(kind)), prop::collection::vec(operand(kind), 1..4), any::<bool>()).prop_map(
            move |(operator, operands, flag)| {
                let operand = match operator {
                    "_in" | "_nin" | "_between" | "_nbetween" => Value::Array(operands),
                    "_null" | "_nnull" | "_empty" | "_nempty" => json!(flag),
                    _ => operands[0].clone(),
                };
                Cond::Leaf { member, operator, operand }
            },
        )
    })
}

/// Conditions with groups of `least` or more parts, nested `levels` deep.
fn cond(least: usize, levels: u32) -> impl Strategy<Value = Cond> {
    leaf().prop_recursive(levels, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), least..4).prop_map(Cond::And),
            prop::collection::vec(inner, least..4).prop_map(Cond::Or),
        ]
    })
}

fn nullable(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(Value::Null), 4 => value].boxed()
}

fn random_rows() -> impl Strategy<Value = Vec<Row>> {
    let text = || prop::sample::select(&TEXTS[..]).prop_map(|t| json!(t));
    let row = (
        // No row has another status, and a search looks for none.
        nullable(prop::sample::select(&Status::ALL[..]).prop_map(|status| json!(status.as_str()))),
        nullable(prop_oneof![text(), Just(json!(""))]),
        nullable(text()),
        nullable((-3_i64..5).prop_map(|n| json!(n))),
        nullable(prop::sample::select(&DATES[..]).prop_map(|t| json!(t))),
        nullable((0_usize..6).prop_map(|n| json!(key(n)))),
    );
    prop::collection::vec(row, 0..10).prop_map(|rows| {
        let rows = rows.into_iter().enumerate().map(|(n, (status, reference, org, quantity, date, user))| {
            object(json!({"id": key(n), "status": status, "reference_id": reference, "reserved_for": org,
                "quantity": quantity, "date_created": date, "user_created": user}))
        });
        // The order in which rows are given must not matter.
        rows.rev().collect()
    })
}

fn relations() -> (Related, Map<String, Value>) {
    let mut related = Related::new();
    let mut plain = Map::new();
    for (n, name) in TEXTS.iter().take(4).enumerate() {
        let row = json!({"id": key(n), "first_name": if n == 2 { Value::Null } else { json!(name) }});
        related.insert(Collection::Users, object(row.clone()));
        plain.insert(format!("user_created {}", key(n)), row);
    }
    for (n, id) in ["ORG-1", "new"].into_iter().enumerate() {
        let row = json!({"id": id, "city": if n == 0 { json!("new") } else { Value::Null }});
        related.insert(Collection::Organisation, object(row.clone()));
        plain.insert(format!("reserved_for {id}"), row);
    }
    (related, plain)
}

// The model.

fn value<'a>(member: &str, row: &'a Row, plain: &'a Map<String, Value>) -> &'a Value {
    match member.split_once('.') {
        None => &row[member],
        Some((relation, inner)) => match row[relation].as_str().and_then(|id| plain.get(&format!("{relation} {id}"))) {
            Some(found) => &found[inner],
            None => &Value::Null,
        },
    }
}

fn rank(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_i64().cmp(&b.as_i64()),
        // Dates are written alike, so their texts sort like themselves.
        (a, b) => a.as_str().unwrap().as_bytes().cmp(b.as_str().unwrap().as_bytes()),
    }
}

fn leaf_holds(actual: &Value, operator: &str, operand: &Value) -> Option<bool> {
    let text = || actual.as_str().unwrap().to_owned();
    let needle = || operand.as_str().unwrap().to_owned();
    let list = || operand.as_array().unwrap().clone();
    let null = actual.is_null();
    let yes = *operand != json!(false);
    let low = |t: String| t.to_lowercase();
    Some(match operator {
        "_null" => null == yes,
        "_nnull" => null != yes,
        "_empty" => (null || actual == &json!("")) == yes,
        "_nempty" => (null || actual == &json!("")) != yes,
        "_between" | "_nbetween" if list().len() != 2 => return None,
        _ if null => false,
        "_eq" => rank(actual, operand).is_eq(),
        "_neq" => rank(actual, operand).is_ne(),
        "_lt" => rank(actual, operand).is_lt(),
        "_lte" => rank(actual, operand).is_le(),
        "_gt" => rank(actual, operand).is_gt(),
        "_gte" => rank(actual, operand).is_ge(),
        "_between" => rank(actual, &list()[0]).is_ge() && rank(actual, &list()[1]).is_le(),
        "_nbetween" => !(rank(actual, &list()[0]).is_ge() && rank(actual, &list()[1]).is_le()),
        "_in" => list().contains(actual),
        "_nin" => !list().contains(actual),
        "_contains" => text().contains(&needle()),
        "_ncontains" => !text().contains(&needle()),
        "_icontains" => low(text()).contains(&low(needle())),
        "_starts_with" => text().starts_with(&needle()),
        "_nstarts_with" => !text().starts_with(&needle()),
        "_istarts_with" => low(text()).starts_with(&low(needle())),
        "_nistarts_with" => !low(text()).starts_with(&low(needle())),
        "_ends_with" => text().ends_with(&needle()),
        "_nends_with" => !text().ends_with(&needle()),
        "_iends_with" => low(text()).ends_with(&low(needle())),
        "_niends_with" => !low(text()).ends_with(&low(needle())),
        other => panic!("{other}"),
    })
}

/// `None`: the condition says nothing.
fn holds(cond: &Cond, row: &Row, plain: &Map<String, Value>) -> Option<bool> {
    match cond {
        Cond::Leaf { member, operator, operand } => {
            leaf_holds(value(MEMBERS[*member].0, row, plain), operator, operand)
        }
        Cond::And(list) | Cond::Or(list) => {
            let said: Vec<bool> = list.iter().filter_map(|c| holds(c, row, plain)).collect();
            if said.is_empty() {
                return None;
            }
            Some(if matches!(cond, Cond::And(_)) { !said.contains(&false) } else { said.contains(&true) })
        }
    }
}

// The same conditions in the two notations.

fn as_json(cond: &Cond) -> Value {
    match cond {
        Cond::And(list) => json!({"_and": list.iter().map(as_json).collect::<Vec<_>>()}),
        Cond::Or(list) => json!({"_or": list.iter().map(as_json).collect::<Vec<_>>()}),
        Cond::Leaf { member, operator, operand } => {
            let path = MEMBERS[*member].0.split('.').rev();
            path.fold(json!({*operator: operand}), |inner, name| json!({name: inner}))
        }
    }
}

fn as_brackets(value: &Value, prefix: &str, out: &mut Vec<String>) {
    let encode = |t: &str| percent_encoding::utf8_percent_encode(t, percent_encoding::NON_ALPHANUMERIC).to_string();
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(k, v)| as_brackets(v, &format!("{prefix}[{}]", encode(k)), out))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, v)| as_brackets(v, &format!("{prefix}[{i}]"), out));
        }
        Value::String(text) => out.push(format!("{prefix}={}", encode(text))),
        other => out.push(format!("{prefix}={other}")),
    }
}

fn checked(raw: &RawQuery) -> Query {
    parse(raw, Collection::CodeReservation, &admin(), now(), &Budget::default())
        .unwrap_or_else(|e| panic!("{raw:?}: {e}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_query_equals_the_model(
        rows in random_rows(),
        cond in cond(0, 4),
        sort in prop::collection::vec((0..MEMBERS.len(), any::<bool>()), 0..4),
        shown in prop::collection::vec(0_usize..7, 1..5),
        limit in prop::option::of(-1_i64..6),
        offset in 0_usize..5,
        page in 0_i64..4,
        search in prop::option::of(prop::sample::select(&["NEW", "org", "%", "2", "-1", "zz", "00000000-0000-4000-8000-000000000002"][..])),
    ) {
        let (related, plain) = relations();
        let mut parameters = json!({
            "filter": as_json(&cond),
            "fields": shown.iter().map(|m| MEMBERS[*m].0).collect::<Vec<_>>(),
            "sort": sort.iter().map(|(m, d)| format!("{}{}", if *d { "-" } else { "" }, MEMBERS[*m].0)).collect::<Vec<_>>(),
            "offset": offset, "page": page, "meta": "*",
        });
        if let Some(limit) = limit {
            parameters["limit"] = json!(limit);
        }
        if let Some(search) = search {
            parameters["search"] = json!(search);
        }
        let answer = checked(&RawQuery::from_json(members(parameters))).run(&rows, &related).unwrap();

        let finds = |row: &Row| search.is_none_or(|text| {
            ["status", "reference_id", "reserved_for"].iter().any(|m| {
                row[*m].as_str().is_some_and(|v| v.to_lowercase().contains(&text.to_lowercase()))
            }) || row["quantity"].as_i64().is_some_and(|n| n.to_string() == text)
                || row["id"] == text || row["user_created"] == text
        });
        let mut expected: Vec<&Row> =
            rows.iter().filter(|r| holds(&cond, r, &plain).unwrap_or(true) && finds(r)).collect();
        let counts = (rows.len(), expected.len());
        expected.sort_by_key(|r| r["id"].as_str().unwrap().to_owned());
        // After a descending time of creation, the newest of one request is first.
        if sort.last().is_some_and(|(member, descending)| *descending && MEMBERS[*member].0 == "date_created") {
            expected.reverse();
        }
        for (member, descending) in sort.iter().rev() {
            let member = MEMBERS[*member].0;
            expected.sort_by(|a, b| {
                let (a, b) = (value(member, a, &plain), value(member, b, &plain));
                let order = match (a.is_null(), b.is_null()) {
                    (true, true) => Ordering::Equal,
                    (true, false) => Ordering::Greater,
                    (false, true) => Ordering::Less,
                    (false, false) => rank(a, b),
                };
                if *descending { order.reverse() } else { order }
            });
        }
        let limit = limit.unwrap_or(100);
        let from = if page > 0 && limit > 0 { usize::try_from(limit * (page - 1)).unwrap() } else { offset };
        let to = if limit < 0 { expected.len() } else { from + usize::try_from(limit).unwrap() };
        let expected: Vec<Value> = expected
            .into_iter()
            .enumerate()
            .filter(|(i, _)| *i >= from && *i < to)
            .map(|(_, row)| {
                let mut members = Map::new();
                for member in &shown {
                    let name = MEMBERS[*member].0;
                    members.insert(name.to_owned(), row[name].clone());
                }
                Value::Object(members)
            })
            .collect();
        prop_assert_eq!(answer.data, Value::Array(expected));
        prop_assert_eq!(answer.meta, Some(members(json!({"total_count": counts.0, "filter_count": counts.1}))));
    }

    #[test]
    fn brackets_say_the_same_as_json(cond in cond(1, 3)) {
        // Brackets have no way to say an empty list, and nest ten deep at most: two for a group, three for a condition.
        let filter = as_json(&cond);
        let mut parts = Vec::new();
        as_brackets(&filter, "filter", &mut parts);
        let brackets = checked(&parse_query_string(&parts.join("&")).unwrap());
        let from_json = checked(&RawQuery::from_json(members(json!({"filter": filter}))));
        prop_assert_eq!(brackets.filter, from_json.filter);
    }

    #[test]
    fn random_groups_equal_the_model(rows in random_rows(), grouped in 0_usize..3, limit in -1_i64..5) {
        let member = ["status", "reserved_for", "quantity"][grouped];
        let parameters = json!({"groupBy": [member], "limit": limit,
            "aggregate": {"count": "*", "sum": "quantity", "max": "quantity", "countDistinct": "reference_id"}});
        let answer = checked(&RawQuery::from_json(members(parameters))).run(&rows, &Related::new()).unwrap().data;

        let mut keys: Vec<Value> = Vec::new();
        for row in &rows {
            if !keys.contains(&row[member]) {
                keys.push(row[member].clone());
            }
        }
        keys.sort_by(|a, b| match (a.is_null(), b.is_null()) {
            (false, false) => rank(a, b),
            (a, b) => a.cmp(&b),
        });
        let mut expected: Vec<Value> = keys.iter().map(|key| {
            let group: Vec<&Row> = rows.iter().filter(|r| r[member] == *key).collect();
            let numbers: Vec<i64> = group.iter().filter_map(|r| r["quantity"].as_i64()).collect();
            let mut texts: Vec<&str> = group.iter().filter_map(|r| r["reference_id"].as_str()).collect();
            texts.sort_unstable();
            texts.dedup();
            let sum = if numbers.is_empty() { Value::Null } else { json!(numbers.iter().sum::<i64>().to_string()) };
            json!({member: key, "count": group.len().to_string(), "sum": {"quantity": sum},
                "max": {"quantity": numbers.iter().max()}, "countDistinct": {"reference_id": texts.len().to_string()}})
        }).collect();
        if let Ok(limit) = usize::try_from(limit) {
            expected.truncate(limit);
        }
        prop_assert_eq!(answer, Value::Array(expected));
    }
}
