//! The types of both endpoints, derived from the collections of `common::query`. The schema, the coercion of arguments
//! and the writing of answers all use this one description. Pure: no I/O.

mod inputs;
mod outputs;
mod roots;
mod view;

use std::collections::HashMap;

use async_graphql::dynamic::TypeRef;
use common::query::Collection;

pub(crate) use roots::{MUTATION, QUERY, Root};
pub(crate) use view::Viewer;

/// Custom scalars: name and description.
pub(crate) const SCALARS: [(&str, &str); 6] = [
    ("Date", "ISO8601 Date values"),
    ("GraphQLBigInt", "BigInt value"),
    ("GraphQLStringOrFloat", "A Float or a String"),
    ("Hash", "Hashed string values"),
    ("JSON", "Any JSON value"),
    ("Void", "Represents NULL values"),
];

/// The collections of `/graphql` that have root fields.
const LISTED: [Collection; 3] = [Collection::CodeReservation, Collection::UniqueCode, Collection::ExportProfile];

/// Types by name, each with its members in order.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// Objects.
    pub(crate) outputs: Vec<Output>,
    /// Input objects.
    pub(crate) inputs: Vec<Input>,
    output_places: HashMap<String, usize>,
    input_places: HashMap<String, usize>,
}

/// An object.
#[derive(Debug)]
pub(crate) struct Output {
    /// Its name.
    pub(crate) name: String,
    /// Its members.
    pub(crate) fields: Vec<Field>,
}

/// A member of an object.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) ty: TypeRef,
    /// Its arguments.
    pub(crate) arguments: Vec<Argument>,
    /// Where its value comes from.
    pub(crate) source: Source,
}

/// Where the value of a member comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The member of the row with the same name.
    Member,
    /// Functions applied to this member of the row.
    Functions(&'static str),
    /// The row or rows that this member references.
    Relation(&'static str, Collection),
    /// A root field, which executes an operation.
    Root(Root),
}

/// An input object.
#[derive(Debug)]
pub(crate) struct Input {
    /// Its name.
    pub(crate) name: String,
    /// Its members.
    pub(crate) fields: Vec<Argument>,
}

/// A member of an input object, or an argument.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) ty: TypeRef,
}

impl Model {
    /// The types of `/graphql`.
    pub(crate) fn items() -> Self {
        let mut model = Self::default();
        inputs::operators(&mut model);
        let shown = [Collection::Users, Collection::Files];
        for collection in LISTED.into_iter().chain(shown) {
            inputs::filter(&mut model, collection);
            outputs::object(&mut model, collection);
        }
        for collection in LISTED {
            outputs::aggregated(&mut model, collection);
        }
        outputs::functions(&mut model);
        outputs::deleted(&mut model);
        inputs::payloads(&mut model);
        roots::items(&mut model);
        model
    }

    /// The types of `/graphql/system`.
    pub(crate) fn system() -> Self {
        let mut model = Self::default();
        inputs::operators(&mut model);
        for collection in [Collection::Users, Collection::Files] {
            inputs::filter(&mut model, collection);
            outputs::object(&mut model, collection);
        }
        outputs::functions(&mut model);
        roots::system(&mut model);
        model
    }

    /// The object type with this name.
    pub(crate) fn output(&self, name: &str) -> Option<&Output> {
        self.output_places.get(name).and_then(|at| self.outputs.get(*at))
    }

    /// The input object type with this name.
    pub(crate) fn input(&self, name: &str) -> Option<&Input> {
        self.input_places.get(name).and_then(|at| self.inputs.get(*at))
    }

    fn add_output(&mut self, name: impl Into<String>, fields: Vec<Field>) {
        let name = name.into();
        self.output_places.insert(name.clone(), self.outputs.len());
        self.outputs.push(Output { name, fields });
    }

    fn add_input(&mut self, name: impl Into<String>, fields: Vec<Argument>) {
        let name = name.into();
        self.input_places.insert(name.clone(), self.inputs.len());
        self.inputs.push(Input { name, fields });
    }
}

impl Output {
    /// The member with this name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Input {
    /// The member with this name.
    pub(crate) fn field(&self, name: &str) -> Option<&Argument> {
        self.fields.iter().find(|field| field.name == name)
    }
}

fn leaf(name: impl Into<String>, ty: TypeRef) -> Field {
    Field { name: name.into(), ty, arguments: Vec::new(), source: Source::Member }
}

fn argument(name: impl Into<String>, ty: TypeRef) -> Argument {
    Argument { name: name.into(), ty }
}

/// The arguments of a list.
fn list_arguments(collection: Collection) -> Vec<Argument> {
    vec![
        argument("filter", TypeRef::named(format!("{}_filter", collection.name()))),
        argument("sort", TypeRef::named_list(TypeRef::STRING)),
        argument("limit", TypeRef::named(TypeRef::INT)),
        argument("offset", TypeRef::named(TypeRef::INT)),
        argument("page", TypeRef::named(TypeRef::INT)),
        argument("search", TypeRef::named(TypeRef::STRING)),
    ]
}
