//! Who may name the character set of a namespace, which its first reservation fixes for everybody.

use serde_json::{Value, json};

use super::{A, B, C, OF_A, OF_B, end, reserve, sgtin_of, tenants};
use crate::{
    rest::refusals::failed,
    support::{
        api::{RESERVATIONS, id, with},
        invariants::everything,
    },
};

fn refusal() -> Value {
    let reason = "Value has to be null, because the key does not begin with the GS1 Company Prefix of one of your \
                  organisations.";
    json!({ "errors": [failed("character_set", "null", None, reason)] })
}

/// Whose key a body is about: members, and the writers who may name a character set for it.
fn cases() -> Vec<(Value, &'static [&'static str])> {
    let of_a: &[_] = &["writer-a", "admin-a", "writer-ab"];
    let of_b: &[_] = &["writer-b", "writer-ab"];
    let of_all: &[_] = &["writer-a", "admin-a", "writer-ab", "writer-b", "writer-c"];
    vec![
        (json!({ "product": OF_A }), of_a),
        (json!({ "product": OF_B }), of_b),
        // The digits of A's prefix elsewhere: with the indicator digit, one place further, not at the start.
        (json!({ "product": "/01/93123450000014" }), &[]),
        (json!({ "product": "/01/00931234500017" }), &[]),
        (json!({ "product": "/01/19361758000003" }), &[]),
        (json!({ "code_type": "itip", "product": "/8006/193123450000190102" }), of_a),
        (json!({ "code_type": "grai", "product": "/8003/09312345000012" }), of_a),
        (json!({ "code_type": "gdti", "product": "/253/5555999000012" }), of_b),
        (json!({ "code_type": "gdti", "product": "/253/1931234500001" }), &[]),
        (json!({ "code_type": "sgcn", "product": "/255/9312345000012" }), of_a),
        (json!({ "code_type": "cpi", "product": "/8010/9312345-A1" }), of_a),
        (json!({ "code_type": "cpi", "product": "/8010/4000001-A1" }), &[]),
        // Keys of the whole deployment, and keys that are built from the prefix of the reservation's organisation.
        (json!({ "code_type": "short_code", "product": null }), &[]),
        (json!({ "code_type": "giai", "product": null }), of_all),
        (json!({ "code_type": "sscc", "product": null }), of_all),
    ]
}

/// An organisation that the user may use.
fn organisation(user: &str) -> &'static str {
    match user {
        "writer-b" => B,
        "writer-c" => C,
        _ => A,
    }
}

/// The same for a row of an array.
fn refusal_of_row(row: usize) -> Value {
    let mut refusal = refusal();
    refusal["errors"][0]["extensions"]["index"] = json!(row);
    refusal
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_with_limited_organisations_names_a_character_set_for_their_own_keys_only() {
    let running = tenants().start().await;
    for (members, allowed) in cases() {
        // `local-token` is the administrator of all.
        for user in ["writer-a", "admin-a", "writer-ab", "writer-b", "writer-c", "local-token"] {
            let api = running.api.with_token(Some(user));
            let body = with(&sgtin_of(organisation(user), 5, json!({ "character_set": "numeric" })), members.clone());
            let may = user == "local-token" || allowed.contains(&user);
            let before = everything(running.context()).await;
            let reply = api.send_json("POST", RESERVATIONS, &body).await;
            assert_eq!(reply.status, if may { 200 } else { 400 }, "{user} {body}: {}", reply.text);
            if !may {
                assert_eq!(reply.json(), refusal());
                assert_eq!(everything(running.context()).await, before, "{user} {body} wrote something");
                // One row that must not name a set refuses the batch.
                let without = with(&body, json!({ "character_set": null }));
                let reply = api.send_json("POST", RESERVATIONS, &json!([without, body])).await;
                assert_eq!(reply.json(), refusal_of_row(1));
                assert_eq!(everything(running.context()).await, before, "{user} {body} wrote something");
            }
            // Without a set everybody may.
            let without = with(&body, json!({ "character_set": null }));
            let object = api.post(&without).await;

            // The same rule for a change.
            let change = json!({ "character_set": "numeric" });
            let reply = api.send_json("PATCH", &format!("{RESERVATIONS}/{}", id(&object)), &change).await;
            assert_eq!(reply.status, if may { 200 } else { 400 }, "{user} {body}: {}", reply.text);
            if !may {
                assert_eq!(reply.json(), refusal());
            }
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_character_set_does_not_move_to_a_key_or_length_of_others() {
    let running = tenants().start().await;
    let writer = running.api.with_token(Some("writer-a"));
    let row = |object: &Value| format!("{RESERVATIONS}/{}", id(object));
    let own = writer.post(&sgtin_of(A, 5, json!({ "character_set": "numeric" }))).await;
    for change in [
        json!({ "product": OF_B }),
        json!({ "code_type": "short_code" }),
        json!({ "product": OF_B, "character_set": "numeric" }),
        json!({ "product": OF_B, "character_set": "hex" }),
    ] {
        let before = everything(running.context()).await;
        let replies = [
            (writer.send_json("PATCH", &row(&own), &change).await, refusal()),
            (writer.send_json("PATCH", RESERVATIONS, &json!({ "keys": [id(&own)], "data": change })).await, refusal()),
            (
                writer.send_json("PATCH", RESERVATIONS, &json!([with(&change, json!({ "id": id(&own) }))])).await,
                refusal_of_row(0),
            ),
        ];
        for (reply, expected) in replies {
            assert_eq!((reply.status, reply.json()), (400, expected), "{change}");
        }
        assert_eq!(everything(running.context()).await, before, "{change} wrote something");
    }
    // In two steps of one request.
    let steps =
        json!([{ "id": id(&own), "product": OF_B, "character_set": null }, { "id": id(&own), "character_set": "hex" }]);
    assert_eq!(writer.send_json("PATCH", RESERVATIONS, &steps).await.json(), refusal_of_row(1));
    assert_eq!(
        writer.send_json("PATCH", &row(&own), &json!({ "product": OF_B, "character_set": null })).await.status,
        200
    );

    // What an administrator named for the organisation stays, and no other length is reached with it.
    let given = running.api.post(&sgtin_of(A, 5, json!({ "product": OF_B, "character_set": "numeric" }))).await;
    for change in [
        json!({ "reference_id": "note" }),
        json!({ "quantity": 6 }),
        json!({ "status": "error" }),
        json!({ "status": "new" }),
        json!({ "character_set": "numeric" }),
    ] {
        assert_eq!(writer.send_json("PATCH", &row(&given), &change).await.status, 200, "{change}");
    }
    for change in [json!({ "length": 9 }), json!({ "length": 9, "status": "new" }), json!({ "character_set": "hex" })] {
        assert_eq!(writer.send_json("PATCH", &row(&given), &change).await.json(), refusal(), "{change}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rule_tells_nothing_about_pools() {
    let running = tenants().start().await;
    let strangers = running.api.with_token(Some("writer-b"));
    let asked = sgtin_of(B, 5, json!({ "character_set": "hex" }));
    let before = strangers.send_json("POST", RESERVATIONS, &asked).await.text;
    // A pool of A with another set, and one with that set.
    for set in ["numeric", "hex"] {
        let body = sgtin_of(A, 5, json!({ "character_set": set, "length": 8 }));
        reserve(&running, &running.api, &body).await;
        assert_eq!(strangers.send_json("POST", RESERVATIONS, &asked).await.text, before);
    }
    // GraphQL answers the same.
    let document = format!(
        "mutation {{ create_code_reservation_item(data: {{reserved_for: \"{B}\", code_type: \"sgtin\", quantity: 5, \
         product: \"{OF_A}\", character_set: \"hex\"}}) {{ id }} }}"
    );
    let reply = strangers.send_json("POST", "/graphql", &json!({ "query": document })).await;
    assert_eq!(reply.json()["errors"][0]["extensions"]["field"], "character_set", "{}", reply.text);
    // And a reservation without a set gets codes of the pool.
    let object = reserve(&running, &strangers, &sgtin_of(B, 5, json!({}))).await;
    assert_eq!(end(&object), ("complete", None));
    running.stop().await;
}
