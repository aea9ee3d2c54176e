//! After a restore, files of profiles tell where their codes lie, whatever they look like.

use serde_json::json;

use super::{
    admin, body, operated, reserve,
    restore::{copy, put_back},
};
use crate::admin::valid;
use crate::support::{
    api::with,
    profiles::{add, lines},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_is_moved_past_the_codes_of_files_of_profiles() {
    let running = operated().paused().start().await;
    let context = running.context();
    // Nothing of these files could be read back.
    add(context, None, &lines("bare", "{check_digit}")).await;
    add(context, None, &lines("hidden", "x{position}{check_digit}y")).await;
    reserve(&running, &body("sscc", 10, "csv")).await;
    let earlier = copy(context).await;
    let at = chrono::Utc::now().to_rfc3339();
    for (export_type, quantity) in [("bare", 20), ("hidden.gz", 30), ("zpl", 40)] {
        reserve(&running, &with(&body("sscc", quantity, "csv"), json!({ "export_type": export_type }))).await;
    }
    put_back(context, &earlier).await;
    let ran = admin(&running, &["restore-check", "--at", &at, "--yes", "--json"]).await;
    let report = valid("restore_check", &ran.done());
    assert_eq!(report["unclear"], json!([]));
    assert_eq!(report["written"][0]["to"], json!(100));
    running.stop().await;
}
