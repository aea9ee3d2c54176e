//! The state of the tallies: whether they are complete, how far a run that completes them has come, and their lanes.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    MarksPlace, Store, StoreError,
    error::{classify, unless_condition_failed},
    items::{Item, get_text, number, text},
    tallies::{get_number, item_key},
};
use crate::reservation::Timestamp;

/// The state of the tallies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TallyState {
    /// When they were complete for the first time. Before, they lack rows that are older than they are.
    pub complete_at: Option<String>,
    /// Whether lists find every row that is at an end by its status. Tallies of an older version are complete before that.
    pub lists: bool,
    /// The time of creation before which lists find every open row by its status.
    pub open_before: Option<Timestamp>,
    /// The highest number of lanes that was ever written to. With fewer, sums would be wrong.
    pub lanes: u32,
    /// Where the run that completes them continues, as its task wrote it; `None` if none is under way.
    pub next: Option<String>,
    /// The mark after which the next removal of old marks begins; `None` at the start.
    pub forgetting: Option<MarksPlace>,
}

/// The place of a run at its beginning, as its task writes it.
pub const TALLY_START: &str = r#"{"after":null,"lists":2,"shard":0}"#;

/// The attribute of [`TallyState::forgetting`].
const FORGETTING: &str = "forgetting";

impl TallyState {
    pub(super) fn key() -> Item {
        item_key("state", "state")
    }

    pub(super) fn read(item: &Item) -> Self {
        Self {
            complete_at: get_text(item, "complete_at").map(str::to_owned),
            lists: item.contains_key("all_listed_at"),
            open_before: get_text(item, "open_before").and_then(Timestamp::parse),
            lanes: get_number(item, "lanes").and_then(|lanes| u32::try_from(lanes).ok()).unwrap_or(0),
            next: get_text(item, "next").map(str::to_owned),
            forgetting: get_text(item, FORGETTING).and_then(|place| serde_json::from_str(place).ok()),
        }
    }

    /// Whether counts can be taken from the tallies.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete_at.is_some()
    }
}

impl Store<'_> {
    /// Notes the number of lanes before they are written to.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub(super) async fn note_lanes(&self, known: &TallyState) -> Result<(), StoreError> {
        let lanes = self.config.shards;
        if known.lanes >= lanes {
            return Ok(());
        }
        let result = self
            .update_state("SET lanes = :lanes", [(":lanes", number(lanes))])
            .condition_expression("attribute_not_exists(lanes) OR lanes < :lanes")
            .send()
            .await;
        // Another invocation may have noted them.
        unless_condition_failed(result)
    }

    /// Saves where a run that completes the tallies continues.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn save_tally_run(&self, next: &str) -> Result<(), StoreError> {
        self.update_next("SET #next = :next", [(":next", text(next))]).await
    }

    /// Saves the mark after which the next removal of old marks begins.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn save_forgetting(&self, after: Option<&MarksPlace>) -> Result<(), StoreError> {
        let update = match after {
            None => self.update_state(&format!("REMOVE {FORGETTING}"), []),
            Some((tally, key)) => self.update_state(
                &format!("SET {FORGETTING} = :place"),
                [(":place", text(serde_json::json!([tally, key]).to_string()))],
            ),
        };
        update.send().await.map(drop).map_err(classify)
    }

    /// Lets the next run count every row once more, from the beginning. Counts go on meanwhile. Until its end, lists do not
    /// rely on marks having the statuses of their rows.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn begin_tally_run(&self) -> Result<(), StoreError> {
        self.update_next("SET #next = :next REMOVE all_listed_at", [(":next", text(TALLY_START))]).await
    }

    /// Notes the time of creation before which lists find every open row.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn save_open_before(&self, before: Timestamp) -> Result<(), StoreError> {
        let update = self.update_state("SET open_before = :before", [(":before", text(before.to_string()))]);
        update.send().await.map(drop).map_err(classify)
    }

    /// Notes that the tallies are complete, and so is what lists find by status.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn end_tally_run(&self, now: Timestamp) -> Result<(), StoreError> {
        self.update_next(
            "SET complete_at = if_not_exists(complete_at, :now), all_listed_at = if_not_exists(all_listed_at, :now) \
             REMOVE #next",
            [(":now", text(now.to_string()))],
        )
        .await
    }

    /// Changes the place of a run, `#next`, whose name is a word of the expressions of DynamoDB.
    async fn update_next(&self, expression: &str, values: [(&str, AttributeValue); 1]) -> Result<(), StoreError> {
        let update = self.update_state(expression, values).expression_attribute_names("#next", "next");
        update.send().await.map(drop).map_err(classify)
    }

    fn update_state<const N: usize>(
        &self,
        expression: &str,
        values: [(&str, AttributeValue); N],
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.config.tables.tallies)
            .set_key(Some(TallyState::key()))
            .update_expression(expression)
            .set_expression_attribute_values(
                // DynamoDB refuses an empty map.
                (N > 0).then(|| values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            )
    }
}
