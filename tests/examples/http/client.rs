//! A client that uses little CPU: plain TCP connections, and requests as bytes.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Failure;

/// The n-th request of a kind.
pub(crate) type Request = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// A number without a visible pattern, different for every n.
pub(crate) fn scatter(n: u64) -> u64 {
    (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer local-token\r\n\r\n").into_bytes()
}

pub(crate) fn create() -> Vec<u8> {
    let body =
        r#"{"reserved_for":"/417/9312345000012","code_type":"sgtin","quantity":100,"product":"/01/19361758000003"}"#;
    format!(
        "POST /items/code_reservation HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer local-token\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Loads the API for some seconds over several connections; each sends one request after the other. Gives the latencies
/// after the warm-up, and the number of all requests.
pub(crate) async fn load(
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
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The offset of the last answer's body.
    head: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(1 << 20), head: 0 })
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        self.buffer.get(self.head..).unwrap_or_default()
    }

    /// Sends a request and reads the answer, which must be a 200 with a length.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<(), Failure> {
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
