//! `admin organisation`.

use futures::future::join_all;
use serde_json::json;

use super::Operated;
use crate::support::{
    api::{id, sgtin},
    harness::{Setup, completed, wait_until},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_is_added_changed_shown_and_removed() {
    let operated = Operated::start().await;
    let added = [
        "organisation",
        "add",
        "A",
        "--name",
        "Acme",
        "--prefix",
        "0614141",
        "--link-domain",
        "https://id.acme.example/",
        "--codes-per-day",
        "250000",
        "--set",
        "city=Aachen",
    ];
    let done = operated.json("organisation_change", &added).await;
    assert_eq!(done["effect"], "created");
    let row = json!({"id": "A", "organisation_name": "Acme", "organisation_company_prefix": "0614141",
        "digital_link_domain": "https://id.acme.example", "max_codes_per_day": 250_000, "city": "Aachen"});
    assert_eq!(done["organisation"], row);
    assert_eq!(operated.json("organisation", &["organisation", "show", "A"]).await, row);
    assert_eq!(operated.json("organisations", &["organisation", "list"]).await, json!([row]));

    let set = ["organisation", "set", "A", "--short-domain", "https://a.example", "--unset", "max_codes_per_day"];
    let done = operated.json("organisation_change", &set).await;
    assert_eq!(
        (&done["effect"], &done["organisation"]["short_code_domain"]),
        (&json!("changed"), &json!("https://a.example"))
    );
    assert!(done["organisation"].get("max_codes_per_day").is_none());
    assert_eq!(operated.json("organisation_change", &set).await["effect"], "unchanged");

    operated.ran(&["organisation", "remove", "A"]).await.wrong_use();
    let done = operated.json("organisation_change", &["organisation", "remove", "A", "--yes"]).await;
    assert_eq!(done, json!({"effect": "removed"}));
    assert_eq!(operated.done(&["organisation", "list"]).await, "There are no organisations.\n");
    for gone in [
        &["organisation", "show", "A"][..],
        &["organisation", "set", "A", "--name", "B"],
        &["organisation", "remove", "A", "--yes"],
    ] {
        assert_eq!(operated.ran(gone).await.refused(), "admin: There is no organisation A.\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_names_the_member_and_changes_nothing() {
    let operated = Operated::start().await;
    operated.done(&["organisation", "add", "A"]).await;
    for (arguments, member) in [
        (&["--prefix", "061"][..], "organisation_company_prefix"),
        (&["--prefix", "06141x1"], "organisation_company_prefix"),
        (&["--link-domain", "id.example.com"], "digital_link_domain"),
        (&["--short-domain", "https://go.example.com/gtin"], "short_code_domain"),
        (&["--name", ""], "organisation_name"),
        (&["--codes-per-day", "9999999999999"], "max_codes_per_day"),
        (&["--set", "kind=user"], "kind"),
    ] {
        for command in [&["organisation", "set", "A"][..], &["organisation", "add", "B"]] {
            let all: Vec<_> = command.iter().chain(arguments).copied().collect();
            let reason = operated.ran(&all).await.refused();
            assert!(reason.contains(member), "{reason}");
        }
    }
    for wrong in
        [&["--codes-per-day", "-1"][..], &["--set", "city"], &["--set", "organisation_name=x"], &["--what"], &[]]
    {
        let all: Vec<_> = ["organisation", "set", "A"].iter().chain(wrong).copied().collect();
        operated.ran(&all).await.wrong_use();
    }
    operated.ran(&["organisation", "add", "*"]).await.refused();
    assert!(operated.ran(&["organisation", "add", "A"]).await.refused().contains("already"));
    assert_eq!(operated.json("organisations", &["organisation", "list"]).await, json!([{"id": "A"}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn company_prefixes_that_nest_are_refused_and_equal_ones_are_shared() {
    let operated = Operated::start().await;
    operated.done(&["organisation", "add", "A", "--prefix", "0614141"]).await;
    for nested in ["061414", "0614", "06141410", "061414112345"] {
        let reason = operated.ran(&["organisation", "add", "B", "--prefix", nested]).await.refused();
        assert!(reason.contains("0614141 of A") && reason.contains(nested), "{reason}");
    }
    operated.done(&["organisation", "add", "B", "--prefix", "0614141"]).await;
    operated.done(&["organisation", "add", "C", "--prefix", "0614142"]).await;
    operated.ran(&["organisation", "set", "C", "--prefix", "06141412"]).await.refused();
    // Its own prefix does not conflict with the one that replaces it; that of B does.
    operated.done(&["organisation", "set", "C", "--prefix", "06141422"]).await;
    operated.ran(&["organisation", "set", "A", "--prefix", "061414"]).await.refused();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nested_prefixes_that_are_added_at_once_one_is_written() {
    let operated = Operated::start().await;
    let adds = (0..8).map(|at| {
        let (id, prefix) = (format!("ORG-{at}"), "06141419"[..4 + at % 5].to_owned());
        let operated = &operated;
        async move { operated.ran(&["organisation", "add", &id, "--prefix", &prefix]).await }
    });
    let runs = join_all(adds).await;
    let rows = operated.json("organisations", &["organisation", "list"]).await;
    let prefixes: std::collections::BTreeSet<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["organisation_company_prefix"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(prefixes.len(), 1, "{rows:#} {runs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_is_in_use_stays() {
    let operated = Operated::of(Setup::new().paused().serving_admin()).await;
    operated.done(&["organisation", "add", "/417/9312345000012"]).await;
    let made = operated.running.api.post(&sgtin(10)).await;
    let remove = ["organisation", "remove", "/417/9312345000012", "--yes"];
    // The index over open reservations lags behind.
    wait_until("the reservation counts", || async {
        let ran = operated.ran(&["organisation", "remove", "/417/9312345000012", "--yes"]).await;
        ran.err.contains("open reservations").then_some(())
    })
    .await;
    operated.running.api.delete(id(&made)).await;
    let user = ["user", "add", "--role", "reader", "--organisation", "/417/9312345000012", "--email", "r@example.com"];
    operated.done(&user).await;
    assert!(operated.ran(&remove).await.refused().contains("may sign in"));
    operated.done(&["user", "disable", "r@example.com"]).await;
    operated.done(&remove).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_applies_to_the_next_reservation_of_a_running_system() {
    let operated = Operated::start().await;
    let organisation = "/417/9312345000012";
    let add = [
        "organisation",
        "add",
        organisation,
        "--link-domain",
        "https://long.example",
        "--short-domain",
        "https://s.example",
    ];
    operated.done(&add).await;
    let made = operated
        .running
        .api
        .post(&json!({"reserved_for": organisation, "code_type": "short_code", "quantity": 2,
        "export_type": "csv"}))
        .await;
    let ended = completed(&operated.running.api, id(&made)).await;
    let file = operated.running.api.download(ended["export_file"].as_str().unwrap()).await;
    let text = String::from_utf8(file).unwrap();
    assert!(text.contains("https://s.example/") && !text.contains("https://long.example/"), "{text}");
}
