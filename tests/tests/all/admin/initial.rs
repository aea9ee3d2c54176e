//! `admin init`.

use futures::future::join_all;

use super::{Operated, Ran, ran};
use crate::support::api::Api;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_gets_a_token_that_works_and_no_second_one_is_made() {
    let operated = Operated::start().await;
    let made = operated.json("new_token", &["init", "--email", "ops@example.com", "--label", "first"]).await;
    let token = made["token"].as_str().unwrap();
    let me = operated.running.get("/users/me?fields=email,status", token).await.data();
    assert_eq!(me["email"], "ops@example.com");
    let organisations = operated.running.get("/items/organisation", token).await;
    assert_eq!(organisations.status, 200, "an administrator of all organisations");

    let reason = operated.ran(&["init"]).await.refused();
    assert!(reason.contains(made["user"].as_str().unwrap()) && !reason.contains(token), "{reason}");
    let audits = operated.done(&["audit", "--action", "init"]).await;
    assert!(audits.contains("ops@example.com") && !audits.contains(token), "{audits}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_at_the_same_time_one_creates_the_first_administrator() {
    let operated = Operated::start().await;
    let runs = join_all((0..6).map(|_| operated.ran(&["init"]))).await;
    let (done, refused): (Vec<Ran>, Vec<Ran>) = runs.into_iter().partition(|ran| !ran.out.is_empty());
    assert_eq!((done.len(), refused.len()), (1, 5), "{done:?} {refused:?}");
    assert!(refused.into_iter().all(|ran| ran.refused().contains("was initialised")));
    let users = operated.json("users", &["user", "list"]).await;
    // The other one is that of the running system.
    assert_eq!(users.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_and_an_address_that_cannot_be_used_change_nothing() {
    let operated = Operated::start().await;
    operated.ran(&["init", "--email", "nobody"]).await.refused();
    operated.ran(&["init", "--expires", "2020-01-01"]).await.refused();
    operated.ran(&["init", "--expires", "soon"]).await.wrong_use();
    operated.done(&["init", "--expires", "1d"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_is_initialised_before_and_used_after() {
    let folder = tempfile::tempdir().unwrap();
    let setup = || crate::support::harness::Setup::new().data_dir(folder.path());
    setup().start().await.stop().await;
    let place = folder.path().to_str().unwrap();
    let made: serde_json::Value = serde_json::from_str(&ran(place, &["init", "--json"]).await.done()).unwrap();
    let running = setup().start().await;
    let api = Api::new(&format!("http://{}", running.system.address().unwrap()), made["token"].as_str().unwrap());
    assert_eq!(api.send("GET", "/users/me").await.status, 200);
}
