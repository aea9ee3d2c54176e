//! Requests that arrive at the same time: creates with one id or one Idempotency-Key make one row, no update of a
//! reservation is lost, and in a burst that exhausts a pool those that fit complete (RSV-1, RSV-3).

use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    api::{Api, RESERVATIONS, id, sgtin, with},
    harness::{Running, Setup, ended},
    invariants::{assert_settled, items},
};

const AT_ONCE: usize = 24;

async fn rows(running: &Running) -> Vec<Value> {
    items(running.context(), &running.context().config().tables.reservations).await
}

#[tokio::test(flavor = "multi_thread")]
async fn creates_with_one_id_at_once_make_one_row() {
    let running = Running::in_memory().await;
    let own = Uuid::new_v4();
    let body = |number: usize| with(&sgtin(10), json!({ "id": own, "reference_id": format!("client {number}") }));
    let bodies: Vec<Value> = (0..AT_ONCE).map(body).collect();
    let replies = join_all(bodies.iter().map(|body| running.api.send_json("POST", RESERVATIONS, body))).await;
    let (made, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!(made.len(), 1);
    assert!(refused.iter().all(|reply| (reply.status, &*reply.code()) == (400, "RECORD_NOT_UNIQUE")), "{refused:?}");
    let done = ended(&running.api, &own.to_string()).await;
    assert_eq!(done["reference_id"], made[0].data()["reference_id"], "the row is that of the client that was told so");
    assert_eq!(assert_settled(running.context()).await.state.ranges.len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn creates_with_one_key_at_once_make_one_row_and_get_one_answer() {
    let running = Running::in_memory().await;
    let send =
        || Api::try_send(running.api.request("POST", RESERVATIONS).json(&sgtin(10)).header("Idempotency-Key", "k"));
    let replies = join_all((0..AT_ONCE).map(|_| send())).await;
    let answers: Vec<Value> = replies.into_iter().map(|reply| reply.unwrap().data()).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    ended(&running.api, id(&answers[0])).await;
    let stored = assert_settled(running.context()).await;
    assert_eq!((stored.state.reservations.len(), stored.state.ranges.len()), (1, 1));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_update_that_is_answered_is_one_write_of_the_reservation() {
    let running = Running::paused().await;
    let posted = running.api.post(&sgtin(10)).await;
    let path = format!("{RESERVATIONS}/{}", id(&posted));
    let before = rows(&running).await[0]["version"].as_u64().unwrap();
    let members = ["reference_id", "purchase_order", "url_suffix", "error_message"];
    let patches: Vec<Value> =
        (0..AT_ONCE).map(|number| json!({ members[number % members.len()]: format!("?n={number}") })).collect();
    let replies = join_all(patches.iter().map(|patch| running.api.send_json("PATCH", &path, patch))).await;
    let written = replies.iter().filter(|reply| reply.status == 200).count();
    assert!(written >= members.len(), "{replies:?}");
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 503)), "{replies:?}");
    let item = rows(&running).await.remove(0);
    assert_eq!(item["version"].as_u64().unwrap(), before + written as u64);
    // What the answers say is one history: each shows the writes of those before it.
    let mut shown: Vec<Value> = replies.iter().filter(|reply| reply.status == 200).map(|reply| reply.data()).collect();
    shown.sort_by_key(|answer| members.iter().filter(|member| !answer[**member].is_null()).count());
    let last = shown.last().unwrap();
    assert!(members.iter().all(|member| !last[*member].is_null() && !item[*member].is_null()), "{item}");
    running.stop().await;
}

/// Two organisations that take codes from one pool of 99; its product has the company prefix of A.
const A: &str = "/417/9312345000012";
const B: &str = "/417/5555999200016";

#[tokio::test(flavor = "multi_thread")]
async fn in_a_burst_that_exhausts_a_pool_those_that_fit_complete_and_the_others_learn_no_more_than_they_may() {
    let rows = json!({
        "directus_users": [{ "id": Uuid::new_v4(), "role": "admin", "token": "local-token" }],
        "organisation": [
            { "id": A, "organisation_company_prefix": "9312345" },
            { "id": B, "organisation_company_prefix": "5555999" },
        ],
    });
    let running = Setup::new().rows(&rows).start().await;
    let body = |number: usize| {
        let organisation = if number.is_multiple_of(4) { B } else { A };
        json!({ "reserved_for": organisation, "code_type": "sgtin", "quantity": 20, "product": "/01/19312345000019",
            "character_set": "numeric", "length": 6 })
    };
    let bodies: Vec<Value> = (0..AT_ONCE).map(body).collect();
    let posted = join_all(bodies.iter().map(|body| running.api.post(body))).await;
    let ends = join_all(posted.iter().map(|one| ended(&running.api, id(one)))).await;
    let (complete, refused): (Vec<&Value>, Vec<&Value>) = ends.iter().partition(|end| end["status"] == "complete");
    assert_eq!(complete.len(), 4, "four times 20 of 99 codes: {ends:?}");
    // The words for everybody, which do not tell whether anyone has codes of the pool.
    let others =
        "Not enough codes are left for sgtin of 19312345000019 with length 6, 20 asked for; length 7 would do.";
    // The words for the only organisation of the pool.
    let owner = "Only 19 codes are left for sgtin of 19312345000019 with length 6 (numeric), 20 asked for; \
                 length 7 would do.";
    for end in refused {
        let message = end["error_message"].as_str().unwrap();
        assert!(message == others || (end["reserved_for"] == A && message == owner), "{end}");
    }
    let stored = assert_settled(running.context()).await;
    assert_eq!((stored.state.pools[0].next, stored.state.ranges.len()), (80, 4));
    running.stop().await;
}
