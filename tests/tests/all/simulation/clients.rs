//! The clients of a run, and what they may expect of each reservation: what was accepted is not lost, and what was deleted
//! does not come back.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use common::context::Context;
use lambda_runtime::LambdaEvent;
use local::{functions, invocation::Invoked};
use rand::{Rng, RngExt, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    plan::About,
    world::{Ended, World},
};
use crate::support::{
    api::{RESERVATIONS, sgtin, with},
    harness::TOKEN,
};

/// The time limit of a function behind the gateway.
const LIMIT: Duration = Duration::from_secs(29);
/// How often a client sends a request that had no answer, or a 503.
const TRIES: usize = 3;
const FORMATS: [&str; 8] = ["csv", "csv", "csv", "json", "txt", "xml", "ndjson", "csv.gz"];

/// What a client knows about the existence of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exists {
    Yes,
    No,
    Unknown,
}

/// A reservation that a client asked for.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// `None` if its answer never came.
    pub(super) id: Option<Uuid>,
    pub(super) exists: Exists,
    /// The values that its `reference_id` may have.
    pub(super) references: BTreeSet<String>,
    /// The `reference_id` of creations that had no answer and may still be made, perhaps after a deletion.
    pub(super) late: BTreeSet<String>,
}

/// A client: sends its requests one after the other.
pub(super) struct Client {
    world: Arc<World>,
    random: StdRng,
    number: u64,
    api: Option<Arc<Context>>,
    requests: u64,
    orders: Vec<Order>,
    breaches: Vec<String>,
}

/// What became of a request.
struct Reply {
    /// Status and body of the last answer, unless that is a 5xx.
    answer: Option<(u64, Value)>,
    /// Whether an earlier try may have been done, or may still be.
    is_uncertain: bool,
}

impl Client {
    pub(super) fn new(world: &Arc<World>, number: u64) -> Self {
        let random = world.plan.random(About::Client, number);
        let world = Arc::clone(world);
        Self { world, random, number, api: None, requests: 0, orders: Vec::new(), breaches: Vec::new() }
    }

    /// Makes so many reservations, and changes them. Gives what it knows of them, and what it found wrong.
    pub(super) async fn run(mut self, orders: usize) -> (Vec<Order>, Vec<String>) {
        while self.orders.len() < orders {
            self.create().await;
            self.rest().await;
            for _ in 0..self.random.random_range(0..3) {
                self.change_one().await;
                self.rest().await;
            }
        }
        (self.orders, self.breaches)
    }

    /// Usually a second, sometimes many minutes.
    async fn rest(&mut self) {
        let most = *[100, 1_000, 1_000, 10_000, 1_200_000].choose(&mut self.random).unwrap();
        let time = Duration::from_millis(self.random.random_range(0..most));
        self.world.sleep(time).await;
    }

    fn wrong(&mut self, what: &str, order: &Order, reply: &Reply) {
        let (id, exists) = (order.id, order.exists);
        self.breaches.push(format!("client: {what}, reservation {id:?} ({exists:?}): {:?}", reply.answer));
    }

    async fn create(&mut self) {
        let key = self.random.random_ratio(1, 3).then(|| format!("client {} order {}", self.number, self.orders.len()));
        let mut body = self.body();
        let id = key.is_none().then(|| Uuid::from_u64_pair(self.random.next_u64(), self.random.next_u64()));
        if let Some(id) = id {
            body["id"] = json!(id);
        }
        let reference = body["reference_id"].as_str().unwrap().to_owned();
        let references = BTreeSet::from([reference]);
        let mut order = Order { id, exists: Exists::Unknown, references, late: BTreeSet::new() };
        let reply = self.send("create-reservations", "POST", None, &body, key.as_deref()).await;
        self.created(&mut order, &reply, key.is_some());
        self.orders.push(order);
    }

    /// What the answer of a creation tells.
    fn created(&mut self, order: &mut Order, reply: &Reply, has_key: bool) {
        match &reply.answer {
            Some((200, body)) => {
                let id = body["data"]["id"].as_str().unwrap().parse().unwrap();
                if order.id.is_some_and(|own| own != id) {
                    self.wrong("another id", order, reply);
                }
                (order.id, order.exists) = (Some(id), Exists::Yes);
            }
            // An earlier try was done.
            Some((400, body)) if is_not_unique(body) && reply.is_uncertain => {
                order.exists = Exists::Yes;
            }
            Some(_) => self.wrong("a creation is refused", order, reply),
            None => {}
        }
        // A creation with a key is made once, whatever is sent later.
        if !has_key && reply.is_uncertain {
            order.late.extend(order.references.clone());
        }
    }

    fn body(&mut self) -> Value {
        let quantity = match self.random.random_range(0..10) {
            0..=6 => self.random.random_range(1..60),
            _ => self.random.random_range(60..400),
        };
        let members = match self.random.random_range(0..4) {
            0 | 1 => json!({}),
            2 => json!({ "product": "/01/09506000134352" }),
            // This pool has 99 codes.
            _ => json!({ "length": 6, "character_set": "numeric", "quantity": quantity.min(60) }),
        };
        let more =
            json!({ "export_type": FORMATS.choose(&mut self.random).unwrap(), "reference_id": self.reference() });
        with(&with(&sgtin(quantity), more), members)
    }

    /// A value that no other request has.
    fn reference(&self) -> String {
        format!("client {} request {}", self.number, self.requests)
    }

    async fn change_one(&mut self) {
        let known: Vec<usize> = (0..self.orders.len()).filter(|at| self.orders[*at].id.is_some()).collect();
        let Some(at) = known.choose(&mut self.random).copied() else { return };
        let mut order = self.orders[at].clone();
        let format = *FORMATS.choose(&mut self.random).unwrap();
        let reference = self.reference();
        let patch = match self.random.random_range(0..10) {
            0 => json!({ "reference_id": reference }),
            1 => json!({ "reference_id": reference, "quantity": self.random.random_range(1..60) }),
            2 => json!({ "reference_id": reference, "export_type": format }),
            3 | 4 => json!({ "reference_id": reference, "status": "new" }),
            5 => json!({ "reference_id": reference, "status": "new", "export_type": format }),
            6 => json!({ "reference_id": reference, "status": "error", "error_message": "stop" }),
            7 => json!({ "reference_id": reference, "status": "complete" }),
            8 => Value::Null,
            _ => {
                self.delete(&mut order).await;
                self.rest().await;
                self.create_again(&mut order).await;
                self.orders[at] = order;
                return;
            }
        };
        match patch.is_null() {
            true => self.delete(&mut order).await,
            false => self.patch(&mut order, &patch, reference).await,
        }
        self.orders[at] = order;
    }

    async fn patch(&mut self, order: &mut Order, patch: &Value, reference: String) {
        let reply = self.send("update-reservations", "PATCH", order.id, patch, None).await;
        match reply.answer {
            Some((200, _)) => {
                if order.exists == Exists::No {
                    self.wrong("a deleted reservation is changed", order, &reply);
                }
                order.exists = Exists::Yes;
                order.references = [reference].into();
            }
            Some((403, _)) => {
                if order.exists == Exists::Yes {
                    self.wrong("an accepted reservation is lost", order, &reply);
                }
            }
            // The status does not allow it. An earlier try may have been done, so that it no longer does.
            Some((400, _)) if patch.as_object().unwrap().len() > 1 => {
                if reply.is_uncertain {
                    order.references.insert(reference);
                }
            }
            Some(_) => self.wrong("a change is refused", order, &reply),
            None => drop(order.references.insert(reference)),
        }
    }

    async fn delete(&mut self, order: &mut Order) {
        let reply = self.send("delete-reservations", "DELETE", order.id, &Value::Null, None).await;
        match reply.answer {
            Some((204, _)) => {}
            Some((403, _)) => {
                if order.exists == Exists::Yes && !reply.is_uncertain {
                    self.wrong("an accepted reservation is lost", order, &reply);
                }
            }
            Some(_) => self.wrong("a deletion is refused", order, &reply),
            None => return order.exists = Exists::Unknown,
        }
        order.exists = if order.late.is_empty() { Exists::No } else { Exists::Unknown };
    }

    /// Creates a reservation again with the id of a deleted one.
    async fn create_again(&mut self, order: &mut Order) {
        let mut body = self.body();
        body["id"] = json!(order.id);
        let reference = body["reference_id"].as_str().unwrap().to_owned();
        let reply = self.send("create-reservations", "POST", None, &body, None).await;
        if reply.is_uncertain {
            order.late.insert(reference.clone());
        }
        match &reply.answer {
            Some((200, _)) => {
                order.references = [reference].into();
                order.exists = Exists::Yes;
            }
            // The deletion was not made, or a creation that had no answer was.
            Some((400, body)) if is_not_unique(body) && (order.exists == Exists::Unknown || reply.is_uncertain) => {
                order.references.insert(reference);
                // It was deleted for certain, so an earlier try made it. Otherwise the deletion may still be made.
                if order.exists == Exists::No {
                    order.exists = Exists::Yes;
                }
            }
            Some(_) => self.wrong("a creation after a deletion is refused", order, &reply),
            None => {
                order.references.insert(reference);
                order.exists = Exists::Unknown;
            }
        }
    }

    /// Sends a request until it has an answer.
    async fn send(&mut self, binary: &str, method: &str, id: Option<Uuid>, body: &Value, key: Option<&str>) -> Reply {
        self.requests += 1;
        let mut is_uncertain = false;
        for _ in 0..TRIES {
            let context = Arc::clone(self.api.get_or_insert_with(|| self.world.process(|_| {})));
            let invoked = Invoked { name: binary.to_owned(), timeout: LIMIT };
            let invocation = invoked.context_at("simulated", context.host().time());
            let handler = functions::http(binary, &context).unwrap();
            let event = LambdaEvent::new(event(method, id, body, key), invocation);
            match self.world.invoke(LIMIT, handler(event)).await {
                Ended::Answered(answer) => {
                    let answer = answer.unwrap();
                    let status = answer["statusCode"].as_u64().unwrap();
                    self.world.plan.count(&format!("answers {status}"), 1);
                    if status < 500 {
                        let text = answer["body"].as_str().unwrap_or_default();
                        let body = serde_json::from_str(text).unwrap_or_default();
                        return Reply { answer: Some((status, body)), is_uncertain };
                    }
                }
                Ended::Died | Ended::TimedOut => self.api = None,
            }
            is_uncertain = true;
            self.world.sleep(Duration::from_secs(1)).await;
        }
        Reply { answer: None, is_uncertain }
    }
}

fn is_not_unique(body: &Value) -> bool {
    body["errors"][0]["extensions"]["code"] == "RECORD_NOT_UNIQUE"
}

/// The event of a request, as API Gateway sends it.
fn event(method: &str, id: Option<Uuid>, body: &Value, key: Option<&str>) -> Value {
    let (path, route) = match id {
        Some(id) => (format!("{RESERVATIONS}/{id}"), format!("{method} {RESERVATIONS}/{{id}}")),
        None => (RESERVATIONS.to_owned(), format!("{method} {RESERVATIONS}")),
    };
    let mut event = json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": "",
        "headers": { "authorization": format!("Bearer {TOKEN}"), "content-type": "application/json", "host": "h" },
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "h", "domainPrefix": "h", "requestId": "r", "routeKey": route,
            "stage": "$default", "time": "01/Jan/2026:12:00:00 +0000", "timeEpoch": 1_767_268_800_000_u64,
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "" },
        },
        "isBase64Encoded": false,
    });
    if let Some(id) = id {
        event["pathParameters"] = json!({ "id": id });
    }
    if let Some(key) = key {
        event["headers"]["idempotency-key"] = json!(key);
    }
    if !body.is_null() {
        event["body"] = json!(body.to_string());
    }
    event
}
