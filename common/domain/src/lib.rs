//! What a code, a reservation, a query and an export file are, without any I/O.
//!
//! This crate does no I/O and names no AWS type; it reads no clock and draws no random number: the time and fresh ids are
//! arguments. `clippy.toml` in this folder refuses the functions that would break this, and the crate's dependencies leave
//! out everything that could.
//!
//! | module | what it holds | may use |
//! |---|---|---|
//! | [`code`] | GS1 keys, namespaces, the permutation, rendering | nothing |
//! | [`directory`] | users, roles, organisations | nothing |
//! | [`reservation`] | the `code_reservation` object: members, rules, status, invariants | `code` |
//! | [`query`] | Directus' global query parameters: parse, plan, evaluate | `code`, `directory`, `reservation` |
//! | [`export`] | the bytes of an export file | `code`, `reservation` |

pub mod code;
pub mod directory;
pub mod export;
pub mod query;
pub mod reservation;
