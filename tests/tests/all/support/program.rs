//! The program `local` as a process of its own, which tests can kill.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::OnceCell,
};

use super::{
    harness::PATIENCE,
    repository::{entries, file_name, root},
};

/// The program, running.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Program {
    /// Starts the program on a data directory. When this returns, the API answers.
    pub(crate) async fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(program().await)
            .args(["--port", "0", "--data-dir"])
            .arg(data_dir)
            .args(arguments)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let started = async {
            let mut url = String::new();
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, at)) = line.split_once(" runs at ") {
                    url = at.trim().to_owned();
                }
                if line.starts_with("Ctrl-C") {
                    return url;
                }
            }
            panic!("the program ended before it had started");
        };
        let url = tokio::time::timeout(PATIENCE, started).await.unwrap();
        Self { child, url }
    }

    /// Sends SIGKILL: no destructor runs and no file is closed.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) async fn stop(mut self) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        assert!(status.success(), "{status}");
    }
}

/// The program that `cargo run` starts. `cargo test --workspace` builds it beside this test. If only the tests of this
/// crate were built, it is missing or older than its sources, and it is built here.
pub(crate) async fn program() -> &'static Path {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    PROGRAM
        .get_or_init(|| async {
            // target/<profile>/deps/all-… → target/<profile>
            let test = std::env::current_exe().unwrap();
            let folder = test.parent().and_then(Path::parent).unwrap();
            let program = folder.join("local");
            if !is_fresh(&program) {
                let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
                let mut build = Command::new(cargo);
                // The same command as `cargo test --workspace` uses for the tests of `local`. `cargo build` would
                // compile every dependency again with other features.
                build.args(["test", "--no-run", "--workspace", "--test", "embedded", "--target-dir"]);
                build.arg(folder.parent().unwrap()).current_dir(root());
                if file_name(folder) == "release" {
                    build.arg("--release");
                }
                assert!(build.status().await.unwrap().success());
            }
            program
        })
        .await
}

/// Whether the program exists and no source is newer.
fn is_fresh(program: &Path) -> bool {
    let Ok(built) = program.metadata().and_then(|program| program.modified()) else { return false };
    let mut waiting: Vec<_> =
        ["common", "functions", "local", "Cargo.lock", "template.yaml"].map(|x| root().join(x)).into();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(entries(&path));
        } else if path.metadata().and_then(|source| source.modified()).is_ok_and(|changed| changed > built) {
            return false;
        }
    }
    true
}
