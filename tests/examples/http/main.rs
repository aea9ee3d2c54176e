//! Measures requests per second and latencies of the HTTP API, through `local` and its embedded stores; run by
//! `tests/bench/run`.
//!
//! The API, the stores and the clients all run in this process. So the results are lower bounds for the API, and say
//! nothing about DynamoDB on AWS.

use std::{
    error::Error,
    io::{self, Write},
    net::SocketAddr,
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
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "options: --reservations N --seconds N --codes N --memory --server ADDRESS";

/// Reservations per product.
const PER_PRODUCT: usize = 100;

struct Settings {
    reservations: usize,
    seconds: u64,
    /// Codes per reservation; an answer contains at most 100 of their keys.
    codes: u64,
    memory: bool,
    /// Another server with its own reservations, which is loaded instead of the system.
    server: Option<SocketAddr>,
}

impl Settings {
    fn read() -> Result<Self, Failure> {
        let mut settings = Self { reservations: 100_000, seconds: 5, codes: 100, memory: false, server: None };
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
            let value: u64 = arguments.next().and_then(|text| text.parse().ok()).ok_or(USAGE)?;
            match name.as_str() {
                "--reservations" => settings.reservations = usize::try_from(value)?,
                "--seconds" => settings.seconds = value,
                "--codes" => settings.codes = value,
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
        return measure(server, ids_of(server).await?, 1, &settings).await;
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
    measure(system.address().ok_or("no HTTP API")?, ids, settings.reservations.div_ceil(PER_PRODUCT), settings).await
}

/// The reservations of another server, at most 10,000.
async fn ids_of(server: SocketAddr) -> Result<Vec<Uuid>, Failure> {
    let mut connection = Connection::open(server).await?;
    connection.exchange(&get("/items/code_reservation?fields=id&limit=10000")).await?;
    let body = connection.buffer.get(connection.head..).unwrap_or_default();
    let answer: serde_json::Value = serde_json::from_slice(body)?;
    let rows = answer.get("data").and_then(serde_json::Value::as_array).ok_or("no data")?;
    Ok(rows.iter().filter_map(|row| row.get("id")?.as_str()?.parse().ok()).collect())
}

/// Loads a server that has these reservations for this number of products.
async fn measure(server: SocketAddr, ids: Vec<Uuid>, products: usize, settings: &Settings) -> Result<(), Failure> {
    let mut out = io::stdout();
    let ids = Arc::new(ids);
    writeln!(out, "\n| request | connections | requests/s | p50 ms | p99 ms | CPU ms |\n|---|---|---|---|---|---|")?;
    let kinds: [(&str, Request); 4] = [
        ("get", Arc::new(move |n| get(&format!("/items/code_reservation/{}", pick(&ids, n))))),
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
    for (name, request) in &kinds {
        for connections in [1, 16] {
            let (mut latencies, all, cpu) = {
                let before = cpu_time();
                let (latencies, all) = load(server, request, connections, settings.seconds).await?;
                (latencies, all, cpu_time() - before)
            };
            latencies.sort_unstable();
            let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default();
            writeln!(
                out,
                "| {name} | {connections} | {:.0} | {:.2} | {:.2} | {:.2} |",
                latencies.len() as f64 / settings.seconds as f64,
                at(50).as_secs_f64() * 1e3,
                at(99).as_secs_f64() * 1e3,
                cpu * 1e3 / all as f64,
            )?;
            out.flush()?;
        }
    }
    Ok(())
}

/// The n-th request of a kind.
type Request = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// A number without a visible pattern, different for every n.
fn scatter(n: u64) -> u64 {
    (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

fn pick(ids: &[Uuid], n: u64) -> Uuid {
    let at = usize::try_from(scatter(n)).unwrap_or(0) % ids.len().max(1);
    ids.get(at).copied().unwrap_or_default()
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer local-token\r\n\r\n").into_bytes()
}

fn create() -> Vec<u8> {
    let body =
        r#"{"reserved_for":"/417/9312345000012","code_type":"sgtin","quantity":100,"product":"/01/19361758000003"}"#;
    format!(
        "POST /items/code_reservation HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer local-token\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
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

/// Loads the API for some seconds over several connections; each sends one request after the other. Gives the latencies
/// after the warm-up, and the number of all requests.
async fn load(
    address: SocketAddr,
    request: &Request,
    connections: u64,
    seconds: u64,
) -> Result<(Vec<Duration>, u64), Failure> {
    // The first second is the warm-up and is not counted.
    let begin = Instant::now() + Duration::from_secs(1);
    let end = begin + Duration::from_secs(seconds);
    let mut clients = Vec::new();
    for client in 0..connections {
        let request = Arc::clone(request);
        clients.push(tokio::spawn(async move {
            let mut connection = Connection::open(address).await?;
            let (mut latencies, mut all) = (Vec::new(), 0);
            for n in 0_u64.. {
                let bytes = request(n * connections + client);
                let sent = Instant::now();
                if sent >= end {
                    break;
                }
                connection.exchange(&bytes).await?;
                all += 1;
                if sent >= begin {
                    latencies.push(sent.elapsed());
                }
            }
            Ok::<_, Failure>((latencies, all))
        }));
    }
    let (mut latencies, mut all) = (Vec::new(), 0);
    for client in clients {
        let (counted, sent) = client.await??;
        latencies.extend(counted);
        all += sent;
    }
    Ok((latencies, all))
}

/// A minimal HTTP client connection: it supports only what the answers of this API need, so that it uses little CPU.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The offset of the last answer's body.
    head: usize,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(1 << 20), head: 0 })
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut whole = None;
        loop {
            if whole.is_some_and(|whole| self.buffer.len() >= whole) {
                break;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the connection was closed".into());
            }
            if whole.is_none()
                && let Some(head) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")
            {
                let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default()).to_lowercase();
                if !text.starts_with("http/1.1 200") {
                    return Err(String::from_utf8_lossy(&self.buffer).into_owned().into());
                }
                let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).ok_or("no length")?;
                self.head = head + 4;
                whole = Some(head + 4 + length.trim().parse::<usize>()?);
            }
        }
        Ok(())
    }
}
