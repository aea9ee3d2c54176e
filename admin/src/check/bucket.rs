//! File rows, objects and uploads that no reservation refers to: the bucket's half of RSV-5.

use std::collections::BTreeSet;

use common::{
    bucket::Listed,
    reservation::{
        ExportKey, Reservation, Status,
        invariants::{Breach, Exports, State},
    },
    store::FileRow,
};
use uuid::Uuid;

use super::{Check, Readable, readable, reservations::file_state, twice};
use crate::failure::Failure;

impl Check<'_> {
    /// Checks file rows: a reservation refers to each.
    ///
    /// # Errors
    /// [`Failure`] when a store does not answer or a row cannot be read.
    pub async fn files(&self, rows: &[FileRow]) -> Result<Vec<Breach>, Failure> {
        let overdue: Vec<&FileRow> = rows.iter().filter(|row| self.is_overdue(row.created_on)).collect();
        twice(async || {
            let ids: Vec<Uuid> = overdue.iter().filter_map(|row| row.reservation).collect();
            let Readable { rows: reservations, unreadable } = self.by_id(&ids).await?;
            let is_known = |row: &FileRow| row.reservation.is_none_or(|id| !unreadable.contains_key(&id));
            // Rows that were deleted since are gone with their reservations.
            let names: Vec<String> = overdue.iter().map(|row| row.id.clone()).collect();
            let rows = self.context.store().files(&names).await?;
            let files = rows.iter().filter(|row| is_known(row)).map(file_state).collect();
            let exports = Exports { files, ..Exports::default() };
            Ok(State { reservations, ..State::default() }.unreferenced(&exports))
        })
        .await
    }

    /// Checks objects: the file row of a reservation refers to each.
    ///
    /// # Errors
    /// As [`Check::files`].
    pub async fn objects(&self, objects: &[Listed]) -> Result<Vec<Breach>, Failure> {
        let overdue = objects.iter().filter(|object| self.is_overdue_since(object.modified));
        // Other keys are those of a seed, and of other programs.
        let keys: Vec<ExportKey> = overdue.filter_map(|object| ExportKey::parse(&object.key)).collect();
        twice(async || {
            let ids: Vec<Uuid> = keys.iter().map(|key| key.reservation).collect();
            let Readable { rows: reservations, unreadable } = self.by_id(&ids).await?;
            let names: Vec<String> = reservations.iter().filter_map(|item| item.export_file.clone()).collect();
            let files = self.context.store().files(&names).await?.iter().map(file_state).collect();
            // What a running export has written belongs to it until it is complete.
            let running = |key: &ExportKey| reservations.iter().any(|item| is_running(item, key));
            let is_known = |key: &ExportKey| !unreadable.contains_key(&key.reservation);
            let objects = keys.iter().filter(|key| is_known(key) && !running(key)).map(ToString::to_string).collect();
            let exports = Exports { files, objects, uploads: Vec::new() };
            Ok(State { reservations, ..State::default() }.unreferenced(&exports))
        })
        .await
    }

    /// Checks open uploads: a running export owns each.
    ///
    /// # Errors
    /// As [`Check::files`].
    pub async fn uploads(&self) -> Result<Vec<Breach>, Failure> {
        twice(async || {
            let uploads = self.context.bucket().open_uploads(ExportKey::PREFIX).await?;
            let overdue = uploads.iter().filter(|upload| self.is_overdue_since(upload.initiated));
            let keys: Vec<ExportKey> = overdue.filter_map(|upload| ExportKey::parse(&upload.key)).collect();
            let ids: Vec<Uuid> = keys.iter().map(|key| key.reservation).collect();
            let Readable { rows: reservations, unreadable } = self.by_id(&ids).await?;
            let known = keys.iter().filter(|key| !unreadable.contains_key(&key.reservation));
            let left = known.filter(|key| !reservations.iter().any(|item| is_running(item, key)));
            Ok(left.map(|key| Breach { id: "RSV-5", found: format!("the upload {key} is open") }).collect())
        })
        .await
    }

    /// Reservations by id. What belongs to one that cannot be read is no breach here: the row itself is.
    async fn by_id(&self, ids: &[Uuid]) -> Result<Readable, Failure> {
        let ids: Vec<Uuid> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        if ids.is_empty() { Ok(Readable::default()) } else { readable(self.context, &ids).await }
    }
}

fn is_running(item: &Reservation, key: &ExportKey) -> bool {
    (item.id, item.incarnation, item.generation, item.status)
        == (key.reservation, key.incarnation, key.generation, Status::InProgress)
}
