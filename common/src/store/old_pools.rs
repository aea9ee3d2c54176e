//! Completes pools that an older version made: it puts them into the index over all pools and claims their company
//! prefixes (decision 35).

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Update};

use super::{
    Pool, Store, StoreError,
    error::classify,
    items::{self, Item, key, number, text},
    pool_reads::{PoolsPlace, place},
    pools::{LISTED, POOL, partition},
};

/// The key of the item that says how far the completion of older pools has come. No namespace has this form.
const STATE: &str = "completion#pools";

/// How far the completion of older pools has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OldPools {
    /// Complete passes over the table.
    pub passes: u32,
    /// Where the running pass continues: namespace and entry of the last item that it read.
    pub after: Option<PoolsPlace>,
}

/// What was completed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completed {
    /// Pools that were put into the index over all pools.
    pub pools: usize,
    /// Namespaces whose company prefix begins or continues one that is claimed. Nothing is allocated in them any more.
    pub conflicts: Vec<String>,
}

impl Store<'_> {
    /// How far the completion of older pools has come, as [`Store::save_old_pools`] wrote it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn old_pools(&self) -> Result<OldPools, StoreError> {
        let item = self.get(&self.config.tables.pools, state_key()).send().await.map_err(classify)?.item;
        let item = item.unwrap_or_default();
        let after = |name| items::get_text(&item, name).map(str::to_owned);
        let passes = item.get("passes").and_then(|passes| passes.as_n().ok()?.parse().ok());
        Ok(OldPools { passes: passes.unwrap_or(0), after: after("after_namespace").zip(after("after_entry")) })
    }

    /// Saves how far the completion of older pools has come.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn save_old_pools(&self, state: &OldPools) -> Result<(), StoreError> {
        let mut item = state_key();
        item.insert("passes".to_owned(), number(state.passes));
        if let Some((namespace, entry)) = &state.after {
            item.extend([key("after_namespace", namespace), key("after_entry", entry)]);
        }
        let put = self.client.put_item().table_name(&self.config.tables.pools);
        put.set_item(Some(item)).send().await.map(drop).map_err(classify)
    }

    /// Completes the older pools among the next items of the table (one page of 1 MB). Gives the place of the next
    /// page; `None` at the end of the table. It reads the whole table, so it runs only after an update.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when a pool cannot be read.
    pub async fn complete_old_pools(
        &self,
        after: Option<PoolsPlace>,
        completed: &mut Completed,
    ) -> Result<Option<PoolsPlace>, StoreError> {
        let table = &self.config.tables.pools;
        let start = after.map(|(namespace, entry)| Item::from([key("namespace", namespace), key("entry", entry)]));
        let answer = self
            .client
            .scan()
            .table_name(table)
            .consistent_read(true)
            // The items of pool numbers have the same sort key, but no counter.
            .filter_expression("entry = :pool AND attribute_exists(#next) AND attribute_not_exists(listed)")
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":pool", text(POOL))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(classify)?;
        for item in answer.items.unwrap_or_default() {
            let pool: Pool = items::read(table, item)?;
            if !self.complete_pool(&pool).await? {
                completed.conflicts.push(pool.namespace.to_string());
            }
            completed.pools += 1;
        }
        Ok(answer.last_evaluated_key.as_ref().and_then(place))
    }

    /// Puts a pool into the index and claims its prefix. Gives whether the prefix could be claimed; if not, the pool is
    /// in the index without a claim, and its next allocation is refused.
    async fn complete_pool(&self, pool: &Pool) -> Result<bool, StoreError> {
        let claims = pool.prefix_to_claim().map_or(Ok(Vec::new()), |prefix| self.claim_prefix(prefix))?;
        let needs_claim = !claims.is_empty();
        let mut with_claim = self.transaction();
        with_claim.update(self.list_pool(pool, needs_claim)?);
        claims.into_iter().for_each(|claim| with_claim.update(claim));
        if self.decide(&with_claim).await?.written()? {
            return Ok(true);
        }
        // Either the prefix is taken, or another run was faster.
        let mut without_claim = self.transaction();
        without_claim.update(self.list_pool(pool, false)?);
        let is_first = self.decide(&without_claim).await?.written()?;
        Ok(!needs_claim || !is_first)
    }

    fn list_pool(&self, pool: &Pool, claim: bool) -> Result<Update, StoreError> {
        let claimed = if claim { ", claimed = :claimed" } else { "" };
        let mut values = HashMap::from([(":listed".to_owned(), text(partition(pool.number)))]);
        if claim {
            values.insert(":claimed".to_owned(), AttributeValue::Bool(true));
        }
        Update::builder()
            .table_name(&self.config.tables.pools)
            .key("namespace", text(pool.namespace.to_string()))
            .key("entry", text(POOL))
            .update_expression(format!("SET {LISTED} = :listed{claimed}"))
            .condition_expression(format!("attribute_exists(#next) AND attribute_not_exists({LISTED})"))
            .expression_attribute_names("#next", "next")
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(StoreError::from)
    }
}

fn state_key() -> Item {
    Item::from([key("namespace", STATE), key("entry", "state")])
}
