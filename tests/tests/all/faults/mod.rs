//! Faults: workers that die, stores that hang or lose answers, records that come twice, processes that are killed, and
//! clients that write at the same time. After each fault the invariants of docs/architecture.md must hold.

mod allocations;
mod at_once;
mod chaos;
mod completions;
mod counts;
mod deadline;
mod deaths;
mod edits;
mod http_clients;
mod killed;
mod kills;
mod many_clients;
mod one_token;
mod other_secret;
mod outages;
mod power_cuts;
mod profiles;
mod records;
mod repeated_creates;
mod shared_slices;
mod sheets;
mod slices;
mod unknown_attributes;
