//! Measures how long the GraphQL schemas take to build, next to the rest of a function's start. Prints one line of
//! JSON.
//!
//! `cargo run --release -p graphql --example startup`; `tests/graphql/startup` runs it in many fresh processes.

use std::{io::Write, time::Instant};

use common::context::Context;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The common part of every function's start: settings, the SDK's configuration and its clients.
    let started = Instant::now();
    let context = Context::from_env().await?;
    let common = started.elapsed();
    let started = Instant::now();
    graphql::prepare()?;
    let schema = started.elapsed();
    let line = serde_json::json!({ "common_us": common.as_micros(), "schema_us": schema.as_micros() });
    writeln!(std::io::stdout(), "{line}")?;
    drop(context);
    Ok(())
}
