//! Claims: the company prefixes that codes are built from, in the `Pools` table (decision 35).
//!
//! An `sscc`, `gsrn` or `giai` is a company prefix and a reference in one text. If one prefix begins another, pools of
//! both could issue one text. So the transaction that makes such a pool claims its prefix (RSV-11).
//!
//! The item `prefix#<digits>` has the member `claimed` if a pool has exactly this prefix, and `continued` if a pool has
//! a longer one that begins with it. It never has both: each of the two writes is conditional on the absence of the
//! other. No item names an organisation, and none is ever removed.

use aws_sdk_dynamodb::types::{AttributeValue, Update};

use super::{
    Store, StoreError,
    items::{self, Item, key, text},
};
use crate::code::{MIN_PREFIX_LENGTH, prefix_beginnings};

/// The sort key of these items.
const CLAIM: &str = "claim";

/// The item of a company prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixClaim {
    /// The digits.
    pub prefix: String,
    /// Whether a pool has exactly this prefix.
    pub claimed: bool,
    /// Whether a pool has a longer prefix that begins with it.
    pub continued: bool,
}

/// The number of actions of [`Store::claim_prefix`]: 1 to 9.
pub(super) const fn claim_actions(prefix: &str) -> usize {
    1 + prefix.len().saturating_sub(MIN_PREFIX_LENGTH)
}

/// The partition key of the item of a prefix.
fn partition_key(digits: &str) -> String {
    format!("prefix#{digits}")
}

impl Store<'_> {
    /// The writes that claim a prefix: its own item, and that of each prefix that begins it. A claim of an equal prefix
    /// passes. Of two prefixes of which one begins the other, both write the item of the shorter one, so exactly one of
    /// two concurrent claims passes.
    pub(super) fn claim_prefix(&self, prefix: &str) -> Result<Vec<Update>, StoreError> {
        let beginnings = prefix_beginnings(prefix).map(|start| (start, "continued", "claimed"));
        beginnings.chain([(prefix, "claimed", "continued")]).map(|claim| self.claim(claim)).collect()
    }

    /// The items of a prefix and of those that begin it (one consistent batch read); those that do not exist are left out.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn prefix_claims(&self, prefix: &str) -> Result<Vec<PrefixClaim>, StoreError> {
        let table = &self.config.tables.pools;
        let keys = prefix_beginnings(prefix).chain([prefix]);
        let keys = keys.map(|digits| Item::from([key("namespace", partition_key(digits)), key("entry", CLAIM)]));
        let claim = |item: &Item| {
            let digits = items::get_text(item, "namespace")?.strip_prefix(&partition_key(""))?;
            Some(PrefixClaim {
                prefix: digits.to_owned(),
                claimed: item.contains_key("claimed"),
                continued: item.contains_key("continued"),
            })
        };
        Ok(self.batch_get(table, keys.collect()).await?.iter().filter_map(claim).collect())
    }

    /// Whether codes are built from a prefix that begins this one or continues it (one consistent batch read). This is
    /// for an early message only: the transaction of an allocation decides.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn is_prefix_taken(&self, prefix: &str) -> Result<bool, StoreError> {
        let is_other = |claim: &PrefixClaim| if claim.prefix == prefix { claim.continued } else { claim.claimed };
        Ok(self.prefix_claims(prefix).await?.iter().any(is_other))
    }

    fn claim(&self, (digits, set, unless): (&str, &str, &str)) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.config.tables.pools)
            .key("namespace", text(partition_key(digits)))
            .key("entry", text(CLAIM))
            .update_expression(format!("SET {set} = :yes"))
            .condition_expression(format!("attribute_not_exists({unless})"))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .build()
            .map_err(StoreError::from)
    }
}
