//! Requests for relations, codes and files. They make each function read what few other tests make it read, so that the
//! record of calls is complete.

use serde_json::{Value, json};

use crate::support::{
    api::{Api, RESERVATIONS, Reply, encoded, id, sgtin},
    harness::{Running, Setup, completed},
    stream::deliver,
};

const ORGANISATION: &str = "/417/9312345000012";

/// An administrator, and a user who sees one organisation.
fn people() -> Value {
    json!({
        "directus_users": [
            {"id": "a11ce000-0000-4000-8000-000000000001", "status": "active", "token": "all", "role": "admin"},
            {"id": "b0b00000-0000-4000-8000-000000000002", "status": "active", "token": "one", "role": "admin",
             "organisations": [ORGANISATION]},
        ],
        "organisation": [{"id": ORGANISATION, "organisation_name": "Regal Cotton"}],
    })
}

/// A complete reservation, the file of its codes, and one of them.
struct Made {
    api: Api,
    id: String,
    file: String,
    code: Value,
}

impl Made {
    async fn new(running: &Running) -> Self {
        let api = running.api.with_token(Some("all"));
        let id = id(&api.post(&sgtin(3)).await).to_owned();
        let file = completed(&api, &id).await["export_file"].as_str().unwrap().to_owned();
        let fields = "fields=*,reservation.export_file.*,reservation.user_created.*";
        let code = api.send("GET", &format!("/items/unique_code?filter[reservation][_eq]={id}&{fields}")).await.data();
        let code = code[0].clone();
        assert_eq!(code["reservation"]["export_file"]["id"], file);
        Self { api, id, file, code }
    }

    /// A filter that finds the reservation by one of its codes.
    fn by_code(&self) -> Value {
        json!({"codes": {"_some": {"digital_link": {"_eq": self.code["digital_link"]}}}})
    }

    /// A filter by code, one for each index, and two that read all shards.
    fn filters(&self) -> [Value; 6] {
        [
            self.by_code(),
            json!({"reserved_for": {"_eq": ORGANISATION}}),
            json!({"product": {"_eq": "/01/19361758000003"}}),
            json!({"reference_id": {"_eq": "no such reference"}}),
            json!({"quantity": {"_eq": 987_654}}),
            json!({"export_file": {"filename_download": {"_eq": "none"}}}),
        ]
    }
}

async fn sent(api: &Api, method: &str, path: &str, body: Option<&Value>) -> Reply {
    let reply = match body {
        Some(body) => api.send_json(method, path, body).await,
        None => api.send(method, path).await,
    };
    assert!(reply.status == 200 || reply.status == 204, "{method} {path}: {reply:?}");
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_may_read_what_its_answers_can_be_asked_to_show() {
    let running = Setup::new().rows(&people()).start().await;
    let made = Made::new(&running).await;
    let (api, id) = (&made.api, &made.id);
    let filter = encoded(&made.by_code());
    let fields = "fields=*,export_file.*,user_created.*,reserved_for.*,codes.code,codes.reservation.status";

    for condition in made.filters() {
        sent(api, "GET", &format!("{RESERVATIONS}?{fields}&filter={}", encoded(&condition)), None).await;
    }
    let one = sent(api, "GET", &format!("{RESERVATIONS}/{id}?{fields}&filter={filter}"), None).await.data();
    assert_eq!(one["export_file"]["id"], made.file);
    assert_eq!(one["codes"][0]["reservation"]["status"], "complete");

    // A row that the filter does not match is created all the same.
    sent(api, "POST", &format!("{RESERVATIONS}?{fields}&filter={filter}"), Some(&sgtin(1))).await;
    let listed = sent(api, "GET", &format!("/files?filter[id][_eq]={}", made.file), None).await.data();
    assert_eq!(listed[0]["id"], made.file);

    for condition in made.filters() {
        let change = json!({"query": {"filter": condition, "limit": 1}, "data": {"purchase_order": "changed"}});
        sent(api, "PATCH", &format!("{RESERVATIONS}?{fields}"), Some(&change)).await;
    }
    let change = json!({"purchase_order": "again"});
    let changed = sent(api, "PATCH", &format!("{RESERVATIONS}/{id}?{fields}&filter={filter}"), Some(&change)).await;
    assert_eq!(changed.data()["export_file"]["id"], made.file);

    // Last, in reverse order: the filters that match nothing first. A code leads to its range even if the reservation
    // was deleted.
    for condition in made.filters().into_iter().rev() {
        sent(api, "DELETE", RESERVATIONS, Some(&json!({"query": {"filter": condition}}))).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphql_may_read_what_the_functions_of_rest_may() {
    let running = Setup::new().rows(&people()).start().await;
    let made = Made::new(&running).await;
    let one = running.api.with_token(Some("one"));
    let link = made.code["digital_link"].as_str().unwrap();
    let filters = [
        format!("{{codes: {{_some: {{digital_link: {{_eq: {}}}}}}}}}", json!(link)),
        format!("{{reserved_for: {{_eq: {}}}}}", json!(ORGANISATION)),
        "{product: {_eq: \"/01/19361758000003\"}}".to_owned(),
        "{reference_id: {_eq: \"no such reference\"}}".to_owned(),
    ];
    for api in [&made.api, &one] {
        for filter in &filters {
            let query = format!("{{ code_reservation(filter: {filter}) {{ id export_file {{ id }} }} }}");
            let body = sent(api, "POST", "/graphql", Some(&json!({ "query": query }))).await.parsed();
            assert!(body.get("errors").is_none(), "{query}: {body}");
        }
        for (path, query) in [
            ("/graphql/system", "{ files { id } users_me { id } }".to_owned()),
            ("/graphql/system", format!("{{ files(filter: {{id: {{_eq: \"{}\"}}}}) {{ id }} }}", made.file)),
        ] {
            let body = sent(api, "POST", path, Some(&json!({ "query": query }))).await.parsed();
            assert!(body.get("errors").is_none(), "{query}: {body}");
        }
    }
    running.stop().await;
}

/// An answer that is too long to be stored is created again from the rows, which may have files and codes by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_under_an_idempotency_key_is_read_again() {
    let running = Setup::new().paused().rows(&people()).start().await;
    let api = running.api.with_token(Some("all"));
    let mut row = sgtin(1);
    row["purchase_order"] = json!("p".repeat(200));
    let rows: Vec<_> = vec![row; 99];
    let aliases: String = (0..40).map(|at| format!("&alias[a{at}]=purchase_order&fields[]=a{at}")).collect();
    let relations = "&fields[]=export_file.*&fields[]=codes.code&fields[]=reserved_for.*&fields[]=user_created.*";
    let mut answers = Vec::new();
    for _ in 0..3 {
        let request = api.request("POST", &format!("{RESERVATIONS}?fields[]=id{aliases}{relations}"));
        let answer = request.header("idempotency-key", "long").json(&rows).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{text}");
        let made: Value = serde_json::from_str(&text).unwrap();
        if answers.len() == 1 {
            deliver(running.context(), &[id(&made["data"][0])]).await;
        }
        answers.push((text, made));
    }
    let [(first, before), (second, _), (_, after)] = answers.try_into().unwrap();
    assert!(first.len() > 400_000, "{}", first.len());
    assert_eq!(first, second);
    let shown = |answer: &Value, row: usize| {
        let row = &answer["data"][row];
        (row["export_file"]["id"].is_string(), row["codes"].as_array().unwrap().len())
    };
    assert_eq!((shown(&before, 0), shown(&after, 0), shown(&after, 1)), ((false, 0), (true, 1), (false, 0)));
    running.stop().await;
}
