//! The invariants of files: RSV-4, as a function over bytes, and the bucket's half of RSV-5.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::tables::{Breach, State};
use crate::reservation::{Format, Reservation};

/// The attributes of a file row that the invariants need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// The file's id.
    pub id: String,
    /// The key of its object.
    pub key: String,
    /// The reservation whose codes the file holds; `None` for a file of a seed.
    pub reservation: Option<Uuid>,
    /// The incarnation of that reservation.
    pub incarnation: Option<Uuid>,
}

/// All file rows, and the contents of the bucket under [`crate::reservation::ExportKey::PREFIX`].
#[derive(Clone, Debug, Default)]
pub struct Exports {
    /// All file rows.
    pub files: Vec<FileState>,
    /// The keys of all objects.
    pub objects: Vec<String>,
    /// The keys of all open uploads.
    pub uploads: Vec<String>,
}

impl State {
    /// Every violation of RSV-5 after all faults have stopped: a reservation that is not finished, or an object, upload
    /// or file row that no reservation refers to. Also violations of RSV-4: a file row or object that a reservation
    /// refers to is missing.
    #[must_use]
    pub fn leftovers(&self, exports: &Exports) -> Vec<Breach> {
        let breach = |id, found| Breach { id, found };
        let open =
            self.unfinished().into_iter().map(|id| breach("RSV-5", format!("reservation {id} is not at an end")));
        let uploads = exports.uploads.iter().map(|key| breach("RSV-5", format!("the upload {key} is open")));
        open.chain(uploads).chain(self.unreferenced(exports)).chain(self.missing(exports)).collect()
    }

    /// Violations of RSV-5: objects and file rows that no reservation refers to. A part of the bucket can be checked
    /// with the reservations that its keys name, and their file rows.
    #[must_use]
    pub fn unreferenced(&self, exports: &Exports) -> Vec<Breach> {
        let wanted = self.wanted();
        let referenced: BTreeSet<&str> = referenced(&wanted, exports).map(|file| file.key.as_str()).collect();
        let breach = |found| Breach { id: "RSV-5", found };
        let objects: BTreeSet<&str> = exports.objects.iter().map(String::as_str).collect();
        let objects = objects.difference(&referenced).map(|key| breach(format!("{key} is unreferenced")));
        let files = exports.files.iter().filter(|file| !is_wanted(&wanted, file));
        let files = files.map(|file| breach(format!("the file row {} is unreferenced", file.id)));
        objects.chain(files).collect()
    }

    /// Violations of RSV-4: file rows and objects that a reservation refers to and that are missing. A part of the
    /// reservations can be checked with their file rows and objects.
    #[must_use]
    pub fn missing(&self, exports: &Exports) -> Vec<Breach> {
        let wanted = self.wanted();
        let rows: BTreeSet<&str> = exports.files.iter().map(|file| file.id.as_str()).collect();
        let present: BTreeSet<&str> = exports.objects.iter().map(String::as_str).collect();
        let breach = |found| Breach { id: "RSV-4", found };
        let lost_rows = wanted.iter().filter(|(file, _)| !rows.contains(file.as_str()));
        let lost_rows = lost_rows.map(|(file, (id, _))| breach(format!("reservation {id}: no file row {file}")));
        let keys: BTreeSet<&str> = referenced(&wanted, exports).map(|file| file.key.as_str()).collect();
        let lost = keys.difference(&present).map(|key| breach(format!("{key} is not there")));
        lost_rows.chain(lost).collect()
    }

    /// The files that reservations refer to, each with the reservation and its incarnation.
    fn wanted(&self) -> Wanted {
        let of_file = |item: &Reservation| Some((item.export_file.clone()?, (item.id, item.incarnation)));
        self.reservations.iter().filter(|item| !item.seeded).filter_map(of_file).collect()
    }
}

type Wanted = BTreeMap<String, (Uuid, Uuid)>;

/// Whether the reservation of a file row refers to it. A file of a seed belongs to none.
fn is_wanted(wanted: &Wanted, file: &FileState) -> bool {
    match (file.reservation, file.incarnation) {
        (Some(id), Some(incarnation)) => wanted.get(&file.id) == Some(&(id, incarnation)),
        _ => true,
    }
}

fn referenced<'e>(wanted: &Wanted, exports: &'e Exports) -> impl Iterator<Item = &'e FileState> {
    exports.files.iter().filter(|file| is_wanted(wanted, file))
}

/// Checks RSV-4 for one complete reservation: its export has exactly `quantity` rows and equals a fresh rendering. Both
/// `stored` and `fresh` are uncompressed: of a workbook, its sheet. The rows of a file of a profile (no format) are not
/// counted, since a profile decides what a row looks like.
#[must_use]
pub fn export_breaches(item: &Reservation, format: Option<Format>, stored: &[u8], fresh: &[u8]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let rows = format.map(|format| rows_of(format, stored));
    if let Some(rows) = rows
        && rows != item.quantity()
    {
        let found = format!("reservation {}: {rows} rows instead of {}", item.id, item.quantity());
        breaches.push(Breach { id: "RSV-4", found });
    }
    if stored != fresh {
        let at = stored.iter().zip(fresh).position(|(a, b)| a != b).unwrap_or(stored.len().min(fresh.len()));
        let (len, wanted) = (stored.len(), fresh.len());
        let found = format!("reservation {}: {len} bytes, {wanted} are right, the first other one is {at}", item.id);
        breaches.push(Breach { id: "RSV-4", found });
    }
    breaches
}

/// Counts the rows of an export (of a workbook: of its sheet) by the text with which a row of its format starts,
/// independently of the writer. No value contains a line break, so every row starts at the beginning of a line.
#[must_use]
pub fn rows_of(format: Format, bytes: &[u8]) -> u64 {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let count = |mark: &[u8]| lines.clone().filter(|line| line.starts_with(mark)).count();
    let rows = match format {
        Format::Csv => lines.clone().count().saturating_sub(1),
        Format::Txt => lines.count(),
        Format::Json | Format::Ndjson => count(b"{\"position\":"),
        Format::Yaml => count(b"- position: "),
        Format::Xml => count(b"<code position="),
        // That of the sheet, whose first row has the names of the columns.
        Format::Xlsx => count(b"<row>").saturating_sub(1),
    };
    rows as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reservation::{
        Rules, Status, Timestamp,
        create::{Birth, Draft},
    };

    fn complete() -> Reservation {
        let input = serde_json::json!({"reserved_for": "/417/9312345000012", "code_type": "sgtin", "quantity": 2,
            "product": "/01/19361758000003"});
        let now = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
        let birth = Birth { id: Uuid::from_u128(1), incarnation: Uuid::from_u128(2), user: "u".into(), now };
        let mut item = Draft::parse(&input, &Rules::default()).unwrap().into_reservation(birth);
        item.status = Status::Complete;
        item.export_file = Some("f".into());
        item
    }

    fn file(id: &str, key: &str) -> FileState {
        let (reservation, incarnation) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
        FileState { id: id.into(), key: key.into(), reservation, incarnation }
    }

    fn found(exports: &Exports, items: &[Reservation]) -> Vec<String> {
        let state = State { reservations: items.to_vec(), ..State::default() };
        state.leftovers(exports).into_iter().map(|breach| format!("{} {}", breach.id, breach.found)).collect()
    }

    #[test]
    fn what_is_left_over_or_lost_is_found_and_a_sound_bucket_has_neither() {
        let sound = Exports { files: vec![file("f", "k")], objects: vec!["k".into()], uploads: vec![] };
        assert_eq!(found(&sound, &[complete()]), [""; 0]);
        let object = Exports { objects: vec!["k".into(), "l".into()], ..sound.clone() };
        assert_eq!(found(&object, &[complete()]), ["RSV-5 l is unreferenced"]);
        let upload = Exports { uploads: vec!["k".into()], ..sound.clone() };
        assert_eq!(found(&upload, &[complete()]), ["RSV-5 the upload k is open"]);
        let row = Exports { files: vec![file("f", "k"), file("g", "k")], ..sound.clone() };
        assert_eq!(found(&row, &[complete()]), ["RSV-5 the file row g is unreferenced"]);
        assert_eq!(found(&sound, &[]), ["RSV-5 k is unreferenced", "RSV-5 the file row f is unreferenced"]);
        let lost = Exports { objects: vec![], ..sound.clone() };
        assert_eq!(found(&lost, &[complete()]), ["RSV-4 k is not there"]);
        let no_row = Exports { files: vec![], ..sound.clone() };
        let id = Uuid::from_u128(1);
        assert_eq!(
            found(&no_row, &[complete()]),
            ["RSV-5 k is unreferenced".to_owned(), format!("RSV-4 reservation {id}: no file row f")]
        );
        let open = Reservation { status: Status::InProgress, ..complete() };
        assert_eq!(found(&sound, &[open]), [format!("RSV-5 reservation {id} is not at an end")]);
    }

    #[test]
    fn an_export_is_compared_by_rows_and_by_bytes() {
        let ids = |stored: &str| export_breaches(&complete(), Some(Format::Txt), stored.as_bytes(), b"a\nb\n").len();
        assert_eq!(ids("a\nb\n"), 0);
        assert_eq!(ids("a\nc\n"), 1);
        assert_eq!(ids("a\n"), 2);
        assert_eq!(ids("a\nb\n\n"), 1);
    }

    #[test]
    fn a_breach_says_how_many_rows_and_where_the_first_other_byte_is() {
        let breaches = |format, stored: &str| -> Vec<String> {
            let breaches = export_breaches(&complete(), format, stored.as_bytes(), b"ab\ncd\n");
            breaches.into_iter().map(|breach| format!("{} {}", breach.id, breach.found)).collect()
        };
        let id = Uuid::from_u128(1);
        let other = |len, at| format!("RSV-4 reservation {id}: {len} bytes, 6 are right, the first other one is {at}");
        let rows = |rows| format!("RSV-4 reservation {id}: {rows} rows instead of 2");
        assert_eq!(breaches(Some(Format::Txt), "ab\nce\n"), [other(6, 4)]);
        assert_eq!(breaches(Some(Format::Txt), "ab\n"), [rows(1), other(3, 3)]);
        assert_eq!(breaches(Some(Format::Txt), "ab\ncd\nef\n"), [rows(3), other(9, 6)]);
        // A profile decides how many lines a code has.
        assert_eq!(breaches(None, "ab\ncd\n"), [""; 0]);
        assert_eq!(breaches(None, "ab\n"), [other(3, 3)]);
    }

    #[test]
    fn rows_are_counted_by_how_they_begin() {
        for (format, text, rows) in [
            (Format::Csv, "position,code\n1,a\n2,b\n", 2),
            (Format::Csv, "", 0),
            (Format::Txt, "a\nb\n", 2),
            (Format::Json, "[\n{\"position\":1},\n{\"position\":2}\n]\n", 2),
            (Format::Ndjson, "{\"position\":1}\n{\"position\":2}\n", 2),
            (Format::Yaml, "- position: 1\n  code: a\n- position: 2\n  code: b\n", 2),
            (Format::Xml, "<codes>\n<code position=\"1\"/>\n<code position=\"2\"/>\n</codes>\n", 2),
            (Format::Xlsx, "<sheetData>\n<row>names\n<row>1\n<row>2\n</sheetData>", 2),
        ] {
            assert_eq!(rows_of(format, text.as_bytes()), rows, "{format:?}");
        }
    }

    #[test]
    fn a_file_of_a_seed_is_left_alone_and_one_of_another_reservation_is_not() {
        let seed = FileState { reservation: None, incarnation: None, ..file("s", "t") };
        let both =
            Exports { files: vec![file("f", "k"), seed], objects: vec!["k".into(), "t".into()], uploads: vec![] };
        assert_eq!(found(&both, &[complete()]), [""; 0]);
        // The same file id, but of a deleted reservation with the same id.
        let older = FileState { incarnation: Some(Uuid::from_u128(9)), ..file("f", "k") };
        let exports = Exports { files: vec![older], objects: vec!["k".into()], uploads: vec![] };
        assert_eq!(found(&exports, &[complete()]), ["RSV-5 k is unreferenced", "RSV-5 the file row f is unreferenced"]);
        // A seeded reservation refers to no file of this service.
        let seeded = Reservation { seeded: true, ..complete() };
        let none = Exports::default();
        assert_eq!(found(&none, &[seeded]), [""; 0]);
    }
}
