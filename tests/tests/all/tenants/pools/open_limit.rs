//! `MaxOpenReservations`: how many reservations an organisation may have open.

use common::config::LAST_INDEX_STAGE;
use lambda_runtime::{Context as LambdaContext, LambdaEvent};
use local::functions;
use serde_json::{Value, json};

use super::{A, B, sgtin_of, tenants};
use crate::{
    rest::refusals::payload,
    support::{
        api::{Api, RESERVATIONS, Reply, id},
        faults::{Fault, Network},
        harness::Running,
        invariants::{everything, stored},
        repository::event_file,
        stream::deliver,
    },
};

/// A system with a limit of three.
async fn three() -> Running {
    three_with(LAST_INDEX_STAGE).await
}

/// The same with the indexes of a stage.
async fn three_with(index_stage: u32) -> Running {
    tenants().parameter("MaxOpenReservations", 3).parameter("IndexStage", index_stage).start().await
}

fn refused(reply: &Reply, organisation: &str) {
    let reason = format!(
        "Organisation \"{organisation}\" would have more than 3 open reservations; try again when some are complete"
    );
    assert_eq!((reply.status, reply.json()), (400, json!({ "errors": [payload(&reason)] })));
}

fn batch(organisation: &str, rows: usize) -> Value {
    json!(vec![sgtin_of(organisation, 1, json!({})); rows])
}

async fn patch(api: &Api, object: &Value, change: Value) -> Reply {
    api.send_json("PATCH", &format!("{RESERVATIONS}/{}", id(object)), &change).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_has_no_more_open_reservations_than_allowed() {
    // In tables of all ages: those before the index by status have another index of open rows.
    for stage in [0, LAST_INDEX_STAGE] {
        no_more_than_allowed(three_with(stage).await).await;
    }
}

async fn no_more_than_allowed(running: Running) {
    let writer = running.api.with_token(Some("writer-a"));
    // A batch counts all its rows.
    let before = everything(running.context()).await;
    refused(&writer.send_json("POST", RESERVATIONS, &batch(A, 4)).await, A);
    assert_eq!(everything(running.context()).await, before);
    let posted = writer.post(&batch(A, 2)).await;
    refused(&writer.send_json("POST", RESERVATIONS, &batch(A, 2)).await, A);
    let key = |api: &Api| api.request("POST", RESERVATIONS).header("Idempotency-Key", "one").json(&batch(A, 1));
    let first = Api::try_send(key(&writer)).await.unwrap();
    assert_eq!(first.status, 200);
    for user in ["writer-a", "admin-a", "writer-ab"] {
        refused(&running.api.with_token(Some(user)).send_json("POST", RESERVATIONS, &batch(A, 1)).await, A);
    }
    // A replay creates nothing, so it is answered.
    assert_eq!(Api::try_send(key(&writer)).await.unwrap().text, first.text);
    let document = format!(
        "mutation {{ create_code_reservation_item(data: {{reserved_for: \"{A}\", code_type: \"short_code\", \
         quantity: 5}}) {{ id }} }}"
    );
    let reply = writer.send_json("POST", "/graphql", &json!({ "query": document })).await;
    assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "INVALID_PAYLOAD", "{}", reply.text);

    // Other organisations have their own count, and an administrator of all has no limit.
    let both = running.api.with_token(Some("writer-ab"));
    refused(
        &both.send_json("POST", RESERVATIONS, &json!([sgtin_of(B, 1, json!({})), sgtin_of(A, 1, json!({}))])).await,
        A,
    );
    assert_eq!(both.send_json("POST", RESERVATIONS, &batch(B, 3)).await.status, 200);
    assert_eq!(running.api.send_json("POST", RESERVATIONS, &batch(A, 10)).await.status, 200);
    refused(&writer.send_json("POST", RESERVATIONS, &batch(A, 1)).await, A);
    // Nothing else is refused.
    assert_eq!(patch(&writer, &posted[0], json!({ "reference_id": "note" })).await.status, 200);
    assert_eq!(writer.send_json("POST", RESERVATIONS, &json!([])).await.status, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_is_not_counted_and_what_is_opened_again_is() {
    // In tables of all ages: those before the index by status have another index of open rows.
    for stage in [0, LAST_INDEX_STAGE] {
        ended_and_opened_again(three_with(stage).await).await;
    }
}

async fn ended_and_opened_again(running: Running) {
    let writer = running.api.with_token(Some("writer-a"));
    let posted = writer.post(&batch(A, 3)).await;
    let ids: Vec<&str> = posted.as_array().unwrap().iter().map(id).collect();
    // Complete, closed by the client, deleted: each makes room for one.
    deliver(running.context(), &ids[..1]).await;
    let second = writer.post(&batch(A, 1)).await;
    assert_eq!(patch(&writer, &posted[1], json!({ "status": "complete" })).await.status, 200);
    assert_eq!(writer.send_json("POST", RESERVATIONS, &batch(A, 1)).await.status, 200);
    writer.delete(ids[2]).await;
    assert_eq!(writer.send_json("POST", RESERVATIONS, &batch(A, 1)).await.status, 200);
    refused(&writer.send_json("POST", RESERVATIONS, &batch(A, 1)).await, A);

    // A closed one that is opened again, and an export that is written again, are open.
    for closed in [&posted[0], &posted[1]] {
        refused(&patch(&writer, closed, json!({ "status": "new" })).await, A);
    }
    let change = json!({ "keys": [ids[0], ids[1]], "data": { "status": "new" } });
    refused(&writer.send_json("PATCH", RESERVATIONS, &change).await, A);
    deliver(running.context(), &[id(&second[0])]).await;
    refused(&writer.send_json("PATCH", RESERVATIONS, &change).await, A);
    assert_eq!(patch(&writer, &posted[0], json!({ "status": "new" })).await.status, 200);
    refused(&writer.send_json("POST", RESERVATIONS, &batch(A, 1)).await, A);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_reservation_does_not_move_to_an_organisation_that_is_full() {
    let running = three().await;
    let both = running.api.with_token(Some("writer-ab"));
    let of_b = both.post(&batch(B, 1)).await;
    both.post(&batch(A, 3)).await;
    refused(&patch(&both, &of_b[0], json!({ "reserved_for": A })).await, A);
    assert_eq!(patch(&both, &of_b[0], json!({ "status": "error" })).await.status, 200);
    // Closed, it may move, but not be opened there.
    assert_eq!(patch(&both, &of_b[0], json!({ "reserved_for": A })).await.status, 200);
    refused(&patch(&both, &of_b[0], json!({ "status": "new" })).await, A);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_batch_closes_or_moves_away_makes_room_for_what_it_opens() {
    let running = three().await;
    let both = running.api.with_token(Some("writer-ab"));
    let of_a = both.post(&batch(A, 3)).await;
    assert_eq!(patch(&both, &of_a[0], json!({ "status": "error" })).await.status, 200);
    let full = both.post(&batch(A, 1)).await;
    let closed = |object: &Value| json!({ "id": id(object), "status": "error" });
    let open = |object: &Value| json!({ "id": id(object), "status": "new" });
    let to = |object: &Value, organisation: &str| json!({ "id": id(object), "reserved_for": organisation });
    let batched = async |rows: Value| both.send_json("PATCH", RESERVATIONS, &rows).await;

    // One for one, in either order; also a row that is closed and opened again in one batch.
    refused(&batched(json!([open(&of_a[0])])).await, A);
    assert_eq!(batched(json!([closed(&of_a[1]), open(&of_a[0])])).await.status, 200);
    assert_eq!(batched(json!([open(&of_a[1]), closed(&of_a[0])])).await.status, 200);
    assert_eq!(batched(json!([closed(&of_a[1]), open(&of_a[1])])).await.status, 200);
    // Not two for one.
    assert_eq!(batched(json!([closed(&of_a[2])])).await.status, 200);
    assert_eq!(both.send_json("POST", RESERVATIONS, &batch(A, 1)).await.status, 200);
    refused(&batched(json!([closed(&full[0]), open(&of_a[0]), open(&of_a[2])])).await, A);
    // One that leaves makes room here, and needs room there.
    assert_eq!(batched(json!([to(&full[0], B), open(&of_a[0])])).await.status, 200);
    assert_eq!(both.send_json("POST", RESERVATIONS, &batch(B, 2)).await.status, 200);
    refused(&batched(json!([to(&of_a[0], B), open(&of_a[2])])).await, B);
    assert_eq!(batched(json!([to(&of_a[0], B), to(&full[0], A)])).await.status, 200);
    // Closing in one organisation makes no room in another.
    refused(&batched(json!([closed(&of_a[0]), open(&of_a[2])])).await, A);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_at_the_same_time_as_the_first_request_is_not_over_the_limit() {
    let running = three().await;
    let body = batch(A, 3).to_string();
    // One request is held up before it counts, and the other one creates the rows that fill the limit.
    let network = Network::failing("Query", Fault::HoldBefore);
    let worker = network.worker(&running, |_| {});
    let mut event = event_file("create-reservations/post.json").json();
    event["headers"]["authorization"] = json!("Bearer writer-a");
    event["headers"]["idempotency-key"] = json!("one");
    event["body"] = json!(body);
    let function = functions::http("create-reservations", &worker).unwrap();
    let writer = running.api.with_token(Some("writer-a"));
    let request = writer.request("POST", RESERVATIONS).header("Idempotency-Key", "one");
    let request = request.header("Content-Type", "application/json").body(body);
    let meanwhile = async {
        network.struck().await;
        let reply = Api::try_send(request).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text);
        network.release();
        reply.text
    };
    let (answer, first) = tokio::join!(function(LambdaEvent::new(event, LambdaContext::default())), meanwhile);
    let answer = answer.unwrap();
    assert_eq!((answer["statusCode"].as_u64(), answer["body"].as_str()), (Some(200), Some(&*first)));
    assert_eq!(stored(running.context()).await.state.reservations.len(), 3);
    refused(&writer.send_json("POST", RESERVATIONS, &batch(A, 1)).await, A);
    running.stop().await;
}
