//! A system to test: in this process, or as a process of its own that can be killed.

use std::{
    future::Future,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use common::context::Context;
use local::{options::Options, system::System};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::OnceCell,
};

use crate::{
    api::Api,
    repository::{entries, file_name, root},
};

/// The token of the administrator that a system without a seed has.
pub(crate) const TOKEN: &str = "local-token";

/// How long anything may take before a test counts as failed. No promise of speed: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A system in this process.
pub(crate) struct Running {
    pub(crate) system: System,
    pub(crate) api: Api,
}

impl Running {
    /// A system that nothing is left of.
    pub(crate) async fn in_memory() -> Self {
        Self::start(Options::in_memory()).await
    }

    pub(crate) async fn start(options: Options) -> Self {
        let system = System::start(options).await.unwrap();
        let api = Api::new(&format!("http://{}", system.address().unwrap()), TOKEN);
        Self { system, api }
    }

    /// A system with the rows of a seed; who calls is up to the test.
    pub(crate) async fn seeded(rows: &Value, options: Options) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(rows.to_string().as_bytes()).unwrap();
        Self::start(Options { seed: Some(file.path().to_owned()), ..options }).await
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        self.system.context()
    }
}

/// Looks again and again until there is something to see.
///
/// # Panics
/// When [`PATIENCE`] is over.
pub(crate) async fn wait_until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a reservation is at an end; gives the object.
pub(crate) async fn ended(api: &Api, id: &str) -> Value {
    let look = || async {
        let object = api.get(id).await;
        matches!(object["status"].as_str(), Some("complete" | "error")).then_some(object)
    };
    wait_until(&format!("reservation {id} ends"), look).await
}

/// Waits until a reservation is complete; gives the object.
pub(crate) async fn completed(api: &Api, id: &str) -> Value {
    let object = ended(api, id).await;
    assert_eq!(object["status"], "complete", "{object}");
    assert_eq!(object["quantity_reserved"], object["quantity"], "{object}");
    object
}

/// The program, running.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Program {
    /// Starts the program on a directory; when it returns, the API answers.
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

    /// SIGKILL: no destructor runs, no file is closed in an orderly way.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM, and waits for the end.
    pub(crate) async fn stop(mut self) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        assert!(status.success(), "{status}");
    }
}

/// The program that `cargo run` starts. `cargo test --workspace` has built it beside this test; where only this crate's
/// tests were built it is absent or older than its sources, and is built here.
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
                // As `cargo test --workspace` builds it, for the tests of `local`; `cargo build` would build every
                // dependency again, with other features.
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

/// Whether the program is there and none of its sources is newer.
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
