//! Bounds what one document may ask for. It counts on the syntax tree, before anything is validated or read. Pure: no
//! I/O.
//!
//! The size of a fragment is computed once and cached, so a document whose fragments double at every level is refused
//! in time linear in its text. Aliases count: a field that is selected twice costs twice.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{ExecutableDocument, FragmentDefinition, Selection, SelectionSet},
};

/// Maximum levels of fields below the operation.
pub(crate) const MAX_DEPTH: usize = 10;

/// Maximum levels below `__schema` and `__type`; enough for the introspection query of common clients.
const MAX_INTROSPECTION_DEPTH: usize = 20;

/// Maximum nesting of list fields in an introspection; the limit of graphql-js.
const MAX_INTROSPECTION_LISTS: usize = 2;

/// Maximum total cost of a document's fields.
pub(crate) const MAX_COMPLEXITY: usize = 1_000;

/// The cost of a root field, which causes a read of its own.
const ROOT: usize = 20;

/// The cost of an aggregate over all rows.
const AGGREGATE: usize = 100;

/// The cost of the codes of every row.
const CODES: usize = 200;

/// Why a document is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The message for the client.
    pub(crate) message: String,
    /// The position of the part that exceeds the limit.
    pub(crate) pos: Pos,
}

/// The cost and depth of a selection.
#[derive(Clone, Copy, Default)]
struct Size {
    cost: usize,
    depth: usize,
    introspection_depth: usize,
    introspection_lists: usize,
}

impl Size {
    fn and(self, other: Self) -> Self {
        Self {
            cost: self.cost.saturating_add(other.cost),
            depth: self.depth.max(other.depth),
            introspection_depth: self.introspection_depth.max(other.introspection_depth),
            introspection_lists: self.introspection_lists.max(other.introspection_lists),
        }
    }
}

/// Checks a document.
///
/// # Errors
/// [`Refused`] when the document is too deep or too complex, or when a fragment contains itself.
pub(crate) fn check(document: &ExecutableDocument) -> Result<(), Refused> {
    let mut counter = Counter { fragments: &document.fragments, known: HashMap::new(), open: Vec::new() };
    // Unused fragments are validated too, so they count.
    let mut total = Size::default();
    let mut place = Pos::default();
    for (name, fragment) in &document.fragments {
        let size = counter.spread(name, fragment.pos, false)?;
        // The depth of a fragment counts only where it is used; so does its cost up to the limit.
        total.cost = total.cost.saturating_add(size.cost.saturating_sub(MAX_COMPLEXITY));
    }
    for (_, operation) in document.operations.iter() {
        place = operation.pos;
        total = total.and(counter.selection(&operation.node.selection_set.node, true)?);
    }
    let refuse = |message: String| Err(Refused { message, pos: place });
    if total.depth > MAX_DEPTH {
        return refuse(format!("The document is {} levels deep, {MAX_DEPTH} at most are allowed.", total.depth));
    }
    if total.introspection_depth > MAX_INTROSPECTION_DEPTH || total.introspection_lists > MAX_INTROSPECTION_LISTS {
        return refuse("Maximum introspection depth exceeded.".to_owned());
    }
    if total.cost > MAX_COMPLEXITY {
        return refuse(format!(
            "The document has a complexity of {}, {MAX_COMPLEXITY} at most are allowed: a member costs 1, and besides one \
             at the root {ROOT}, an aggregate {AGGREGATE}, codes {CODES}. Aliases count.",
            if total.cost == usize::MAX { "far more".to_owned() } else { total.cost.to_string() },
        ));
    }
    Ok(())
}

struct Counter<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// Sizes of fragments, separately for use at the root and below it.
    known: HashMap<(&'a str, bool), Size>,
    open: Vec<&'a str>,
}

impl<'a> Counter<'a> {
    fn spread(&mut self, name: &'a Name, pos: Pos, root: bool) -> Result<Size, Refused> {
        if let Some(size) = self.known.get(&(name.as_str(), root)) {
            return Ok(*size);
        }
        if self.open.contains(&name.as_str()) {
            return Err(Refused { message: format!("Cannot spread fragment \"{name}\" within itself."), pos });
        }
        // The validation reports unknown fragments.
        let Some(fragment) = self.fragments.get(name) else { return Ok(Size::default()) };
        self.open.push(name);
        let size = self.selection(&fragment.node.selection_set.node, root)?;
        self.open.pop();
        self.known.insert((name, root), size);
        Ok(size)
    }

    fn selection(&mut self, set: &'a SelectionSet, root: bool) -> Result<Size, Refused> {
        let mut total = Size::default();
        for selection in &set.items {
            let size = match &selection.node {
                Selection::Field(field) => {
                    let inner = self.selection(&field.node.selection_set.node, false)?;
                    member(&field.node.name.node, inner, root)
                }
                Selection::FragmentSpread(spread) => {
                    self.spread(&spread.node.fragment_name.node, selection.pos, root)?
                }
                Selection::InlineFragment(inline) => self.selection(&inline.node.selection_set.node, root)?,
            };
            total = total.and(size);
        }
        Ok(total)
    }
}

/// The size of a field, given the size of its selection.
fn member(name: &str, inner: Size, root: bool) -> Size {
    let lists = usize::from(matches!(name, "fields" | "interfaces" | "possibleTypes" | "inputFields"));
    if root && matches!(name, "__schema" | "__type") {
        return Size {
            cost: inner.cost.saturating_add(1),
            depth: 1,
            introspection_depth: inner.depth + 1,
            introspection_lists: inner.introspection_lists,
        };
    }
    let own = match (root, name) {
        (true, "__typename") => 1,
        (true, name) if name.ends_with("_aggregated") => 1 + AGGREGATE,
        (true, _) => 1 + ROOT,
        (false, "codes") => 1 + CODES,
        (false, _) => 1,
    };
    Size {
        cost: inner.cost.saturating_add(own),
        depth: inner.depth + 1,
        introspection_depth: inner.introspection_depth,
        introspection_lists: inner.introspection_lists + lists,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn refusal(text: &str) -> Option<String> {
        check(&parse_query(text).unwrap()).err().map(|refused| refused.message)
    }

    fn nested(levels: usize) -> String {
        format!("{{ {} id {} }}", "user_created { avatar { ".repeat(levels), "} } ".repeat(levels))
    }

    #[test]
    fn ten_levels_are_allowed_and_eleven_are_not() {
        assert_eq!(refusal("{ a { b { c { d { e { f { g { h { i { j } } } } } } } } } }"), None);
        assert!(
            refusal("{ a { b { c { d { e { f { g { h { i { j { k } } } } } } } } } } }").unwrap().contains("11 levels")
        );
        assert!(refusal(&nested(6)).unwrap().contains("levels"));
        assert!(
            refusal("{ a { ...F } } fragment F on X { b { c { d { e { f { g { h { i { j { k } } } } } } } } } }")
                .is_some()
        );
    }

    #[test]
    fn aliases_count() {
        let many = |count: usize| {
            let roots: Vec<String> = (0..count).map(|n| format!("a{n}: code_reservation {{ id }}")).collect();
            format!("{{ {} }}", roots.join(" "))
        };
        assert_eq!(refusal(&many(40)), None);
        assert!(refusal(&many(1_000)).unwrap().contains("complexity of 22000"));
        let codes = |count: usize| {
            let all: Vec<String> = (0..count).map(|n| format!("a{n}: codes {{ id }}")).collect();
            format!("{{ code_reservation {{ {} }} }}", all.join(" "))
        };
        assert_eq!(refusal(&codes(4)), None);
        assert!(refusal(&codes(5)).is_some());
    }

    #[test]
    fn fragments_that_double_or_contain_themselves_are_refused_at_once() {
        let mut bomb = "{ ...F0 }".to_owned();
        for n in 0..200 {
            bomb.push_str(&format!(" fragment F{n} on Query {{ ...F{m} ...F{m} }}", m = n + 1));
        }
        bomb.push_str(" fragment F200 on Query { code_reservation { id } }");
        assert!(refusal(&bomb).unwrap().contains("far more"));
        assert!(
            refusal("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }")
                .unwrap()
                .contains("within itself")
        );
        assert!(refusal("{ a } fragment A on Query { ...A }").unwrap().contains("within itself"));
    }

    #[test]
    fn introspection_is_deep_but_not_a_bomb() {
        let chain =
            "type { ofType { ofType { ofType { ofType { ofType { ofType { ofType { ofType { name } } } } } } } } }";
        assert_eq!(refusal(&format!("{{ __schema {{ types {{ fields {{ args {{ {chain} }} }} }} }} }}")), None);
        let bomb = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
        assert!(refusal(bomb).unwrap().contains("introspection"));
    }
}
