//! Reads sources with `syn` and finds which module uses which.
//!
//! It reads `use` (groups, renames, globs, `pub use`), paths in expressions, patterns, types and `impl`s, and paths in
//! the tokens of macros. A path starts with `crate`, `self`, `super`, the name of a crate, a child module, or a name
//! that a `use` imported. Re-exports are followed. Documentation comments, `pub(in …)` and code for tests are ignored.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

/// Which module uses which: pairs of module paths such as `domain::query::plan`.
pub(super) type Arrows = BTreeSet<(String, String)>;

/// The path and the text of every module.
pub(super) type Sources = BTreeMap<String, String>;

/// The names that the `use` declarations of a module import.
#[derive(Default)]
struct Names {
    /// A name and the path it stands for.
    single: BTreeMap<String, Vec<String>>,
    /// The paths of glob imports.
    globs: Vec<Vec<String>>,
}

/// A path as written, and the module that contains it.
struct Mention {
    module: Vec<String>,
    path: Vec<String>,
}

/// Collects `use` declarations and paths of one file.
struct Reader {
    /// The module of the file, then the inline modules around the current item.
    module: Vec<String>,
    modules: BTreeSet<String>,
    uses: Vec<(Mention, Option<String>)>,
    paths: Vec<Mention>,
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => attribute.path().is_ident("test"),
    })
}

impl Reader {
    fn tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let extended = |ident: &syn::Ident| {
            let mut path = prefix.to_vec();
            if ident != "self" || prefix.is_empty() {
                path.push(ident.to_string());
            }
            path
        };
        match tree {
            syn::UseTree::Path(path) => self.tree(&extended(&path.ident), &path.tree),
            syn::UseTree::Name(name) => {
                let path = extended(&name.ident);
                let known_as = path.last().cloned();
                self.add_use(path, known_as);
            }
            syn::UseTree::Rename(rename) => self.add_use(extended(&rename.ident), Some(rename.rename.to_string())),
            syn::UseTree::Glob(_) => self.add_use(prefix.to_vec(), None),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(prefix, tree)),
        }
    }

    fn add_use(&mut self, path: Vec<String>, known_as: Option<String>) {
        self.uses.push((Mention { module: self.module.clone(), path }, known_as));
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(x) => &x.attrs,
            syn::Item::Fn(x) => &x.attrs,
            syn::Item::Use(x) => &x.attrs,
            syn::Item::Impl(x) => &x.attrs,
            syn::Item::Const(x) => &x.attrs,
            syn::Item::Static(x) => &x.attrs,
            syn::Item::Struct(x) => &x.attrs,
            syn::Item::Enum(x) => &x.attrs,
            syn::Item::Type(x) => &x.attrs,
            syn::Item::Trait(x) => &x.attrs,
            _ => &Vec::new(),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.module.push(module.ident.to_string());
        self.modules.insert(self.module.join("::"));
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.paths.push(Mention { module: self.module.clone(), path: names });
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        for path in paths_of_tokens(&call.tokens.to_string()) {
            self.paths.push(Mention { module: self.module.clone(), path });
        }
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

/// The paths of two or more names in the text of tokens. Strings are skipped.
fn paths_of_tokens(text: &str) -> Vec<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '"' {
            while let Some(inner) = rest.next() {
                match inner {
                    '\\' => {
                        rest.next();
                    }
                    '"' => break,
                    _ => {}
                }
            }
            words.push("\"".to_owned());
        } else if c.is_alphanumeric() || c == '_' {
            let mut word = c.to_string();
            while let Some(next) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                word.push(next);
            }
            words.push(word);
        } else if c == ':' && rest.next_if_eq(&':').is_some() {
            words.push("::".to_owned());
        } else if !c.is_whitespace() {
            words.push(c.to_string());
        }
    }
    let is_name = |word: &String| word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let mut paths = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let mut path = Vec::new();
        while at < words.len() && is_name(&words[at]) {
            path.push(words[at].clone());
            at += 1;
            if words.get(at).is_some_and(|word| word == "::") && words.get(at + 1).is_some_and(is_name) {
                at += 1;
            } else {
                break;
            }
        }
        if path.len() > 1 {
            paths.push(path);
        } else if path.is_empty() {
            at += 1;
        }
    }
    paths
}

/// All modules, and the names that each of them imports.
struct Tree {
    modules: BTreeSet<String>,
    names: BTreeMap<String, Names>,
}

impl Tree {
    /// Makes a written path absolute. `None` for a path that leads out of the crates that are read.
    fn absolute(&self, module: &[String], path: &[String], through_names: bool) -> Option<Vec<String>> {
        let first = path.first()?;
        let mut start = module.to_vec();
        let mut rest = path;
        if matches!(first.as_str(), "crate" | "self" | "super") {
            while let Some((next, after)) = rest.split_first() {
                match next.as_str() {
                    "crate" => start.truncate(1),
                    "self" => {}
                    "super" => {
                        start.pop();
                    }
                    _ => break,
                }
                rest = after;
            }
        } else {
            let mut child = module.to_vec();
            child.push(first.clone());
            let known = self.names.get(&module.join("::")).and_then(|names| names.single.get(first));
            if self.modules.contains(&child.join("::")) {
                start = child;
            } else if let Some(known) = known.filter(|_| through_names) {
                start.clone_from(known);
            } else if self.modules.contains(first) {
                start = vec![first.clone()];
            } else {
                start = self.through_glob(module, first).filter(|_| through_names)?;
            }
            rest = path.get(1..)?;
        }
        start.extend(rest.iter().cloned());
        Some(start)
    }

    /// Resolves a name that only a glob import (`use super::*`) can have imported.
    fn through_glob(&self, module: &[String], name: &str) -> Option<Vec<String>> {
        let globs = self.names.get(&module.join("::")).into_iter().flat_map(|names| &names.globs);
        let mut found = globs.filter_map(|glob| {
            let child = [glob.as_slice(), &[name.to_owned()]].concat();
            let known = || self.names.get(&glob.join("::"))?.single.get(name).cloned();
            if self.modules.contains(&child.join("::")) { Some(child) } else { known() }
        });
        found.next()
    }

    /// The modules on an absolute path. Re-exports are followed.
    fn modules_of(&self, path: &[String], depth: usize, out: &mut BTreeSet<String>) {
        let length = (1..=path.len()).rev().find(|n| self.modules.contains(&path[..*n].join("::")));
        let Some(length) = length.filter(|_| depth < 8) else { return };
        let module = path[..length].join("::");
        let names = self.names.get(&module);
        out.insert(module);
        let (Some(names), Some(item)) = (names, path.get(length)) else { return };
        let targets = match names.single.get(item) {
            Some(target) => vec![target],
            None => names.globs.iter().collect(),
        };
        for target in targets {
            self.modules_of(&[target, &path[length + 1..]].concat(), depth + 1, out);
        }
    }
}

/// Which module uses which other module.
pub(super) fn arrows(sources: &Sources) -> Arrows {
    let mut modules: BTreeSet<String> = sources.keys().cloned().collect();
    let mut readers = Vec::new();
    for (module, text) in sources {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{module}: {error}"));
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        let mut reader = Reader { module, modules: BTreeSet::new(), uses: Vec::new(), paths: Vec::new() };
        reader.visit_file(&file);
        modules.extend(std::mem::take(&mut reader.modules));
        readers.push(reader);
    }
    let mut tree = Tree { modules, names: BTreeMap::new() };
    // A `use` may begin with a name of another `use` (`use crate as root; use root::x as y`). Each round resolves one
    // more level.
    for _ in 0..3 {
        for (Mention { module, path }, known_as) in readers.iter().flat_map(|reader| &reader.uses) {
            let own = known_as.as_ref().is_some_and(|name| path.len() == 1 && path.first() == Some(name));
            let Some(target) = tree.absolute(module, path, !own) else { continue };
            let names = tree.names.entry(module.join("::")).or_default();
            match known_as {
                Some(name) => {
                    names.single.insert(name.clone(), target);
                }
                None if !names.globs.contains(&target) => names.globs.push(target),
                None => {}
            }
        }
    }
    let mut arrows = Arrows::new();
    for reader in &readers {
        for Mention { module, path } in reader.uses.iter().map(|(mention, _)| mention).chain(&reader.paths) {
            let mut reached = BTreeSet::new();
            if let Some(path) = tree.absolute(module, path, true) {
                tree.modules_of(&path, 0, &mut reached);
            }
            let from = file_of(sources, &module.join("::"));
            let reached = reached.iter().map(|to| file_of(sources, to)).filter(|to| *to != from);
            arrows.extend(reached.map(|to| (from.clone(), to)));
        }
    }
    arrows
}

/// The module whose file holds this module: itself, or the nearest one around an inline module.
fn file_of(sources: &Sources, module: &str) -> String {
    let mut module = module;
    while !sources.contains_key(module)
        && let Some((parent, _)) = module.rsplit_once("::")
    {
        module = parent;
    }
    module.to_owned()
}
