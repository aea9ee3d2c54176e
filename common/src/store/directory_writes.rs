//! Writes of the `Directory` table by operators. A change and its audit row are one transaction, conditional on what was
//! read.
//!
//! A rule over several rows of a kind (the last administrator stays, an e-mail address has one user, company prefixes do
//! not nest) is checked on a consistent read of these rows. Its write is conditional on the revision of the kind, which
//! was read before them, and adds 1 to it. So of two writers that would break a rule together, one is told to read
//! again.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, Update};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    Store, StoreError,
    directory::{Consistency, key},
    directory_kind::Kind,
    error::classify,
    items::{self, Item, number, text},
    transaction::{MAX_ACTIONS, Outcome, Reason},
};
use crate::directory::Audit;

/// A row as it was read. A later write is conditional on its attributes.
#[derive(Clone, Debug)]
pub struct DirectoryRow {
    kind: Kind,
    id: String,
    item: Item,
}

impl DirectoryRow {
    fn new(kind: Kind, mut item: Item) -> Result<Self, StoreError> {
        let id = items::get_text(&item, "id").unwrap_or_default().to_owned();
        item.remove("kind");
        Ok(Self { kind, id, item })
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The row's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The row as a value, without its kind.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the item has another form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        items::read(self.kind.name(), self.item.clone())
    }

    /// An attribute as JSON; `None` if the row has none of this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Value> {
        serde_dynamo::from_attribute_value(self.item.get(name)?.clone()).ok()
    }
}

/// The revision of a kind, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    kind: Kind,
    number: Option<u64>,
}

/// One write of a transaction.
#[derive(Clone, Debug)]
pub enum DirectoryWrite {
    /// Creates a row, on the condition that there is none with this id.
    Create(Kind, String, Map<String, Value>),
    /// Sets attributes, or removes those whose value is null, on the condition that the row exists and that these
    /// attributes, and those that are named after them, are as read.
    Change(DirectoryRow, Map<String, Value>, Vec<String>),
    /// Deletes a row, on the condition that the named attributes are as read.
    Delete(DirectoryRow, Vec<String>),
    /// Requires that no row of the kind changed its rules since the revision was read, and adds 1 to it.
    Advance(Revision),
}

/// Maximum size of the writes of one transaction as JSON, in bytes. DynamoDB takes 4 MB, in a form of its own.
pub const MAX_DIRECTORY_BYTES: usize = 2_000_000;

/// Maximum number of writes of one transaction, audit rows included.
pub const MAX_DIRECTORY_WRITES: usize = MAX_ACTIONS;

impl DirectoryWrite {
    /// The approximate size as JSON (bytes): of what is written, and of what it is conditional on.
    #[must_use]
    pub fn size(&self) -> usize {
        let of = |members: &Map<String, Value>| serde_json::to_string(members).map_or(0, |text| text.len());
        let of_row = |row: &DirectoryRow| row.read().map_or(0, |members| of(&members));
        match self {
            Self::Create(_, id, members) => id.len() + of(members),
            Self::Change(row, members, _) => of_row(row) + of(members),
            Self::Delete(row, _) => of_row(row),
            Self::Advance(_) => 0,
        }
    }

    /// The kind and the id of the row. A transaction has one write of a row at most.
    #[must_use]
    pub fn place(&self) -> (Kind, &str) {
        match self {
            Self::Create(kind, id, _) => (*kind, id),
            Self::Change(row, ..) | Self::Delete(row, _) => (row.kind, &row.id),
            Self::Advance(revision) => (Kind::Revision, revision.kind.name()),
        }
    }
}

/// The result of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Everything is written.
    Done,
    /// Nothing is written: the condition of this write, counted from 0, does not hold.
    Failed(usize),
}

/// Maximum number of audit rows that one page of DynamoDB is asked for.
const AUDIT_PAGE: i32 = 1_000;

impl Revision {
    /// The revision after a write that was conditional on this one.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { kind: self.kind, number: Some(self.number.map_or(1, |number| number.saturating_add(1))) }
    }
}

impl Store<'_> {
    /// Reads a row (consistent).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn directory_row(&self, kind: Kind, id: &str) -> Result<Option<DirectoryRow>, StoreError> {
        self.directory_item(kind.name(), id).await?.map(|item| DirectoryRow::new(kind, item)).transpose()
    }

    /// Reads rows by kind and id (consistent); those that do not exist are left out.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn directory_rows_at(&self, places: &[(Kind, String)]) -> Result<Vec<DirectoryRow>, StoreError> {
        // DynamoDB refuses empty keys, so nothing is stored under one.
        let keys = places.iter().filter(|(_, id)| !id.is_empty()).map(|(kind, id)| key(kind.name(), id)).collect();
        let items = self.batch_get(&self.config.tables.directory, keys).await?;
        let read = |item: Item| {
            let kind = items::get_text(&item, "kind").and_then(Kind::from_name);
            kind.map(|kind| DirectoryRow::new(kind, item))
        };
        items.into_iter().filter_map(read).collect()
    }

    /// Reads the rows of a kind that `keep` accepts (consistent).
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than `MaxScan` rows; [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn directory_rows(
        &self,
        kind: Kind,
        keep: impl Fn(&DirectoryRow) -> bool,
    ) -> Result<Vec<DirectoryRow>, StoreError> {
        let read = |item| DirectoryRow::new(kind, item).map(|row| Some(row).filter(|row| keep(row)));
        self.all_of(kind.name(), Consistency::Strong, read).await
    }

    /// Reads the tokens whose hash begins with a text (consistent), two at most: enough to tell none, one and several.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn tokens_that_begin(&self, start: &str) -> Result<Vec<DirectoryRow>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.config.tables.directory)
            .key_condition_expression("kind = :kind AND begins_with(id, :start)")
            .expression_attribute_values(":kind", text(Kind::Token.name()))
            .expression_attribute_values(":start", text(start))
            .consistent_read(true)
            .limit(2)
            .send()
            .await
            .map_err(classify)?;
        answer.items.unwrap_or_default().into_iter().map(|item| DirectoryRow::new(Kind::Token, item)).collect()
    }

    /// Reads the revision of a kind (consistent). It must be read before the rows on which a rule is checked.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when it is no number.
    pub async fn revision(&self, kind: Kind) -> Result<Revision, StoreError> {
        let row = self.directory_row(Kind::Revision, kind.name()).await?;
        let number = match row {
            None => None,
            Some(row) => Some(row.member("number").and_then(|value| value.as_u64()).ok_or(StoreError::Corrupt {
                table: self.config.tables.directory.clone(),
                key: format!("revision/{}", kind.name()),
                reason: "number is no whole number".to_owned(),
            })?),
        };
        Ok(Revision { kind, number })
    }

    /// Writes changes and their audit rows, or nothing. There may be [`MAX_DIRECTORY_WRITES`] of both together.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Contended`] when every try conflicts with
    /// another transaction; [`StoreError::Refused`] when DynamoDB refuses the transaction.
    pub async fn change_directory(&self, writes: &[DirectoryWrite], audits: &[Audit]) -> Result<Changed, StoreError> {
        let table = &self.config.tables.directory;
        let mut transaction = self.transaction();
        for write in writes {
            match write {
                DirectoryWrite::Create(kind, id, members) => {
                    transaction.put(new_row(table, *kind, id, items::write(table, members)?)?);
                }
                DirectoryWrite::Change(row, members, others) => {
                    transaction.update(changed(table, row, members, others)?)
                }
                DirectoryWrite::Delete(row, members) => transaction.delete(deleted(table, row, members)?),
                DirectoryWrite::Advance(revision) => transaction.update(advanced(table, revision)?),
            }
        }
        for audit in audits {
            transaction.put(self.audit_put(audit)?);
        }
        match self.decide(&transaction).await? {
            Outcome::Done => Ok(Changed::Done),
            Outcome::Cancelled(reasons) => {
                let failed = reasons.iter().position(|reason| matches!(reason, Reason::Condition(_)));
                Outcome::Cancelled(reasons).written()?;
                Ok(Changed::Failed(failed.unwrap_or_default()))
            }
        }
    }

    /// The audit row of a change, for the transaction of that change.
    pub(super) fn audit_put(&self, audit: &Audit) -> Result<Put, StoreError> {
        let table = &self.config.tables.directory;
        new_row(table, Kind::Audit, &audit.id.to_string(), items::write(table, audit)?)
    }

    /// Reads audit rows whose ids lie between two texts, newest first, until `keep` has accepted `limit` of them.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when a row has another form;
    /// [`StoreError::TooMany`] when more than `MaxScan` rows were read.
    pub async fn audits(
        &self,
        (first, last): (&str, &str),
        limit: usize,
        keep: impl Fn(&Audit) -> bool,
    ) -> Result<Vec<Audit>, StoreError> {
        let table = &self.config.tables.directory;
        let (mut found, mut read, mut start) = (Vec::new(), 0, None);
        while found.len() < limit {
            let answer = self
                .client
                .query()
                .table_name(table)
                .key_condition_expression("kind = :kind AND id BETWEEN :first AND :last")
                .expression_attribute_values(":kind", text(Kind::Audit.name()))
                .expression_attribute_values(":first", text(first))
                .expression_attribute_values(":last", text(last))
                .scan_index_forward(false)
                .consistent_read(true)
                .limit(AUDIT_PAGE)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(classify)?;
            for item in answer.items.unwrap_or_default() {
                read += 1;
                let mut audit: Audit = items::read(table, item)?;
                for members in [&mut audit.before, &mut audit.after] {
                    members.sort_keys();
                    members.values_mut().for_each(Value::sort_all_objects);
                }
                if keep(&audit) && found.len() < limit {
                    found.push(audit);
                }
            }
            if read > self.config.max_scan {
                return Err(StoreError::TooMany(self.config.max_scan));
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

fn new_row(table: &str, kind: Kind, id: &str, mut item: Item) -> Result<Put, StoreError> {
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    item.extend(key(kind.name(), id));
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(kind)")
        .build()
        .map_err(StoreError::from)
}

/// Names, values and conditions of an expression.
#[derive(Default)]
struct Expression {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    conditions: Vec<String>,
}

impl Expression {
    /// The condition that a row exists and that the named attributes are as read.
    fn unchanged<'n>(row: &DirectoryRow, names: impl Iterator<Item = &'n str>) -> Self {
        let mut expression = Self { conditions: vec!["attribute_exists(kind)".to_owned()], ..Self::default() };
        for (place, name) in names.enumerate() {
            expression.names.insert(format!("#a{place}"), name.to_owned());
            expression.conditions.push(match row.item.get(name) {
                Some(value) => {
                    expression.values.insert(format!(":old{place}"), value.clone());
                    format!("#a{place} = :old{place}")
                }
                None => format!("attribute_not_exists(#a{place})"),
            });
        }
        expression
    }
}

fn changed(
    table: &str,
    row: &DirectoryRow,
    members: &Map<String, Value>,
    others: &[String],
) -> Result<Update, StoreError> {
    let others = others.iter().map(String::as_str).filter(|name| !members.contains_key(*name));
    // The changed attributes come first, so that their numbers are those of `members`.
    let mut expression = Expression::unchanged(row, members.keys().map(String::as_str).chain(others));
    let (mut sets, mut removes) = (Vec::new(), Vec::new());
    for (place, value) in members.values().enumerate() {
        if value.is_null() {
            removes.push(format!("#a{place}"));
        } else {
            sets.push(format!("#a{place} = :new{place}"));
            expression.values.insert(format!(":new{place}"), items::attribute(table, value)?);
        }
    }
    let clause = |word: &str, parts: &[String]| match parts {
        [] => String::new(),
        parts => format!("{word} {} ", parts.join(", ")),
    };
    let update = clause("SET", &sets) + &clause("REMOVE", &removes);
    Update::builder()
        .table_name(table)
        .set_key(Some(key(row.kind.name(), &row.id)))
        .update_expression(update.trim_end())
        .condition_expression(expression.conditions.join(" AND "))
        .set_expression_attribute_names(Some(expression.names))
        .set_expression_attribute_values(some(expression.values))
        .build()
        .map_err(StoreError::from)
}

fn deleted(table: &str, row: &DirectoryRow, members: &[String]) -> Result<Delete, StoreError> {
    let expression = Expression::unchanged(row, members.iter().map(String::as_str));
    Delete::builder()
        .table_name(table)
        .set_key(Some(key(row.kind.name(), &row.id)))
        .condition_expression(expression.conditions.join(" AND "))
        .set_expression_attribute_names(some(expression.names))
        .set_expression_attribute_values(some(expression.values))
        .build()
        .map_err(StoreError::from)
}

/// `None` for an empty map, which DynamoDB refuses.
fn some<V>(map: HashMap<String, V>) -> Option<HashMap<String, V>> {
    Some(map).filter(|map| !map.is_empty())
}

fn advanced(table: &str, revision: &Revision) -> Result<Update, StoreError> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key(Kind::Revision.name(), revision.kind.name())))
        .update_expression("SET #number = :next")
        .expression_attribute_names("#number", "number")
        .expression_attribute_values(":next", number(revision.next().number.unwrap_or(1)));
    match revision.number {
        None => update.condition_expression("attribute_not_exists(kind)"),
        Some(read) => update.condition_expression("#number = :read").expression_attribute_values(":read", number(read)),
    }
    .build()
    .map_err(StoreError::from)
}
