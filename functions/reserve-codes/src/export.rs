//! The export of one reservation (architecture, steps 2 and 3): written in slices and completed exactly once, even when
//! workers die in between.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use common::{
    bucket::{Bucket, BucketError, ObjectHead},
    context::Context,
    export::{Cursor, ExportFile, PartPlan},
    host::Host,
    metrics::{self, Event},
    operations::{
        export_file, find_profile, profile_name, refreeze,
        tidy::{self, Incarnation},
    },
    reservation::{ExportKey, ExportProgress, Origin, ProfileName, RENDERER_VERSION, Reservation, file_id, file_name},
    store::{FileRow, Saved, Store},
};
use tokio::task::JoinSet;

use crate::{
    buffers::Buffers,
    error::{WorkError, fail_if_permanent},
};

/// Parts that are uploaded while the next one is rendered. A part of an ordinary export has 8 MiB.
const PARTS_IN_FLIGHT: usize = 2;

/// Time reserved at the end of an invocation to save the progress.
pub(crate) const RESERVE: Duration = Duration::from_secs(5);

/// The longest pause between two looks for an object.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// How often one generation may start again after its multipart upload was lost.
const MAX_RESTARTS: u32 = 8;

/// The error message of the reservation when `MAX_RESTARTS` is exceeded.
const LOST: &str =
    "The file could not be stored: its upload was lost again and again. Set the status to \"new\" to try again.";

/// The export of one reservation, compiled and ready to be written.
pub(crate) struct Job<'a> {
    context: &'a Context,
    item: Reservation,
    file: Arc<ExportFile>,
    key: String,
    /// [`Origin`] of its codes.
    origin: String,
}

/// How a slice ended.
enum Slice {
    /// All parts are uploaded. The cursor is after the last one.
    Finished(Cursor),
    /// The time of the slice is over. All parts before the cursor are uploaded.
    Paused(Cursor),
    /// The multipart upload does not exist.
    NoUpload,
}

impl<'a> Job<'a> {
    /// Compiles the export. Gives `None` when there is nothing to write now: the export was restarted, or the
    /// reservation failed.
    ///
    /// # Errors
    /// `WorkError::Transient` when the export was begun by a newer renderer; `WorkError::Away` when the store or Secrets
    /// Manager does not answer.
    pub(crate) async fn prepare(context: &'a Context, item: Reservation) -> Result<Option<Self>, WorkError> {
        let version = item.render.as_ref().map_or(0, |render| render.version);
        if version > RENDERER_VERSION {
            // A newer version of this function began the export, so this one must not write to it. The record fails and
            // is delivered again, until a worker of the newer version gets it.
            return Err(WorkError::Transient(format!("the export was begun by renderer {version}")));
        }
        if version < RENDERER_VERSION {
            let store = context.store();
            let organisation = match &item.reserved_for {
                Some(id) => store.organisation(id).await?,
                None => None,
            };
            // The profile stays the frozen one, unless it is part of the service: then it changes with this version.
            let profile = match profile_name(&item).filter(ProfileName::is_built_in) {
                Some(name) => find_profile(store, None, name).await?,
                None => None,
            };
            let render = refreeze(&item, organisation.as_ref(), context.config(), profile.as_ref());
            store.restart(&item, render, context.now()).await?;
            return Ok(None);
        }
        let secret = context.secret().await?;
        let compiled = export_file(context.store(), secret, &item, &context.config().part_policy).await;
        let compiled = compiled.map_err(WorkError::from);
        let compiled = fail_if_permanent(context, &item, compiled).await?;
        let origin = item.range.as_ref().map(|range| Origin::of(range, &secret.id_key()).to_string());
        Ok(compiled.map(|file| {
            let key = ExportKey::of(&item, file.extension()).to_string();
            Self { context, item, file: Arc::new(file), key, origin: origin.unwrap_or_default() }
        }))
    }

    /// Whether one PutObject request writes the whole file.
    pub(crate) fn is_small(&self) -> bool {
        matches!(self.file.plan(), PartPlan::Single)
    }

    /// Writes one slice, and completes the export if it was the last one. The invocation ends at `deadline`.
    pub(crate) async fn run(mut self, slice: Duration, deadline: SystemTime) -> Result<(), WorkError> {
        let result = if self.is_small() { self.run_single().await } else { self.run_slice(slice, deadline).await };
        fail_if_permanent(self.context, &self.item, result).await.map(drop)
    }

    async fn run_single(&self) -> Result<(), WorkError> {
        let begun = self.host().uptime();
        let (body, _) = self.make(Cursor::START, Vec::new()).await?;
        let len = body.len() as u64;
        self.bucket().put(&self.head(), body).await?;
        self.measure(begun, self.item.quantity(), len);
        self.complete(len).await
    }

    async fn run_slice(&mut self, slice: Duration, deadline: SystemTime) -> Result<(), WorkError> {
        let export = self.item.export.clone().unwrap_or_else(ExportProgress::begin);
        let upload = match export.upload_id {
            Some(upload) => upload,
            None => match self.bucket().find_upload(&self.key).await? {
                // A worker that died before it saved the id left it.
                Some(upload) => upload,
                // Or it completed the upload, or the object became visible after a restart.
                None => match self.stored().await? {
                    Some(len) => return self.complete(len).await,
                    // The id is saved at the end of the slice; until then the upload is found by its key.
                    None => self.bucket().create_upload(&self.head()).await?,
                },
            },
        };
        let from = Cursor { part: export.next_part, row: export.next_row, crc32: export.crc32, len: export.len };
        let end = self.host().uptime().saturating_add(slice);
        match self.upload_parts(&upload, from, end).await? {
            Slice::Paused(cursor) => self.save(&upload, cursor).await.map(drop),
            Slice::Finished(end) => self.finish(&upload, end, deadline).await,
            Slice::NoUpload => self.recover(deadline).await,
        }
    }

    /// Uploads parts until the file or the time ends, but at least one, so that every slice makes progress.
    ///
    /// The next part is rendered while earlier ones are uploaded. Memory is bounded by the parts in flight, not by the
    /// size of the file.
    async fn upload_parts(&self, upload: &str, from: Cursor, end: Duration) -> Result<Slice, WorkError> {
        let mut flying: JoinSet<(Cursor, Result<(), BucketError>)> = JoinSet::new();
        let buffers = Buffers::default();
        let begun = self.host().uptime();
        // Part number and length in bytes of every part that was sent.
        let mut sent: Vec<(u32, u64)> = Vec::new();
        let mut cursor = from;
        let mut failure: Option<(Cursor, BucketError)> = None;
        let mut note = |landed: (Cursor, Result<(), BucketError>)| {
            // The next slice starts with the first part that failed.
            if let (at, Err(error)) = landed
                && failure.as_ref().is_none_or(|(first, _)| at.part < first.part)
            {
                failure = Some((at, error));
                return false;
            }
            true
        };
        let mut going = true;
        while going && !self.file.is_done(cursor) {
            let (body, next) = self.make(cursor, buffers.take()).await?;
            sent.push((cursor.part, body.len() as u64));
            let body = buffers.lend(body);
            while flying.len() >= PARTS_IN_FLIGHT {
                if let Some(landed) = flying.join_next().await {
                    going &= note(landed.map_err(|error| WorkError::Transient(error.to_string()))?);
                }
            }
            let (client, bucket) = (self.context.s3().clone(), self.context.config().bucket.clone());
            let (key, upload, at) = (self.key.clone(), upload.to_owned(), cursor);
            flying.spawn(async move {
                (at, Bucket::new(&client, &client, &bucket).upload_part(&key, &upload, at.part, body).await)
            });
            cursor = next;
            going &= self.host().uptime() < end;
        }
        while let Some(landed) = flying.join_next().await {
            note(landed.map_err(|error| WorkError::Transient(error.to_string()))?);
        }
        // Parts before the first failed one are kept, unless the upload itself no longer exists.
        let kept = match &failure {
            None => cursor,
            Some((_, BucketError::NoSuchUpload)) => from,
            Some((at, _)) => *at,
        };
        let bytes = sent.iter().filter(|(part, _)| *part < kept.part).map(|(_, len)| len).sum();
        self.measure(begun, kept.row.saturating_sub(from.row), bytes);
        match failure {
            None if self.file.is_done(cursor) => Ok(Slice::Finished(cursor)),
            None => Ok(Slice::Paused(cursor)),
            Some((_, BucketError::NoSuchUpload)) => Ok(Slice::NoUpload),
            Some((at, _)) if at.part > from.part => Ok(Slice::Paused(at)),
            Some((_, error)) => Err(error.into()),
        }
    }

    fn measure(&self, begun: Duration, rows: u64, bytes: u64) {
        let duration_ms = u64::try_from(self.since(begun).as_millis()).unwrap_or(u64::MAX);
        let slice = metrics::Slice { rows, bytes, duration_ms, reservation: self.item.id };
        self.context.metrics().record(&Event::Slice(slice));
    }

    /// Renders one part into an empty buffer, on a blocking thread, because rendering is CPU-bound.
    async fn make(&self, at: Cursor, mut body: Vec<u8>) -> Result<(Vec<u8>, Cursor), WorkError> {
        let file = Arc::clone(&self.file);
        let made = self.host().computed(move || file.write_part(at, &mut body).map(|next| (body, next))).await;
        Ok(made.ok_or_else(|| WorkError::Transient("a part could not be rendered".to_owned()))??)
    }

    /// Saves the progress. This write produces the stream record that starts the next slice. Gives whether it is saved.
    async fn save(&mut self, upload: &str, at: Cursor) -> Result<bool, WorkError> {
        let Cursor { part: next_part, row: next_row, crc32, len } = at;
        let (upload_id, restarts) = (Some(upload.to_owned()), self.restarts());
        self.save_export(ExportProgress { upload_id, next_part, next_row, crc32, len, restarts }).await
    }

    /// Starts the file again with its first part. Each save counts as progress, so the sweep would never end such a
    /// loop; `MAX_RESTARTS` bounds it (RSV-5).
    async fn start_over(&mut self) -> Result<(), WorkError> {
        let restarts = self.restarts().saturating_add(1);
        if restarts > MAX_RESTARTS {
            return Err(WorkError::Permanent(LOST.to_owned()));
        }
        self.save_export(ExportProgress { restarts, ..ExportProgress::begin() }).await.map(drop)
    }

    fn restarts(&self) -> u32 {
        self.item.export.as_ref().map_or(0, |export| export.restarts)
    }

    /// Gives whether it is saved. If not, the reservation is another worker's or a client's.
    async fn save_export(&mut self, export: ExportProgress) -> Result<bool, WorkError> {
        let rows = export.next_row.saturating_sub(1);
        match self.store().save_progress(&self.item, &export, rows, self.context.now()).await? {
            Saved::Done => {
                self.item.export = Some(export);
                Ok(true)
            }
            Saved::Stale => self.clean_up().await.map(|()| false),
        }
    }

    /// Completes the multipart upload after all parts are uploaded, and then the reservation.
    async fn finish(&mut self, upload: &str, end: Cursor, deadline: SystemTime) -> Result<(), WorkError> {
        let mut parts = match self.bucket().parts(&self.key, upload).await {
            Ok(parts) => parts,
            Err(BucketError::NoSuchUpload) => return self.recover(deadline).await,
            Err(error) => return Err(error.into()),
        };
        let last = end.part.saturating_sub(1);
        // Parts after the last one come from a dead worker with another part policy, which cut the file into smaller
        // parts.
        parts.retain(|part| part.number <= last);
        let len = parts.iter().map(|part| part.len).sum();
        let without_gap = parts.iter().map(|part| part.number).eq(1..=last);
        if !without_gap || self.file.known_len().is_some_and(|known| known != len) {
            // The upload does not contain what was sent. Which parts are wrong is unknown, so all are discarded.
            tracing::error!(reservation = %self.item.id, upload, "an upload does not hold what was sent; it begins again");
            return match self.bucket().abort_upload(&self.key, upload).await? {
                true => self.start_over().await,
                false => self.recover(deadline).await,
            };
        }
        // If this worker dies after the completion, the next one knows from the saved id that the parts were written.
        let is_saved = self.item.export.as_ref().is_some_and(|export| export.upload_id.is_some());
        if !is_saved && !self.save(upload, end).await? {
            return Ok(());
        }
        match self.bucket().complete_upload(&self.key, upload, &parts).await {
            Ok(()) => self.complete(len).await,
            // The upload was completed before: by another worker, or by a request whose response was lost.
            Err(BucketError::NoSuchUpload) => self.recover(deadline).await,
            // The answer may be lost, and the object there.
            Err(BucketError::Busy(error)) => match self.stored().await? {
                Some(len) => self.complete(len).await,
                None => Err(WorkError::Away(error)),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Continues after the upload disappeared: another worker completed it, or it was aborted (architecture, step 2).
    async fn recover(&mut self, deadline: SystemTime) -> Result<(), WorkError> {
        let read = self.store().reservation(self.item.id).await?;
        let same = read.as_ref().is_some_and(|read| {
            read.incarnation == self.item.incarnation
                && read.generation == self.item.generation
                && read.status == self.item.status
                && read.export == self.item.export
        });
        if !same {
            return self.clean_up().await;
        }
        let wait = self.context.config().object_wait;
        let left = self.host().left_until(deadline).saturating_sub(RESERVE);
        match self.await_object(wait.min(left)).await? {
            Some(len) => self.complete(len).await,
            None if left < wait => Err(WorkError::Transient("its upload is gone, and its object not there yet".into())),
            None => self.start_over().await,
        }
    }

    /// The size of the whole object, if it is or becomes visible within this time. While S3 joins the parts, the upload is
    /// gone and the object is not there yet.
    async fn await_object(&self, time: Duration) -> Result<Option<u64>, WorkError> {
        let begun = self.host().uptime();
        let mut pause = Duration::from_millis(50);
        loop {
            if let Some(len) = self.stored().await? {
                return Ok(Some(len));
            }
            let left = time.saturating_sub(self.since(begun));
            if left.is_zero() {
                return Ok(None);
            }
            self.host().sleep(pause.min(left)).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// The size of the object of this export, if it is there, whole, and made from the same range and settings: after the
    /// tables were restored, a reservation may get another range for the same key (RSV-4).
    async fn stored(&self) -> Result<Option<u64>, WorkError> {
        let (rows, len, contents) = (Some(self.item.quantity()), self.file.known_len(), Some(self.item.contents()));
        let stored = self.bucket().head(&self.key).await?;
        let is_ours = stored.as_ref().is_some_and(|stored| stored.rows == rows && stored.contents == contents);
        let stored_len = stored.filter(|_| is_ours).map(|stored| stored.len);
        Ok(stored_len.filter(|stored| len.is_none_or(|len| len == *stored)))
    }

    /// Writes the file row and the reservation's new status in one transaction (architecture, step 3; RSV-4).
    async fn complete(&self, len: u64) -> Result<(), WorkError> {
        let extension = self.file.extension();
        let at = self.context.now();
        let name = file_name(&self.item, extension);
        let row = FileRow {
            id: file_id(self.item.incarnation, self.item.generation).to_string(),
            s3_key: self.key.clone(),
            title: name.strip_suffix(&format!(".{extension}")).map(str::to_owned),
            filename_download: name,
            media_type: self.file.content_type().to_owned(),
            filesize: len,
            uploaded_by: self.item.user_created.clone(),
            created_on: Some(at),
            reservation: Some(self.item.id),
            incarnation: Some(self.item.incarnation),
            organisation: self.item.reserved_for.clone(),
        };
        match self.store().complete(&self.item, &row, at).await? {
            Saved::Done => {
                tracing::info!(reservation = %self.item.id, "reservation {} is complete", self.item.id);
                self.context.metrics().record(&Event::ExportCompleted);
                Ok(())
            }
            Saved::Stale => self.clean_up().await,
        }
    }

    /// Removes the objects of this worker after the reservation was deleted or changed (architecture, step 6).
    async fn clean_up(&self) -> Result<(), WorkError> {
        match self.store().reservation(self.item.id).await? {
            Some(item) if item.incarnation == self.item.incarnation => {
                tidy::remove_unreferenced(self.bucket(), &item).await?;
            }
            _ => {
                let gone = Incarnation { id: self.item.id, incarnation: self.item.incarnation, export_file: None };
                tidy::remove_all(self.store(), self.bucket(), &gone).await?;
            }
        }
        Ok(())
    }

    fn head(&self) -> ObjectHead<'_> {
        ObjectHead {
            key: &self.key,
            content_type: self.file.content_type(),
            reservation: self.item.id.to_string(),
            rows: self.item.quantity(),
            contents: self.item.contents(),
            origin: self.origin.clone(),
        }
    }

    fn host(&self) -> &'a dyn Host {
        self.context.host()
    }

    /// The time since an uptime.
    fn since(&self, begun: Duration) -> Duration {
        self.host().uptime().saturating_sub(begun)
    }

    fn store(&self) -> Store<'a> {
        self.context.store()
    }

    fn bucket(&self) -> Bucket<'a> {
        self.context.bucket()
    }
}
