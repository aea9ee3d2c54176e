//! DynamoDB. Only this module formats keys and expressions.
//!
//! | files | contents |
//! |---|---|
//! | `reservations`, `pools`, `files`, `directory`, `requests` | one table each, with the reads and writes of clients |
//! | `directory_kind` | what an item of the Directory is |
//! | `directory_writes` | the conditional writes of the Directory by operators, and their audit rows |
//! | `profiles` | export profiles: names and versions |
//! | `day_counts` | the codes that an organisation with a quota was given on a day |
//! | `sessions` | the sessions of people, and links that sign in once |
//! | `secret_check` | the check value of the deployment's secret |
//! | `claims`, `old_pools` | which company prefixes codes are built from; pools that are older than that |
//! | `burn`, `pool_reads` | what operators do with pools |
//! | `allocation`, `steps` | the protocol of a reservation: the service's own conditional writes |
//! | `conditional_update` | the expressions of these writes |
//! | `walk` | which entries of the indexes of `Reservations` a list reads, and their keys (pure) |
//! | `index`, `open_rows`, `listed_rows`, `shards` | reads of index entries |
//! | `columns` | reads some members of many reservations |
//! | `index_keys` | completes rows that are older than an index |
//! | `tallies`, `tally_state`, `counting` | numbers of reservations by organisation, product, type and status |
//! | `plan` | from a query to the keys or index entries to read (pure) |
//! | `tables`, `items`, `transaction`, `error` | helpers for all of these |
//!
//! Every call has the client's time-outs and retries (see `crate::clients`). Every loop over pages and retries is
//! bounded.

mod allocation;
mod assumed_user;
mod burn;
mod claims;
mod columns;
mod conditional_update;
mod counting;
mod day_counts;
mod directory;
mod directory_kind;
mod directory_writes;
mod error;
mod files;
mod index;
mod index_keys;
mod items;
mod listed_rows;
mod old_pools;
mod open_rows;
pub mod plan;
mod pool_reads;
mod pools;
#[cfg(test)]
mod prepared;
mod profiles;
mod read_ahead;
mod requests;
mod reservations;
mod secret_check;
mod sessions;
mod shards;
mod steps;
mod tables;
mod tallies;
mod tally_state;
mod transaction;
mod walk;

pub use allocation::{Allocated, MAX_PLACEMENTS, Placement, has_room};
pub use assumed_user::AssumedUser;
pub use burn::Burned;
pub use claims::PrefixClaim;
pub use columns::{COLUMNS_IN_A_READ, COLUMNS_IN_A_STEP, ColumnReads, Columns};
pub use counting::{MAX_COUNTED, MarksPage, MarksPlace, Recounted};
pub use day_counts::DayCount;
pub use directory::token_hash;
pub use directory_kind::Kind;
pub use directory_writes::{
    Changed, DirectoryRow, DirectoryWrite, MAX_DIRECTORY_BYTES, MAX_DIRECTORY_WRITES, Revision,
};
pub use error::StoreError;
pub use files::FileRow;
pub use index::{Entries, Entry, EntryFilter};
pub use index_keys::{Filled, Filling};
pub use listed_rows::ListedRows;
pub use old_pools::{Completed, OldPools};
pub use pool_reads::PoolsPlace;
pub use pools::{Pool, PoolEntry, RangeEntry};
pub use profiles::{ProfileRow, profile_id};
pub use read_ahead::ReadAhead;
pub use requests::{REMEMBERED_SECONDS, Remembered, RequestsPage, request_key};
pub use reservations::{Created, Written};
pub use secret_check::{SECRET_ROW, SecretCheck};
pub use sessions::{SessionGround, UserSession, UserSessions, sessions_name};
pub use steps::Saved;
pub use tallies::{Cell, Spread, Wanted};
pub use tally_state::{TALLY_START, TallyState};
pub use walk::{INDEX_ATTRIBUTES, IndexStage, Order, Partition, Times, Walk};

use aws_sdk_dynamodb::Client;

use crate::{backoff, config::Config, host::Host};

/// Maximum number of tries of a write that conflicts with another one.
const MAX_ATTEMPTS: u32 = 10;

/// The tables of a deployment.
#[derive(Clone, Copy)]
pub struct Store<'a> {
    client: &'a Client,
    config: &'a Config,
    host: &'a dyn Host,
}

impl<'a> Store<'a> {
    /// The tables that the settings name, accessed through `client`. Between two tries of a write it waits on `host`.
    #[must_use]
    pub fn new(client: &'a Client, config: &'a Config, host: &'a dyn Host) -> Self {
        Self { client, config, host }
    }

    /// Waits before the next try of a write.
    async fn pause(&self, attempt: u32) {
        backoff::pause_on(self.host, attempt).await;
    }

    /// The settings with which the store was created.
    #[must_use]
    pub fn config(&self) -> &'a Config {
        self.config
    }
}
