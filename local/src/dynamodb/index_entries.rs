//! A shortcut for `Query` of index entries, with which lists begin: of their keys, of single attributes, of their number.
//! The engine parses every entry, copies it and writes it again; here attributes are cut out of the JSON that it stores,
//! and keys are read from SQLite's index alone.
//!
//! Every other query is left to the engine: other forms of conditions and filters, and all that is malformed. A page may
//! end before its limit, as in DynamoDB, though at other entries: after [`MAX_EXAMINED`], or after [`MAX_PAGE`] bytes.

use std::collections::HashMap;

use rusqlite::{Row, ToSql};
use serde::Deserialize;

use super::{
    source::{Answer, Source},
    stored_json::{Members, Projection, push_attribute, push_value},
    whole_items::{TEXT_KEY, Text},
};

/// A read of so many entries is a long one.
const LONG: usize = 200;
/// Maximum number of entries that one page examines. A longer one would keep others waiting.
const MAX_EXAMINED: usize = 4_000;
/// The same where entries are only counted, of which no column is read.
const MAX_COUNTED: usize = 10_000;
/// DynamoDB ends a page at this size in bytes. The JSON of an entry is longer than what counts.
const MAX_PAGE: usize = 1 << 20;

/// A `Query` of an index: one value of the partition key, and perhaps bounds of the sort key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Entries {
    table_name: String,
    index_name: String,
    key_condition_expression: String,
    projection_expression: Option<String>,
    filter_expression: Option<String>,
    select: Option<String>,
    expression_attribute_names: HashMap<String, String>,
    expression_attribute_values: HashMap<String, Text>,
    #[serde(default = "forward")]
    scan_index_forward: bool,
    limit: usize,
    exclusive_start_key: Option<HashMap<String, Text>>,
}

fn forward() -> bool {
    true
}

/// The names of the key attributes of an entry.
#[derive(Clone, Copy)]
struct Names<'a> {
    partition: &'a str,
    sort: &'a str,
    id: &'a str,
}

impl Names<'_> {
    fn has(self, name: &str) -> bool {
        [self.partition, self.sort, self.id].contains(&name)
    }
}

/// The key of an entry in its partition, in the stored form, and its JSON if that is read.
struct Entry<'a> {
    sort: &'a str,
    id: &'a str,
    json: &'a str,
}

impl<'a> Entry<'a> {
    fn of(row: &'a Row<'_>, has_json: bool) -> Option<Self> {
        let text = |column: usize| -> Option<&'a str> { row.get_ref(column).ok()?.as_str().ok() };
        Some(Self { sort: text(0)?, id: text(1)?, json: if has_json { text(2)? } else { "" } })
    }

    /// Appends some of the key attributes as an item; `None` if one of them is no text.
    fn push_keys(&self, names: Names<'_>, partition: &str, wanted: &[impl AsRef<str>], out: &mut String) -> Option<()> {
        let mut separator = "{";
        for name in wanted.iter().map(AsRef::as_ref) {
            let stored = match name {
                _ if name == names.sort => self.sort,
                _ if name == names.id => self.id,
                _ => partition,
            };
            out.push_str(separator);
            push_attribute(name, stored.strip_prefix(TEXT_KEY)?, out)?;
            separator = ",";
        }
        out.push('}');
        Some(())
    }

    /// The key after which a read goes on, as an item.
    fn keys(&self, names: Names<'_>, partition: &str) -> Option<String> {
        let mut wanted = vec![names.partition, names.sort, names.id];
        wanted.sort_unstable();
        wanted.dedup();
        let mut keys = String::new();
        self.push_keys(names, partition, &wanted, &mut keys)?;
        Some(keys)
    }
}

/// The entries of a range, of which only the number is asked for. SQLite passes over them without reading their columns.
struct Counted<'a, 'b> {
    source: &'a Source<'b>,
    names: Names<'a>,
    partition: &'a str,
    /// The parts of the statement before and behind the conditions.
    from: &'a str,
    order: &'a str,
}

impl Counted<'_, '_> {
    /// The body of the answer for at most `most` entries. The last of the values is `most` less one in the first list, and
    /// `most` in the second.
    fn body(&self, most: usize, to_last: &[&dyn ToSql], all: &[&dyn ToSql]) -> Option<String> {
        let Self { source, names, partition, from, order } = self;
        let last = format!("SELECT gsi_sk, table_pk {from} {order} LIMIT 1 OFFSET ?");
        let mut statement = source.connection.prepare_cached(&last).ok()?;
        let mut rows = statement.query(to_last).ok()?;
        if let Some(row) = rows.next().ok()? {
            let last = Entry::of(row, false)?.keys(*names, partition)?;
            return Some(format!("{{\"Count\":{most},\"ScannedCount\":{most},\"LastEvaluatedKey\":{last}}}"));
        }
        let count = format!("SELECT COUNT(*) FROM (SELECT 1 {from} {order} LIMIT ?)");
        let mut statement = source.connection.prepare_cached(&count).ok()?;
        let count: i64 = statement.query_row(all, |row| row.get(0)).ok()?;
        Some(format!("{{\"Count\":{count},\"ScannedCount\":{count}}}"))
    }
}

impl Answer for Entries {
    fn is_long(&self) -> bool {
        self.limit >= LONG
    }

    fn read(&self, source: &mut Source<'_>) -> Option<String> {
        let definition = source.definition(&self.table_name)?;
        let index = definition.indexes.get(&self.index_name)?;
        if definition.keys.sort.is_some() || self.limit == 0 || !self.uses_all() {
            return None;
        }
        let names = Names { partition: &index.partition, sort: index.sort.as_deref()?, id: &definition.keys.partition };
        let name = |name: &str| self.expression_attribute_names.get(name).map(String::as_str);
        let projection = match (self.select.as_deref(), &self.projection_expression) {
            (Some("COUNT"), None) => None,
            (None, Some(expression)) => Some(Projection::of(expression, name)?),
            _ => return None,
        };
        let filter = match &self.filter_expression {
            Some(expression) => self.filter(expression, names)?,
            None => Filter::default(),
        };
        let is_of_keys =
            filter.0.is_empty() && projection.iter().flat_map(Projection::names).all(|name| names.has(name));
        let (partition, range) = self.condition(names)?;
        let start = match &self.exclusive_start_key {
            Some(start) => Some((start.get(names.sort)?.key()?, start.get(names.id)?.key()?)),
            None => None,
        };

        let is_counted = projection.is_none() && filter.0.is_empty();
        let most = self.limit.min(if is_counted { MAX_COUNTED } else { MAX_EXAMINED });
        // Keys are in the index of SQLite; the JSON is in the table behind it.
        let columns = if is_of_keys { "gsi_sk, table_pk" } else { "gsi_sk, table_pk, item_json" };
        let table = format!("{}::gsi::{}", self.table_name, self.index_name).replace('"', "\"\"");
        let mut sql = format!("FROM \"{table}\" WHERE gsi_pk = ?");
        let mut values: Vec<&dyn ToSql> = vec![&partition];
        // After a start key, the bound behind it says nothing more, and SQLite would begin there.
        let (from, to) = (start.is_none() || !self.scan_index_forward, start.is_none() || self.scan_index_forward);
        let bounds =
            range.as_ref().map(|[low, high]| [(from, " AND gsi_sk >= ?", low), (to, " AND gsi_sk <= ?", high)]);
        for (_, condition, bound) in bounds.iter().flatten().filter(|(is_needed, ..)| *is_needed) {
            sql.push_str(condition);
            values.push(bound);
        }
        let (after, order) = if self.scan_index_forward { (">", "ASC") } else { ("<", "DESC") };
        if let Some((sort, id)) = &start {
            sql += &format!(" AND (gsi_sk, table_pk) {after} (?, ?)");
            values.extend([sort as &dyn ToSql, id]);
        }
        let order = format!("ORDER BY gsi_sk {order}, table_pk {order}, table_sk {order}");
        let limit = i64::try_from(most).ok()?;
        if is_counted {
            let last = limit - 1;
            let mut to_last = values.clone();
            to_last.push(&last);
            values.push(&limit);
            let counted = Counted { source, names, partition: &partition, from: &sql, order: &order };
            return counted.body(most, &to_last, &values);
        }
        values.push(&limit);

        let mut statement =
            source.connection.prepare_cached(&format!("SELECT {columns} {sql} {order} LIMIT ?")).ok()?;
        let mut rows = statement.query(values.as_slice()).ok()?;
        let mut body = String::from(if projection.is_some() { "{\"Items\":[" } else { "{" });
        let (mut examined, mut found, mut length, mut last) = (0_usize, 0_usize, 0, String::new());
        while let Some(row) = rows.next().ok()? {
            let entry = Entry::of(row, !is_of_keys)?;
            examined += 1;
            length += entry.json.len();
            if filter.passes(entry.json)? {
                if let Some(projection) = &projection {
                    body.push_str(if found == 0 { "" } else { "," });
                    match is_of_keys {
                        true => entry.push_keys(names, &partition, projection.names(), &mut body)?,
                        false => projection.cut(entry.json, &mut body)?,
                    }
                }
                found += 1;
            }
            if examined == most || length > MAX_PAGE {
                last = entry.keys(names, &partition)?;
                break;
            }
        }
        body += if projection.is_some() { "]," } else { "" };
        body += &format!("\"Count\":{found},\"ScannedCount\":{examined}");
        if !last.is_empty() {
            body.extend([",\"LastEvaluatedKey\":", &last]);
        }
        body.push('}');
        Some(body)
    }
}

impl Entries {
    /// Whether every name and value is used, as DynamoDB requires.
    fn uses_all(&self) -> bool {
        let texts = [
            Some(&self.key_condition_expression),
            self.projection_expression.as_ref(),
            self.filter_expression.as_ref(),
        ];
        let is_used = |name: &String| {
            let mut texts = texts.into_iter().flatten();
            texts.any(|text| text.split([' ', ',', '(', ')']).any(|word| word == name))
        };
        self.expression_attribute_names.keys().chain(self.expression_attribute_values.keys()).all(is_used)
    }

    /// The stored form of the partition's value, and of the bounds of the sort key.
    fn condition(&self, names: Names<'_>) -> Option<(String, Option<[String; 2]>)> {
        let is =
            |name: &str, wanted: &str| self.expression_attribute_names.get(name).is_some_and(|real| real == wanted);
        let value = |name: &str| self.expression_attribute_values.get(name)?.key();
        let words: Vec<&str> = self.key_condition_expression.split_ascii_whitespace().collect();
        match words.as_slice() {
            [name, "=", one] if is(name, names.partition) => Some((value(one)?, None)),
            [name, "=", one, "AND", range, "BETWEEN", low, "AND", high]
                if is(name, names.partition) && is(range, names.sort) =>
            {
                let (low, high) = (value(low)?, value(high)?);
                // DynamoDB refuses bounds in the wrong order.
                (low <= high).then_some((value(one)?, Some([low, high])))
            }
            _ => None,
        }
    }

    /// The conditions of a filter: `#a IN (:b, :c)` and `attribute_exists(#a)`, joined by `AND`. DynamoDB refuses those
    /// on key attributes of the index.
    fn filter(&self, expression: &str, names: Names<'_>) -> Option<Filter> {
        let attribute = |name: &str| {
            let real = self.expression_attribute_names.get(name)?;
            let is_key = real == names.partition || real == names.sort;
            (!is_key && !real.contains(['.', '[', '"', '\\'])).then(|| real.clone())
        };
        let mut conditions = Vec::new();
        for part in expression.split(" AND ") {
            let one = part.strip_prefix("attribute_exists(").and_then(|rest| rest.strip_suffix(')'));
            let condition = match (one, part.split_once(" IN (")) {
                (Some(name), _) => (attribute(name)?, None),
                (None, Some((name, list))) => {
                    let stored = |name: &str| {
                        let mut json = String::new();
                        push_value(self.expression_attribute_values.get(name)?.text(), &mut json)?;
                        Some(json)
                    };
                    let values = list.strip_suffix(')')?.split(", ").map(stored).collect::<Option<Vec<_>>>()?;
                    (attribute(name)?, Some(values))
                }
                (None, None) => return None,
            };
            conditions.push(condition);
        }
        Some(Filter(conditions))
    }
}

/// Conditions on attributes: that one exists, or has one of some values (as JSON).
#[derive(Default)]
struct Filter(Vec<(String, Option<Vec<String>>)>);

impl Filter {
    /// Whether a stored item passes; `None` if the text is not what the engine stores.
    fn passes(&self, item: &str) -> Option<bool> {
        if self.0.is_empty() {
            return Some(true);
        }
        let mut left = self.0.len();
        let mut members = Members::of(item)?;
        while let Some((name, value)) = members.member()? {
            for (_, values) in self.0.iter().filter(|(wanted, _)| wanted == name) {
                if values.as_ref().is_some_and(|values| !values.iter().any(|wanted| wanted == value)) {
                    return Some(false);
                }
                left -= 1;
            }
        }
        Some(left == 0)
    }
}
