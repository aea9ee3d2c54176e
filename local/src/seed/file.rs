//! Reads a seed file. Reservations are handed over one at a time, so a file of millions needs no memory.

use std::{
    collections::HashSet,
    fmt,
    fs::File,
    io::{BufReader, Seek},
    path::Path,
};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{SeedError, SeedFile, SeedReservation, SeedUser};
use common::directory::Organisation;

/// The rows of the small collections.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) users: Vec<SeedUser>,
    pub(super) organisations: Vec<Organisation>,
    pub(super) files: Vec<SeedFile>,
}

/// An opened seed file, which can be read several times.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    file: File,
}

impl Source {
    /// Opens a seed file. What can be read only once (a pipe) is copied to a temporary file.
    ///
    /// # Errors
    /// [`SeedError::File`] when the file cannot be opened or copied.
    pub(super) fn open(path: &Path) -> Result<Self, SeedError> {
        let name = path.display().to_string();
        let open = || {
            let mut file = File::open(path)?;
            if file.metadata()?.is_file() {
                return Ok(file);
            }
            let mut copy = tempfile::tempfile()?;
            std::io::copy(&mut file, &mut copy)?;
            Ok(copy)
        };
        let file = open().map_err(|source| SeedError::File { path: name.clone(), source })?;
        Ok(Self { name, file })
    }

    /// Reads the whole file, calls `each` for every reservation, and gives the other rows. Ends at the first reservation
    /// for which `each` is false, with an error.
    ///
    /// # Errors
    /// [`SeedError::File`] when the file cannot be read; [`SeedError::Form`] when it is no seed.
    pub(super) fn read(&mut self, mut each: impl FnMut(SeedReservation) -> bool) -> Result<Rows, SeedError> {
        let failed = |source| SeedError::File { path: self.name.clone(), source };
        self.file.rewind().map_err(failed)?;
        let mut text = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 20, &self.file));
        let rows = Collections { each: &mut each }.deserialize(&mut text).and_then(|rows| text.end().map(|()| rows));
        rows.map_err(|source| SeedError::Form { path: self.name.clone(), source })
    }
}

/// The document: an object with a member for each collection.
struct Collections<'a, F> {
    each: &'a mut F,
}

impl<'de, F: FnMut(SeedReservation) -> bool> DeserializeSeed<'de> for Collections<'_, F> {
    type Value = Rows;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Rows, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(SeedReservation) -> bool> Visitor<'de> for Collections<'_, F> {
    type Value = Rows;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of rows for each collection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rows, A::Error> {
        let (mut rows, mut seen) = (Rows::default(), HashSet::new());
        while let Some(collection) = map.next_key::<String>()? {
            match collection.as_str() {
                "directus_users" => rows.users = map.next_value()?,
                "organisation" => rows.organisations = map.next_value()?,
                "directus_files" => rows.files = map.next_value()?,
                "code_reservation" => map.next_value_seed(Reservations { each: &mut *self.each })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            }
            if seen.contains(&collection) {
                return Err(A::Error::custom(format!("the collection `{collection}` appears twice")));
            }
            seen.insert(collection);
        }
        Ok(rows)
    }
}

/// The list of reservations.
struct Reservations<'a, F> {
    each: &'a mut F,
}

impl<'de, F: FnMut(SeedReservation) -> bool> DeserializeSeed<'de> for Reservations<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(SeedReservation) -> bool> Visitor<'de> for Reservations<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of reservations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element()? {
            if !(self.each)(row) {
                return Err(A::Error::custom("the rows are no longer needed"));
            }
        }
        Ok(())
    }
}
