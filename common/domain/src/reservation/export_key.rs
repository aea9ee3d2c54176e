//! What an export is called outside its reservation: the key of its object in the bucket and the id of its file row.
//!
//! This module is the only place that formats or reads a key of an export. Both names are derived from ids and numbers alone:
//! no byte of them comes from a client's text.

use std::fmt;

use uuid::Uuid;

use super::item::Reservation;

/// The key of the object that holds one export, as text `exports/{reservation}/{incarnation}/{generation}.{extension}`.
///
/// The ids are UUIDs in hyphenated lower case. The generation is decimal without leading zeros. The extension is that of
/// the file ([`super::file_extension`]); [`ExportKey::parse`] takes every extension of this form, so that objects of another
/// version are tidied too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExportKey {
    /// The reservation whose codes the object holds.
    pub reservation: Uuid,
    /// The incarnation of the reservation.
    pub incarnation: Uuid,
    /// The generation of the export.
    pub generation: u32,
    extension: String,
}

impl ExportKey {
    /// The prefix of the keys of all exports.
    pub const PREFIX: &'static str = "exports/";

    /// The key of the export that the reservation's generation writes, for a file with that extension.
    #[must_use]
    pub fn of(reservation: &Reservation, extension: &str) -> Self {
        Self {
            reservation: reservation.id,
            incarnation: reservation.incarnation,
            generation: reservation.generation,
            extension: extension.to_owned(),
        }
    }

    /// The prefix of the keys of all exports of one incarnation.
    #[must_use]
    pub fn prefix_of(reservation: Uuid, incarnation: Uuid) -> String {
        format!("{}{reservation}/{incarnation}/", Self::PREFIX)
    }

    /// Reads a key. `None` unless the text is exactly what [`fmt::Display`] writes for some key, so that an object which this
    /// service did not write is never taken for an export.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let mut segments = key.strip_prefix(Self::PREFIX)?.splitn(3, '/');
        let reservation = Uuid::try_parse(segments.next()?).ok()?;
        let incarnation = Uuid::try_parse(segments.next()?).ok()?;
        let (generation, extension) = segments.next()?.split_once('.')?;
        let generation = generation.parse().ok()?;
        let parsed = Self { reservation, incarnation, generation, extension: extension.to_owned() };
        (is_extension(extension) && parsed.to_string() == key).then_some(parsed)
    }

    /// The id of the file row of this export.
    #[must_use]
    pub fn file_id(&self) -> Uuid {
        file_id(self.incarnation, self.generation)
    }
}

impl fmt::Display for ExportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Self::prefix_of(self.reservation, self.incarnation))?;
        write!(f, "{}.{}", self.generation, self.extension)
    }
}

/// The id of the file row of one export: a UUID of version 5 (RFC 9562, section 5.5) in the namespace of the incarnation, whose
/// name is the generation in four bytes, most significant first. Every attempt to complete an export writes the same row.
#[must_use]
pub fn file_id(incarnation: Uuid, generation: u32) -> Uuid {
    Uuid::new_v5(&incarnation, &generation.to_be_bytes())
}

/// Whether the text is lower-case letters and digits, in one or more groups that dots separate.
fn is_extension(text: &str) -> bool {
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reservation::ExportType;

    fn key(generation: u32, extension: &str) -> ExportKey {
        ExportKey {
            reservation: Uuid::from_u128(1),
            incarnation: Uuid::from_u128(2),
            generation,
            extension: extension.to_owned(),
        }
    }

    const START: &str = "exports/00000000-0000-0000-0000-000000000001/00000000-0000-0000-0000-000000000002/";

    #[test]
    fn a_key_has_the_documented_form_and_reads_back() {
        for extension in ExportType::NAMES {
            let key = key(7, extension);
            assert_eq!(key.to_string(), format!("{START}7.{extension}"));
            assert_eq!(ExportKey::parse(&key.to_string()), Some(key));
        }
        for generation in [0, u32::MAX] {
            let key = key(generation, "csv");
            assert_eq!(ExportKey::parse(&key.to_string()), Some(key));
        }
    }

    #[test]
    fn a_key_starts_with_the_prefixes_that_listings_ask_for() {
        let key = key(7, "csv");
        assert!(key.to_string().starts_with(&ExportKey::prefix_of(key.reservation, key.incarnation)));
        assert_eq!(ExportKey::prefix_of(key.reservation, key.incarnation), START);
        assert!(START.starts_with(ExportKey::PREFIX));
    }

    #[test]
    fn an_extension_of_another_version_is_read() {
        assert_eq!(ExportKey::parse(&format!("{START}7.parquet.zst")), Some(key(7, "parquet.zst")));
    }

    #[test]
    fn no_other_text_is_a_key() {
        let id = "00000000-0000-0000-0000-000000000001";
        for other in [
            "".to_owned(),
            "exports/".to_owned(),
            "seed/x".to_owned(),
            "exports/x/y/1.csv".to_owned(),
            format!("exports/{id}/1.csv"),
            format!("exports/{id}/{id}"),
            format!("exports/{id}/{id}/"),
            format!("/exports/{id}/{id}/1.csv"),
            format!("Exports/{id}/{id}/1.csv"),
            format!("exports/{{{id}}}/{id}/1.csv"),
            format!("exports/urn:uuid:{id}/{id}/1.csv"),
            format!("exports/{}/{id}/1.csv", id.replace('-', "")),
            format!("exports/{}/{id}/1.csv", "ABCDEF00-0000-0000-0000-000000000000"),
        ] {
            assert_eq!(ExportKey::parse(&other), None, "{other}");
        }
        for name in [
            "7",
            "7.",
            ".csv",
            "x.csv",
            "-7.csv",
            "+7.csv",
            "07.csv",
            " 7.csv",
            "7.csv ",
            "7..csv",
            "7.csv.",
            "7.CSV",
            "7.csv/8",
            "7/8.csv",
            "7.csv\n",
            "7.csv\0",
            "7.ü",
            "4294967296.csv",
        ] {
            assert_eq!(ExportKey::parse(&format!("{START}{name}")), None, "{name:?}");
        }
    }

    /// Reservations that are complete hold the ids of their files.
    #[test]
    fn the_id_of_a_file_never_changes() {
        assert_eq!(file_id(Uuid::from_u128(2), 7).to_string(), "5de3667d-4647-5b1c-a240-d50f32ca37b2");
        assert_eq!(key(7, "csv").file_id(), file_id(Uuid::from_u128(2), 7));
        assert_ne!(file_id(Uuid::from_u128(2), 8), file_id(Uuid::from_u128(2), 7));
        assert_ne!(file_id(Uuid::from_u128(3), 7), file_id(Uuid::from_u128(2), 7));
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_the_same(
            text in "(exports/)?[0-9a-f-]{30,40}/[0-9a-f-]{36}/[0-9]{0,11}\\.?[a-z.]{0,6}|.{0,80}",
        ) {
            if let Some(key) = ExportKey::parse(&text) {
                prop_assert_eq!(key.to_string(), text);
            }
        }

        #[test]
        fn every_key_is_read_back(reservation: u128, incarnation: u128, generation: u32, at in 0..12_usize) {
            let key = ExportKey {
                reservation: Uuid::from_u128(reservation),
                incarnation: Uuid::from_u128(incarnation),
                generation,
                extension: ExportType::NAMES[at].to_owned(),
            };
            prop_assert_eq!(ExportKey::parse(&key.to_string()), Some(key));
        }
    }
}
