//! Reads of all pools and of all ranges of a pool, a page at a time, for operators. Only [`Store::pools_page`] scans
//! the table.

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use super::{
    Pool, RangeEntry, Store, StoreError,
    error::classify,
    items::{self, Item, key, text},
    pools::{LISTED, PARTITIONS, POOL, range_entry},
};
use crate::{code::Namespace, concurrency};

/// The index over all pools.
const POOLS: &str = "pools";

/// Pages in which [`Store::any_pool`] looks for one.
const ANY_POOL_PAGES: usize = 10;

/// Greater than every character of a namespace.
const AFTER_ALL: char = '\u{10ffff}';

/// A place of the table: namespace and entry of an item.
pub type PoolsPlace = (String, String);

impl Store<'_> {
    /// The next namespaces with a pool whose text begins with `begins`, in the order of texts and after `after`:
    /// `count` at most (1,000 are one page). The index is eventually consistent, so a pool of the last second may be
    /// missing.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when a key is no namespace.
    pub async fn pool_namespaces(
        &self,
        begins: &str,
        after: Option<&Namespace>,
        count: usize,
    ) -> Result<Vec<Namespace>, StoreError> {
        // The namespace `after` is read again and dropped.
        let pages = (0..PARTITIONS).map(|partition| self.listed(partition, begins, after, count + 1));
        let mut all: Vec<Namespace> = concurrency::all(pages).await?.into_iter().flatten().collect();
        all.retain(|namespace| Some(namespace) != after);
        all.sort_by_cached_key(ToString::to_string);
        all.truncate(count);
        Ok(all)
    }

    async fn listed(
        &self,
        partition: u64,
        begins: &str,
        after: Option<&Namespace>,
        count: usize,
    ) -> Result<Vec<Namespace>, StoreError> {
        let table = &self.config.tables.pools;
        // DynamoDB refuses an empty bound.
        let low = match after {
            Some(after) => after.to_string(),
            None if begins.is_empty() => " ".to_owned(),
            None => begins.to_owned(),
        };
        let answer = self
            .client
            .query()
            .table_name(table)
            .index_name(POOLS)
            .key_condition_expression(format!("{LISTED} = :partition AND namespace BETWEEN :low AND :high"))
            .expression_attribute_values(":partition", text(partition.to_string()))
            .expression_attribute_values(":low", text(low))
            .expression_attribute_values(":high", text(format!("{begins}{AFTER_ALL}")))
            .limit(i32::try_from(count).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(classify)?;
        let namespace = |item: Item| {
            let name = items::get_text(&item, "namespace").unwrap_or_default();
            name.parse().map_err(|_| StoreError::Corrupt {
                table: table.clone(),
                key: name.to_owned(),
                reason: "it is no namespace".to_owned(),
            })
        };
        answer.items.unwrap_or_default().into_iter().map(namespace).collect()
    }

    /// The pools among the next items of the table (one consistent page of 1 MB), and the place of the next page;
    /// `None` at the end. Unlike [`Store::pool_namespaces`] it needs no index and misses no pool: it also reads the
    /// pools that an older version made, and tables that were restored without the index. A pool that cannot be read is
    /// an error in its place.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Refused`] when there is no such table.
    pub async fn pools_page(
        &self,
        after: Option<PoolsPlace>,
    ) -> Result<(Vec<Result<Pool, StoreError>>, Option<PoolsPlace>), StoreError> {
        let table = &self.config.tables.pools;
        let start = after.map(|(namespace, entry)| Item::from([key("namespace", namespace), key("entry", entry)]));
        let answer = self
            .client
            .scan()
            .table_name(table)
            .consistent_read(true)
            // The items of pool numbers have the same sort key, but no counter.
            .filter_expression("entry = :pool AND attribute_exists(#next)")
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":pool", text(POOL))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(classify)?;
        let pools = answer.items.unwrap_or_default().into_iter().map(|item| items::read(table, item)).collect();
        Ok((pools, answer.last_evaluated_key.as_ref().and_then(place)))
    }

    /// Any pool, if there is one among the first pages of the table. In each partition a pool comes before its ranges, so one
    /// page tells it, unless that holds claims and numbers of pools only.
    ///
    /// # Errors
    /// As [`Store::pools_page`].
    pub async fn any_pool(&self) -> Result<Option<Pool>, StoreError> {
        let mut after = None;
        for _ in 0..ANY_POOL_PAGES {
            let (pools, next) = self.pools_page(after).await?;
            if let Some(pool) = pools.into_iter().find_map(Result::ok) {
                return Ok(Some(pool));
            }
            if next.is_none() {
                break;
            }
            after = next;
        }
        Ok(None)
    }

    /// Ranges of a pool that begin at one of these indexes, by ascending or descending start (one consistent page of 1
    /// MB), and the indexes of the next page, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when an item cannot be read.
    pub async fn ranges_page(
        &self,
        namespace: &Namespace,
        starts: RangeInclusive<u64>,
        descending: bool,
    ) -> Result<(Vec<RangeEntry>, Option<RangeInclusive<u64>>), StoreError> {
        let query = self.ranges_query(namespace, &starts, descending);
        let answer = query.send().await.map_err(classify)?;
        let items = answer.items.unwrap_or_default();
        let ranges = items.into_iter().map(|item| self.read_range(item)).collect::<Result<Vec<_>, _>>()?;
        let last = ranges.last().filter(|_| answer.last_evaluated_key.is_some()).map(|range| range.start);
        let next = match (last, descending) {
            (None, _) => None,
            (Some(last), false) => last.checked_add(1).map(|low| low..=*starts.end()),
            (Some(last), true) => last.checked_sub(1).map(|high| *starts.start()..=high),
        };
        Ok((ranges, next.filter(|next| !next.is_empty())))
    }

    /// The ranges of a pool that were allocated last (consistent), the newest first: `most` at most.
    ///
    /// # Errors
    /// As [`Store::ranges_page`].
    pub async fn latest_ranges(&self, namespace: &Namespace, most: u16) -> Result<Vec<RangeEntry>, StoreError> {
        let query = self.ranges_query(namespace, &(0..=u64::MAX), true).limit(i32::from(most));
        let answer = query.send().await.map_err(classify)?;
        answer.items.unwrap_or_default().into_iter().map(|item| self.read_range(item)).collect()
    }

    fn ranges_query(
        &self,
        namespace: &Namespace,
        starts: &RangeInclusive<u64>,
        descending: bool,
    ) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.config.tables.pools)
            .key_condition_expression("namespace = :namespace AND entry BETWEEN :low AND :high")
            .expression_attribute_values(":namespace", text(namespace.to_string()))
            .expression_attribute_values(":low", text(range_entry(*starts.start())))
            .expression_attribute_values(":high", text(range_entry(*starts.end())))
            .scan_index_forward(!descending)
            .consistent_read(true)
    }

    /// The range entries at these starts, each with its namespace (batch reads); those that do not exist are left out.
    ///
    /// # Errors
    /// As [`Store::ranges_page`].
    pub async fn range_entries(&self, places: &[(Namespace, u64)]) -> Result<Vec<(Namespace, RangeEntry)>, StoreError> {
        let table = &self.config.tables.pools;
        let of = |(namespace, start): &(Namespace, u64)| {
            Item::from([key("namespace", namespace), key("entry", range_entry(*start))])
        };
        let read = |item: Item| {
            let name = items::get_text(&item, "namespace").unwrap_or_default().to_owned();
            let namespace = name.parse().map_err(|_| StoreError::Corrupt {
                table: table.clone(),
                key: name.clone(),
                reason: "it is no namespace".to_owned(),
            })?;
            Ok((namespace, self.read_range(item)?))
        };
        self.batch_get(table, places.iter().map(of).collect()).await?.into_iter().map(read).collect()
    }
}

/// The place of an item, from its key.
pub(super) fn place(key: &Item) -> Option<PoolsPlace> {
    Some((items::get_text(key, "namespace")?.to_owned(), items::get_text(key, "entry")?.to_owned()))
}
