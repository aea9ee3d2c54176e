//! The whole system: it starts, answers, stops, and locks its data directory.

use std::{process::Stdio, time::Duration};

use local::{
    options::Options,
    system::System,
    template::{Route, TEMPLATE, Template},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_in_memory_and_answers_every_route_of_the_template() {
    let system = System::start(Options::in_memory()).await.unwrap();
    let http = reqwest::Client::new();
    let url = format!("http://{}", system.address().unwrap());
    let template = Template::parse(TEMPLATE, &[]).unwrap();
    let routes = template.functions.iter().flat_map(|function| &function.routes);
    let mut tried = 0;
    for route in routes {
        let (method, path) = match route {
            Route::Path { method, path } => (method.as_str(), path.replace("{id}", "a%20b").replace("{rest+}", "")),
            Route::Default => ("GET", "/nothing/here".to_owned()),
        };
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = http.request(method.clone(), format!("{url}{path}")).send().await.unwrap();
        // 404 with a message would come from the gateway: no function belongs to the route. 500 would mean that the
        // function cannot read the event.
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status != 500 && text != r#"{"message":"Not Found"}"#, "{method} {path}: {status} {text}");
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
    let large = http.post(format!("{url}/items/code_reservation")).body(vec![b'x'; 10 * 1024 * 1024 + 1]);
    assert_eq!(large.send().await.unwrap().status(), 413);
    system.stop().await;
    assert!(http.get(url).send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_bucket_of_the_template_are_there() {
    let system = System::start(Options::in_memory().with_parameter("MaxQuantity", 5)).await.unwrap();
    let context = system.context();
    assert_eq!(context.config().max_quantity, 5);
    let tables = &context.config().tables;
    for table in [&tables.reservations, &tables.pools, &tables.files, &tables.directory, &tables.requests] {
        let answer = context.dynamodb().describe_table().table_name(table).send().await.unwrap();
        assert_eq!(answer.table().unwrap().table_name(), Some(table.as_str()));
    }
    let answer = context.dynamodb().describe_table().table_name(&tables.reservations).send().await.unwrap();
    assert!(answer.table().unwrap().latest_stream_arn().is_some());
    assert_eq!(answer.table().unwrap().global_secondary_indexes().len(), 12);
    let expiry = context.dynamodb().describe_time_to_live().table_name(&tables.requests).send().await.unwrap();
    assert_eq!(expiry.time_to_live_description().unwrap().attribute_name(), Some("expires_at"));
    context.s3().head_bucket().bucket(&context.config().bucket).send().await.unwrap();
    assert_eq!(key_check(&system).await.len(), 16);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_systems_share_no_directory_but_one_follows_another() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { memory: false, data_dir: folder.path().to_owned(), ..Options::in_memory() };
    let first = System::start(options.clone()).await.unwrap();
    let refused = System::start(options.clone()).await.err().unwrap();
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
    let check = key_check(&first).await;
    first.stop().await;
    let second = System::start(options).await.unwrap();
    assert_eq!(key_check(&second).await, check);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_prints_where_it_runs_and_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_local"))
        .args(["--port", "0", "--token", "t-1", "--data-dir"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut text = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        text += &line;
        if line.contains("Ctrl-C") {
            break;
        }
    }
    assert!(text.contains("Code Reservation runs at http://127.0.0.1:"), "{text}");
    assert!(text.contains("Bearer t-1") && text.contains("\"product\":\"/01/19361758000003\""), "{text}");
    let stop = Command::new("kill").args(["-TERM", &child.id().unwrap().to_string()]).status().await.unwrap();
    assert!(stop.success());
    // Generous, because this test does not measure the promised two seconds.
    let status = tokio::time::timeout(Duration::from_secs(30), child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

/// A digest, which distinguishes two secrets without revealing them.
async fn key_check(system: &System) -> String {
    let namespace = "sgtin#09506000134352#8".parse().unwrap();
    system.context().secret().await.unwrap().pool_key(&namespace).check_value()
}
