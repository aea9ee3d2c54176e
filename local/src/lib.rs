//! The whole system in one process, on embedded DynamoDB and S3: for development and for tests.
//!
//! This crate contains no business rules. Routes, tables, the stream mapping and the schedules come from template.yaml.
//! The functions are the deployed ones and reach both stores through the AWS SDK.

pub mod access_key;
#[cfg(not(target_env = "msvc"))]
mod allocator;
pub mod banner;
pub mod callable;
pub mod calls;
pub mod data_dir;
pub mod dynamodb;
pub mod environment;
pub mod explain;
pub mod functions;
pub mod gateway;
pub mod invocation;
pub mod invoke_endpoint;
mod listeners;
pub mod options;
mod random;
pub mod remote;
pub mod s3;
pub mod schedule;
pub mod secrets;
pub mod seed;
mod serving;
pub mod stores;
pub mod stream;
pub mod system;
pub mod template;
