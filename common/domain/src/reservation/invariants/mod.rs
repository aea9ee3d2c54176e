//! The invariants RSV-1 … RSV-5 and RSV-7 … RSV-9 and RSV-11 as pure functions over the contents of the tables and the
//! bucket.
//!
//! The tests read all tables and the whole bucket after every fault that they inject, and check the invariants with
//! these functions. `admin check` uses them for a live deployment, part by part. docs/architecture.md lists the
//! invariants.
//!
//! | file | what it checks |
//! |---|---|
//! | `pool_walk` | one pool, range by range: RSV-1, RSV-3, RSV-7, RSV-8 |
//! | `tables` | pools, ranges and reservations: RSV-1, RSV-2, RSV-3, RSV-8, RSV-9, RSV-11, the open reservations of RSV-5 |
//! | `exports` | file rows, objects and uploads: RSV-4, RSV-5 |

mod exports;
mod pool_walk;
mod tables;

pub use exports::{Exports, FileState, export_breaches, rows_of};
pub use pool_walk::PoolWalk;
pub use tables::{Breach, ClaimState, CountState, PoolState, RangeState, State};
