//! A steady mix of requests, and how long a reservation takes from POST to `complete` without it and beside it.
//!
//! Requests are sent at fixed times, whatever the answers take (an open loop), and latencies count from those times. So a
//! server that falls behind shows it.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, mpsc},
    time::{sleep, sleep_until},
};
use uuid::Uuid;

use crate::{
    Failure,
    client::{Connection, create, get, scatter},
    percentile, pick,
};

/// Connections of the mix. A request waits for a free one.
const CONNECTIONS: usize = 16;
/// The pause between two looks at a reservation that is not complete.
const LOOK: Duration = Duration::from_millis(2);
/// The pause between two reservations that are watched.
const BETWEEN: Duration = Duration::from_millis(20);
/// Maximum time from POST to `complete`.
const PATIENCE: Duration = Duration::from_secs(30);

/// The kinds of requests and their share in tenths.
const KINDS: [(&str, u64); 4] = [("newest first", 6), ("get", 2), ("create", 1), ("status error, newest", 1)];

/// Prints a table: the latencies of each kind at `rate` requests a second, and of reservations of 100 codes.
pub(crate) async fn run(server: SocketAddr, ids: Vec<Uuid>, rate: u64, seconds: u64) -> Result<(), Failure> {
    let mut out = io::stdout();
    writeln!(out, "\n| request | requests/s | p50 ms | p99 ms | most ms |\n|---|---|---|---|---|")?;
    let unloaded = completions(server, Instant::now() + Duration::from_secs(seconds)).await?;
    let end = Instant::now() + Duration::from_secs(seconds);
    let (loaded, kinds) = tokio::try_join!(completions(server, end), mix(server, Arc::new(ids), rate, end))?;
    for ((name, _), latencies) in KINDS.iter().zip(&kinds) {
        row(&mut out, name, latencies, seconds)?;
    }
    row(&mut out, "POST to complete, alone", &unloaded, seconds)?;
    row(&mut out, "POST to complete, beside the mix", &loaded, seconds)?;
    let ratio = percentile(&loaded, 99).as_secs_f64() / percentile(&unloaded, 99).as_secs_f64();
    writeln!(out, "\nPOST to complete, p99: {ratio:.2} times as long beside the mix")?;
    Ok(())
}

/// A row of the table. The latencies are sorted.
fn row(out: &mut impl Write, name: &str, latencies: &[Duration], seconds: u64) -> io::Result<()> {
    let [half, most_of, most] = [50, 99, 100].map(|percent| percentile(latencies, percent).as_secs_f64() * 1e3);
    let rate = latencies.len() as f64 / seconds as f64;
    writeln!(out, "| {name} | {rate:.0} | {half:.1} | {most_of:.1} | {most:.1} |")
}

/// Sends the mix until `end`. Gives the sorted latencies of each kind.
async fn mix(server: SocketAddr, ids: Arc<Vec<Uuid>>, rate: u64, end: Instant) -> Result<Vec<Vec<Duration>>, Failure> {
    // A request that finds no free connection waits here.
    let (sender, queue) = mpsc::channel::<(usize, Instant, Vec<u8>)>(1 << 16);
    let queue = Arc::new(Mutex::new(queue));
    let begin = Instant::now();
    let sending = async move {
        for n in 0_u64.. {
            let due = begin + Duration::from_secs(n) / u32::try_from(rate)?;
            if due >= end {
                break;
            }
            sleep_until(due.into()).await;
            let kind = kind(n);
            sender.send((kind, due, request(kind, n, &ids))).await?;
        }
        Ok::<_, Failure>(())
    };
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let queue = Arc::clone(&queue);
        clients.push(tokio::spawn(async move {
            let mut connection = Connection::open(server).await?;
            let mut latencies = vec![Vec::new(); KINDS.len()];
            loop {
                let next = queue.lock().await.recv().await;
                let Some((kind, due, bytes)) = next else { break };
                connection.exchange(&bytes).await?;
                if let Some(latencies) = latencies.get_mut(kind) {
                    latencies.push(due.elapsed());
                }
            }
            Ok::<_, Failure>(latencies)
        }));
    }
    sending.await?;
    let mut all = vec![Vec::new(); KINDS.len()];
    for client in clients {
        for (all, some) in all.iter_mut().zip(client.await??) {
            all.extend(some);
        }
    }
    all.iter_mut().for_each(|latencies| latencies.sort_unstable());
    Ok(all)
}

/// The kind of the n-th request: its place in [`KINDS`].
fn kind(n: u64) -> usize {
    let mut at = scatter(n) % KINDS.iter().map(|(_, share)| share).sum::<u64>();
    let found = KINDS.iter().position(|(_, share)| {
        let found = at < *share;
        at = at.saturating_sub(*share);
        found
    });
    found.unwrap_or(0)
}

fn request(kind: usize, n: u64, ids: &[Uuid]) -> Vec<u8> {
    let newest = "limit=25&fields=id,status,date_created&sort=-date_created";
    match kind {
        0 => get(&format!("/items/code_reservation?{newest}")),
        1 => get(&format!("/items/code_reservation/{}", pick(ids, n).copied().unwrap_or_default())),
        2 => create(),
        _ => get(&format!("/items/code_reservation?{newest}&filter[status][_eq]=error")),
    }
}

/// Reserves 100 codes again and again until `end`. Gives the sorted times until each was seen to be complete.
async fn completions(server: SocketAddr, end: Instant) -> Result<Vec<Duration>, Failure> {
    let mut connection = Connection::open(server).await?;
    let mut times = Vec::new();
    while Instant::now() < end {
        let begin = Instant::now();
        connection.exchange(&create()).await?;
        let answer: serde_json::Value = serde_json::from_slice(connection.body())?;
        let id = answer.pointer("/data/id").and_then(serde_json::Value::as_str).ok_or("no id")?;
        let look = get(&format!("/items/code_reservation/{id}?fields=status"));
        loop {
            connection.exchange(&look).await?;
            let answer: serde_json::Value = serde_json::from_slice(connection.body())?;
            match answer.pointer("/data/status").and_then(serde_json::Value::as_str) {
                Some("complete") => break,
                Some("new" | "in_progress") if begin.elapsed() < PATIENCE => sleep(LOOK).await,
                other => return Err(format!("{id} is {other:?} after {:?}", begin.elapsed()).into()),
            }
        }
        times.push(begin.elapsed());
        sleep(BETWEEN).await;
    }
    times.sort_unstable();
    Ok(times)
}
