//! The library that all functions share.
//!
//! The pure modules are in the crate `domain` and re-exported here: [`code`], [`directory`], [`reservation`], [`query`]
//! and [`export`]. [`store`] accesses DynamoDB, [`bucket`] accesses S3, [`operations`] implements the operations of
//! REST and GraphQL, and [`api`] maps them to HTTP.

pub use domain::{code, directory, export, query, reservation};

pub mod api;
pub mod backoff;
pub mod bucket;
pub mod clients;
mod concurrency;
pub mod config;
pub mod context;
pub mod host;
pub mod https;
pub mod identity;
pub mod metrics;
pub mod operations;
pub mod store;
pub mod telemetry;
