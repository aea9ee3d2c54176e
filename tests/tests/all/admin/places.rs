//! Where `admin` works: a data directory, a running system, neither.

use std::net::TcpListener;

use serde_json::json;
use tokio::task::JoinSet;

use super::{Operated, ran};
use crate::support::{
    api::{id, sgtin},
    harness::{Setup, completed},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_in_use_is_refused_with_the_way_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let setup = || Setup::new().data_dir(folder.path()).serving_admin();
    let operated = Operated::of(setup()).await;
    let reason = ran(place, &["organisation", "add", "A"]).await.wrong_use();
    assert!(reason.contains("in use") && reason.contains("--local http://127.0.0.1:"), "{reason}");
    operated.done(&["organisation", "add", "B"]).await;
    operated.running.stop().await;

    ran(place, &["organisation", "add", "C"]).await.done();
    let operated = Operated::of(setup()).await;
    let rows = operated.json("organisations", &["organisation", "list"]).await;
    assert_eq!(rows, json!([{"id": "B"}, {"id": "C"}]));
    operated.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_none_is_told_apart_from_one_that_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    let reason = ran(nothing.to_str().unwrap(), &["user", "list"]).await.wrong_use();
    assert!(reason.contains("cargo run"), "{reason}");
    assert!(!nothing.exists(), "a directory with a wrong name is not created");
    assert!(ran("http://192.0.2.1:3000", &["user", "list"]).await.wrong_use().contains("on this machine"));

    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent = format!("http://{}", taken.local_addr().unwrap());
    let closed = { format!("http://{}", TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()) };
    for place in [&silent, &closed] {
        let begun = std::time::Instant::now();
        let ran = ran(place, &["user", "list"]).await;
        assert_eq!(ran.exit, admin::failure::Exit::NotReachable, "{ran:?}");
        assert!(begun.elapsed() < crate::support::harness::PATIENCE);
    }
    // A system that does not offer its stores.
    let running = Setup::new().start().await;
    let url = format!("http://{}", running.system.address().unwrap());
    assert_eq!(ran(&url, &["user", "list"]).await.exit, admin::failure::Exit::NotReachable);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_place_nothing_is_done_and_texts_need_none() {
    let run = async |arguments: &[&str]| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let all = ["admin"].iter().chain(arguments).copied();
        let exit = admin::run(all, &mut out, &mut err).await;
        (exit as u8, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    };
    let (exit, _, err) = run(&["user", "list"]).await;
    assert!(exit == 2 && err.contains("--stack NAME") && err.contains("--local DIR|URL"), "{err}");
    assert_eq!(run(&["user", "list", "--stack", "s", "--local", "d"]).await.0, 2);
    assert_eq!(run(&["users"]).await.0, 2);
    assert_eq!(run(&[]).await.0, 2);
    let (exit, out, _) = run(&["--help"]).await;
    assert!(exit == 0 && out.contains("organisation"));
    assert_eq!(run(&["--version"]).await.0, 0);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (exit, out, _) = run(&["completions", shell]).await;
        assert!(exit == 0 && out.contains("organisation"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(&["man", folder.path().to_str().unwrap()]).await.0, 0);
    assert!(folder.path().join("admin-token-rotate.1").exists());
    assert_eq!(run(&["man", folder.path().join("none").to_str().unwrap()]).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_clients_work_at_the_same_time() {
    let operated = Operated::start().await;
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let api = operated.running.api.clone();
        clients.spawn(async move {
            for _ in 0..5 {
                let made = api.post(&sgtin(50)).await;
                completed(&api, id(&made)).await;
            }
        });
    }
    for at in 0..10 {
        let organisation = format!("ORG-{at}");
        operated.done(&["organisation", "add", &organisation]).await;
        operated.done(&["user", "add", "--role", "reader", "--organisation", &organisation]).await;
    }
    clients.join_all().await;
    let users = operated.json("users", &["user", "list"]).await;
    assert_eq!(users.as_array().unwrap().len(), 11);
}
