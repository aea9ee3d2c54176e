//! The reservation as it is stored: the members of the specification and the service's own attributes.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Status, Timestamp};
use crate::code::{CharacterSet, Day, LotAndDates, Namespace};

/// A reservation as it is stored. A member that is null is absent from the stored item.
///
/// Members of the specification are optional if a row that was imported from another system (a seed) may lack them. Rows that
/// this service creates have passed [`super::create`].
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
    /// The user who last changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_updated: Option<String>,
    /// When a client or the service last changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_updated: Option<Timestamp>,
    /// The organisation that the codes are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_for: Option<String>,
    /// The type of code. Rows that this service creates have the text of a [`crate::code::CodeType`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_type: Option<String>,
    /// The number of codes asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    /// The status.
    pub status: Status,
    /// The format of the export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_type: Option<String>,
    /// The id of the file that holds the codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_file: Option<String>,
    /// The query of the Digital Links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_suffix: Option<String>,
    /// The product that the codes are for, as a key path (`/01/…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The number of rows written so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_reserved: Option<i64>,
    /// Why the reservation failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The client's own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    /// A key of a collection of another system; it is stored and not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase_order: Option<String>,
    /// Length of the serials, if the client asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u8>,
    /// Character set of the serials, if the client asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub character_set: Option<CharacterSet>,
    /// The lot of the items, for `sgtin` and `itip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// The last day on which they may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_date: Option<Day>,
    /// When they were produced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production_date: Option<Day>,
    /// Until when they have their best quality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_before: Option<Day>,

    /// Chosen at creation. It distinguishes a reservation from a deleted one with the same id, which has other objects and
    /// another range.
    pub incarnation: Uuid,
    /// The number of the export, 0 before the first one. It is part of the object key ([`super::ExportKey`]).
    #[serde(default)]
    pub generation: u32,
    /// The number of writes. Changes by clients are conditional on it.
    #[serde(default)]
    pub version: u64,
    /// The range of indexes of the codes, once it is allocated. It never changes afterwards (RSV-2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// The settings with which the running or latest export is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub render: Option<Render>,
    /// The progress of the running export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<ExportProgress>,
    /// The number of attempts of workers since the last progress, after wakes of the sweep.
    #[serde(default)]
    pub attempts: u32,
    /// Whether the sweep woke it and no worker has counted the attempt yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub woken: bool,
    /// When the last progress was made, the sweep woke it, or a worker counted an attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_at: Option<Timestamp>,
    /// Whether the row was imported from a seed. Such a row is shown as it is and never processed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub seeded: bool,
}

/// A range of indexes of a pool, with the attributes of the pool that rendering needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The namespace of the pool: type, key and length.
    pub namespace: Namespace,
    /// The pool's random number (58 bits).
    pub pool_number: u64,
    /// The pool's character set.
    pub character_set: CharacterSet,
    /// The check value of the key with which the pool was created. With another key the same indexes give other codes.
    pub check: String,
    /// The first index.
    pub start: u64,
    /// The number of indexes.
    pub count: u64,
}

impl Range {
    /// The index after the last.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.count)
    }
}

/// The settings with which an export is rendered. They are stored when the export starts, so that every slice and every later
/// check renders the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Render {
    /// The format, or the name of the profile.
    pub export_type: String,
    /// The query of the Digital Links.
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
    /// Lot and dates of the items.
    #[serde(default, skip_serializing_if = "LotAndDates::is_empty")]
    pub lot_and_dates: LotAndDates,
    /// The profile, if the export has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<FrozenProfile>,
    /// [`super::RENDERER_VERSION`] of the worker that started the export.
    pub version: u32,
}

/// The version of an export profile with which an export is rendered, and the values that it reads. Later changes of the
/// profile, the reservation or the organisation do not change the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenProfile {
    /// The SHA-256 of the profile's canonical form, 64 hexadecimal digits.
    pub sha256: String,
    /// The values that it reads.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub values: Values,
}

/// Values of a reservation and its organisation that a profile may show and that may change after the export begins. A
/// value that the profile does not show is not stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    /// The reservation's `reference_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    /// The reservation's `purchase_order`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase_order: Option<String>,
    /// The name of its organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_name: Option<String>,
    /// When it was created (RFC 3339, UTC, milliseconds).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_at: Option<String>,
}

impl Values {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The progress of an export: where the next slice continues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportProgress {
    /// The id of the multipart upload, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    /// Number of the next part, from 1.
    pub next_part: u32,
    /// Position of the next row, from 1.
    pub next_row: u64,
    /// CRC-32 of the uncompressed rows before that row. 0 for a file that is not compressed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub crc32: u32,
    /// Bytes of the file before that part. 0 for a file that is no zip archive.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub len: u64,
    /// How often this generation was restarted because its upload was lost.
    #[serde(default)]
    pub restarts: u32,
}

impl ExportProgress {
    /// The start of an export: nothing is written yet.
    #[must_use]
    pub fn begin() -> Self {
        Self { upload_id: None, next_part: 1, next_row: 1, crc32: 0, len: 0, restarts: 0 }
    }
}

impl Reservation {
    /// Whether the service has work to do for this reservation.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status.is_open() && !self.seeded
    }

    /// Lot and dates of its items.
    #[must_use]
    pub fn lot_and_dates(&self) -> LotAndDates {
        let Self { lot, production_date, best_before, expiry_date, .. } = self;
        LotAndDates {
            lot: lot.clone(),
            production_date: *production_date,
            best_before: *best_before,
            expiry_date: *expiry_date,
        }
    }

    /// The reservation with its range, and its first export begun (architecture, step 1).
    #[must_use]
    pub fn allocated(&self, range: Range, render: Render, now: Timestamp) -> Self {
        Self {
            status: Status::InProgress,
            generation: 1,
            version: self.version.saturating_add(1),
            range: Some(range),
            render: Some(render),
            export: Some(ExportProgress::begin()),
            attempts: 0,
            woken: false,
            quantity_reserved: Some(0),
            error_message: None,
            progress_at: Some(now),
            date_updated: Some(now),
            ..self.clone()
        }
    }

    /// The reservation after a worker counted the attempt of a wake (architecture, step 7). `progress_at` is the time of the
    /// count, so that no wake overtakes the attempt and counts again.
    #[must_use]
    pub fn counted(&self, now: Timestamp) -> Self {
        Self {
            version: self.version.saturating_add(1),
            attempts: self.attempts.saturating_add(1),
            woken: false,
            progress_at: Some(now),
            ..self.clone()
        }
    }

    /// What the rows of its export are made from: a digest of its range and of the settings with which it is rendered (the
    /// first 128 bits of a SHA-256, hex). Exports with the same value have the same bytes. Empty without a range.
    #[must_use]
    pub fn contents(&self) -> String {
        let parts = self.range.as_ref().zip(self.render.as_ref());
        let text = parts.and_then(|parts| serde_json::to_vec(&parts).ok());
        let digest = text.map(Sha256::digest);
        digest.and_then(|digest| digest.get(..16).map(hex::encode)).unwrap_or_default()
    }

    /// Starts a new export of the same codes (architecture, step 5). `export_file` keeps naming the old file until the new one
    /// is complete, so a file that a printer may need is always available.
    pub fn restart_export(&mut self, render: Render, now: Timestamp) {
        self.status = Status::InProgress;
        self.generation = self.generation.saturating_add(1);
        self.render = Some(render);
        self.export = Some(ExportProgress::begin());
        self.attempts = 0;
        self.woken = false;
        self.quantity_reserved = Some(0);
        self.error_message = None;
        self.progress_at = Some(now);
    }

    /// The number of codes asked for; 0 if `quantity` is missing or negative.
    #[must_use]
    pub fn quantity(&self) -> u64 {
        self.quantity.and_then(|quantity| u64::try_from(quantity).ok()).unwrap_or(0)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item() -> Reservation {
        let row = json!({"id": Uuid::nil(), "incarnation": Uuid::nil(), "status": "new", "quantity": 2, "version": 4,
            "attempts": 3, "woken": true, "error_message": "why", "user_created": "u"});
        serde_json::from_value(row).unwrap()
    }

    fn range(start: u64, count: u64) -> Range {
        let (namespace, character_set) = ("sgtin#19361758000003#8".parse().unwrap(), CharacterSet::Hex);
        Range { namespace, pool_number: 7, character_set, check: "c".to_owned(), start, count }
    }

    fn render(version: u32) -> Render {
        serde_json::from_value(
            json!({"export_type": "csv", "digital_link_domain": "https://e.example", "version": version}),
        )
        .unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::parse("2026-02-03T04:05:06.000Z").unwrap()
    }

    #[test]
    fn a_range_ends_after_its_last_index() {
        assert_eq!(range(10, 5).end(), 15);
        assert_eq!(range(u64::MAX - 1, 5).end(), u64::MAX);
    }

    #[test]
    fn an_allocated_reservation_begins_its_first_export() {
        let before = item();
        let after = before.allocated(range(10, 2), render(1), now());
        assert_eq!((after.status, after.generation, after.version), (Status::InProgress, 1, 5));
        assert_eq!((&after.range, &after.render), (&Some(range(10, 2)), &Some(render(1))));
        assert_eq!((after.attempts, after.woken, &after.error_message), (0, false, &None));
        assert_eq!(
            (after.quantity_reserved, after.progress_at, after.date_updated),
            (Some(0), Some(now()), Some(now()))
        );
        let export = after.export.unwrap();
        assert_eq!((export.upload_id, export.next_part, export.next_row), (None, 1, 1));
        assert_eq!((export.crc32, export.len, export.restarts), (0, 0, 0));
        assert_eq!((after.quantity, after.user_created), (before.quantity, before.user_created));
    }

    #[test]
    fn a_counted_attempt_is_one_more_write_and_ends_the_wake() {
        let after = item().counted(now());
        assert_eq!((after.version, after.attempts, after.woken, after.progress_at), (5, 4, false, Some(now())));
        assert_eq!((after.status, after.error_message.as_deref()), (Status::New, Some("why")));
    }

    #[test]
    fn contents_are_those_of_the_range_and_the_settings() {
        let with = |range: &Range, render: &Render| {
            Reservation { range: Some(range.clone()), render: Some(render.clone()), ..item() }.contents()
        };
        let contents = with(&range(10, 2), &render(1));
        assert_eq!((contents.len(), contents.bytes().all(|byte| byte.is_ascii_hexdigit())), (32, true));
        assert_eq!(with(&range(10, 2), &render(1)), contents);
        assert_ne!(with(&range(11, 2), &render(1)), contents);
        assert_ne!(with(&range(10, 2), &render(2)), contents);
        assert_eq!(Reservation { render: Some(render(1)), ..item() }.contents(), "", "without a range");
    }

    /// Conditions and the indexes depend on which members an item has.
    #[test]
    fn a_member_that_says_nothing_is_not_stored() {
        let names = |value: serde_json::Value, names: [&str; 2]| names.map(|name| value.get(name).is_some());
        let flags = |woken, seeded| {
            names(serde_json::to_value(Reservation { woken, seeded, ..item() }).unwrap(), ["woken", "seeded"])
        };
        assert_eq!(flags(false, false), [false, false]);
        assert_eq!(flags(true, true), [true, true]);
        let progress = |crc32, len| {
            names(
                serde_json::to_value(ExportProgress { crc32, len, ..ExportProgress::begin() }).unwrap(),
                ["crc32", "len"],
            )
        };
        assert_eq!(progress(0, 0), [false, false]);
        assert_eq!(progress(1, 2), [true, true]);
        let frozen = |reference_id: Option<&str>| {
            let values = Values { reference_id: reference_id.map(str::to_owned), ..Values::default() };
            let frozen = FrozenProfile { sha256: "0".to_owned(), values };
            names(serde_json::to_value(frozen).unwrap(), ["sha256", "values"])
        };
        assert_eq!(frozen(None), [true, false]);
        assert_eq!(frozen(Some("a")), [true, true]);
    }
}
