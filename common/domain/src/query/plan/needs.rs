//! [`Needs`]: what a query needs besides its own rows, that is relations to follow, codes to render and codes to count.
//!
//! Names only, so that the caller can load rows in batches, level by level.

use super::filter::Filter;
use super::query::Query;
use super::selection::{Selection, Source};
use super::sort::SortTarget;
use super::window::Window;
use crate::query::functions::Function;
use std::collections::BTreeSet;

/// What has to be loaded before a query can be evaluated and rendered. A path is a list of relations to
/// follow from a row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Needs {
    /// For filter, sort and groups: to load for every candidate row. For example `["user_created"]`.
    pub evaluate: BTreeSet<Vec<&'static str>>,
    /// For the fields of the answer: to load for the rows shown.
    pub render: BTreeSet<Vec<&'static str>>,
    /// The window of the codes to load for each row shown. For several windows, one from 0 that covers all of them.
    pub codes: Option<Window>,
    /// The members of the codes that are shown or lead to other rows.
    pub members_of_codes: BTreeSet<&'static str>,
    /// Whether the keys of the codes are enough.
    pub codes_are_keys: bool,
    /// Whether the number of codes is needed for every candidate row.
    pub count_to_evaluate: bool,
    /// Whether the number of codes is needed for the rows shown.
    pub count_to_render: bool,
}

impl Query {
    /// What has to be loaded before this query can be evaluated and rendered.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        let leaves = self.filter.iter().chain(&self.rights).flat_map(Filter::leaves).map(|c| &c.path);
        let sorted = self.sort.iter().filter_map(|key| match &key.target {
            SortTarget::Path(path) => Some(path),
            SortTarget::Aggregate(_) => None,
        });
        for path in leaves.chain(sorted).chain(&self.groups) {
            let relations: Vec<&'static str> = path.relations.iter().map(|f| f.name).collect();
            for end in 1..=relations.len() {
                needs.evaluate.insert(relations.iter().take(end).copied().collect());
            }
            needs.count_to_evaluate |= path.function == Some(Function::Count);
        }
        if self.shows_rows() {
            needs_of(&self.selection, &[], &mut needs);
        }
        needs
    }
}

fn needs_of(selection: &Selection, path: &[&'static str], needs: &mut Needs) {
    for node in &selection.nodes {
        match &node.source {
            Source::Field(_) => {}
            Source::Function(function, _) => needs.count_to_render |= *function == Function::Count,
            Source::One { field, selection, filter, .. } => {
                let mut below = path.to_vec();
                below.push(field.name);
                for leaf in filter.iter().flat_map(Filter::leaves) {
                    let mut far = below.clone();
                    for relation in &leaf.path.relations {
                        far.push(relation.name);
                        needs.render.insert(far.clone());
                    }
                }
                needs_of(selection, &below, needs);
                needs.render.insert(below);
            }
            Source::Many { field, selection, window, .. } => {
                let mut below = path.to_vec();
                below.push(field.name);
                needs_of(selection, &below, needs);
                needs.members_of_codes.extend(selection.nodes.iter().map(|node| node.source.field().name));
                needs.codes_are_keys = selection.nodes.is_empty() && (needs.codes_are_keys || needs.codes.is_none());
                needs.codes = Some(needs.codes.map_or(*window, |known| widest(known, *window)));
            }
        }
    }
}

fn widest(a: Window, b: Window) -> Window {
    if a == b {
        return a;
    }
    let end = |w: &Window| w.take().map(|t| w.skip().saturating_add(t));
    let limit = match (end(&a), end(&b)) {
        (Some(x), Some(y)) => i64::try_from(x.max(y)).unwrap_or(-1),
        _ => -1,
    };
    Window { limit: Some(limit), offset: 0, page: 0 }
}
