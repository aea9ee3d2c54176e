//! Measures requests per second and latencies of the HTTP API, through `local` and its embedded stores; run by
//! `tests/bench/run`, `tests/bench/lists`, `tests/bench/mix` and `tests/bench/directus`.
//!
//! The API, the stores and the clients all run in this process, or the API in another (`--server`). So the results are
//! lower bounds for the API, and say nothing about DynamoDB on AWS.

mod client;
mod mix;

use std::{
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use common::{
    code::{check_digit, pool_number},
    context::Context,
    reservation::{
        Rules, Timestamp,
        create::{Birth, Draft},
    },
    store::Created,
};
use local::{options::Options, system::System};
use serde_json::json;
use tests::ranges;
use uuid::Uuid;

use crate::client::{Connection, Request, create, get, load, scatter};

type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "options: --reservations N --seconds N --codes N --memory --only NAME --server ADDRESS [--requests FILE | --mix RATE]";

/// Reservations per product.
const PER_PRODUCT: usize = 100;

struct Settings {
    reservations: usize,
    seconds: u64,
    /// Codes per reservation; an answer contains at most 100 of their keys.
    codes: u64,
    memory: bool,
    /// The only kind of request to measure.
    only: Option<String>,
    /// Another server with its own reservations, which is loaded instead of the system.
    server: Option<SocketAddr>,
    /// Other requests to that server: lines of a name and paths, separated by tabs.
    requests: Option<PathBuf>,
    /// Requests a second of a mix that is sent to that server.
    mix: Option<u64>,
}

impl Settings {
    fn read() -> Result<Self, Failure> {
        let mut settings = Self {
            reservations: 100_000,
            seconds: 5,
            codes: 100,
            memory: false,
            only: None,
            server: None,
            requests: None,
            mix: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            if name == "--memory" {
                settings.memory = true;
                continue;
            }
            if name == "--server" {
                settings.server = Some(arguments.next().ok_or(USAGE)?.parse()?);
                continue;
            }
            if name == "--only" {
                settings.only = Some(arguments.next().ok_or(USAGE)?);
                continue;
            }
            if name == "--requests" {
                settings.requests = Some(arguments.next().ok_or(USAGE)?.into());
                continue;
            }
            let value: u64 = arguments.next().and_then(|text| text.parse().ok()).ok_or(USAGE)?;
            match name.as_str() {
                "--reservations" => settings.reservations = usize::try_from(value)?,
                "--seconds" => settings.seconds = value,
                "--codes" => settings.codes = value,
                "--mix" if value > 0 => settings.mix = Some(value),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(settings)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let settings = Settings::read()?;
    if let Some(server) = settings.server {
        return match (&settings.requests, settings.mix) {
            (Some(file), _) => measure(server, &requests_of(file)?, &settings).await,
            (None, Some(rate)) => mix::run(server, ids_of(server).await?, rate, settings.seconds).await,
            (None, None) => measure(server, &usual(ids_of(server).await?, 1), &settings).await,
        };
    }
    let directory = std::env::temp_dir().join(format!("code-reservation-bench-{}", Uuid::new_v4()));
    let options =
        Options { data_dir: directory.clone(), memory: settings.memory, pause_stream: true, ..Options::in_memory() };
    let system = System::start(options).await?;
    let result = run(&system, &settings).await;
    system.stop().await;
    if !settings.memory {
        std::fs::remove_dir_all(&directory)?;
    }
    result
}

async fn run(system: &System, settings: &Settings) -> Result<(), Failure> {
    let started = Instant::now();
    let ids = fill(system.context(), settings).await?;
    let place = if settings.memory { "in memory" } else { "on disk" };
    writeln!(io::stdout(), "{} reservations {place}, made in {:.1} s", ids.len(), started.elapsed().as_secs_f64())?;
    let products = settings.reservations.div_ceil(PER_PRODUCT);
    measure(system.address().ok_or("no HTTP API")?, &usual(ids, products), settings).await
}

/// The reservations of another server, at most 10,000.
async fn ids_of(server: SocketAddr) -> Result<Vec<Uuid>, Failure> {
    let mut connection = Connection::open(server).await?;
    connection.exchange(&get("/items/code_reservation?fields=id&limit=10000")).await?;
    let answer: serde_json::Value = serde_json::from_slice(connection.body())?;
    let rows = answer.get("data").and_then(serde_json::Value::as_array).ok_or("no data")?;
    Ok(rows.iter().filter_map(|row| row.get("id")?.as_str()?.parse().ok()).collect())
}

/// The requests of a file: those of a line are sent in turn, in an order without a pattern.
fn requests_of(file: &Path) -> Result<Vec<(String, Request)>, Failure> {
    let text = std::fs::read_to_string(file)?;
    let mut kinds = Vec::new();
    for line in text.lines() {
        let mut parts = line.split('\t').map(str::to_owned);
        let name = parts.next().unwrap_or_default();
        let paths: Vec<_> = parts.map(|path| get(&path)).collect();
        if paths.is_empty() {
            return Err(format!("{name}: no path").into());
        }
        let request: Request = Arc::new(move |n| pick(&paths, n).cloned().unwrap_or_default());
        kinds.push((name, request));
    }
    Ok(kinds)
}

/// The requests of a server that has these reservations for this number of products.
fn usual(ids: Vec<Uuid>, products: usize) -> Vec<(String, Request)> {
    let kinds: [(&str, Request); 4] = [
        (
            "get",
            Arc::new(move |n| get(&format!("/items/code_reservation/{}", pick(&ids, n).copied().unwrap_or_default()))),
        ),
        ("list 25", Arc::new(|_| get("/items/code_reservation?limit=25"))),
        (
            "list 25 of a product",
            Arc::new(move |n| {
                let product = gtin(usize::try_from(scatter(n)).unwrap_or(0) % products);
                get(&format!("/items/code_reservation?limit=25&filter[product][_eq]=/01/{product}"))
            }),
        ),
        ("create", Arc::new(|_| create())),
    ];
    kinds.map(|(name, request)| (name.to_owned(), request)).into()
}

/// Loads a server with each kind of request, over one and over 16 connections.
async fn measure(server: SocketAddr, kinds: &[(String, Request)], settings: &Settings) -> Result<(), Failure> {
    let (mut out, seconds) = (io::stdout(), settings.seconds);
    let wanted = |name: &String| settings.only.as_ref().is_none_or(|only| only == name);
    writeln!(out, "\n| request | connections | requests/s | p50 ms | p99 ms | CPU ms |\n|---|---|---|---|---|---|")?;
    for (name, request) in kinds.iter().filter(|(name, _)| wanted(name)) {
        for connections in [1, 16] {
            let (mut latencies, all, cpu) = {
                let before = cpu_time();
                let (latencies, all) = load(server, request, connections, seconds).await?;
                (latencies, all, cpu_time() - before)
            };
            latencies.sort_unstable();
            writeln!(
                out,
                "| {name} | {connections} | {:.0} | {:.2} | {:.2} | {:.2} |",
                latencies.len() as f64 / seconds as f64,
                percentile(&latencies, 50).as_secs_f64() * 1e3,
                percentile(&latencies, 99).as_secs_f64() * 1e3,
                cpu * 1e3 / all as f64,
            )?;
            out.flush()?;
        }
    }
    Ok(())
}

/// The latency below which this share of the sorted latencies is.
fn percentile(latencies: &[Duration], percent: usize) -> Duration {
    let at = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
    latencies.get(at).copied().unwrap_or_default()
}

/// The element for the n-th request.
fn pick<T>(elements: &[T], n: u64) -> Option<&T> {
    elements.get(usize::try_from(scatter(n)).unwrap_or(0) % elements.len().max(1))
}

/// A valid GTIN-14 with a fictitious company prefix.
fn gtin(product: usize) -> String {
    let digits = format!("0952123{product:06}");
    let check = check_digit(&digits).map_or_else(String::new, |digit| digit.to_string());
    digits + &check
}

/// Writes the reservations, each with a range in its product's pool. Nothing is exported.
async fn fill(context: &Context, settings: &Settings) -> Result<Vec<Uuid>, Failure> {
    let mut ids = Vec::with_capacity(settings.reservations);
    let now = Timestamp::new(chrono::Utc::now());
    let mut left = settings.reservations;
    for product in 0.. {
        if left == 0 {
            break;
        }
        let input = json!({"reserved_for": "/417/9312345000012", "code_type": "sgtin", "quantity": settings.codes,
            "product": format!("/01/{}", gtin(product)), "reference_id": format!("PO-{product}")});
        let mut items = Vec::new();
        for _ in 0..left.min(PER_PRODUCT) {
            let draft = Draft::parse(&input, &Rules::default()).map_err(|error| error.to_string())?;
            let birth =
                Birth { id: Uuid::now_v7(), incarnation: Uuid::new_v4(), user: Uuid::new_v4().to_string(), now };
            items.push(draft.into_reservation(birth));
        }
        left -= items.len();
        match context.store().create(&items, None).await? {
            Created::Done => {
                let number = pool_number(Uuid::new_v4().as_u64_pair().0);
                ranges::allocate(context, &gtin(product), &items, number, now).await?;
            }
            other => return Err(format!("{other:?}").into()),
        }
        ids.extend(items.iter().map(|item| item.id));
    }
    Ok(ids)
}

/// CPU seconds of this process, clients included; 0 if the operating system does not report them.
fn cpu_time() -> f64 {
    // proc(5): utime and stime are the 12th and 13th field after the name, in hundredths of a second.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
