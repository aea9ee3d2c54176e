//! What the functions share.
//!
//! The pure half lives in the crate `domain` and is re-exported here: [`code`], [`reservation`], [`query`] and [`export`].
//! [`store`] speaks to DynamoDB, [`bucket`] to S3, [`api`] speaks the HTTP dialect, and [`operations`] puts them together for
//! REST and GraphQL alike.

pub use domain::{code, directory, export, query, reservation};

pub mod api;
pub mod backoff;
pub mod bucket;
mod clients;
pub mod config;
pub mod context;
pub mod https;
pub mod identity;
pub mod metrics;
pub mod operations;
pub mod store;
pub mod telemetry;
