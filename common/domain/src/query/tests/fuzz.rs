//! No input makes parsing or evaluation panic.
//!
//! The number of inputs is `QUERY_FUZZ_INPUTS`: by default 1,000,000 in an optimised build and 20,000 otherwise.

use super::*;
use crate::query::{RawQuery, parse_search_body};

/// A small generator (xorshift64*), so that a failure is found again with the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

const PIECES: &[&str] = &[
    "filter",
    "fields",
    "sort",
    "limit",
    "offset",
    "page",
    "meta",
    "search",
    "aggregate",
    "groupBy",
    "alias",
    "deep",
    "export",
    "version",
    "[",
    "]",
    "[]",
    "[0]",
    "[1]",
    "[_and]",
    "[_or]",
    "[_eq]",
    "[_in]",
    "[_between]",
    "[_some]",
    "[_none]",
    "[_null]",
    "_eq",
    "_filter",
    "_limit",
    "=",
    "&",
    ",",
    ".",
    "*",
    "*.*",
    "-",
    "(",
    ")",
    "id",
    "status",
    "quantity",
    "date_created",
    "codes",
    "user_created",
    "reserved_for",
    "export_file",
    "purchase_order",
    "year(date_created)",
    "count(codes)",
    "first_name",
    "reservation",
    "$NOW",
    "$NOW(",
    "$NOW(-1 year)",
    "$CURRENT_USER",
    "$CURRENT_USER.email",
    "true",
    "null",
    "1",
    "-1",
    "0x10",
    "1e309",
    "NaN",
    "{",
    "}",
    "\"",
    ":",
    "{\"status\":{\"_eq\":\"new\"}}",
    "%",
    "%5B",
    "%5D",
    "%zz",
    "%F0%9F",
    "+",
    "é",
    "😀",
    "\u{0}",
    "count",
    "csv",
    "2025-01-01",
    "2025-13-45T99:99:99+99:99",
    "__proto__",
    "[__proto__]",
    "9223372036854775808",
    "[499]",
    "[500]",
    "[99999999999999999999]",
];

const WORDS: &[&str] = &[
    "_and",
    "_or",
    "_eq",
    "_neq",
    "_in",
    "_nin",
    "_between",
    "_contains",
    "_null",
    "_empty",
    "_some",
    "_none",
    "status",
    "quantity",
    "id",
    "codes",
    "code",
    "product",
    "user_created",
    "first_name",
    "reserved_for",
    "city",
    "date_created",
    "year(date_created)",
    "nope",
    "_not",
];

fn query_string(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(24) {
        if random.below(16) == 0 {
            text.push(char::from_u32(u32::try_from(random.next() % 0x11_0000).unwrap()).unwrap_or('x'));
        } else {
            text.push_str(random.pick(PIECES));
        }
    }
    text
}

fn json_value(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 5 } else { 8 }) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(i64::from_ne_bytes(random.next().to_ne_bytes()) >> random.below(64)),
        3 => json!(f64::from_bits(random.next())),
        4 => json!(random.pick(PIECES)),
        5 => Value::Array((0..random.below(4)).map(|_| json_value(random, depth - 1)).collect()),
        _ => Value::Object(
            (0..random.below(4)).map(|_| (random.pick(WORDS).to_owned(), json_value(random, depth - 1))).collect(),
        ),
    }
}

fn exercise(raw: &RawQuery, collection: Collection, access: &Access, rows: &[Row], related: &Related) {
    let Ok(mut query) = parse(raw, collection, access, now(), &Budget::default()) else {
        return;
    };
    query.restrict_to_keys(&[]).unwrap();
    query.window.limit = Some(-1);
    let answer = query.run(rows, related).unwrap();
    let _ = query.run_one(rows.first(), related);
    let _ = (query.needs(), query.code_lookups(), query.conditions().map(|c| c.required_equalities().len()));
    if let Some(format) = query.export {
        let _ = format.write(&query, &answer.data);
    }
}

#[test]
fn no_input_makes_parsing_panic() {
    let default = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
    #[expect(clippy::disallowed_methods, reason = "a test may be told how long to run")]
    let inputs = std::env::var("QUERY_FUZZ_INPUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (rows, related, access) = (rows(), related(), admin());
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut accepted = 0_usize;
    for n in 0..inputs {
        let collection = Collection::ALL[n % Collection::ALL.len()];
        if n % 3 == 0 {
            let body = json!({"query": {"filter": json_value(&mut random, 5), "fields": json_value(&mut random, 1),
                "deep": json_value(&mut random, 3), "sort": json_value(&mut random, 1), random.pick(PIECES): json_value(&mut random, 2)}});
            let parsed = parse_search_body(&body).unwrap();
            exercise(&parsed.query.unwrap(), collection, &access, &rows, &related);
            let _ = parse_search_body(&json_value(&mut random, 3));
        } else {
            let raw = parse_query_string(&query_string(&mut random)).unwrap();
            accepted += usize::from(parse(&raw, collection, &access, now(), &Budget::default()).is_ok());
            exercise(&raw, collection, &access, &rows, &related);
        }
    }
    // The inputs are worth something only if they get past the first check often enough.
    assert!(accepted > inputs / 20, "{accepted} of {inputs} accepted");
}
