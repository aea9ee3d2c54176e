//! The `Pools` table: the pool of each namespace, its ranges, and their owners.
//!
//! It contains an entry `pool` per namespace, an entry `range#<start, 20 digits>` per range, and an item
//! `number#<pool number>` per pool. The last one maps the number in a code's id back to the namespace. The items
//! `prefix#<digits>` are described in `claims`, and one more row in [`super::secret_check`].

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, Update};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Store, StoreError,
    error::classify,
    items::{self, Item, key, number, text},
    secret_check::{SECRET_ROW, SecretCheck, secret_row},
};
use crate::{
    code::{Audience, CharacterSet, Namespace, PoolSpec},
    reservation::Timestamp,
};

/// The sort key of a pool's own entry.
pub(super) const POOL: &str = "pool";

/// The key of the index over all pools: the partition that [`partition`] gives. Only entries of pools have it.
pub(super) const LISTED: &str = "listed";

/// Partitions of the index over all pools. A pool is written to it once, when it is made.
pub(super) const PARTITIONS: u64 = 8;

/// The partition of the index over all pools in which a pool is. Its number is random.
pub(super) fn partition(pool_number: u64) -> String {
    (pool_number % PARTITIONS).to_string()
}

/// A pool: one namespace, one permutation, one counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The namespace.
    pub namespace: Namespace,
    /// The next index to allocate: the sum of all range counts (RSV-3).
    pub next: u64,
    /// Maximum number of indexes that can be allocated.
    pub capacity: u64,
    /// The character set that the first reservation fixed.
    pub character_set: CharacterSet,
    /// A random number of 58 bits that names the pool in the ids of codes.
    pub number: u64,
    /// Check value of the pool's key. With another key, duplicates would be issued.
    pub check: String,
    /// The organisation that all ranges of the pool belong to (RSV-8). Absent once another one has a range too, and for
    /// pools that were created before this member existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_organisation: Option<String>,
    /// `next` when `only_organisation` was written. Another value means that something advanced the pool that does not
    /// know `only_organisation`, so that member may be out of date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_next: Option<u64>,
    /// Whether the company prefix of the pool is claimed, for codes that are built from one (RSV-11). False for pools
    /// that were created before this member existed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
}

impl Pool {
    /// A pool that does not exist yet, with a number of 58 bits ([`crate::code::pool_number`]) and the check value of its
    /// key.
    #[must_use]
    pub fn new(spec: &PoolSpec, number: u64, check: String) -> Self {
        Self {
            namespace: spec.namespace.clone(),
            next: 0,
            capacity: spec.capacity(),
            character_set: spec.character_set,
            number,
            check,
            only_organisation: None,
            only_next: None,
            claimed: false,
        }
    }

    /// The organisation that all ranges of the pool belong to; `None` if the pool is shared, or if a version that does
    /// not know `only_organisation` or an operator advanced it.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.only_organisation.as_deref().filter(|_| self.only_next == Some(self.next))
    }

    /// The company prefix that the pool needs and has not claimed.
    pub(super) fn prefix_to_claim(&self) -> Option<&str> {
        self.namespace.company_prefix().filter(|_| !self.claimed)
    }

    /// Who an organisation is to this pool, for the messages that it may read. `is_own_key` says whether the key is
    /// built from the organisation's company prefix: if it is not, the wording must not tell whether others have codes.
    #[must_use]
    pub fn audience(&self, organisation: Option<&str>, is_own_key: bool) -> Audience {
        match organisation {
            Some(organisation) if is_own_key && self.owner() == Some(organisation) => Audience::Owner,
            _ => Audience::Others,
        }
    }
}

/// The pool of an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolEntry {
    /// The pool exists.
    Known(Pool),
    /// The pool does not exist. The first reservation of the namespace creates it.
    Fresh(Pool),
}

impl PoolEntry {
    /// The pool itself, stored or to be created.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        match self {
            Self::Known(pool) | Self::Fresh(pool) => pool,
        }
    }

    /// The company prefix that the next allocation claims: none once it is claimed, and none for codes that are not
    /// built from one.
    pub(super) fn prefix_to_claim(&self) -> Option<&str> {
        self.pool().prefix_to_claim()
    }
}

/// A range of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeEntry {
    /// The first index.
    pub start: u64,
    /// The number of indexes.
    pub count: u64,
    /// The reservation that owns the range; `None` for a burned range.
    pub reservation: Option<Uuid>,
    /// The incarnation of that reservation.
    pub incarnation: Option<Uuid>,
    /// The organisation of that reservation.
    pub organisation: Option<String>,
    /// When it was allocated.
    pub at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct StoredRange {
    count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reservation: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    incarnation: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
}

/// The sort key of a range's entry. Any `u64` fits into 20 digits, so entries sort by start.
pub(super) fn range_entry(start: u64) -> String {
    format!("range#{start:020}")
}

/// The partition key of the item that maps a pool number to its namespace.
fn number_key(pool_number: u64) -> String {
    format!("number#{pool_number}")
}

impl Store<'_> {
    /// Reads a pool (consistent).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when the item cannot be read.
    pub async fn pool(&self, namespace: &Namespace) -> Result<Option<Pool>, StoreError> {
        let table = &self.config.tables.pools;
        let key = Item::from([key("namespace", namespace), key("entry", POOL)]);
        let answer = self.get(table, key).send().await.map_err(classify)?;
        answer.item.map(|item| items::read(table, item)).transpose()
    }

    /// Reads pools (one batch read); those that do not exist are left out.
    ///
    /// # Errors
    /// As [`Store::pool`].
    pub async fn pools(&self, namespaces: &[Namespace]) -> Result<Vec<Pool>, StoreError> {
        let table = &self.config.tables.pools;
        let keys =
            namespaces.iter().map(|namespace| Item::from([key("namespace", namespace), key("entry", POOL)])).collect();
        self.batch_get(table, keys).await?.into_iter().map(|item| items::read(table, item)).collect()
    }

    /// Reads pools as [`Store::pools`] does, and the row of the secret in the same batch: what is needed to read a code back
    /// in a process that has not yet checked its secret.
    ///
    /// # Errors
    /// As [`Store::pool`].
    pub async fn pools_and_secret(
        &self,
        namespaces: &[Namespace],
    ) -> Result<(Vec<Pool>, Option<SecretCheck>), StoreError> {
        let table = &self.config.tables.pools;
        let keys = namespaces.iter().map(|namespace| Item::from([key("namespace", namespace), key("entry", POOL)]));
        let (mut pools, mut secret) = (Vec::new(), None);
        for item in self.batch_get(table, keys.chain([secret_row()]).collect()).await? {
            match items::get_text(&item, "namespace") {
                Some(SECRET_ROW) => secret = Some(items::read(table, item)?),
                _ => pools.push(items::read(table, item)?),
            }
        }
        Ok((pools, secret))
    }

    /// The namespace of a pool number.
    ///
    /// # Errors
    /// As [`Store::pool`].
    pub async fn namespace_of(&self, pool_number: u64) -> Result<Option<Namespace>, StoreError> {
        let table = &self.config.tables.pools;
        let back = number_key(pool_number);
        let key = Item::from([key("namespace", &back), key("entry", POOL)]);
        let answer = self.get(table, key).send().await.map_err(classify)?;
        let Some(item) = answer.item else { return Ok(None) };
        let namespace = items::get_text(&item, "pool").and_then(|name| name.parse().ok());
        namespace.map(Some).ok_or_else(|| StoreError::Corrupt {
            table: table.clone(),
            key: back,
            reason: "it names no namespace".to_owned(),
        })
    }

    /// The range that contains an index. One query reads the last entry that starts at or before the index.
    ///
    /// # Errors
    /// As [`Store::pool`].
    pub async fn range_of(&self, namespace: &Namespace, index: u64) -> Result<Option<RangeEntry>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.config.tables.pools)
            .key_condition_expression("namespace = :namespace AND entry BETWEEN :first AND :entry")
            .expression_attribute_values(":namespace", text(namespace.to_string()))
            .expression_attribute_values(":first", text(range_entry(0)))
            .expression_attribute_values(":entry", text(range_entry(index)))
            .scan_index_forward(false)
            .limit(1)
            .consistent_read(true)
            .send()
            .await
            .map_err(classify)?;
        let range =
            answer.items.unwrap_or_default().into_iter().next().map(|item| self.read_range(item)).transpose()?;
        Ok(range.filter(|range| index - range.start < range.count))
    }

    pub(super) fn read_range(&self, item: Item) -> Result<RangeEntry, StoreError> {
        let table = &self.config.tables.pools;
        let start = items::get_text(&item, "entry").and_then(|entry| entry.strip_prefix("range#")?.parse().ok());
        let start = start.ok_or_else(|| StoreError::Corrupt {
            table: table.clone(),
            key: items::get_text(&item, "entry").unwrap_or("none").to_owned(),
            reason: "it is no range".to_owned(),
        })?;
        let stored: StoredRange = items::read(table, item)?;
        Ok(RangeEntry {
            start,
            count: stored.count,
            reservation: stored.reservation,
            incarnation: stored.incarnation,
            organisation: stored.organisation,
            at: stored.at,
        })
    }

    /// The two writes that create a pool: its entry, and the item that maps its number to the namespace.
    pub(super) fn make_pool(&self, pool: &Pool) -> Result<[Put; 2], StoreError> {
        let table = &self.config.tables.pools;
        let mut entry = items::write(table, pool)?;
        entry.extend([key("entry", POOL), key(LISTED, partition(pool.number))]);
        let back =
            Item::from([key("namespace", number_key(pool.number)), key("entry", POOL), key("pool", &pool.namespace)]);
        Ok([put_new(table, entry)?, put_new(table, back)?])
    }

    /// Advances a pool's counter from `read` to `new`, forgets its only organisation if `new` has none, and notes that
    /// its prefix is claimed. Conditional on the counter as read (RSV-1, RSV-3), on the key's check value, and on the
    /// only organisation as read (RSV-8).
    pub(super) fn advance_pool(&self, read: &Pool, new: &Pool) -> Result<Update, StoreError> {
        let only = match new.only_organisation {
            Some(_) => ", only_next = :new",
            None => " REMOVE only_organisation, only_next",
        };
        let is_claim = new.claimed && !read.claimed;
        let claim = if is_claim { ", claimed = :claimed" } else { "" };
        let (organisation, condition) = match &read.only_organisation {
            Some(organisation) => (Some(text(organisation)), "only_organisation = :organisation"),
            None => (None, "attribute_not_exists(only_organisation)"),
        };
        let mut update = Update::builder()
            .table_name(&self.config.tables.pools)
            .key("namespace", text(read.namespace.to_string()))
            .key("entry", text(POOL))
            .update_expression(format!("SET #next = :new{claim}{only}"))
            .condition_expression(format!("#next = :read AND #check = :check AND {condition}"))
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#check", "check")
            .expression_attribute_values(":new", number(new.next))
            .expression_attribute_values(":read", number(read.next))
            .expression_attribute_values(":check", text(&read.check));
        if let Some(organisation) = organisation {
            update = update.expression_attribute_values(":organisation", organisation);
        }
        if is_claim {
            update = update.expression_attribute_values(":claimed", AttributeValue::Bool(true));
        }
        update.build().map_err(StoreError::from)
    }

    /// Puts the entry of a range, on the condition that it does not exist (RSV-1).
    pub(super) fn make_range(&self, namespace: &Namespace, range: &RangeEntry) -> Result<Put, StoreError> {
        let table = &self.config.tables.pools;
        let stored = StoredRange {
            count: range.count,
            reservation: range.reservation,
            incarnation: range.incarnation,
            organisation: range.organisation.clone(),
            at: range.at,
        };
        let mut item = items::write(table, &stored)?;
        item.extend([key("namespace", namespace), key("entry", range_entry(range.start))]);
        put_new(table, item)
    }
}

pub(super) fn put_new(table: &str, item: Item) -> Result<Put, StoreError> {
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(#namespace)")
        .expression_attribute_names("#namespace", "namespace")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
        .build()
        .map_err(StoreError::from)
}
