//! Resolves the selection of a validated operation: expands fragments, applies `@skip` and `@include`, merges fields
//! with the same response key (GraphQL specification, October 2021, sections 5.3.2 and 6.3.2), and coerces arguments.
//! Pure: no I/O.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
};

use async_graphql::{
    Name, Pos, Positioned, Value, Variables,
    parser::types::{
        Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
    },
};
use serde_json::{Map, Value as Json};

use crate::{
    input::{self, Wrong},
    model::{self, Model, Output, QUERY},
    positions::Positions,
};

/// Maximum total size of variables as JSON, counted at every place where they are used, in bytes.
pub(crate) const MAX_VARIABLE_BYTES: usize = 4_000_000;

/// A field of the answer.
#[derive(Debug)]
pub(crate) struct Selected<'m> {
    /// Its response key.
    pub(crate) key: String,
    /// Its kind.
    pub(crate) what: What<'m>,
    /// The position of its first selection.
    pub(crate) pos: Pos,
    /// Its coerced arguments.
    pub(crate) arguments: Map<String, Json>,
    /// Its selected fields.
    pub(crate) children: Vec<Selected<'m>>,
    /// Response keys and members of the fields that a directive leaves out. They are no part of the answer, but `sort` may
    /// name them.
    pub(crate) left_out: Vec<(String, &'m str)>,
}

/// The kind of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What<'m> {
    /// `__typename`, with the name of the type.
    TypeName(&'m str),
    /// `__schema` or `__type`.
    Introspection,
    /// A member of the type.
    Member(&'m model::Field),
}

/// Why a selection cannot be executed.
#[derive(Debug)]
pub(crate) struct Unsound {
    /// The message for the client.
    pub(crate) message: String,
    /// The position of the field.
    pub(crate) pos: Pos,
}

/// The names of all root fields of an operation, with their positions, whatever its directives say. Nothing is put in for
/// variables.
pub(crate) fn root_names<'d>(
    document: &'d ExecutableDocument,
    operation: &'d OperationDefinition,
) -> Vec<(&'d str, Pos)> {
    let mut names = Vec::new();
    let mut sets = vec![&operation.selection_set.node];
    let mut spread = HashSet::new();
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => names.push((field.node.name.node.as_str(), field.pos)),
                Selection::InlineFragment(inline) => sets.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(fragment) => {
                    let name = &fragment.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name).filter(|_| spread.insert(name)) {
                        sets.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    names
}

/// Resolves the selection of an operation on its root type.
///
/// # Errors
/// [`Unsound`] when arguments are invalid or unknown, when fields with the same response key differ, or when variables
/// exceed `MAX_VARIABLE_BYTES`.
pub(crate) fn open<'m>(
    model: &'m Model,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    root: &'m Output,
) -> Result<Vec<Selected<'m>>, Unsound> {
    let sizes = variables.iter().map(|(name, value)| (name.clone(), value.to_string().len())).collect();
    let room = Cell::new(MAX_VARIABLE_BYTES);
    let positions = Positions::new(model, operation);
    let opening = Opening { model, fragments: &document.fragments, positions, variables, sizes, room };
    opening.select(root, &[&operation.selection_set.node])
}

struct Opening<'m, 'd> {
    model: &'m Model,
    fragments: &'d HashMap<Name, Positioned<FragmentDefinition>>,
    positions: Positions<'m, 'd>,
    variables: &'d Variables,
    sizes: HashMap<Name, usize>,
    room: Cell<usize>,
}

/// Fields with the same response key.
struct Group<'d> {
    key: &'d str,
    first: &'d Positioned<Field>,
    more: Vec<&'d Positioned<Field>>,
}

impl<'m, 'd> Opening<'m, 'd> {
    fn select(&self, output: &'m Output, sets: &[&'d SelectionSet]) -> Result<Vec<Selected<'m>>, Unsound> {
        let mut groups = Vec::new();
        let mut places = HashMap::new();
        for set in sets {
            self.collect(output, set, &mut groups, &mut places);
        }
        groups.into_iter().map(|group| self.member(output, &group)).collect()
    }

    /// The fields that directives leave out of these sets. In a fragment that is left out, all are.
    fn left_out(&self, output: &'m Output, sets: &[&'d SelectionSet]) -> Vec<(String, &'m str)> {
        let mut out = Vec::new();
        let mut spread = HashSet::new();
        let mut open: Vec<(&SelectionSet, bool)> = sets.iter().map(|set| (*set, true)).collect();
        while let Some((set, shown)) = open.pop() {
            for selection in &set.items {
                let shown = shown && self.is_included(selection.node.directives());
                match &selection.node {
                    Selection::Field(field) if !shown => {
                        let member = output.field(field.node.name.node.as_str());
                        let key = field.node.response_key().node.as_str();
                        out.extend(member.map(|member| (key.to_owned(), member.name.as_str())));
                    }
                    Selection::Field(_) => {}
                    Selection::InlineFragment(inline) => open.push((&inline.node.selection_set.node, shown)),
                    Selection::FragmentSpread(fragment) => {
                        let name = &fragment.node.fragment_name.node;
                        if let Some(known) = self.fragments.get(name).filter(|_| spread.insert((name, shown))) {
                            open.push((&known.node.selection_set.node, shown));
                        }
                    }
                }
            }
        }
        out
    }

    fn collect(
        &self,
        output: &'m Output,
        set: &'d SelectionSet,
        groups: &mut Vec<Group<'d>>,
        places: &mut HashMap<&'d str, usize>,
    ) {
        for selection in &set.items {
            if !self.is_included(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    match places.get(key).and_then(|at| groups.get_mut(*at)) {
                        Some(group) => group.more.push(field),
                        None => {
                            places.insert(key, groups.len());
                            groups.push(Group { key, first: field, more: Vec::new() });
                        }
                    }
                }
                Selection::InlineFragment(inline) => {
                    let condition =
                        inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                    if condition.is_none_or(|on| on == output.name) {
                        self.collect(output, &inline.node.selection_set.node, groups, places);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node)
                        && fragment.node.type_condition.node.on.node.as_str() == output.name
                    {
                        self.collect(output, &fragment.node.selection_set.node, groups, places);
                    }
                }
            }
        }
    }

    fn is_included(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let condition =
                directive.node.get_argument("if").map(|value| value.node.clone().into_const_with(self.put()));
            let holds = matches!(condition, Some(Ok(Value::Boolean(true))));
            match directive.node.name.node.as_str() {
                "skip" => !holds,
                "include" => holds,
                _ => true,
            }
        })
    }

    fn member(&self, output: &'m Output, group: &Group<'d>) -> Result<Selected<'m>, Unsound> {
        let name = group.first.node.name.node.as_str();
        let pos = group.first.pos;
        let refuse = |message: String| Unsound { message, pos };
        let known = match (name, output.name.as_str()) {
            ("__typename", type_name) => Err(What::TypeName(type_name)),
            ("__schema" | "__type", QUERY) => Err(What::Introspection),
            _ => Ok(output
                .field(name)
                .ok_or_else(|| refuse(format!("Cannot query field \"{name}\" on type \"{}\".", output.name)))?),
        };
        let field = match known {
            Ok(field) => field,
            Err(what) => {
                let same = group.more.iter().all(|other| other.node.name.node.as_str() == name);
                let (arguments, children, left_out) = (Map::new(), Vec::new(), Vec::new());
                let selected = Selected { key: group.key.to_owned(), what, pos, arguments, children, left_out };
                return if same { Ok(selected) } else { Err(refuse(conflict(group.key))) };
            }
        };
        let arguments = self.arguments(output, field, group.first)?;
        for other in &group.more {
            if other.node.name.node.as_str() != name || self.arguments(output, field, other)? != arguments {
                return Err(refuse(conflict(group.key)));
            }
        }
        let type_name = field.ty.type_name();
        let (children, left_out) = match self.model.output(type_name) {
            None => (Vec::new(), Vec::new()),
            Some(inner) => {
                let all = std::iter::once(&group.first).chain(&group.more);
                let sets: Vec<&SelectionSet> = all.map(|field| &field.node.selection_set.node).collect();
                if sets.iter().all(|set| set.items.is_empty()) {
                    return Err(refuse(format!(
                        "Field \"{name}\" of type \"{}\" must have a selection of subfields.",
                        field.ty
                    )));
                }
                // Only `sort` asks for them.
                let is_sorted = arguments.contains_key("sort");
                (self.select(inner, &sets)?, if is_sorted { self.left_out(inner, &sets) } else { Vec::new() })
            }
        };
        Ok(Selected { key: group.key.to_owned(), what: What::Member(field), pos, arguments, children, left_out })
    }

    fn arguments(
        &self,
        output: &Output,
        field: &model::Field,
        asked: &Positioned<Field>,
    ) -> Result<Map<String, Json>, Unsound> {
        let mut given: Vec<(&str, Value)> = Vec::with_capacity(asked.node.arguments.len());
        for (name, value) in &asked.node.arguments {
            if let Some(known) = field.arguments.iter().find(|known| known.name == name.node.as_str()) {
                let checked = self.positions.check(&value.node, &known.ty);
                checked.map_err(|message| Unsound { message, pos: asked.pos })?;
            }
            let value = value.node.clone().into_const_with(self.put()).map_err(|TooLarge| Unsound {
                message: format!("Variables are put in for more than {MAX_VARIABLE_BYTES} bytes."),
                pos: asked.pos,
            })?;
            given.push((name.node.as_str(), value));
        }
        let unknown = given.iter().find(|(name, _)| !field.arguments.iter().any(|known| known.name == *name));
        if let Some((name, _)) = unknown {
            let message = format!("Unknown argument \"{name}\" on field \"{}.{}\".", output.name, field.name);
            return Err(Unsound { message, pos: asked.pos });
        }
        let read = input::arguments(self.model, &field.arguments, given.iter().map(|(name, value)| (*name, value)));
        read.map_err(|wrong| {
            let message = match wrong {
                Wrong::Value(message) => message,
                Wrong::Missing(argument) => format!(
                    "Field \"{}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                    field.name, argument.name, argument.ty
                ),
            };
            Unsound { message, pos: asked.pos }
        })
    }

    /// Substitutes variables in literals and subtracts their size from the limit. A large variable that is used many
    /// times could otherwise exceed the size of the document by far.
    fn put(&self) -> impl FnMut(Name) -> Result<Value, TooLarge> {
        |name| {
            let size = self.sizes.get(&name).copied().unwrap_or_default();
            self.room.set(self.room.get().checked_sub(size).ok_or(TooLarge)?);
            Ok(self.variables.get(&name).cloned().unwrap_or_else(input::absent))
        }
    }
}

/// The variables exceed `MAX_VARIABLE_BYTES`.
#[derive(Debug)]
struct TooLarge;

fn conflict(key: &str) -> String {
    format!(
        "Fields \"{key}\" conflict because they are different fields or have differing arguments. Use different aliases on \
         the fields to fetch both if this was intentional."
    )
}
