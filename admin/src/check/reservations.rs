//! Reservations and their exports: RSV-2, RSV-4, and the open ones of RSV-5.

use aws_smithy_types::base64;
use common::{
    context::Context,
    export::Cursor,
    operations::{ExportFileError, export_file},
    reservation::{
        RENDERER_VERSION, Reservation, SAME_BYTES_SINCE, Status,
        invariants::{Breach, Exports, FileState, State},
    },
    store::FileRow,
};
use crc_fast::{CrcAlgorithm, Digest};
use futures::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{Check, Readable, pools::state_of, readable, twice};
use crate::failure::Failure;

/// Exports that are checked at once. Each renders a part of 8 MiB at a time.
const AT_ONCE: usize = 8;

impl Check<'_> {
    /// Checks reservations: their ranges, whether they end, and their files.
    ///
    /// # Errors
    /// [`Failure`] when a store does not answer or a row cannot be read.
    pub async fn reservations(&self, ids: &[Uuid]) -> Result<Vec<Breach>, Failure> {
        let mut breaches = twice(|| self.rows(ids)).await?;
        let exports = stream::iter(ids).map(|id| twice(move || self.export(*id)));
        let found: Vec<Vec<Breach>> = exports.buffered(AT_ONCE).try_collect().await?;
        breaches.extend(found.into_iter().flatten());
        Ok(breaches)
    }

    /// RSV-2 and RSV-5 of reservations.
    async fn rows(&self, ids: &[Uuid]) -> Result<Vec<Breach>, Failure> {
        let store = self.context.store();
        let Readable { rows: mut reservations, unreadable } = readable(self.context, ids).await?;
        let unreadable = unreadable.into_iter();
        let mut breaches: Vec<Breach> = unreadable
            .map(|(id, reason)| Breach { id: "RSV-2", found: format!("reservation {id} cannot be read: {reason}") })
            .collect();
        reservations.retain(|item| !item.seeded);
        let ranges = reservations.iter().filter_map(|item| item.range.as_ref());
        let places: Vec<_> = ranges.map(|range| (range.namespace.clone(), range.start)).collect();
        let entries = store.range_entries(&places).await?;
        let ranges = entries.into_iter().map(|(namespace, range)| state_of(&namespace, range)).collect();
        let overdue = reservations.iter().filter(|item| item.is_open() && self.is_overdue(item.progress_at));
        breaches.extend(overdue.map(stuck));
        breaches.extend(State { reservations, ranges, ..State::default() }.one_range_each());
        Ok(breaches)
    }

    /// RSV-4 of one reservation: its file exists, and is what its codes give when they are rendered again.
    async fn export(&self, id: Uuid) -> Result<Vec<Breach>, Failure> {
        let store = self.context.store();
        let Some(item) = readable(self.context, &[id]).await?.rows.pop() else { return Ok(Vec::new()) };
        if item.seeded || item.status != Status::Complete || item.range.is_none() {
            return Ok(Vec::new());
        }
        let file = match item.export_file.as_deref() {
            Some(file) => store.file(file).await?,
            None => {
                let found = format!("reservation {id} is complete without a file");
                return Ok(vec![Breach { id: "RSV-4", found }]);
            }
        };
        let summed = match &file {
            Some(file) => self.context.bucket().checksum(&file.s3_key).await?,
            None => None,
        };
        let objects = file.iter().filter(|_| summed.is_some()).map(|file| file.s3_key.clone()).collect();
        let exports = Exports { files: file.iter().map(file_state).collect(), objects, uploads: Vec::new() };
        let missing = State { reservations: vec![item.clone()], ..State::default() }.missing(&exports);
        let (Some(file), Some(summed)) = (file, summed) else { return Ok(missing) };
        let breach = |found: String| vec![Breach { id: "RSV-4", found: format!("reservation {id}: {found}") }];
        if summed.len != file.filesize {
            return Ok(breach(format!("its file has {} bytes, its row says {}", summed.len, file.filesize)));
        }
        let Some(stored) = summed.crc64_nvme else {
            return Ok(breach("its file has no CRC-64/NVME, so somebody else wrote it".to_owned()));
        };
        match rendered(self.context, &item).await? {
            Rendered::Fresh { len, crc64_nvme } if crc64_nvme != stored => Ok(breach(format!(
                "its file has the CRC-64/NVME {stored} and {} bytes, a fresh rendering {crc64_nvme} and {len}",
                summed.len
            ))),
            Rendered::Fresh { .. } | Rendered::OtherVersion => Ok(Vec::new()),
            Rendered::Impossible(reason) => Ok(breach(format!("its codes cannot be rendered: {reason}"))),
        }
    }
}

fn stuck(item: &Reservation) -> Breach {
    let since = item.progress_at.map_or_else(|| "ever".to_owned(), |at| at.to_string());
    let found = format!("reservation {} is {} without progress since {since}", item.id, item.status);
    Breach { id: "RSV-5", found }
}

pub(super) fn file_state(file: &FileRow) -> FileState {
    FileState {
        id: file.id.clone(),
        key: file.s3_key.clone(),
        reservation: file.reservation,
        incarnation: file.incarnation,
    }
}

/// A file that was rendered again, without keeping its bytes.
enum Rendered {
    Fresh {
        len: u64,
        crc64_nvme: String,
    },
    /// The file was written by another version of the renderer, whose bytes this program does not know.
    OtherVersion,
    Impossible(String),
}

/// Renders the file of a reservation part by part, on a thread for blocking work.
async fn rendered(context: &Context, item: &Reservation) -> Result<Rendered, Failure> {
    let Some(render) = &item.render else {
        return Ok(Rendered::Impossible("the settings of its rendering are missing".to_owned()));
    };
    if !(SAME_BYTES_SINCE..=RENDERER_VERSION).contains(&render.version) {
        return Ok(Rendered::OtherVersion);
    }
    let secret = context.secret().await?;
    let file = match export_file(context.store(), secret, item, &context.config().part_policy).await {
        Ok(file) => file,
        Err(ExportFileError::Store(error)) => return Err(error.into()),
        Err(reason) => return Ok(Rendered::Impossible(reason.to_string())),
    };
    let summed = tokio::task::spawn_blocking(move || {
        let (mut cursor, mut len, mut crc) = (Cursor::START, 0_u64, Digest::new(CrcAlgorithm::Crc64Nvme));
        let mut part = Vec::new();
        while !file.is_done(cursor) {
            part.clear();
            cursor = file.write_part(cursor, &mut part)?;
            crc.update(&part);
            len += part.len() as u64;
        }
        Ok::<_, common::export::ExportError>((len, crc.finalize()))
    });
    let summed = summed.await.map_err(|error| Failure::Refused(format!("a file could not be rendered: {error}")))?;
    Ok(match summed {
        Ok((len, crc)) => Rendered::Fresh { len, crc64_nvme: base64::encode(crc.to_be_bytes()) },
        Err(error) => Rendered::Impossible(error.to_string()),
    })
}
