//! A pool of buffers for export parts. A buffer is taken for one part, returned when the part is sent, and reused for a
//! later one.
//!
//! Parts are made on different threads. An allocator with per-thread caches (such as glibc's) would keep the memory of
//! several parts per thread. With this pool, memory is bounded by the number of parts that exist at once.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers that are free for the next part.
#[derive(Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// An empty buffer; reuses a returned one if there is any.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.waiting().pop().unwrap_or_default()
    }

    /// The bytes of a part. The buffer returns to the pool when the last reader (for example a retry of the request)
    /// drops them.
    pub(crate) fn lend(&self, part: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { part, home: self.clone() })
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Lent {
    part: Vec<u8>,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.part
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut part = std::mem::take(&mut self.part);
        part.clear();
        self.home.waiting().push(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_when_its_last_reader_is_done() {
        let buffers = Buffers::default();
        let mut part = buffers.take();
        part.extend_from_slice(b"part 1");
        let place = part.as_ptr();
        let sent = buffers.lend(part);
        let again = sent.clone();
        drop(sent);
        assert_eq!(again, "part 1");
        assert_eq!(buffers.take().capacity(), 0, "it is still read");
        drop(again);
        let part = buffers.take();
        assert!(part.is_empty());
        assert_eq!(part.as_ptr(), place);
    }
}
