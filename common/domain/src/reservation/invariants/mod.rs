//! The invariants RSV-1 … RSV-5, RSV-8 and RSV-9 as pure functions over the contents of the tables and the bucket.
//!
//! The tests read all tables and the whole bucket after every fault that they inject, and check the invariants with these
//! functions. The functions read nothing themselves, so that another caller (a check of a live deployment, say) can use them
//! unchanged; there is no such caller yet. docs/architecture.md lists the invariants.
//!
//! | file | what it checks |
//! |---|---|
//! | `tables` | pools, ranges and reservations: RSV-1, RSV-2, RSV-3, RSV-8, RSV-9, the open reservations of RSV-5 |
//! | `exports` | file rows, objects and uploads: RSV-4, RSV-5 |

mod exports;
mod tables;

pub use exports::{Exports, FileState, export_breaches, rows_of};
pub use tables::{Breach, CountState, PoolState, RangeState, State};
