//! Every source file is compiled: a test whose module nobody names never runs, and never fails.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::repository::root;

/// Folders in which cargo compiles each file by itself.
const OF_ROOTS: &[&str] = &["benches", "bin", "examples"];

/// The Rust files below a folder, without those that cargo or a tool wrote.
fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && !["target", "node_modules"].contains(&name) {
            files(&path, out);
        } else if name.ends_with(".rs") {
            out.push(path);
        }
    }
}

/// Whether a file that cargo compiles, or a module beside or above it, names this file as its module.
fn is_named(file: &Path) -> bool {
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let folder = file.parent().unwrap();
    let (module, parent) =
        if stem(file) == "mod" { (stem(folder), folder.parent().unwrap()) } else { (stem(file), folder) };
    let mut by = vec![parent.with_extension("rs")];
    by.extend(
        fs::read_dir(parent)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| is_root(path) || stem(path) == "mod"),
    );
    by.iter().filter_map(|file| fs::read_to_string(file).ok()).any(|text| {
        let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.any(|line| line.split_once("mod ").is_some_and(|(_, name)| name.trim_end() == format!("{module};")))
    })
}

/// Whether cargo compiles this file by itself, by its name or its folder, or because the manifest of its crate names it.
fn is_root(file: &Path) -> bool {
    let folder = file.parent().unwrap();
    let (name, of) = (file.file_name().unwrap().to_str().unwrap(), folder.file_name().unwrap().to_str().unwrap());
    let manifest = fs::read_to_string(folder.with_file_name("Cargo.toml")).unwrap_or_default();
    name.ends_with(".rs")
        && (["main.rs", "lib.rs", "build.rs"].contains(&name)
            || OF_ROOTS.contains(&of)
            || manifest.contains(&format!("path = \"{of}/{name}\"")))
}

#[test]
fn every_file_belongs_to_a_crate() {
    let mut all = Vec::new();
    files(&root(), &mut all);
    assert!(all.len() > 300, "{} files", all.len());
    let lost: Vec<_> = all.iter().filter(|file| !is_root(file) && !is_named(file)).collect();
    assert!(lost.is_empty(), "no module names {lost:#?}");
    // The search finds a file that nobody names.
    assert!(!is_named(&root().join("tests/tests/all/architecture/nobody.rs")));
}
