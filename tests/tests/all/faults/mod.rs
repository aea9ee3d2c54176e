//! Faults: workers that die, stores that hang or lose answers, records that come twice, processes that are killed, and
//! clients that write at the same time. After each fault the invariants of docs/architecture.md must hold.

mod chaos;
mod deadline;
mod deaths;
mod edits;
mod killed;
mod kills;
mod many_clients;
mod power_cuts;
mod records;
