//! What one caller may use of an endpoint: the model without the roots and members that the caller has no right to.
//! Introspection and the schema definition show it.
//!
//! Documents are validated against the whole model, whoever sends them: what a caller may not read is `FORBIDDEN` or
//! null there, as over REST. A view is a part of the model, so every document that it allows is valid.

use std::collections::BTreeSet;

use common::{
    directory::Role,
    operations::Session,
    query::{Access, Collection, may, schema::Field as Member},
};

use super::{
    Argument, MUTATION, Model, QUERY, Root, Source,
    outputs::{Seen, seen},
};

/// The rights of a caller, as far as a view depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Viewer {
    role: Role,
    is_limited: bool,
    has_account: bool,
}

impl Viewer {
    /// The number of different viewers.
    pub(crate) const NUMBER: usize = 16;

    /// An administrator of all organisations.
    pub(crate) const ADMINISTRATOR: Self = Self { role: Role::Admin, is_limited: false, has_account: true };

    /// The caller of a session.
    pub(crate) fn of(session: &Session<'_>) -> Self {
        Self {
            role: session.caller.role(),
            is_limited: session.caller.organisations().is_some(),
            has_account: session.caller.get().is_some(),
        }
    }

    /// A number below [`Viewer::NUMBER`], different for each viewer.
    pub(crate) fn index(self) -> usize {
        let role = match self.role {
            Role::None => 0,
            Role::Reader => 1,
            Role::Writer => 2,
            Role::Admin => 3,
        };
        role * 4 + usize::from(self.is_limited) * 2 + usize::from(self.has_account)
    }

    /// Whether a root field is in the view. [`Root::Empty`] is there only if the query type would be empty without it.
    pub(crate) fn sees_root(self, model: &Model, root: Root) -> bool {
        match root {
            Root::Me => self.has_account,
            Root::Empty => !model.roots(QUERY).any(|other| other != Root::Empty && self.sees_root(model, other)),
            _ => root.right().is_some_and(|(action, collection)| may(self.role, self.is_limited, action, collection)),
        }
    }

    fn access(self) -> Access {
        let access = Access::new(self.role, None);
        if self.is_limited { access.limited_to_organisations() } else { access }
    }
}

/// The collection of a type's members: that of its rows, filters and aggregates.
fn collection_of(type_name: &str) -> Option<Collection> {
    const ENDS: [&str; 6] =
        ["", "_filter", "_quantifier_filter", "_aggregated", "_aggregated_count", "_aggregated_fields"];
    ENDS.iter().find_map(|end| Collection::from_name(type_name.strip_suffix(end)?))
}

/// Whether a member is in the view. In the rows of users it may be there for the caller's own account only.
struct Members {
    access: Access,
    own_account: Option<Access>,
}

impl Members {
    fn has(&self, type_name: &str, name: &str) -> bool {
        let Some(collection) = collection_of(type_name) else { return true };
        let member = name.strip_suffix("_func").unwrap_or(name);
        // Others are no members of rows: groups of conditions, operations of aggregates.
        collection.field(member).is_none_or(|member| self.reads(collection, member))
    }

    fn reads(&self, collection: Collection, member: &Member) -> bool {
        let own = self.own_account.as_ref().filter(|_| collection == Collection::Users);
        let may_read = self.access.can_read_field(collection, member)
            || own.is_some_and(|access| access.can_read_field(collection, member));
        may_read
            && match seen(member) {
                Some(Seen::Row(target) | Seen::Rows(target)) => self.access.can_read(target),
                _ => true,
            }
    }
}

impl Model {
    /// The root fields of a type.
    fn roots(&self, type_name: &str) -> impl Iterator<Item = Root> {
        let fields = self.output(type_name).into_iter().flat_map(|output| &output.fields);
        fields.filter_map(|field| match field.source {
            Source::Root(root) => Some(root),
            _ => None,
        })
    }

    /// The part of the model that a viewer may use.
    pub(crate) fn seen_by(&self, viewer: Viewer) -> Self {
        let shows_account = viewer.has_account && self.roots(QUERY).any(|root| root == Root::Me);
        let members =
            Members { access: viewer.access(), own_account: shows_account.then(|| viewer.access().for_own_account()) };
        let mut part = Self::default();
        for output in &self.outputs {
            let is_seen = |field: &&super::Field| match field.source {
                Source::Root(root) => viewer.sees_root(self, root),
                _ => members.has(&output.name, &field.name),
            };
            let fields: Vec<_> = output.fields.iter().filter(is_seen).cloned().collect();
            if !fields.is_empty() {
                part.add_output(&output.name, fields);
            }
        }
        for input in &self.inputs {
            let is_seen = |field: &&Argument| members.has(&input.name, &field.name);
            part.add_input(&input.name, input.fields.iter().filter(is_seen).cloned().collect());
        }
        part.reachable()
    }

    /// The types that the roots lead to.
    fn reachable(&self) -> Self {
        let names = self.names_from_roots();
        let mut part = Self::default();
        for output in self.outputs.iter().filter(|output| names.contains(output.name.as_str())) {
            part.add_output(&output.name, output.fields.clone());
        }
        for input in self.inputs.iter().filter(|input| names.contains(input.name.as_str())) {
            part.add_input(&input.name, input.fields.clone());
        }
        part
    }

    /// The names of the types that the roots lead to, scalars included.
    pub(crate) fn names_from_roots(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        let mut open = vec![QUERY, MUTATION];
        // Each type is looked into once.
        while let Some(name) = open.pop() {
            if !names.insert(name) {
                continue;
            }
            for field in self.output(name).into_iter().flat_map(|output| &output.fields) {
                open.push(field.ty.type_name());
                open.extend(field.arguments.iter().map(|argument| argument.ty.type_name()));
            }
            open.extend(self.input(name).into_iter().flat_map(|input| &input.fields).map(|field| field.ty.type_name()));
        }
        names
    }
}
