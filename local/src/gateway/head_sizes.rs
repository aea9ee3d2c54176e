//! The sizes of the requests of a connection, and the most that API Gateway accepts.
//!
//! API Gateway limits the "total combined size of request line and header values" of an HTTP API to 10,240 bytes
//! (developer guide, "Quotas for configuring and running an HTTP API"). The size is that of the bytes that the client
//! sent, so it is taken before anything is rewritten.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::request::Parts;

/// Maximum size of request line and header values together, in bytes.
pub(super) const MAX_HEAD: usize = 10_240;

/// The sizes of requests that arrived on a connection and are not answered yet, the oldest first. The connection adds
/// them and the gateway takes them; both meet the requests in the same order.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadSizes(Arc<Mutex<VecDeque<usize>>>);

impl HeadSizes {
    /// Adds the size of a request that arrived.
    pub(super) fn add(&self, size: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(size);
    }

    /// Takes the size of the next request; `None` if the connection could not read its head.
    pub(super) fn take(&self) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// The size of a head: its first line and the values of its fields, without line breaks and white space around values.
pub(super) fn size_of(head: &[u8]) -> usize {
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).skip_while(|line| line.is_empty());
    let first = lines.next().map_or(0, <[u8]>::len);
    let values = lines.map(|line| match line.iter().position(|byte| *byte == b':') {
        Some(colon) => line.get(colon + 1..).unwrap_or_default().trim_ascii().len(),
        None => line.len(),
    });
    first + values.sum::<usize>()
}

/// As [`size_of`], of a request that the library has read.
pub(super) fn size_of_parts(parts: &Parts) -> usize {
    let line = format!("{} {} {:?}", parts.method, parts.uri, parts.version).len();
    line + parts.headers.values().map(|value| value.len()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn the_request_line_and_the_values_of_headers_count() {
        assert_eq!(size_of(b"GET /a HTTP/1.1\r\nHost: x\r\nX-Long-Name:  abc \r\n\r\n"), 15 + 1 + 3);
        assert_eq!(size_of(b"\r\nGET /{\"a\"} HTTP/1.1\nHost:x:80\n\n"), 19 + 4);
        assert_eq!(size_of(b""), 0);
        let request = Request::get("/a?b=c").header("Host", "x").header("X-Long-Name", "abc").body(()).unwrap();
        assert_eq!(size_of_parts(&request.into_parts().0), "GET /a?b=c HTTP/1.1".len() + 1 + 3);
    }

    #[test]
    fn sizes_are_taken_in_the_order_in_which_they_were_added() {
        let sizes = HeadSizes::default();
        sizes.clone().add(1);
        sizes.add(2);
        assert_eq!([sizes.take(), sizes.take(), sizes.take()], [Some(1), Some(2), None]);
    }
}
