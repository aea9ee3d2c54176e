//! `admin completions` and `admin man`: made from the description of the arguments.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{cli::Arguments, failure::Failure, output::Output};

/// For which shell.
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Where to write the pages.
#[derive(Args, Debug)]
pub struct Man {
    /// Existing directory for the pages, for example ~/.local/share/man/man1
    directory: PathBuf,
}

/// Prints the script with which a shell completes the command.
///
/// # Errors
/// [`Failure::NobodyReads`] when the output is closed.
pub fn completions(command: &Completions, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Arguments::command(), "admin", &mut script);
    output.raw(&script)
}

/// Writes a page of the manual for each command.
///
/// # Errors
/// [`Failure::WrongUse`] when the directory cannot be written.
pub fn man(command: &Man, output: &mut Output<'_>) -> Result<(), Failure> {
    let directory: &Path = &command.directory;
    clap_mangen::generate_to(Arguments::command(), directory)
        .map_err(|error| Failure::WrongUse(format!("{} cannot be written: {error}", directory.display())))?;
    output.show(&directory, |directory| format!("The pages are in {}.", directory.display()))
}
