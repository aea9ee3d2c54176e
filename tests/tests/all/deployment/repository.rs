//! Documents: the tests that they name exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::repository::{entries, root};

/// The folder that the paths of the invariant table are relative to.
const TESTS: &str = "tests/tests/all/";

/// The folder of the paths in that table that begin with `models/`.
const MODELS: &str = "tests/models/all/";

/// The number of invariants, RSV-1 to RSV-11.
const INVARIANTS: usize = 11;

/// Checks the table of invariants in a document. Each row `| RSV-n | … | … |` names, in its last cell, files that
/// contain a test and mention RSV-n. Returns one line for each fault.
fn faults(document: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for number in 1..=INVARIANTS {
        let invariant = format!("RSV-{number}");
        let Some(row) = document.lines().find(|line| line.starts_with(&format!("| {invariant} |"))) else {
            faults.push(format!("{invariant}: no row"));
            continue;
        };
        let cells: Vec<_> = row.trim_matches('|').split('|').collect();
        let files: Vec<_> = cells.get(2).map_or(vec![], |cell| cell.split('`').skip(1).step_by(2).collect());
        if files.is_empty() {
            faults.push(format!("{invariant}: no tests"));
        }
        for file in files {
            match read(file) {
                None => faults.push(format!("{invariant}: {file} does not exist")),
                Some(text) if !text.contains("#[tokio::test") && !text.contains("#[test]") => {
                    faults.push(format!("{invariant}: {file} contains no test"));
                }
                Some(text) if !text.contains(&invariant) => {
                    faults.push(format!("{invariant}: {file} does not mention it"));
                }
                Some(_) => {}
            }
        }
    }
    faults
}

#[test]
fn every_invariant_names_files_with_tests_of_it() {
    let document = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let path = |file: &str| match file.strip_prefix("models/") {
        Some(model) => root().join(MODELS).join(model),
        None => root().join(TESTS).join(file),
    };
    let found = faults(&document, |file| fs::read_to_string(path(file)).ok());
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_wrong_row_of_the_invariants_is_found() {
    let read = |file: &str| match file {
        "good.rs" => Some("// RSV-1 RSV-2 RSV-3 RSV-4 RSV-5 RSV-6\n#[test]".to_owned()),
        "untested.rs" => Some("// RSV-3".to_owned()),
        _ => None,
    };
    let document = "\
        | RSV-1 | holds | `good.rs` |\n\
        | RSV-2 | holds | `good.rs`, `gone.rs` |\n\
        | RSV-3 | holds | `untested.rs` |\n\
        | RSV-4 | `good.rs` |\n\
        | RSV-5 | holds | none |\n\
        | RSV-7 | holds | `good.rs` |\n";
    assert_eq!(
        faults(document, read),
        [
            "RSV-2: gone.rs does not exist",
            "RSV-3: untested.rs contains no test",
            "RSV-4: no tests",
            "RSV-5: no tests",
            "RSV-6: no row",
            "RSV-7: good.rs does not mention it",
            "RSV-8: no row",
            "RSV-9: no row",
            "RSV-10: no row",
            "RSV-11: no row",
        ]
    );
}

/// The Markdown files at the root and under `docs`.
fn documents() -> Vec<PathBuf> {
    let folders = [root(), root().join("docs"), root().join("docs/decisions")];
    let files = folders.iter().flat_map(|folder| entries(folder));
    files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The paths below [`TESTS`] that a text names.
fn named_tests(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '.');
    let starts = text.match_indices(TESTS).map(|(start, _)| &text[start..]);
    starts.map(move |rest| rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())].trim_end_matches('.'))
}

#[test]
fn every_test_file_that_a_document_names_exists() {
    let mut named = 0;
    for document in documents() {
        for path in named_tests(&fs::read_to_string(&document).unwrap()) {
            assert!(root().join(Path::new(path)).exists(), "{}: {path}", document.display());
            named += 1;
        }
    }
    assert!(named > 10, "{named} paths");
}
