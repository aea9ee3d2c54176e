//! The entries of the fuzzer on random inputs: bytes, and seeds with changes. `tests/fuzz/run` looks deeper.

use std::fs;

use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    sample::{Index, select},
    test_runner::{Config, TestCaseError, TestRunner},
};
use tests::fuzz::{ENTRIES, run};

use crate::support::repository::{entries, event_files, root};

/// How many inputs of each kind an entry gets.
const INPUTS: u32 = 300;

/// The seeds of a target: those in its folder, or events of the repository.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let events = |of: &str| {
        event_files().into_iter().filter(|file| file.name.starts_with(of)).map(|file| file.text.into()).collect()
    };
    match target {
        "events" => events(""),
        "stream_records" => [events("reserve-codes/"), events("follow/")].concat(),
        _ => entries(&root().join("fuzz/seeds").join(target)).iter().map(|path| fs::read(path).unwrap()).collect(),
    }
}

/// Texts that mean something to some parser.
const PIECES: [&str; 24] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "=",
    "&",
    "%",
    "%00",
    "%ff",
    "\0",
    "é",
    "\u{10ffff}",
    "null",
    "1e999",
    "-1",
    "9223372036854775808",
    "_or",
    "$NOW(",
    "/",
    ".",
    "\n",
];

/// A seed of which some ranges are replaced.
fn changed(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let pieces = select(PIECES.map(|piece| piece.as_bytes().to_vec()).to_vec());
    (select(seeds), vec((any::<Index>(), 0..8_usize, pieces), 0..6)).prop_map(|(mut bytes, changes)| {
        for (at, length, piece) in changes {
            let from = at.index(bytes.len() + 1);
            let to = (from + length).min(bytes.len());
            bytes.splice(from..to, piece);
        }
        bytes
    })
}

#[test]
fn no_entry_finds_a_fault_in_random_bytes_or_changed_seeds() {
    let config = || Config { cases: INPUTS, failure_persistence: None, ..Config::default() };
    for (target, entry) in ENTRIES {
        let check = |bytes: Vec<u8>| {
            entry(&bytes);
            Ok::<_, TestCaseError>(())
        };
        let name = |error| panic!("{target}: {error}");
        TestRunner::new(config()).run(&vec(any::<u8>(), 0..300), check).unwrap_or_else(name);
        let seeds = seeds(target);
        seeds.iter().for_each(|seed| entry(seed));
        let name = |error| panic!("{target}: {error}");
        TestRunner::new(config()).run(&changed(seeds), check).unwrap_or_else(name);
    }
}

#[test]
fn every_entry_is_a_target_with_seeds_and_every_target_an_entry() {
    let files = entries(&root().join("fuzz/targets"));
    let mut targets: Vec<_> = files.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
    let mut names = ENTRIES.map(|(name, _)| name);
    targets.sort_unstable();
    names.sort_unstable();
    assert_eq!(targets, names);
    for name in names {
        assert!(!seeds(name).is_empty(), "{name}");
    }
}

#[test]
fn a_seed_reaches_the_stores_and_a_fault_is_seen() {
    // Without a caller, documents would be refused before they are executed.
    let answer = tests::fuzz::answer_to_document("{ users_me { id } }");
    assert!(answer["body"].as_str().unwrap().contains("a11ce000"), "{answer}");
    assert!(std::panic::catch_unwind(|| run("no such target", b"")).is_err());
}
