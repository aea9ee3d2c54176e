//! Fault injection on the real code, driven by a seed: the functions run over the embedded stores in this process, while
//! requests fail, processes die at any await, records come twice and late, and clocks jump. When the faults stop, every
//! invariant must hold, and what clients were told must be so (docs/reliability.md, "Faults on the real code").
//!
//! | file | what it is |
//! |---|---|
//! | `host` | the time of a run, which costs nothing, and a future that dies |
//! | `plan` | what the seed decides |
//! | `bench` | the stores of many runs, in this process or elsewhere |
//! | `times` | the ages of objects and uploads |
//! | `streams` | the stream of stores elsewhere |
//! | `world` | the processes of a run |
//! | `mapping` | the stream, delivered as badly as Lambda may |
//! | `clients` | the clients and what they may expect |
//! | `history` | the ranges that reservations ever had |
//! | `run` | a run, and its checks |
//! | `seeds`, `control` | the tests: many runs, and runs in which a breach must be found |
//! | `table` | the sum of many runs |
//!
//! `FAULT_SEED=7 cargo test --workspace --test all -- simulation::` makes one run; `FAULT_SEEDS=0..100` makes many. A run
//! that fails is repeated with fewer faults, and the shortest one that still fails is printed.

mod bench;
mod clients;
mod control;
mod history;
mod host;
mod mapping;
mod plan;
mod run;
mod seeds;
mod streams;
mod table;
mod times;
mod world;
