//! The connections of the HTTP API: what the HTTP library would refuse with an empty answer is repaired or gets a body.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::serve::Listener;
use common::api::{NO_STORE, SECURITY_HEADERS};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

use super::{head_sizes::HeadSizes, request_line::RequestLines};

/// The status of a request line or header fields that are too large.
const TOO_LARGE: &str = "431 Request Header Fields Too Large";
/// Bytes that are read from a connection at once.
const PIECE: usize = 16 * 1024;

/// A listener whose connections are [`Connection`]s.
pub(super) struct Connections(pub(super) TcpListener);

impl Listener for Connections {
    type Io = Connection<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Connection::new(stream), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A connection to a client.
pub(super) struct Connection<S> {
    stream: S,
    requests: RequestLines,
    sizes: HeadSizes,
    /// Rewritten bytes for the library, and how many of them it has read.
    read: Vec<u8>,
    read_to: usize,
    has_ended: bool,
    /// An answer that replaces one of the library, and how many of its bytes are sent.
    written: Vec<u8>,
    written_to: usize,
}

impl<S> Connection<S> {
    fn new(stream: S) -> Self {
        let sizes = HeadSizes::default();
        Self {
            stream,
            requests: RequestLines::new(sizes.clone()),
            sizes,
            read: Vec::new(),
            read_to: 0,
            has_ended: false,
            written: Vec::new(),
            written_to: 0,
        }
    }

    /// The sizes of the requests that arrived.
    pub(super) fn sizes(&self) -> &HeadSizes {
        &self.sizes
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(self: Pin<&mut Self>, task: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let ready = this.read.get(this.read_to..).unwrap_or_default();
            if !ready.is_empty() {
                let part = ready.get(..out.remaining()).unwrap_or(ready);
                out.put_slice(part);
                this.read_to += part.len();
                return Poll::Ready(Ok(()));
            }
            if this.has_ended {
                return Poll::Ready(Ok(()));
            }
            this.read.clear();
            this.read_to = 0;
            let mut piece = [0; PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.stream).poll_read(task, &mut piece))?;
            if piece.filled().is_empty() {
                this.has_ended = true;
                this.requests.end(&mut this.read);
            } else {
                this.requests.push(piece.filled(), &mut this.read);
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Connection<S> {
    /// Sends what is left of an answer that replaces one of the library.
    fn poll_written(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(left @ [_, ..]) = self.written.get(self.written_to..) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(task, left))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written_to += sent;
        }
        self.written.clear();
        self.written_to = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_written(task))?;
        let Some(answer) = with_a_body(bytes) else {
            return Pin::new(&mut this.stream).poll_write(task, bytes);
        };
        this.written = answer;
        // The library closes the connection after such an answer, and waits for a flush or shutdown before.
        match this.poll_written(task) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_written(task))?;
        match slices {
            [one] => Pin::new(this).poll_write(task, one),
            more => Pin::new(&mut this.stream).poll_write_vectored(task, more),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_written(task))?;
        Pin::new(&mut this.stream).poll_flush(task)
    }

    fn poll_shutdown(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_written(task))?;
        Pin::new(&mut this.stream).poll_shutdown(task)
    }
}

/// The answer that replaces one of the library: it answers a request that it cannot parse with a status and nothing
/// else. Answers of the gateway and of the functions have a type, also those to HEAD.
fn with_a_body(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.").filter(|_| !head.contains("\r\n\r\n"))?.get(2..)?;
    let (status, fields) = status.split_once("\r\n")?;
    let (code, reason) = status.split_once(' ')?;
    let fields = fields.to_ascii_lowercase();
    if !code.starts_with('4') || !fields.contains("content-length: 0") || fields.contains("content-type:") {
        return None;
    }
    // The library distinguishes a target that is too long. For the gateway both are one quota.
    let (status, reason) = match code {
        "414" => (TOO_LARGE, TOO_LARGE.get(4..).unwrap_or_default()),
        _ => (status, reason),
    };
    let body = json!({ "message": reason }).to_string();
    let mut answer =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in SECURITY_HEADERS {
        answer += &format!("{name}: {value}\r\n");
    }
    answer += &format!("cache-control: {NO_STORE}\r\nconnection: close\r\n\r\n{body}");
    Some(answer.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_of_the_library_gets_a_body() {
        let answer = with_a_body(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: x\r\n\r\n").unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n{\"message\":\"Bad Request\"}"), "{answer}");
        assert!(answer.contains("content-length: 25\r\n") && answer.contains("nosniff"), "{answer}");
        let answer = with_a_body(b"HTTP/1.1 414 URI Too Long\r\ncontent-length: 0\r\n\r\n").unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{answer}");
        assert!(answer.ends_with("{\"message\":\"Request Header Fields Too Large\"}"), "{answer}");
        for other in [
            "HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 10\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n",
            "{\"a\":1}",
            "",
        ] {
            assert!(with_a_body(other.as_bytes()).is_none(), "{other}");
        }
    }
}
