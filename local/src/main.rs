//! `cargo run`: starts the system and waits for Ctrl-C.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use common::telemetry;
use local::{banner::banner, options::Options, system::System};
use tokio::signal::ctrl_c;

#[tokio::main]
async fn main() -> ExitCode {
    telemetry::init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Printed, not logged: the person who started the command reads it.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let terminated = terminated()?;
    let system = System::start(options.clone()).await?;
    let sign_in = system.sign_in_link().await?;
    write!(io::stdout(), "{}", banner(&system, &options, sign_in.as_deref()))?;
    io::stdout().flush()?;
    tokio::select! {
        interrupted = ctrl_c() => interrupted?,
        () = terminated => {}
    }
    system.stop().await;
    Ok(())
}

/// Completes when the process receives SIGTERM.
#[cfg(unix)]
fn terminated() -> io::Result<impl Future<Output = ()>> {
    let mut signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(async move {
        signal.recv().await;
    })
}

#[cfg(not(unix))]
fn terminated() -> io::Result<impl Future<Output = ()>> {
    Ok(std::future::pending())
}
