//! Tallies equal counts, whatever happens between the readings and the writes of any number of workers.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[test]
fn every_kind_has_a_name_of_its_own_and_is_read_back() {
    let types = CodeType::ALL.into_iter().map(|code_type| Some(Some(code_type))).chain([None, Some(None)]);
    let mut names = BTreeSet::new();
    for code_type in types {
        for status in Status::ALL.into_iter().map(Some).chain([None]) {
            let kind = Kind { code_type, status };
            assert_eq!(Kind::parse(&kind.to_string()), Some(kind));
            assert!(names.insert(kind.to_string()));
        }
    }
    for other in ["tally", "key", "text", "number", "", ".", "sgtin", "sgtin.x", "SGTIN.c", "sgtin.c.c"] {
        assert_eq!(Kind::parse(other), None, "{other}");
    }
}

fn counted(organisation: u8, product: u8, status: usize) -> Counted {
    let organisation = (organisation > 0).then(|| format!("O{organisation}"));
    let product = (product > 0).then(|| format!("P{product}"));
    Counted::new(organisation.as_deref(), product.as_deref(), Some("sgtin"), Status::ALL[status % 4].as_str())
}

/// What is stored: rows, marks, and the numbers of the tallies.
#[derive(Default)]
struct Stored {
    rows: BTreeMap<u8, Counted>,
    marks: BTreeMap<u8, Mark>,
    tallies: BTreeMap<Tally, BTreeMap<Kind, i64>>,
}

impl Stored {
    /// One transaction. Gives whether its conditions hold; otherwise nothing is written.
    fn write(&mut self, pack: &Pack) -> bool {
        let row = |one: &Move| one.id.as_bytes()[15];
        if pack.moves.iter().any(|one| self.marks.get(&row(one)) != one.known.as_ref()) {
            return false;
        }
        for one in &pack.moves {
            self.marks.insert(row(one), one.next.clone());
        }
        for (tally, numbers) in pack.changes.iter() {
            for (kind, by) in numbers {
                *self.tallies.entry(tally.clone()).or_default().entry(*kind).or_default() += by;
            }
        }
        true
    }

    /// The numbers that are not zero.
    fn numbers(&self) -> BTreeMap<(Tally, Kind), i64> {
        let all =
            self.tallies.iter().flat_map(|(tally, numbers)| numbers.iter().map(move |(kind, n)| (tally, kind, n)));
        all.filter(|(_, _, n)| **n != 0).map(|(tally, kind, n)| ((tally.clone(), *kind), *n)).collect()
    }

    /// The numbers that the rows have.
    fn expected(&self) -> BTreeMap<(Tally, Kind), i64> {
        let mut expected = BTreeMap::new();
        for row in self.rows.values() {
            for tally in row.tallies() {
                *expected.entry((tally, row.kind)).or_default() += 1;
            }
        }
        expected
    }
}

/// A worker between its readings and its writes. It reads the marks of its rows, then the rows, then writes packs; with
/// packs to write, it reads everything again at the end.
struct Worker {
    ids: Vec<u8>,
    marks: Option<BTreeMap<u8, Mark>>,
    packs: Option<Vec<Pack>>,
    again: bool,
}

impl Worker {
    fn new(ids: Vec<u8>) -> Self {
        Self { ids, marks: None, packs: None, again: false }
    }

    /// One step; `true` at the end.
    fn step(&mut self, stored: &mut Stored) -> bool {
        let Some(marks) = &self.marks else {
            self.marks = Some(stored.marks.clone());
            return false;
        };
        let Some(left) = &mut self.packs else {
            let moves = self.ids.iter().filter_map(|id| {
                let known = marks.get(id).cloned();
                let next = Mark::next(known.as_ref(), stored.rows.get(id))?;
                Some(Move { id: Uuid::from_u128((*id).into()), known, next, beside: 0 })
            });
            // Few writes in a pack, so that a worker has several.
            let packs = packs(moves.collect(), 12, 3);
            self.again = !packs.is_empty();
            self.packs = Some(packs);
            return false;
        };
        match left.pop() {
            Some(pack) => drop(stored.write(&pack)),
            None if self.again => *self = Self::new(std::mem::take(&mut self.ids)),
            None => return true,
        }
        false
    }
}

/// What happens next.
#[derive(Clone, Debug)]
enum Happens {
    /// A row is created or changed, or deleted. Its record is lost, or delivered so many times.
    Row { id: u8, row: Option<(u8, u8, usize)>, delivered: u8 },
    /// The oldest or the newest batch that waits is taken by a worker, or one that was delivered before.
    Deliver { newest: bool, again: bool },
    /// A worker takes a step.
    Step(usize),
    /// A worker dies, and its batch is delivered again.
    Dies(usize),
}

fn happens() -> impl Strategy<Value = Happens> {
    let row = prop::option::weighted(0.7, (0..3_u8, 0..3_u8, 0..4_usize));
    prop_oneof![
        3 => (0..6_u8, row, 0..3_u8).prop_map(|(id, row, delivered)| Happens::Row { id, row, delivered }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(newest, again)| Happens::Deliver { newest, again }),
        8 => (0..8_usize).prop_map(Happens::Step),
        1 => (0..8_usize).prop_map(Happens::Dies),
    ]
}

/// Runs all workers to their ends. Two that conflict cannot do so for ever: one of them has written.
fn finish(stored: &mut Stored, workers: &mut Vec<Worker>) {
    for _ in 0..10_000 {
        workers.retain_mut(|worker| !worker.step(stored));
        if workers.is_empty() {
            return;
        }
    }
    panic!("the workers do not end");
}

#[test]
fn a_row_that_changes_and_changes_back_is_counted_as_it_is() {
    let (first, second) = (counted(1, 1, 0), counted(1, 1, 1));
    let mut stored = Stored::default();
    stored.rows.insert(0, first.clone());
    finish(&mut stored, &mut vec![Worker::new(vec![0])]);
    // Two workers read the mark. One reads the row in between, and writes after the other, who finds nothing to do.
    let (mut slow, mut fast) = (Worker::new(vec![0]), Worker::new(vec![0]));
    assert!(!slow.step(&mut stored) && !fast.step(&mut stored));
    stored.rows.insert(0, second);
    assert!(!slow.step(&mut stored));
    stored.rows.insert(0, first);
    assert!(!fast.step(&mut stored) && fast.step(&mut stored));
    finish(&mut stored, &mut vec![slow]);
    assert_eq!(stored.numbers(), stored.expected());
}

proptest! {
    #[test]
    fn tallies_equal_counts_after_any_history(history in prop::collection::vec(happens(), 1..120)) {
        let mut stored = Stored::default();
        let (mut waiting, mut delivered): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
        let mut workers: Vec<Worker> = Vec::new();
        let mut lost = BTreeSet::new();
        for event in history {
            match event {
                Happens::Row { id, row, delivered } => {
                    match row {
                        Some((organisation, product, status)) => {
                            stored.rows.insert(id, counted(organisation, product, status));
                        }
                        None => drop(stored.rows.remove(&id)),
                    }
                    if delivered == 0 { lost.insert(id); }
                    (0..delivered).for_each(|_| waiting.push(vec![id, (id + 1) % 6]));
                }
                // No worker is free: the batch stays where it is.
                Happens::Deliver { .. } if workers.len() == 8 => {}
                Happens::Deliver { newest, again } => {
                    let batch = match again {
                        true => delivered.last().cloned(),
                        false if newest => waiting.pop(),
                        false => (!waiting.is_empty()).then(|| waiting.remove(0)),
                    };
                    if let Some(batch) = batch {
                        delivered.push(batch.clone());
                        workers.push(Worker::new(batch));
                    }
                }
                Happens::Step(at) => {
                    if workers.get_mut(at).is_some_and(|worker| worker.step(&mut stored)) { workers.remove(at); }
                }
                Happens::Dies(at) => {
                    if at < workers.len() { waiting.push(workers.remove(at).ids); }
                }
            }
            // A tally is the sum of the marks at every moment.
            let mut of_marks = Stored::default();
            let marks = stored.marks.iter().filter_map(|(id, mark)| Some((*id, mark.counted.clone()?)));
            of_marks.rows = marks.collect();
            prop_assert_eq!(stored.numbers(), of_marks.expected());
        }
        for batch in waiting.drain(..) {
            workers.push(Worker::new(batch));
        }
        finish(&mut stored, &mut workers);
        let is_right = |stored: &Stored, id: &u8| {
            stored.marks.get(id).and_then(|mark| mark.counted.as_ref()) == stored.rows.get(id)
        };
        // What no record was lost of is counted as it is.
        for id in (0..6).filter(|id| !lost.contains(id)) {
            prop_assert!(is_right(&stored, &id), "{}", id);
        }
        // The sweep looks at all rows and all marks. That repairs the rest.
        let all: BTreeSet<u8> = stored.rows.keys().chain(stored.marks.keys()).copied().collect();
        workers.push(Worker::new(all.into_iter().collect()));
        finish(&mut stored, &mut workers);
        prop_assert_eq!(stored.numbers(), stored.expected());
    }

    #[test]
    fn packs_are_small_enough_and_add_up(
        rows in prop::collection::vec((0..9_u8, 0..9_u8, 0..4_usize, any::<bool>(), 0..5_usize), 0..300),
        most in 12..100_usize,
    ) {
        let moves: Vec<Move> = rows.iter().zip(0_u128..).map(|((organisation, product, status, known, beside), id)| {
            let from = known.then(|| Mark { number: 1, counted: Some(counted(*product, *organisation, status + 1)) });
            let next = Mark { number: 2, counted: Some(counted(*organisation, *product, *status)) };
            Move { id: Uuid::from_u128(id), known: from, next, beside: *beside }
        }).collect();
        let mut all = Changes::default();
        for one in &moves {
            let (from, to) = one.counted();
            all.add(from, to);
        }
        let packs = packs(moves.clone(), most, most);
        let mut sum = Changes::default();
        let mut ids = BTreeSet::new();
        for pack in &packs {
            prop_assert!(pack.len() <= most && !pack.moves.is_empty());
            let mut own = Changes::default();
            for one in &pack.moves {
                let (from, to) = one.counted();
                own.add(from, to);
                sum.add(from, to);
                prop_assert!(ids.insert(one.id));
            }
            prop_assert_eq!(&own, &pack.changes);
        }
        prop_assert_eq!(ids.len(), moves.len());
        prop_assert_eq!(sum, all);
    }
}
