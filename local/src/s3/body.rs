//! Bodies of objects: received into files, and sent from files.

use std::{io, ops::Range, path::PathBuf, sync::Arc};

use axum::body::Bytes;
use futures::{Stream, StreamExt, stream};
use s3s::{S3Result, StdError, TrailingHeaders, dto::StreamingBlob, s3_error};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufWriter},
};

use super::{
    buckets::Folder,
    checks::{Digest, Expected},
    description::Piece,
    durability::Durability,
};

/// Bytes per read or write.
const BLOCK: usize = 512 * 1024;

/// Logs an error of the file system and converts it to S3's `InternalError`.
pub(super) fn internal(error: io::Error) -> s3s::S3Error {
    tracing::error!(%error, "the embedded S3 could not use its files");
    s3_error!(error, InternalError)
}

/// Does work that waits for the disk on a blocking thread, so that other requests do not wait for it.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> S3Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| internal(io::Error::other(error)))?.map_err(internal)
}

/// Writes a body to a new file and verifies the client's checksums and length. Removes the file on any error.
pub(super) async fn receive(
    body: Option<StreamingBlob>,
    path: PathBuf,
    expected: Expected,
    trailers: Option<&TrailingHeaders>,
    durability: &Durability,
) -> S3Result<Digest> {
    let result = async {
        let digest = write(body, &path, &expected, durability).await?;
        expected.verify(&digest, trailers)?;
        Ok(digest)
    };
    let result = result.await;
    if result.is_err() {
        // An error means that the file was never created.
        let _ = fs::remove_file(&path).await;
    }
    result
}

async fn write(
    body: Option<StreamingBlob>,
    path: &PathBuf,
    expected: &Expected,
    durability: &Durability,
) -> S3Result<Digest> {
    let mut hasher = expected.hasher();
    let file = File::create(path).await.map_err(internal)?;
    let mut file = BufWriter::with_capacity(BLOCK, file);
    if let Some(mut body) = body {
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error: StdError| {
                tracing::debug!(%error, "a body ended early");
                s3_error!(IncompleteBody)
            })?;
            hasher.update(&bytes);
            file.write_all(&bytes).await.map_err(internal)?;
        }
    }
    file.flush().await.map_err(internal)?;
    durability.bytes(file.get_ref(), path).await.map_err(internal)?;
    Ok(hasher.finish())
}

/// Streams the bytes `range` of an object from its files.
pub(super) fn send(
    folder: Arc<Folder>,
    pieces: &[Piece],
    range: Range<u64>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static {
    let mut start = 0;
    let mut sections = Vec::new();
    for piece in pieces {
        let end = start + piece.size;
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            sections.push((piece.file.clone(), from - start, to - from));
        }
        start = end;
    }
    sections.reverse();
    let state = Sending { folder, sections, open: None };
    stream::try_unfold(state, Sending::next)
}

struct Sending {
    folder: Arc<Folder>,
    /// File, offset and length of the sections that are still to be sent, in reverse order.
    sections: Vec<(String, u64, u64)>,
    open: Option<(File, u64)>,
}

impl Sending {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let (mut file, left) = match self.open.take() {
            Some(open) => open,
            None => {
                let Some((name, offset, length)) = self.sections.pop() else { return Ok(None) };
                let mut file = File::open(self.folder.file(&name)).await?;
                if offset > 0 {
                    file.seek(io::SeekFrom::Start(offset)).await?;
                }
                (file, length)
            }
        };
        let wanted = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        let mut block = Vec::with_capacity(wanted);
        (&mut file).take(wanted as u64).read_to_end(&mut block).await?;
        if block.len() < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let left = left - wanted as u64;
        if left > 0 {
            self.open = Some((file, left));
        }
        Ok(Some((Bytes::from(block), self)))
    }
}
