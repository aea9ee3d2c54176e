//! The `fields` parameter → [`Selection`] and the columns of a table.
//!
//! Two steps: [`draft`] expands wildcards and records every name for the check of existence and rights; after the check,
//! [`Draft::resolve`] resolves the names. So a missing right is reported before an invalid function, as in Directus.

use super::aliases::Aliases;
use super::filter::lower::lower;
use super::named_fields::{NamedFields, Use};
use super::parameters::Parameters;
use super::scope;
use super::variables::Variables;
use super::wildcards;
use crate::query::access::Access;
use crate::query::error::QueryError;
use crate::query::functions::{self, Function};
use crate::query::limits::MAX_SELECTED_FIELDS;
use crate::query::plan::{Column, Node, Search, Selection, Source};
use crate::query::schema::{Collection, Field, Relation};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// A [`Selection`] of which the names are not resolved yet.
#[derive(Debug)]
pub(in crate::query) struct Draft {
    collection: Collection,
    nodes: Vec<DraftNode>,
    /// The fields in the order in which they were asked for. The nodes have another order, because one of them stands
    /// for all members below a relation.
    asked: Vec<Asked>,
    /// The number of fields before wildcards were expanded.
    fields: usize,
}

/// A field that was asked for.
#[derive(Debug)]
struct Asked {
    /// The position of the field, or of the wildcard that it was expanded from.
    position: usize,
    /// The key of its node.
    key: String,
    /// The position among the fields of the related collection; `None` for the member itself.
    below: Option<usize>,
}

/// What a [`Draft`] becomes.
#[derive(Debug, Default)]
pub(in crate::query) struct Resolved {
    pub(in crate::query) selection: Selection,
    /// The columns of a table, for each field that was asked for.
    pub(in crate::query) columns: Vec<Vec<Column>>,
}

#[derive(Debug)]
enum DraftNode {
    Plain { key: String, name: String, alias: bool },
    Nested { key: String, field: &'static Field, collection: Collection, children: Draft, deep: Box<Parameters> },
}

impl DraftNode {
    fn key(&self) -> &str {
        match self {
            Self::Plain { key, .. } | Self::Nested { key, .. } => key,
        }
    }
}

/// What [`draft`] needs at every level.
pub(in crate::query) struct Drafting<'a> {
    pub(in crate::query) access: &'a Access,
    pub(in crate::query) variables: Variables<'a>,
    pub(in crate::query) named: &'a mut NamedFields,
    pub(in crate::query) budget: usize,
    /// Whether this level is below codes. Codes below codes are refused, because their number would multiply.
    pub(in crate::query) below_codes: bool,
}

impl Drafting<'_> {
    fn spend(&mut self) -> Result<(), QueryError> {
        self.budget = self
            .budget
            .checked_sub(1)
            .ok_or_else(|| QueryError::invalid(format!("More than {MAX_SELECTED_FIELDS} fields are selected")))?;
        Ok(())
    }
}

/// Expands `fields` of one collection and of all levels below it, and records the names.
///
/// # Errors
/// `INVALID_QUERY` if more than [`MAX_SELECTED_FIELDS`] fields are selected, for codes below codes, and for an invalid
/// parameter in a level of `deep`.
pub(in crate::query) fn draft(
    fields: &[String],
    collection: Collection,
    aliases: &Aliases,
    deep: &Value,
    path: &[String],
    drafting: &mut Drafting<'_>,
) -> Result<Draft, QueryError> {
    drafting.named.touch(Use::Output, path, collection);
    let access = if path.is_empty() { drafting.access.clone() } else { drafting.access.of_related() };
    let mut nodes: Vec<DraftNode> = Vec::new();
    // For each relation, the names below it; none if a collection scope stands for them.
    let mut nested: Vec<(String, Vec<String>)> = Vec::new();
    let mut keys: HashSet<String> = HashSet::new();
    let mut asked = Vec::new();
    let budget = drafting.variables.budget;
    for (position, field) in wildcards::expand(fields, collection, aliases, &access, drafting.below_codes, budget)? {
        // No name has white space; with it, one member could be shown under many names, and in header cells.
        let is_kept = |c: &char| !c.is_whitespace() && !c.is_control();
        let field = if field.chars().all(|c| is_kept(&c)) { field } else { field.chars().filter(is_kept).collect() };
        // `$thumbnail` and the like are used by the Directus app and are not fields.
        if field.starts_with('$') {
            continue;
        }
        drafting.spend()?;
        let (name, alias) = match aliases.get(&field) {
            Some(member) => (functions::outer_path(member), true),
            None => (functions::outer_path(&field), false),
        };
        let dotted = if name.contains('(') { name.as_str() } else { field.as_str() };
        let (root, below) = match dotted.split_once('.') {
            Some((root, below)) => (root, Some(below.to_owned())),
            None => (dotted, None),
        };
        let (root, scope) = scope::split(root);
        // What is named below a scope belongs to a many-to-any relation, which none is.
        let below = below.filter(|_| scope.is_none());
        let many = collection.field(&name).is_some_and(|f| matches!(f.relation, Relation::Many(_)));
        if below.is_none() && scope.is_none() && !many {
            drafting.named.add(Use::Output, path, collection, &name);
            note_count(&name, &field, collection, path, drafting);
            asked.push(Asked { position, key: field.clone(), below: None });
            if !keys.contains(&field) {
                keys.insert(field.clone());
                nodes.push(DraftNode::Plain { key: field, name, alias });
            }
            continue;
        }
        let known = nested.iter().position(|(key, _)| key == root);
        let at = known.unwrap_or_else(|| {
            nested.push((root.to_owned(), Vec::new()));
            nested.len() - 1
        });
        let mut place = None;
        if let (Some(below), Some((_, list))) = (below, nested.get_mut(at)) {
            place = Some(list.len());
            list.push(below);
        }
        asked.push(Asked { position, key: root.to_owned(), below: place });
        if known.is_none() && keys.insert(root.to_owned()) {
            // A placeholder that keeps the position. It is replaced by the relation, or removed if there is none.
            nodes.push(DraftNode::Plain { key: root.to_owned(), name: String::new(), alias: false });
        }
    }
    for (key, children) in nested {
        let node = draft_nested(&key, &children, collection, aliases, deep, path, drafting)?;
        let at = nodes.iter().position(|n| n.key() == key);
        match (node, at) {
            (Some(node), Some(at)) => nodes[at] = node,
            (None, Some(at)) if matches!(&nodes[at], DraftNode::Plain { name, .. } if name.is_empty()) => {
                nodes.remove(at);
            }
            _ => {}
        }
    }
    Ok(Draft { collection, nodes, asked, fields: fields.len() })
}

/// `count(codes)` needs the right to read the collection that is counted.
fn note_count(name: &str, key: &str, collection: Collection, path: &[String], drafting: &mut Drafting<'_>) {
    if let (Some("count"), member) = functions::split(name)
        && let Some(Field { relation: Relation::Many(counted), .. }) = collection.field(member)
    {
        let mut path = path.to_vec();
        path.push(key.to_owned());
        drafting.named.touch(Use::Output, &path, *counted);
    }
}

fn draft_nested(
    key: &str,
    children: &[String],
    collection: Collection,
    aliases: &Aliases,
    deep: &Value,
    path: &[String],
    drafting: &mut Drafting<'_>,
) -> Result<Option<DraftNode>, QueryError> {
    let name = aliases.get(key).unwrap_or(key);
    let Some(field) = collection.field(name) else {
        return Ok(None);
    };
    // The relation itself: a key, or nothing of a collection without rows.
    let plain = || Some(DraftNode::Plain { key: key.to_owned(), name: name.to_owned(), alias: false });
    let target = match field.relation {
        Relation::One(target) | Relation::Many(target) if drafting.access.of_related().can_read(target) => target,
        Relation::Foreign(target) if children.is_empty() || drafting.access.can_read_foreign(target) => {
            drafting.named.add(Use::Output, path, collection, name);
            return Ok(plain());
        }
        _ => return Ok(None),
    };
    drafting.named.add(Use::Output, path, collection, name);
    if children.is_empty() && matches!(field.relation, Relation::One(_)) {
        return Ok(plain());
    }
    let level = deep.get(key).unwrap_or(&Value::Null);
    let mut parameters = Parameters::of_deep_level(level, drafting.variables)?;
    let mut below = path.to_vec();
    below.push(key.to_owned());
    let inner_aliases = parameters.aliases()?;
    let is_many = matches!(field.relation, Relation::Many(_));
    if is_many && drafting.below_codes {
        return Err(QueryError::invalid(format!("\"{name}\" can't be asked for below codes")));
    }
    let outer = drafting.below_codes;
    drafting.below_codes |= is_many;
    let children = draft(children, target, &inner_aliases, level, &below, drafting)?;
    drafting.below_codes = outer;
    parameters.note_conditions(target, &inner_aliases, &below, drafting.named);
    Ok(Some(DraftNode::Nested { key: key.to_owned(), field, collection: target, children, deep: Box::new(parameters) }))
}

impl Draft {
    /// Resolves every name. In a table, an alias is a column like any other: it keeps its place, and a row that has
    /// only aliases is not shown as its key.
    ///
    /// # Errors
    /// `INVALID_QUERY` for an unknown function or an invalid filter or window in `deep`.
    pub(in crate::query) fn resolve(self, access: &Access, is_table: bool) -> Result<Resolved, QueryError> {
        let mut nodes = Vec::with_capacity(self.nodes.len());
        // The columns of each node, by the key that it was drafted with.
        let mut places: HashMap<String, Place> = HashMap::new();
        for node in self.nodes {
            let drafted = node.key().to_owned();
            let mut place = Place::default();
            let (key, alias, source) = match node {
                DraftNode::Plain { key, name, alias } => {
                    let key = if alias { key } else { functions::column_name(&key) };
                    (key, alias && !is_table, plain(self.collection, &name)?)
                }
                DraftNode::Nested { key, field, collection, children, deep } => {
                    let access = &access.of_related();
                    let Resolved { selection, columns } = children.resolve(access, is_table)?;
                    if matches!(field.relation, Relation::One(_)) && !selection.nodes.is_empty() {
                        place = Place { related: Some(field), below: columns, ..place };
                    }
                    let source = match field.relation {
                        Relation::Many(_) => {
                            let window = deep.codes_window()?;
                            Source::Many { field, collection, selection, window }
                        }
                        _ => Source::One {
                            field,
                            collection,
                            selection,
                            filter: deep.filter.as_ref().map_or(Ok(None), |f| lower(f, collection, None))?,
                            search: deep.search.as_deref().map(|s| Search::new(s, collection, access)),
                        },
                    };
                    (key, false, source)
                }
            };
            place.key.clone_from(&key);
            places.insert(drafted, place);
            nodes.push(Node { key, alias, source });
        }
        let columns = if is_table { columns(&self.asked, self.fields, &places, &mut nodes) } else { Vec::new() };
        // The sort is stable: fields keep their order, aliases follow.
        nodes.sort_by_key(|n| n.alias);
        Ok(Resolved { selection: Selection { nodes: without_namesakes(nodes) }, columns })
    }
}

/// What a node contributes to the columns of a table.
#[derive(Debug, Default)]
struct Place {
    /// The member of the row.
    key: String,
    /// The field, if the member is a related row with members of its own.
    related: Option<&'static Field>,
    /// The columns of that row, by the fields that were asked for below it.
    below: Vec<Vec<Column>>,
}

/// The columns of each field that was asked for. If a relation was asked for beside its members, the member of the row
/// is the related row, so a node is added that holds the key.
fn columns(asked: &[Asked], fields: usize, places: &HashMap<String, Place>, nodes: &mut Vec<Node>) -> Vec<Vec<Column>> {
    let mut out = vec![Vec::new(); fields];
    for Asked { position, key, below } in asked {
        // A relation that leads nowhere has no node.
        let (Some(place), Some(columns)) = (places.get(key), out.get_mut(*position)) else { continue };
        match (below, place.related) {
            (Some(below), Some(_)) => {
                let inner = place.below.get(*below).into_iter().flatten();
                columns.extend(inner.map(|column| column.below(&place.key)));
            }
            (None, Some(field)) => {
                let column = Column::of_key(&place.key);
                if let [member] = column.path.as_slice()
                    && !nodes.iter().any(|node| node.key == *member)
                {
                    nodes.push(Node { key: member.clone(), alias: false, source: Source::Field(field) });
                }
                columns.push(column);
            }
            (_, None) => columns.push(Column::of_member(&place.key)),
        }
    }
    out
}

/// Of several nodes with the same name, keeps the last one, at the position of the first.
fn without_namesakes(nodes: Vec<Node>) -> Vec<Node> {
    let mut kept: Vec<Node> = Vec::with_capacity(nodes.len());
    for node in nodes {
        match kept.iter_mut().find(|known| known.key == node.key) {
            Some(known) => *known = node,
            None => kept.push(node),
        }
    }
    kept
}

fn plain(collection: Collection, name: &str) -> Result<Source, QueryError> {
    let (function, member) = functions::split(name);
    let Some(field) = collection.field(member) else {
        return Err(QueryError::forbidden_fields("", collection.name(), &[member.to_owned()]));
    };
    match function {
        None => Ok(Source::Field(field)),
        Some(function) => match Function::of(function, field) {
            Some(known) => Ok(Source::Function(known, field)),
            None => Err(QueryError::invalid(format!("Invalid function specified \"{function}\""))),
        },
    }
}
