//! The dependencies between the modules of `common` and `domain` point down. The tables below define the layers.

mod arrows;
mod files;
mod planted;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    sync::LazyLock,
};

use arrows::{Arrows, Sources, arrows};

/// The layers, top to bottom. A module may use the modules of the rows below its own, and none of its own row.
const LAYERS: &[&[&str]] = &[
    &["common::api"],
    &["common::operations"],
    &["common::context"],
    &["common::identity"],
    &["common::store", "common::bucket"],
    &["common::clients"],
    &[
        "common::backoff",
        "common::concurrency",
        "common::config",
        "common::https",
        "common::metrics",
        "common::telemetry",
    ],
    &["common::host"],
    &["domain::export", "domain::query"],
    &["domain::directory", "domain::reservation"],
    &["domain::code"],
];

/// Arrows that exist although [`LAYERS`] forbids them. Each is removed with the step that removes the arrow: a test
/// fails for an entry that no longer occurs.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// The folders of `domain::query`, and which other folders each may use. All may use the files beside the folders;
/// these files may use none of the folders.
const PHASES: &[(&str, &[&str])] =
    &[("raw", &[]), ("parse", &["raw", "plan"]), ("plan", &[]), ("evaluate", &["plan"]), ("files", &["plan"])];

/// The module whose files must not depend on each other in a cycle.
const QUERY: &str = "domain::query";

/// The crates that are read, and their folders.
const CRATES: &[(&str, &str)] = &[("common", "common/src"), ("domain", "common/domain/src")];

/// `domain::query::plan::filter` → `domain::query`; the root of a crate has none.
fn top_level(module: &str) -> Option<&str> {
    let (root, rest) = module.split_once("::")?;
    let end = root.len() + 2 + rest.find("::").unwrap_or(rest.len());
    module.get(..end)
}

/// The arrows between top-level modules.
fn top_level_arrows(arrows: &Arrows) -> Arrows {
    let tops = arrows.iter().filter_map(|(from, to)| Some((top_level(from)?.to_owned(), top_level(to)?.to_owned())));
    tops.filter(|(from, to)| from != to).collect()
}

/// The arrows between top-level modules that do not point down in [`LAYERS`].
fn against_layers(arrows: &Arrows) -> Arrows {
    let row = |module: &str| LAYERS.iter().position(|row| row.contains(&module));
    let points_down = |(from, to): &(String, String)| row(from).zip(row(to)).is_some_and(|(from, to)| from < to);
    top_level_arrows(arrows).into_iter().filter(|arrow| !points_down(arrow)).collect()
}

/// The arrows between files of `query` that [`PHASES`] does not allow.
fn against_phases(arrows: &Arrows) -> Arrows {
    let phase = |module: &str| {
        let inside = module.strip_prefix(QUERY)?.strip_prefix("::")?;
        let folder = inside.split("::").next()?.to_owned();
        Some(PHASES.iter().find(|(name, _)| *name == folder))
    };
    let is_wrong = |(from, to): &&(String, String)| match (phase(from), phase(to)) {
        (Some(Some((from, may_use))), Some(Some((to, _)))) => from != to && !may_use.contains(to),
        (Some(None), Some(Some(_))) => true,
        // Files inside `query` do not use its public re-exports.
        (Some(_), None) => to == QUERY,
        _ => false,
    };
    arrows.iter().filter(is_wrong).cloned().collect()
}

/// The cycles: each set of modules that can reach one another, sorted.
fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let reach = |start: &str| {
        let mut seen = BTreeSet::new();
        let mut open = vec![start];
        while let Some(from) = open.pop() {
            for (_, to) in arrows.iter().filter(|(a, _)| a == from) {
                if seen.insert(to.as_str()) {
                    open.push(to);
                }
            }
        }
        seen
    };
    let reachable: BTreeMap<&str, BTreeSet<&str>> =
        arrows.iter().map(|(from, _)| (from.as_str(), reach(from))).collect();
    let reaches = |from: &str, to: &str| reachable.get(from).is_some_and(|set| set.contains(to));
    let mut found = BTreeSet::new();
    for module in reachable.keys().filter(|module| reaches(module, module)) {
        let members = reachable.keys().filter(|other| reaches(module, other) && reaches(other, module));
        found.insert(members.map(|name| (*name).to_owned()).collect::<Vec<_>>());
    }
    found.into_iter().collect()
}

/// The sources of the crates of this repository. Folders and files named `tests` hold tests only.
fn sources(root: &Path) -> Sources {
    let mut out = Sources::new();
    for (name, folder) in CRATES {
        read_folder(&root.join(folder), name, &mut out);
    }
    out
}

fn read_folder(folder: &Path, module: &str, out: &mut Sources) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let child = format!("{module}::{stem}");
        if stem == "tests" {
            continue;
        } else if path.is_dir() {
            read_folder(&path, &child, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = if matches!(stem, "lib" | "mod") { module.to_owned() } else { child };
            out.insert(module, fs::read_to_string(&path).unwrap());
        }
    }
}

/// The arrows of this repository, computed once for all tests.
fn own_arrows() -> &'static Arrows {
    static ARROWS: LazyLock<Arrows> = LazyLock::new(|| arrows(&sources(&crate::support::repository::root())));
    &ARROWS
}

/// The arrows between the files of `query`.
fn arrows_in_query(arrows: &Arrows) -> Arrows {
    let inside = |module: &str| module.starts_with(QUERY);
    arrows.iter().filter(|(from, to)| inside(from) && inside(to)).cloned().collect()
}

fn shown(arrows: &Arrows) -> String {
    arrows.iter().fold(String::new(), |mut text, (from, to)| {
        let _ = writeln!(text, "{from} → {to}");
        text
    })
}

fn exceptions() -> Arrows {
    EXCEPTIONS.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

#[test]
fn every_arrow_between_modules_points_down() {
    let wrong = against_layers(own_arrows());
    let new: Arrows = wrong.difference(&exceptions()).cloned().collect();
    assert!(new.is_empty(), "against the layers:\n{}", shown(&new));
    let gone: Arrows = exceptions().difference(&wrong).cloned().collect();
    assert!(gone.is_empty(), "no longer needed in EXCEPTIONS:\n{}", shown(&gone));
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let arrows = own_arrows();
    assert_eq!(
        circles(&top_level_arrows(arrows).difference(&exceptions()).cloned().collect()),
        Vec::<Vec<String>>::new()
    );
    assert_eq!(circles(&arrows_in_query(arrows)), Vec::<Vec<String>>::new());
}

#[test]
fn the_phases_of_a_query_use_only_what_they_may() {
    let wrong = against_phases(own_arrows());
    assert!(wrong.is_empty(), "against the phases:\n{}", shown(&wrong));
}

#[test]
fn every_module_has_a_layer_and_some_files_are_read() {
    let sources = sources(&crate::support::repository::root());
    let tops: BTreeSet<&str> = sources.keys().filter_map(|module| top_level(module)).collect();
    let without: Vec<_> = tops.into_iter().filter(|top| !LAYERS.iter().any(|row| row.contains(top))).collect();
    assert_eq!(without, Vec::<&str>::new());
    for (phase, _) in PHASES {
        assert!(sources.contains_key(&format!("{QUERY}::{phase}")), "{phase}");
    }
    assert!(own_arrows().contains(&("domain::query::parse::query".to_owned(), "domain::query::plan".to_owned())));
}
