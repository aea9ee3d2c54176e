//! Bounds what one document may ask for. It counts on the syntax tree, before anything is validated or read. Pure: no
//! I/O.
//!
//! The size of a fragment is computed once and cached, so a document whose fragments double at every level is refused
//! in time linear in its text. Aliases count: a field that is selected twice costs twice.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned, Value as ConstValue,
    parser::types::{ExecutableDocument, FragmentDefinition, Selection, SelectionSet},
};
use async_graphql_value::Value;
use common::query::Limit;
use serde_json::{Map, Value as Json};

/// Maximum levels of fields below the operation.
pub(crate) const MAX_DEPTH: usize = 10;

/// Maximum levels below `__schema` and `__type`; enough for the introspection query of common clients.
const MAX_INTROSPECTION_DEPTH: usize = 20;

/// Maximum nesting of list fields in an introspection; the limit of graphql-js.
const MAX_INTROSPECTION_LISTS: usize = 2;

/// Maximum total cost of a document's fields.
pub(crate) const MAX_COMPLEXITY: usize = 1_000;

/// Maximum members of an introspection, as far as the document tells: about twice what the query of graphql-js asks for.
const MAX_INTROSPECTION: usize = 2_000_000;

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
    /// An upper bound of the members in an introspection.
    introspection: usize,
    /// Values of arguments, with what their variables stand for.
    values: usize,
}

impl Size {
    fn and(self, other: Self) -> Self {
        Self {
            cost: self.cost.saturating_add(other.cost),
            depth: self.depth.max(other.depth),
            introspection_depth: self.introspection_depth.max(other.introspection_depth),
            introspection_lists: self.introspection_lists.max(other.introspection_lists),
            values: self.values.saturating_add(other.values),
            introspection: self.introspection.saturating_add(other.introspection),
        }
    }
}

/// Checks a document, with the variables as the client gave them. They are counted at every place where they are used, and
/// not put in: a small document can use a large variable a thousand times.
///
/// # Errors
/// [`Refused`] when the document is too deep or too complex, when its arguments have too many values, or when a fragment
/// contains itself.
pub(crate) fn check(document: &ExecutableDocument, variables: &Map<String, Json>) -> Result<(), Refused> {
    let mut sizes: HashMap<&str, usize> = HashMap::new();
    for (_, operation) in document.operations.iter() {
        for definition in &operation.node.variable_definitions {
            let default = definition.node.default_value.as_ref().map_or(0, |value| size_of_const(&value.node));
            let known = sizes.entry(definition.node.name.node.as_str()).or_default();
            *known = default.max(*known);
        }
    }
    for (name, value) in variables {
        let known = sizes.entry(name).or_default();
        *known = size_of_json(value).max(*known);
    }
    let mut counter =
        Counter { fragments: &document.fragments, variables: sizes, known: HashMap::new(), open: Vec::new() };
    // Unused fragments are validated too, so they count.
    let mut total = Size::default();
    let mut place = Pos::default();
    let mut unused = 0_usize;
    for (name, fragment) in &document.fragments {
        let size = counter.spread(name, fragment.pos, false)?;
        // The depth of a fragment counts only where it is used.
        unused = unused.saturating_add(size.cost);
        total.values = total.values.saturating_add(size.values);
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
    let most = Limit::Values.most();
    if total.values > most {
        return refuse(format!(
            "The arguments have more than {most} values, variables counted wherever they are used (limit MAX_VALUES)."
        ));
    }
    if total.introspection > MAX_INTROSPECTION {
        return refuse("The introspection asks for too much; aliases of lists count.".to_owned());
    }
    // All fragments are validated, used or not.
    total.cost = total.cost.max(unused);
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
    /// The size of each variable.
    variables: HashMap<&'a str, usize>,
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
                    let mut size = member(&field.node.name.node, inner, root);
                    size.values = size.values.saturating_add(self.arguments(&field.node.arguments));
                    size
                }
                Selection::FragmentSpread(spread) => {
                    self.spread(&spread.node.fragment_name.node, selection.pos, root)?
                }
                Selection::InlineFragment(inline) => self.selection(&inline.node.selection_set.node, root)?,
            };
            total = total.and(size);
            for directive in selection.node.directives() {
                total.values = total.values.saturating_add(self.arguments(&directive.node.arguments));
            }
        }
        Ok(total)
    }
}

impl Counter<'_> {
    fn arguments(&self, arguments: &[(Positioned<Name>, Positioned<Value>)]) -> usize {
        arguments.iter().fold(0, |sum, (_, value)| sum.saturating_add(self.value(&value.node)))
    }

    fn value(&self, value: &Value) -> usize {
        match value {
            Value::Variable(name) => self.variables.get(name.as_str()).copied().unwrap_or(1),
            Value::List(items) => items.iter().fold(1, |sum, item| sum.saturating_add(self.value(item))),
            Value::Object(members) => {
                members.values().fold(1, |sum, value| sum.saturating_add(1).saturating_add(self.value(value)))
            }
            Value::String(text) => size_of_text(text),
            _ => 1,
        }
    }
}

/// Bytes of a text that count as one value.
const BYTES_PER_VALUE: usize = 256;

fn size_of_text(text: &str) -> usize {
    1 + text.len() / BYTES_PER_VALUE
}

fn size_of_const(value: &ConstValue) -> usize {
    match value {
        ConstValue::List(items) => items.iter().fold(1, |sum, item| sum.saturating_add(size_of_const(item))),
        ConstValue::Object(members) => {
            members.values().fold(1, |sum, value| sum.saturating_add(1).saturating_add(size_of_const(value)))
        }
        ConstValue::String(text) => size_of_text(text),
        _ => 1,
    }
}

fn size_of_json(value: &Json) -> usize {
    match value {
        Json::Array(items) => items.iter().fold(1, |sum, item| sum.saturating_add(size_of_json(item))),
        Json::Object(members) => members
            .iter()
            .fold(1, |sum, (name, value)| sum.saturating_add(size_of_text(name)).saturating_add(size_of_json(value))),
        Json::String(text) => size_of_text(text),
        _ => 1,
    }
}

/// The most entries that a list of the introspection has in our schemas; 1 for other members.
fn most_of(name: &str) -> usize {
    match name {
        "types" => 100,
        "fields" | "inputFields" => 30,
        "args" | "enumValues" | "directives" => 10,
        _ => 1,
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
            values: inner.values,
            introspection: inner.introspection,
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
        values: inner.values,
        // Counted for every field below the root, and used only below `__schema` and `__type`.
        introspection: if root { 0 } else { most_of(name).saturating_mul(inner.introspection.saturating_add(1)) },
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_count_wherever_they_are_used_and_before_they_are_put_in() {
        let refusal = |text: &str, variables: Json| {
            let variables = variables.as_object().cloned().unwrap_or_default();
            check(&parse_query(text).unwrap(), &variables).err().map(|refused| refused.message)
        };
        let roots = |uses: usize, value: &str| {
            let root = |n| format!("a{n}: code_reservation(filter: {{ quantity: {{ _in: {value} }} }}) {{ id }}");
            (0..uses).map(root).collect::<Vec<_>>().join(" ")
        };
        let large = json!({ "v": vec![1; 1_000] });
        assert_eq!(refusal(&format!("query ($v: [Int]) {{ {} }}", roots(10, "$v")), large.clone()), None);
        let many = Some("MAX_VALUES");
        let contains = |message: Option<String>| message.filter(|m| m.contains("MAX_VALUES")).map(|_| "MAX_VALUES");
        assert_eq!(contains(refusal(&format!("query ($v: [Int]) {{ {} }}", roots(25, "$v")), large.clone())), many);
        // A default, a fragment that is spread again and again, a directive, one long text.
        let default = format!("query ($v: [Int] = [{}]) {{ {} }}", "1 ".repeat(1_000), roots(25, "$v"));
        assert_eq!(contains(refusal(&default, json!({}))), many);
        let spreads =
            format!("query ($v: [Int]) {{ {} }} fragment F on Query {{ {} }}", "...F ".repeat(30), roots(1, "$v"));
        assert_eq!(contains(refusal(&spreads, large.clone())), many);
        let unused = format!("query ($v: [Int]) {{ __typename }} fragment F on Query {{ {} }}", roots(25, "$v"));
        assert_eq!(contains(refusal(&unused, large.clone())), many);
        let directives = format!("query ($v: JSON) {{ __typename {} }}", "@include(if: $v) ".repeat(25));
        assert_eq!(contains(refusal(&directives, large)), many);
        let text = format!("query ($v: String) {{ {} }}", roots(25, "$v"));
        assert_eq!(contains(refusal(&text, json!({ "v": "x".repeat(500_000) }))), many);
    }

    fn refusal(text: &str) -> Option<String> {
        check(&parse_query(text).unwrap(), &Map::new()).err().map(|refused| refused.message)
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
    fn introspection_is_counted_by_what_it_yields() {
        let lists = |count: usize| {
            let alias = |n| format!("i{n}: inputFields {{ type {{ inputFields {{ name }} }} }}");
            let lists: Vec<String> = (0..count).map(alias).collect();
            format!("{{ __schema {{ types {{ {} }} }} }}", lists.join(" "))
        };
        assert_eq!(refusal(&lists(3)), None);
        assert!(refusal(&lists(100)).unwrap().contains("introspection asks for too much"));
        let fragments = format!(
            "{{ __schema {{ types {{ {} }} }} }} fragment F on __Type {{ inputFields {{ type {{ inputFields {{ name }} }} }} }}",
            (0..100)
                .map(|n| format!("... on __Type {{ i{n}: inputFields {{ type {{ inputFields {{ name }} }} }} }}"))
                .collect::<String>()
        );
        assert!(refusal(&fragments).is_some());
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
