//! docs/admin.md: made from the description of the arguments.

use std::fs;

use admin::cli::Arguments;
use clap::{Command, CommandFactory};

use crate::support::repository::root;

const HEAD: &str = "# The `admin` command

For operators who look up an option. After reading this page you know every command and option of `admin`. What to do
with it is in [operations.md](operations.md). This page is the output of `--help`; a test writes it
(`UPDATE_DOCS=yes cargo test --workspace --test all -- admin::reference`).
";

fn section(path: &str, command: &mut Command, text: &mut String) {
    let help = command.render_long_help().to_string();
    let help: Vec<_> = help.lines().map(str::trim_end).collect();
    text.push_str(&format!("\n## `{path}`\n\n```text\n{}\n```\n", help.join("\n").trim_end()));
    let names: Vec<_> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "help") {
        let inner = command.find_subcommand_mut(name).unwrap();
        section(&format!("{path} {name}"), inner, text);
    }
}

#[test]
fn the_reference_is_what_help_prints() {
    let mut command = Arguments::command();
    command.build();
    let mut text = HEAD.to_owned();
    section("admin", &mut command, &mut text);
    let path = root().join("docs/admin.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/admin.md is not what --help prints; write it with UPDATE_DOCS=yes");
}
