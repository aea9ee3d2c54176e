//! The list reads every index that its filters need, of tables of every stage. The recorded calls of this test are what
//! the function needs rights for.

use super::{Browser, FORM, WRITER, people};
use crate::support::api::{RESERVATIONS, id, sgtin, with};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_found_by_every_filter_in_tables_of_every_stage() {
    for stage in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] {
        let running = people().paused().parameter("IndexStage", stage).start().await;
        let api = running.api.with_token(Some(WRITER));
        let created = api.post(&with(&sgtin(5), serde_json::json!({ "reference_id": "PO-1" }))).await;
        let writer = Browser::signed_in(&running, WRITER).await;
        let admin = Browser::signed_in(&running, super::ADMIN).await;
        for browser in [&writer, &admin] {
            for filter in [
                "",
                "status=new",
                "reserved_for=%2F417%2F9312345000012",
                "reserved_for=%2F417%2F9312345000012&status=new",
                "product=%2F01%2F19361758000003",
                "product=%2F01%2F19361758000003&status=new",
                "reference_id=PO-1",
                "reference_id=PO-1&status=new",
                "q=PO-1",
                "q=PO-1&status=new&reserved_for=%2F417%2F9312345000012&product=%2F01%2F19361758000003&reference_id=PO-1",
            ] {
                let page = browser.get(&format!("/console/reservations?{filter}")).await;
                page.shows(&format!("href=\"/console/reservations/{}\"", id(&created)));
            }
        }
        // The limit of open reservations is counted in an index, too.
        assert_eq!(writer.post("/console/reserve", &FORM).await.status, 303);
        assert_eq!(api.send("GET", RESERVATIONS).await.data().as_array().unwrap().len(), 2);
        running.stop().await;
    }
}
