//! `admin`: runs one command and ends with its exit code.

use std::{io, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    admin::run(std::env::args_os(), &mut io::stdout(), &mut io::stderr()).await.into()
}
