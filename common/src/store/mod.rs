//! DynamoDB: one file per table. Only this module formats keys and expressions.
//!
//! Every call has the client's timeouts and retries (see [`crate::context`]); every loop over pages and retries is bounded.

mod directory;
mod error;
mod files;
mod index;
mod items;
pub mod plan;
mod pools;
mod requests;
mod reservations;
mod shards;
mod steps;
mod transaction;

pub use directory::{Organisation, Role, Tokens, User, token_hash};
pub use error::StoreError;
pub use files::FileRow;
pub use index::{Entries, EntryFilter, Index};
pub use pools::{Pool, PoolEntry, RangeEntry};
pub use requests::{Remembered, request_key};
pub use reservations::{Created, Written};
pub use steps::{Allocated, MAX_PLACEMENTS, Placement, Saved};

use std::time::Duration;

use aws_sdk_dynamodb::Client;

use crate::{config::Config, context::Context};

/// How often a write that met another is tried.
const MAX_ATTEMPTS: u32 = 10;

/// Waits before the next try: a random time, so that writers that met do not meet again; 0…640 ms at most.
async fn pause(attempt: u32) {
    let ceiling = 10_u64 << attempt.min(6);
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..=ceiling))).await;
}

/// The tables, as the operations see them.
#[derive(Clone, Copy)]
pub struct Store<'a> {
    client: &'a Client,
    config: &'a Config,
}

impl<'a> Store<'a> {
    /// The tables of a context.
    #[must_use]
    pub fn of(context: &'a Context) -> Self {
        Self { client: context.dynamodb(), config: context.config() }
    }

    /// The settings that the tables were opened with.
    #[must_use]
    pub fn config(&self) -> &'a Config {
        self.config
    }
}
