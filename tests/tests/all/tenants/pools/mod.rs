//! Organisations that share one deployment: what one learns of another, and how much one may take.

mod character_sets;
mod open_limit;
mod prefixes;
mod quotas;
mod shared_pools;

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    api::{Api, id, with},
    harness::{Running, Setup},
    stream::deliver,
};

/// Two organisations with a company prefix each, and one without.
pub(crate) const A: &str = "/417/9312345000012";
pub(crate) const B: &str = "/417/5555999200016";
pub(crate) const C: &str = "/417/4000001000005";

/// Products of A and of B. The indicator digit is not part of the prefix.
pub(crate) const OF_A: &str = "/01/19312345000019";
pub(crate) const OF_B: &str = "/01/05555999000012";

/// A system whose stream only the test delivers, with an administrator of all (`local-token`), one of A alone
/// (`admin-a`), and writers.
fn tenants() -> Setup {
    let user = |name: &str, members: Value| with(&json!({ "id": Uuid::new_v4(), "token": name }), members);
    let rows = json!({
        "directus_users": [
            user("local-token", json!({ "role": "admin" })),
            user("admin-a", json!({ "role": "admin", "organisations": [A] })),
            user("writer-a", json!({ "role": "writer", "organisations": [A] })),
            user("writer-b", json!({ "role": "writer", "organisations": [B] })),
            user("writer-ab", json!({ "role": "writer", "organisations": [A, B] })),
            user("writer-c", json!({ "role": "writer", "organisations": [C] })),
        ],
        "organisation": [
            { "id": A, "organisation_company_prefix": "9312345" },
            { "id": B, "organisation_company_prefix": "5555999" },
            { "id": C },
        ],
    });
    Setup::new().paused().rows(&rows)
}

/// A reservation of sgtin codes for an organisation.
fn sgtin_of(organisation: &str, quantity: u64, members: Value) -> Value {
    let body = json!({ "reserved_for": organisation, "code_type": "sgtin", "quantity": quantity, "product": OF_A });
    with(&body, members)
}

/// Creates a reservation and lets the service work on it; gives the object afterwards.
async fn reserve(running: &Running, api: &Api, body: &Value) -> Value {
    let posted = api.post(body).await;
    deliver(running.context(), &[id(&posted)]).await;
    api.get(id(&posted)).await
}

/// The status and the message of an object.
fn end(object: &Value) -> (&str, Option<&str>) {
    (object["status"].as_str().unwrap(), object["error_message"].as_str())
}

/// Waits while a new day (UTC) is about to begin, since the counts of a day would begin anew within a test.
async fn far_from_midnight() {
    let seconds = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() % 86_400;
    while seconds() > 86_400 - 180 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
