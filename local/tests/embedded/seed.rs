//! `--seed`: what is loaded, and what is not.

use std::path::Path;

use local::{
    options::Options,
    system::{StartError, System},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// The id of the n-th reservation.
fn id(n: usize) -> Uuid {
    Uuid::from_u128(n as u128 + 1)
}

/// Reservations `from` to `to`, for an organisation.
fn rows(from: usize, to: usize, organisation: &str) -> Vec<Value> {
    (from..to).map(|n| json!({"id": id(n), "reserved_for": organisation, "status": "complete"})).collect()
}

async fn start(data_dir: &Path, seed: &Path) -> Result<System, StartError> {
    let options = Options { data_dir: data_dir.to_owned(), memory: false, pause_stream: true, ..Options::in_memory() };
    System::start(Options { seed: Some(seed.to_owned()), ..options }).await
}

/// The organisations of the reservations `0` to `count`; `None` where one is missing.
async fn organisations(system: &System, count: usize) -> Vec<Option<String>> {
    let mut found = Vec::new();
    for n in 0..count {
        let item = system.context().store().reservation(id(n)).await.unwrap();
        found.push(item.map(|item| item.reserved_for.unwrap()));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_exist_are_skipped_and_all_others_are_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.json");
    std::fs::write(&seed, json!({"code_reservation": rows(40, 45, "old")}).to_string()).unwrap();
    start(folder.path(), &seed).await.unwrap().stop().await;
    // Several transactions, in one of them the rows that exist, and one row twice.
    let mut all = rows(0, 230, "new");
    all.push(all[7].clone());
    std::fs::write(&seed, json!({"code_reservation": all, "unknown": [1, {"a": null}]}).to_string()).unwrap();
    let system = start(folder.path(), &seed).await.unwrap();
    for (n, organisation) in organisations(&system, 230).await.into_iter().enumerate() {
        assert_eq!(organisation.as_deref(), Some(if (40..45).contains(&n) { "old" } else { "new" }), "{n}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_last_row_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.json");
    for (last, part) in [
        (json!({"id": "no uuid"}).to_string(), "UUID"),
        (json!({"id": id(0), "status": "lost"}).to_string(), "lost"),
        ("{".to_owned(), "line 1"),
    ] {
        let good = json!(rows(0, 60, "new")).to_string();
        let text = format!("{{\"code_reservation\": {}, {last}]}}", good.strip_suffix(']').unwrap());
        std::fs::write(&seed, text).unwrap();
        let error = start(folder.path(), &seed).await.err().unwrap().to_string();
        assert!(error.contains("seed.json") && error.contains(part), "{error}");
    }
    for (text, part) in [
        ("[]", "an object with a list of rows for each collection"),
        ("{\"code_reservation\": 1}", "a list of reservations"),
        ("{} {}", "trailing"),
        ("{\"code_reservation\": [], \"code_reservation\": []}", "`code_reservation` appears twice"),
    ] {
        std::fs::write(&seed, text).unwrap();
        let error = start(folder.path(), &seed).await.err().unwrap().to_string();
        assert!(error.contains(part), "{error}");
    }
    std::fs::write(&seed, "{}").unwrap();
    let system = start(folder.path(), &seed).await.unwrap();
    assert!(organisations(&system, 60).await.iter().all(Option::is_none));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_belongs_to_the_organisation_of_the_first_reservation_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.json");
    let files = ["5eed0000-0000-4000-8000-000000000001", "5eed0000-0000-4000-8000-000000000002"];
    let file =
        |id: &str| json!({"id": id, "filename_download": "a.csv", "type": "text/csv", "content": "position\n1\n"});
    let names = |n: usize, organisation: Option<&str>, file: &str| json!({"id": id(n), "reserved_for": organisation, "status": "complete", "export_file": file});
    let reservations =
        [names(0, Some("first"), files[0]), names(1, Some("second"), files[0]), names(2, None, files[1])];
    let text = json!({"directus_files": files.map(file), "code_reservation": reservations}).to_string();
    std::fs::write(&seed, text).unwrap();
    let system = start(folder.path(), &seed).await.unwrap();
    for (id, organisation) in files.into_iter().zip([Some("first"), None]) {
        let row = system.context().store().file(id).await.unwrap().unwrap();
        assert_eq!(row.organisation.as_deref(), organisation);
    }
    system.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_seed_may_be_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&seed).status().unwrap().success());
    let (text, pipe) = (json!({"code_reservation": rows(0, 3, "new")}).to_string(), seed.clone());
    let writing = std::thread::spawn(move || std::fs::write(pipe, text));
    let system = start(folder.path(), &seed).await.unwrap();
    writing.join().unwrap().unwrap();
    assert!(organisations(&system, 3).await.iter().all(Option::is_some));
    system.stop().await;
}
