//! The object as it is stored: the specification's members and the service's own.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Status, Timestamp};
use crate::code::{CharacterSet, Namespace};

/// A reservation as it is stored. A null member is absent from the stored item.
///
/// The members of the specification are optional where a row of another system (a seed) may lack them; whatever this
/// service accepts itself has passed [`super::create`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    /// Primary key.
    pub id: Uuid,
    /// The user who created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_created: Option<String>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_created: Option<Timestamp>,
    /// The user who changed it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_updated: Option<String>,
    /// When it was changed last, by a client or by the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_updated: Option<Timestamp>,
    /// The organisation that the codes are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_for: Option<String>,
    /// The type of code; the text of [`crate::code::CodeType`] in every row that this service made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_type: Option<String>,
    /// How many codes are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    /// The status.
    pub status: Status,
    /// The format of the export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_type: Option<String>,
    /// The file that holds the codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_file: Option<String>,
    /// A query for the Digital Links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_suffix: Option<String>,
    /// The product that the codes are for, as a key path (`/01/…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Rows written so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_reserved: Option<i64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The client's own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    /// A key of a collection that is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase_order: Option<String>,
    /// Length of the serials, if the client asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u8>,
    /// Character set of the serials, if the client asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub character_set: Option<CharacterSet>,

    /// Drawn at creation: a deleted and re-created id is another reservation, with other objects and another range.
    pub incarnation: Uuid,
    /// Number of the export, 0 before the first; a part of its object key.
    #[serde(default)]
    pub generation: u32,
    /// Number of writes; client edits are conditional on it.
    #[serde(default)]
    pub version: u64,
    /// The indexes that the codes are made of, once allocated (RSV-2: never changed, never taken back).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// What the running or latest export is rendered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub render: Option<Render>,
    /// How far the running export is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<ExportProgress>,
    /// Tries of the sweep since the last progress.
    #[serde(default)]
    pub attempts: u32,
    /// When the last progress was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_at: Option<Timestamp>,
    /// A row of a seed: shown as it is, never processed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub seeded: bool,
}

/// A range of indexes of a pool, with what rendering needs of the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The pool; names type, key and length.
    pub namespace: Namespace,
    /// The pool's random number (58 bits).
    pub pool_number: u64,
    /// The pool's character set.
    pub character_set: CharacterSet,
    /// Check value of the key that the pool was made with: under another key the same indexes are other codes.
    pub check: String,
    /// The first index.
    pub start: u64,
    /// How many indexes.
    pub count: u64,
}

impl Range {
    /// The index after the last.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.count)
    }
}

/// What an export is rendered with, frozen when it begins, so that every slice and every later check sees the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Render {
    /// The format.
    pub export_type: String,
    /// A query for the Digital Links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_suffix: Option<String>,
    /// The domain of Digital Links.
    pub digital_link_domain: String,
    /// The domain of short links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_code_domain: Option<String>,
    /// The organisation's company prefix, for EPC URIs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_prefix: Option<String>,
    /// [`super::RENDERER_VERSION`] of the worker that froze it.
    pub version: u32,
}

/// How far an export is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportProgress {
    /// The multipart upload, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    /// Number of the next part, from 1.
    pub next_part: u32,
    /// Position of the next row, from 1.
    pub next_row: u64,
    /// How often this generation began again because its upload was lost.
    #[serde(default)]
    pub restarts: u32,
}

impl ExportProgress {
    /// Nothing is written.
    #[must_use]
    pub fn begin() -> Self {
        Self { upload_id: None, next_part: 1, next_row: 1, restarts: 0 }
    }
}

impl Reservation {
    /// Whether the service has work to do with it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status.is_open() && !self.seeded
    }

    /// Begins a new export of the same codes (architecture, step 5): `export_file` keeps the old file until the new one is
    /// complete, so nothing that a printer may need is ever missing.
    pub fn restart_export(&mut self, render: Render, now: Timestamp) {
        self.status = Status::InProgress;
        self.generation = self.generation.saturating_add(1);
        self.render = Some(render);
        self.export = Some(ExportProgress::begin());
        self.attempts = 0;
        self.quantity_reserved = Some(0);
        self.error_message = None;
        self.progress_at = Some(now);
    }

    /// How many codes are wanted, as a count.
    #[must_use]
    pub fn quantity(&self) -> u64 {
        self.quantity.and_then(|quantity| u64::try_from(quantity).ok()).unwrap_or(0)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}
