//! Models of the protocol in docs/architecture.md, each checked exhaustively within bounds (docs/reliability.md).
//!
//! | file | model |
//! |---|---|
//! | `allocation` | 1: allocation while clients edit |
//! | `export` | 2: export, complete and tidy |
//! | `delete` | 3: delete, create again with the same id, and retry by hand |
//! | `sweep` | 4: reservations without progress are woken |
//! | `restore` | 5: tables from a backup, with the bucket and the printed files of the present |
//! | `rows`, `tables` | what the models share: rows and conditions, with the functions of `domain` |
//! | `check` | runs the checker and prints |
//!
//! A model is written from the code: each transition names the function that it stands for and copies its condition. What
//! the code decides in `domain`, the model calls.

// `cfg(test)` on each module tells clippy that its helpers are test code too.
#[cfg(test)]
mod allocation;
#[cfg(test)]
mod check;
#[cfg(test)]
mod delete;
#[cfg(test)]
mod export;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod tables;
