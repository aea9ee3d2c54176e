//! Rewrites the targets of HTTP/1 requests, as bytes of a connection, so that the HTTP library accepts all of them.
//!
//! The library answers a target that is not a valid URI with an empty 400 and closes the connection. Clients send such
//! targets: `?filter={"status":{"_eq":"new"}}` without encoding, or bytes outside ASCII. Here each byte that a URI does
//! not allow is percent-encoded, which means the same. All other bytes pass unchanged. To find the next request, heads
//! and bodies are counted (RFC 9112, section 6.3); where that is not possible, the rest of the connection passes as it
//! is, and the library judges it.

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::head_sizes::{HeadSizes, size_of};

/// Maximum length of a head. The library refuses shorter ones than this, so a longer one need not be understood.
const MAX_HEAD: usize = 1024 * 1024;
/// Maximum length of a line that separates the parts of a chunked body.
const MAX_LINE: usize = 16 * 1024;

/// The bytes that a target must not contain (RFC 3986, sections 2.2 and 2.3), besides those outside ASCII. `%` is kept:
/// the client has encoded the target, or the text remains what it was.
const NOT_ALLOWED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The first line of a connection of HTTP/2 (RFC 9113, section 3.4).
const HTTP_2: &[u8] = b"PRI * HTTP/2.0";

/// The position in the requests of a connection.
#[derive(Debug)]
enum State {
    /// In the head of a request, of which this much has arrived.
    Head(Vec<u8>),
    /// In a body, or in a chunk with its line break, with this many bytes left.
    Body(u64),
    Chunk(u64),
    /// In a line before a chunk, or after the last one.
    Size(Vec<u8>),
    Trailer(Vec<u8>),
    /// Nothing is rewritten any more.
    Through,
}

/// Rewrites the bytes of one connection, and notes the size of each head.
#[derive(Debug)]
pub(super) struct RequestLines {
    state: State,
    sizes: HeadSizes,
}

impl RequestLines {
    pub(super) fn new(sizes: HeadSizes) -> Self {
        Self { state: State::Head(Vec::new()), sizes }
    }

    /// Takes bytes of the client and appends to `out` those for the library. A head is held back until it is complete.
    pub(super) fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            bytes = self.step(bytes, out);
        }
    }

    /// The client sends no more: appends what was held back.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if let State::Head(held) = std::mem::replace(&mut self.state, State::Through) {
            out.extend(held);
        }
    }

    /// Takes some of the bytes, at least one, and gives the rest.
    fn step<'b>(&mut self, bytes: &'b [u8], out: &mut Vec<u8>) -> &'b [u8] {
        let (taken, next) = match &mut self.state {
            State::Through => (bytes.len(), None),
            State::Head(_) => return self.head(bytes, out),
            State::Body(left) => match count(left, bytes) {
                (taken, true) => (taken, Some(State::Head(Vec::new()))),
                (taken, false) => (taken, None),
            },
            State::Chunk(left) => match count(left, bytes) {
                (taken, true) => (taken, Some(State::Size(Vec::new()))),
                (taken, false) => (taken, None),
            },
            State::Size(line) => match ended(line, bytes) {
                (taken, Some(line)) => (taken, Some(after_size(&line))),
                (taken, None) => (taken, (line.len() > MAX_LINE).then_some(State::Through)),
            },
            State::Trailer(line) => match ended(line, bytes) {
                (taken, Some(line)) if line.is_empty() => (taken, Some(State::Head(Vec::new()))),
                (taken, Some(_)) => (taken, Some(State::Trailer(Vec::new()))),
                (taken, None) => (taken, (line.len() > MAX_LINE).then_some(State::Through)),
            },
        };
        let (passed, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
        out.extend_from_slice(passed);
        if let Some(next) = next {
            self.state = next;
        }
        rest
    }

    fn head<'b>(&mut self, bytes: &'b [u8], out: &mut Vec<u8>) -> &'b [u8] {
        let State::Head(held) = &mut self.state else { return bytes };
        let before = held.len();
        held.extend_from_slice(bytes);
        // The blank line may have begun in the bytes before.
        let Some(end) = end_of_head(held, before.saturating_sub(3)) else {
            // What does not begin like a request (a handshake of TLS, for example) is judged at once.
            let first = held.iter().find(|byte| !matches!(byte, b'\r' | b'\n'));
            if held.len() > MAX_HEAD || first.is_some_and(|byte| !byte.is_ascii_graphic()) {
                out.append(held);
                self.state = State::Through;
            }
            return &[];
        };
        let rest = held.len() - end;
        held.truncate(end);
        self.sizes.add(size_of(held));
        let (head, next) = rewritten(held);
        out.extend(head);
        self.state = next;
        bytes.get(bytes.len() - rest..).unwrap_or_default()
    }
}

/// The end of a head, after its blank line.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    // Blank lines before a request are no part of it.
    let begin = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let from = from.max(begin);
    let line_breaks = bytes.iter().enumerate().skip(from).filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    line_breaks.into_iter().find_map(|at| match bytes.get(at + 1..)? {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

/// A head with its target rewritten, and what follows it.
fn rewritten(head: &[u8]) -> (Vec<u8>, State) {
    let begin = head.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or_default();
    let head = head.get(begin..).unwrap_or_default();
    let end = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
    let (line, rest) = head.split_at_checked(end).unwrap_or((head, &[]));
    let spaces = || line.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at);
    let (Some(first), Some(last)) = (spaces().next(), spaces().next_back()) else {
        return (head.to_vec(), State::Through);
    };
    if line.trim_ascii_end() == HTTP_2 {
        // The library, which serves HTTP/1, would wait for more. It refuses every other version.
        return (b"PRI * HTTP/3.0\r\n\r\n".to_vec(), State::Through);
    }
    let (method, version) = (line.get(..first).unwrap_or_default(), line.get(last + 1..).unwrap_or_default());
    let Some(target) = line.get(first + 1..last).filter(|_| version.starts_with(b"HTTP/1.")) else {
        return (head.to_vec(), State::Through);
    };
    let mut out = [method, b" "].concat();
    out.extend(percent_encode(target, NOT_ALLOWED).flat_map(str::bytes));
    out.push(b' ');
    out.extend(version);
    out.extend(rest);
    (out, if method == b"CONNECT" { State::Through } else { body(rest) })
}

/// The body that header lines announce.
fn body(lines: &[u8]) -> State {
    let (mut length, mut is_chunked) = (None, false);
    for line in lines.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let digits =
                std::str::from_utf8(value).ok().filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
            match digits.and_then(|digits| digits.parse::<u64>().ok()) {
                Some(read) if length.is_none_or(|length| length == read) => length = Some(read),
                _ => return State::Through,
            }
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            return State::Through;
        }
    }
    match (is_chunked, length) {
        (true, Some(_)) => State::Through,
        (true, None) => State::Size(Vec::new()),
        (false, None | Some(0)) => State::Head(Vec::new()),
        (false, Some(length)) => State::Body(length),
    }
}

/// How many of the bytes belong to a part of which `left` bytes are left, and whether it ends with them.
fn count(left: &mut u64, bytes: &[u8]) -> (usize, bool) {
    let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
    *left -= taken as u64;
    (taken, *left == 0)
}

/// How many of the bytes belong to a line, and the whole line without its line break if it ends with them.
fn ended(line: &mut Vec<u8>, bytes: &[u8]) -> (usize, Option<Vec<u8>>) {
    let taken = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
    line.extend(bytes.iter().take(taken));
    let whole = line.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec());
    (taken, whole)
}

/// What follows the line before a chunk: its length in hexadecimal, perhaps with extensions (RFC 9112, section 7.1).
fn after_size(line: &[u8]) -> State {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let size = std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match size {
        Some(0) => State::Trailer(Vec::new()),
        Some(size) if size <= u64::MAX - 2 => State::Chunk(size + 2),
        _ => State::Through,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes for the library, when the client's bytes arrive in pieces of one length.
    fn pass(bytes: &[u8], piece: usize) -> Vec<u8> {
        let (mut lines, mut out) = (RequestLines::new(HeadSizes::default()), Vec::new());
        for piece in bytes.chunks(piece) {
            lines.push(piece, &mut out);
        }
        lines.end(&mut out);
        out
    }

    fn same(bytes: &[u8], expected: &[u8]) {
        for piece in 1..=bytes.len() {
            let passed = pass(bytes, piece);
            assert_eq!(passed, expected, "{} in pieces of {piece}", String::from_utf8_lossy(&passed));
        }
    }

    #[test]
    fn a_target_is_encoded_in_each_request_of_a_connection() {
        same(
            b"GET /a?f={\"s\": 1}#x HTTP/1.1\r\nHost: a^b\r\n\r\n\
              POST /\xff HTTP/1.1\r\nContent-Length: 8\r\n\r\nGET /{ H\
              POST /^ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\na;x=y\r\nGET /{ HT\n\r\n0\r\nT: {\r\n\r\n\
              \r\nGET /\x01%zz HTTP/1.0\r\n\r\n",
            b"GET /a?f=%7B%22s%22:%201%7D%23x HTTP/1.1\r\nHost: a^b\r\n\r\n\
              POST /%FF HTTP/1.1\r\nContent-Length: 8\r\n\r\nGET /{ H\
              POST /%5E HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\na;x=y\r\nGET /{ HT\n\r\n0\r\nT: {\r\n\r\n\
              GET /%01%zz HTTP/1.0\r\n\r\n",
        );
    }

    #[test]
    fn the_size_of_each_head_is_that_of_the_bytes_that_were_sent() {
        let sizes = HeadSizes::default();
        let mut lines = RequestLines::new(sizes.clone());
        let bytes = b"GET /{ HTTP/1.1\r\nA: bc\r\n\r\nPOST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET /{ HT\
                      GET /y HTTP/1.1\r\n\r\n";
        for piece in bytes.chunks(7) {
            lines.push(piece, &mut Vec::new());
        }
        let taken: Vec<_> = std::iter::from_fn(|| sizes.take()).collect();
        assert_eq!(taken, [15 + 2, 16 + 1, 15]);
    }

    #[test]
    fn a_valid_target_stays_as_it_is() {
        let request = b"GET /x%2Fy/(01)?filter[a][_in]=1,2&b=c%20d+e;f:g@h!$'* HTTP/1.1\r\nA: b\r\n\r\n";
        same(request, request);
    }

    #[test]
    fn what_is_no_request_passes_as_it_is() {
        for bytes in [
            b"\x16\x03\x01\x02\x00{\r\n\r\n".as_slice(),
            b"{\r\n\r\nGET /{ HTTP/1.1\r\n\r\n",
            b"GET /{\r\n\r\n",
            b"GET /{ HTTP/2.0\r\n\r\n",
            b"GET /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nGET /{ HTTP/1.1\r\n\r\n",
            b"GET /a HTTP/1.1\r\nContent-Length: +1\r\n\r\nxGET /{ HTTP/1.1\r\n\r\n",
            b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nGET /{ HTTP/1.1\r\n\r\n",
            b"GET /a",
        ] {
            same(bytes, bytes);
        }
    }

    #[test]
    fn a_connection_of_http_2_is_refused() {
        same(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n");
    }

    #[test]
    fn a_head_without_an_end_is_not_held_for_ever() {
        let (mut lines, mut out) = (RequestLines::new(HeadSizes::default()), Vec::new());
        lines.push(b"GET /a HTTP/1.1\r\nA: ", &mut out);
        assert!(out.is_empty());
        lines.push(&vec![b'a'; MAX_HEAD], &mut out);
        assert!(out.len() > MAX_HEAD);
    }
}
