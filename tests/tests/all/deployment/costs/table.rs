//! The tables of docs/operations.md.

use std::fmt::Write;

use common::export::PartPolicy;
use serde_json::{Value, json};

use super::{
    CHANGES, Metered, NO_END, Reserved,
    meter::Usage,
    prices::{
        CODES_PER_SECOND, DATE, INVOCATION_MILLISECONDS, LOG_BYTES, PRICES, REGION, REQUEST_MILLISECONDS, api, lambda,
        month, stores,
    },
};
use crate::support::{
    api::{sgtin, with},
    manual::ONE_PART,
    repository::{functions, root, template},
    rows::{noon, reservation, store},
};

const BEGIN: &str = "<!-- Counted by tests/tests/all/deployment/costs; do not edit. -->\n";
const END: &str = "<!-- The end of what was counted. -->\n";

/// The number of codes of the largest reservation that is counted. A larger one only has more parts and slices.
const COUNTED: u64 = 1_000_000;
const LARGE: u64 = 100_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn the_costs_in_the_documents_are_those_that_are_counted() {
    let path = root().join("docs/operations.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let counted = tables().await;
    if std::env::var_os("UPDATE_COSTS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{counted}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(written, counted, "UPDATE_COSTS=yes cargo test --workspace --test all -- costs:: rewrites them");
}

async fn tables() -> String {
    let mut text = format!(
        "\nPrices ({REGION}, {DATE}, US dollars, without the free tier):\n\n| what | price | for |\n|---|---|---|\n"
    );
    for (name, price, unit) in PRICES {
        writeln!(text, "| {name} | {price} | {unit} |").unwrap();
    }
    writeln!(
        text,
        "\nAssumed, since it cannot be counted here: {REQUEST_MILLISECONDS} ms of billed time a request, {INVOCATION_MILLISECONDS} ms \
         an invocation of `reserve-codes` or `follow` and a second for {} codes, {} bytes of log for each.",
        grouped(CODES_PER_SECOND),
        grouped(LOG_BYTES)
    )
    .unwrap();
    requests(&mut text).await;
    reservations(&mut text).await;
    text.push('\n');
    text
}

/// Memory of a function, in MB.
fn memory(template: &Value, id: &str) -> f64 {
    let own = functions(template)[id]["Properties"]["MemorySize"].as_f64();
    own.unwrap_or_else(|| template["Globals"]["Function"]["MemorySize"].as_f64().unwrap())
}

async fn requests(text: &mut String) {
    let metered = Metered::new(NO_END, PartPolicy::default()).await;
    for _ in 0..25 {
        metered.reserve(100).await;
    }
    let (_, listed) =
        metered.request("list-reservations/get.json", |event| event["rawQueryString"] = json!("limit=1")).await;
    let id = listed["data"][0]["id"].as_str().unwrap().to_owned();
    let object = metered.running.api.get(&id).await;
    let file = object["export_file"].as_str().unwrap().to_owned();
    let window = format!("filter[reservation][_eq]={id}&limit=1");
    let (_, codes) =
        metered.request("list-codes/get-codes.json", |event| event["rawQueryString"] = json!(window)).await;
    let link = codes["data"][0]["digital_link"].as_str().unwrap().to_owned();
    let body = with(&sgtin(100), json!({"reference_id": "BATCH-2024-001"})).to_string();

    let at = |path: String, id: String| {
        move |event: &mut Value| {
            event["rawPath"] = json!(path);
            event["pathParameters"]["id"] = json!(id);
            event["rawQueryString"] = json!("");
        }
    };
    text.push_str(
        "\n| a million of | read units | write units | API and Lambda | DynamoDB and S3 | all |\n|---|---|---|---|---|---|\n",
    );
    let one = at(format!("/items/code_reservation/{id}"), id.clone());
    let asset = at(format!("/assets/{file}"), file.clone());
    let mut row = |name: &str, status: u64, expected: u64, used: Usage| {
        assert_eq!(status, expected, "{name}");
        let used = used * 1e6;
        let memory = memory(&template(), "GetReservation");
        let way = api(1e6) + lambda(1e6, memory, 1e6 * REQUEST_MILLISECONDS / 1e3);
        let stores = stores(used);
        writeln!(
            text,
            "| {name} | {} | {} | {way:.2} | {stores:.2} | {:.2} |",
            grouped(used.reads),
            grouped(used.writes),
            way + stores
        )
        .unwrap();
    };
    let meter = &metered.meter;
    // The token is cached by the requests above.
    meter.take();
    let (status, _) = metered.request("get-reservation/get.json", one).await;
    row("one reservation read", status, 200, meter.take());
    let (status, _) =
        metered.request("list-reservations/get.json", |event| event["rawQueryString"] = json!("limit=25")).await;
    row("lists of 25", status, 200, meter.take());
    let lookup = format!("filter[digital_link][_eq]={link}");
    let (status, _) =
        metered.request("list-codes/get-codes.json", |event| event["rawQueryString"] = json!(lookup)).await;
    row("codes traced to their reservation", status, 200, meter.take());
    let (status, _) = metered.request("files/get-asset.json", asset).await;
    row("links to a file", status, 302, meter.take());
    let (status, _) = metered.request("create-reservations/post.json", |event| event["body"] = json!(body)).await;
    row("reservations accepted (what they cost after that is below)", status, 200, meter.take());
    metered.running.stop().await;
}

async fn reservations(text: &mut String) {
    let metered = Metered::new(NO_END, PartPolicy::default()).await;
    let mut counted = Vec::new();
    for quantity in [1, 1_000, COUNTED] {
        counted.push((quantity, metered.reserve(quantity).await));
    }
    metered.running.stop().await;
    let (_, whole) = counted[2];

    // The same reservation in slices of one part shows what a slice costs.
    let metered = Metered::new(ONE_PART, PartPolicy::default()).await;
    let cut = metered.reserve(COUNTED).await;
    metered.running.stop().await;
    assert_eq!(cut.made.parts, whole.made.parts);
    let further = (cut.slices - whole.slices) as f64;
    // The record of the write that saved the upload of the whole one found the reservation complete, and listed what may
    // be left: two requests that are no slice's.
    let slice = (cut.made - whole.made + Usage { puts: 2.0, ..Usage::default() }) * (1.0 / further);

    let seconds = LARGE as f64 / CODES_PER_SECOND;
    let slices = (seconds / 5.0).ceil() as usize;
    let more_slices = slices - whole.slices;
    let times = LARGE as f64 / COUNTED as f64;
    let more_parts = whole.made.parts * (times - 1.0);
    let large = Reserved {
        made: whole.made
            + slice * more_slices as f64
            + Usage { puts: more_parts, parts: more_parts, ..Usage::default() },
        invocations: whole.invocations + more_slices,
        slices,
        bytes: whole.bytes * (LARGE / COUNTED),
        ..whole
    };
    counted.push((LARGE, large));

    text.push_str(
        "\n| one reservation of | slices | read units | write units | PUT and LIST | API and Lambda | DynamoDB and S3 | all | \
         its file a month |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let template = template();
    for (quantity, reserved) in counted {
        let used = reserved.all();
        let request = api(1.0) + lambda(1.0, memory(&template, "CreateReservations"), REQUEST_MILLISECONDS / 1e3);
        let invocations = reserved.invocations as f64;
        let seconds = invocations * INVOCATION_MILLISECONDS / 1e3 + quantity as f64 / CODES_PER_SECOND;
        let counting = lambda(CHANGES, memory(&template, "Follow"), CHANGES * INVOCATION_MILLISECONDS / 1e3);
        let way = request + lambda(invocations, memory(&template, "ReserveCodes"), seconds) + counting;
        let stores = stores(used);
        writeln!(
            text,
            "| {} {}, csv | {} | {} | {} | {} | {way:.6} | {stores:.6} | {:.6} | {:.6} |",
            grouped(quantity as f64),
            if quantity == 1 { "code" } else { "codes" },
            reserved.slices,
            grouped(used.reads),
            grouped(used.writes),
            grouped(used.puts),
            way + stores,
            month(reserved.bytes as f64),
        )
        .unwrap();
    }
    writeln!(
        text,
        "\nOf these, {} read and {} write units are for counts, if each of the {CHANGES} changes is counted alone; a \
         reservation that is complete within a second is counted once, for about a third of that. Rows that change at the same \
         time share transactions: {BATCH} new ones of one organisation and product cost {} write units each.",
        whole.counted.reads,
        whole.counted.writes,
        shared().await
    )
    .unwrap();
    writeln!(
        text,
        "\nA further slice costs {} read and {} write units and {} requests to S3; a part of 8 MiB costs one request.",
        slice.reads, slice.writes, slice.puts
    )
    .unwrap();
}

/// Rows of a batch that is counted together.
const BATCH: usize = 90;

/// The write units for the count of each of many rows that are new at the same time.
async fn shared() -> f64 {
    let metered = Metered::new(NO_END, PartPolicy::default()).await;
    let input = with(&sgtin(1), json!({"reference_id": "BATCH-2024-001"}));
    let new: Vec<_> = (0..BATCH).map(|_| reservation(&input)).collect();
    store(&metered.context, &new).await;
    metered.meter.take();
    let ids: Vec<_> = new.iter().map(|row| row.id).collect();
    let counted = metered.context.store().count_rows(&ids, noon()).await.unwrap();
    assert_eq!((counted.moved, counted.transactions), (BATCH, 1));
    let units = metered.meter.take().writes / BATCH as f64;
    metered.running.stop().await;
    (units * 100.0).round() / 100.0
}

/// A number with a comma between thousands, and one decimal if it has a fraction.
fn grouped(number: f64) -> String {
    let whole = number.trunc() as u64;
    let digits = whole.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number.fract() > 0.0 { format!("{text}{}", &format!("{:.1}", number.fract())[1..]) } else { text }
}
