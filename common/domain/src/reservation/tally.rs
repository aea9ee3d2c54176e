//! What is counted of a reservation, and by how much tallies change when it changes.
//!
//! Each reservation has a [`Mark`]: what the tallies count it as. Whoever sees that a reservation may have changed
//!
//! 1. reads its mark first and the row afterwards; if the mark is right, that is the end;
//! 2. writes the next mark together with the changes of the tallies, on the condition that the mark is as it was read;
//! 3. reads the row again, and begins anew if it is not what the mark now says.
//!
//! So a tally is always the sum of the marks, whoever repeats or loses a step (RSV-10). A mark is never replaced by one
//! from an older reading of its row: the number of a mark grows with each write, and the row was read after the mark.
//! Step 3 is for a row that changed and changed back between the first two: whoever followed the second change found
//! a right mark and left it, and step 2 has then written the first change. Whoever writes a mark last reads the row
//! after that, so a change that this reading does not see has a follower who reads the mark afterwards. What remains is a
//! write that DynamoDB carries out after its worker has given up or died, of a row that has changed back meanwhile; the
//! sweep repairs it when it counts all rows again.
//!
//! Pure. It knows neither keys nor transactions of DynamoDB.

use std::{collections::BTreeMap, fmt, str::FromStr as _};

use uuid::Uuid;

use super::Status;
use crate::code::CodeType;

/// What a reservation is counted as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// Its organisation.
    pub organisation: Option<String>,
    /// Its product.
    pub product: Option<String>,
    /// Its type and status.
    pub kind: Kind,
}

impl Counted {
    /// What a row with these values is counted as.
    #[must_use]
    pub fn new(organisation: Option<&str>, product: Option<&str>, code_type: Option<&str>, status: &str) -> Self {
        let code_type = code_type.map(|text| CodeType::from_str(text).ok());
        let kind = Kind { code_type, status: Status::parse(status) };
        Self { organisation: organisation.map(str::to_owned), product: product.map(str::to_owned), kind }
    }

    /// The tallies that count it.
    fn tallies(&self) -> [Tally; 4] {
        [
            Tally::All,
            Tally::Organisation(self.organisation.clone()),
            Tally::Product(self.product.clone()),
            Tally::Both(self.organisation.clone(), self.product.clone()),
        ]
    }
}

/// The type and the status of a reservation. A tally has one number for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The type: `None` if the row has none, `Some(None)` for a text that is no type, which only imported rows have.
    pub code_type: Option<Option<CodeType>>,
    /// The status; `None` for a text that is no status, which no row has unless somebody edited the table.
    pub status: Option<Status>,
}

/// In place of a type that a row does not have.
const NO_TYPE: &str = "-";
/// In place of a text that is no type or status.
const OTHER: &str = "?";

impl Kind {
    /// The name of the number: the type and the first letter of the status, such as `sgtin.c`. Short, because DynamoDB
    /// bills the size of an item.
    fn parts(self) -> (&'static str, &'static str) {
        let code_type = match self.code_type {
            None => NO_TYPE,
            Some(None) => OTHER,
            Some(Some(code_type)) => code_type.as_str(),
        };
        let status = match self.status {
            None => OTHER,
            Some(Status::New) => "n",
            Some(Status::InProgress) => "i",
            Some(Status::Complete) => "c",
            Some(Status::Error) => "e",
        };
        (code_type, status)
    }

    /// The kind with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (code_type, status) = name.split_once('.')?;
        let code_type = match code_type {
            NO_TYPE => None,
            OTHER => Some(None),
            text => Some(Some(CodeType::from_str(text).ok()?)),
        };
        let statuses = Status::ALL.into_iter().map(Some).chain([None]);
        let status = statuses.into_iter().find(|known| Self { code_type, status: *known }.parts().1 == status)?;
        Some(Self { code_type, status })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code_type, status) = self.parts();
        write!(f, "{code_type}.{status}")
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A tally: which reservations it counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tally {
    /// All.
    All,
    /// Those of an organisation, or those without one.
    Organisation(Option<String>),
    /// Those for a product, or those without one.
    Product(Option<String>),
    /// Those of an organisation for a product.
    Both(Option<String>, Option<String>),
}

/// What the tallies count a reservation as. One of a deleted reservation is kept for a while (see [`Mark::counted`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The number of writes of the mark, from 1.
    pub number: u64,
    /// What the row is counted as; `None` for a row that was deleted. Without this trace, a worker that read the row
    /// before it was deleted could count it afterwards.
    pub counted: Option<Counted>,
}

impl Mark {
    /// The mark that follows `known`, when the row is `row`. `None` if the tallies are as they should be.
    #[must_use]
    pub fn next(known: Option<&Self>, row: Option<&Counted>) -> Option<Self> {
        let counted = known.and_then(|mark| mark.counted.as_ref());
        let number = known.map_or(0, |mark| mark.number).saturating_add(1);
        (counted != row).then(|| Self { number, counted: row.cloned() })
    }

    /// The mark that replaces this one without a change of the tallies, for a stored form that is older.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { number: self.number.saturating_add(1), counted: self.counted.clone() }
    }
}

/// A mark that is written, and the one that it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The reservation.
    pub id: Uuid,
    /// The mark as it was read.
    pub known: Option<Mark>,
    /// The new one.
    pub next: Mark,
    /// The number of further items that are written with it, at most four.
    pub beside: usize,
}

impl Move {
    /// The number of writes but for those of tallies.
    fn writes(&self) -> usize {
        1 + self.beside
    }

    fn counted(&self) -> (Option<&Counted>, Option<&Counted>) {
        (self.known.as_ref().and_then(|mark| mark.counted.as_ref()), self.next.counted.as_ref())
    }
}

/// What is added to each number of each tally. Only tallies that change have an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(BTreeMap<Tally, BTreeMap<Kind, i64>>);

impl Changes {
    /// Adds the change from one value to another.
    pub fn add(&mut self, from: Option<&Counted>, to: Option<&Counted>) {
        for (counted, by) in [(from, -1), (to, 1)] {
            let Some(counted) = counted else { continue };
            for tally in counted.tallies() {
                let numbers = self.0.entry(tally.clone()).or_default();
                let number = numbers.entry(counted.kind).or_default();
                *number += by;
                if *number == 0 {
                    numbers.remove(&counted.kind);
                }
                if numbers.is_empty() {
                    self.0.remove(&tally);
                }
            }
        }
    }

    /// The number of tallies that change.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no tally changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The changes of each tally.
    pub fn iter(&self) -> impl Iterator<Item = (&Tally, &BTreeMap<Kind, i64>)> {
        self.0.iter()
    }
}

/// Moves that are written together, and the changes of the tallies that they add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pack {
    /// The moves.
    pub moves: Vec<Move>,
    /// The changes.
    pub changes: Changes,
}

impl Pack {
    fn add(&mut self, one: Move) {
        let (from, to) = one.counted();
        self.changes.add(from, to);
        self.moves.push(one);
    }

    fn len(&self) -> usize {
        self.moves.iter().map(Move::writes).sum::<usize>() + self.changes.len()
    }
}

/// Divides moves into packs of at most `most` writes, one for each mark, one for each item beside it and one for each tally
/// that changes, and at most `rows` marks. A move alone takes 12 writes at most. Moves of one organisation and product lie
/// together, so that they share tallies.
#[must_use]
pub fn packs(mut moves: Vec<Move>, most: usize, rows: usize) -> Vec<Pack> {
    moves.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut packs: Vec<Pack> = Vec::new();
    let mut pack = Pack::default();
    for one in moves {
        let (from, to) = one.counted();
        pack.changes.add(from, to);
        let is_full = !pack.moves.is_empty() && (pack.len() + one.writes() > most || pack.moves.len() >= rows);
        // The opposite change: the pack stays as it was.
        pack.changes.add(to, from);
        if is_full {
            packs.push(std::mem::take(&mut pack));
        }
        pack.add(one);
    }
    if !pack.moves.is_empty() {
        packs.push(pack);
    }
    packs
}

fn key(one: &Move) -> (Option<&str>, Option<&str>) {
    let (from, to) = one.counted();
    let counted = to.or(from);
    (counted.and_then(|c| c.organisation.as_deref()), counted.and_then(|c| c.product.as_deref()))
}

#[cfg(test)]
#[path = "tally/tests.rs"]
mod tests;
