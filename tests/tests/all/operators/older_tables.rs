//! Commands on tables of an older stage, which have other indexes.

use admin::failure::Exit;

use super::{admin, body, operated};
use crate::support::api::id;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_is_found_over_the_indexes_of_older_tables() {
    // At stage 0 there is no index by status.
    let running = operated().paused().parameter("IndexStage", 0).start().await;
    let open = running.api.post(&body("sscc", 5, "csv")).await;
    let stuck = admin(&running, &["reservation", "stuck", "--minutes", "0", "--json"]).await;
    assert!(stuck.out.contains(id(&open)), "{stuck:?}");
    let kept = admin(&running, &["organisation", "remove", super::ORGANISATION, "--yes"]).await;
    assert_eq!((kept.exit, kept.err.contains("open reservations")), (Exit::Refused, true), "{kept:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_in_use_stays_over_the_api_too() {
    let running = operated().paused().parameter("IndexStage", 0).start().await;
    running.api.post(&body("sscc", 5, "csv")).await;
    let path = format!("/items/organisation/{}", crate::support::api::encoded(&super::ORGANISATION.into()));
    let kept = running.api.send("DELETE", &path).await;
    assert_eq!((kept.status, kept.code().as_str()), (422, "UNPROCESSABLE_CONTENT"), "{}", kept.text);
    running.stop().await;
}
