//! What the functions share.
//!
//! `code`, `reservation` and `query` are pure: no I/O, no AWS type, no clock. `store` speaks to DynamoDB, `export` to S3,
//! `api` speaks the HTTP dialect, and `operations` puts them together for REST and GraphQL alike.

pub mod api;
pub mod code;
pub mod config;
pub mod context;
pub mod export;
pub mod https;
pub mod metrics;
pub mod operations;
pub mod query;
pub mod reservation;
pub mod store;
pub mod telemetry;
