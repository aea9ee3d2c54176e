//! The root fields of both endpoints, and the right that each one needs.

use async_graphql::dynamic::TypeRef;
use common::query::{Action, Collection};

use super::{Argument, Field, LISTED, Model, Source, argument, leaf, list_arguments};

/// The name of the query type.
pub(crate) const QUERY: &str = "Query";

/// The name of the mutation type.
pub(crate) const MUTATION: &str = "Mutation";

/// A member of [`QUERY`] or [`MUTATION`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// A list of rows.
    List(Collection),
    /// One row by its key.
    ById(Collection),
    /// Aggregates over rows.
    Aggregated(Collection),
    /// The caller's own user.
    Me,
    /// Creates a reservation.
    CreateItem,
    /// Creates several.
    CreateItems,
    /// Updates a reservation.
    UpdateItem,
    /// Applies the same update to several reservations.
    UpdateItems,
    /// Updates several reservations, each with its own data.
    UpdateBatch,
    /// Deletes a reservation.
    DeleteItem,
    /// Deletes several.
    DeleteItems,
    /// Nothing: the only member of [`QUERY`] for callers who may query nothing, since a type cannot be empty.
    Empty,
}

impl Root {
    /// The right that the field needs; `None` for the caller's own user, which every user may read, and for
    /// [`Root::Empty`].
    pub(crate) fn right(self) -> Option<(Action, Collection)> {
        let (action, collection) = match self {
            Self::List(collection) | Self::ById(collection) | Self::Aggregated(collection) => {
                (Action::Read, collection)
            }
            Self::Me | Self::Empty => return None,
            Self::CreateItem | Self::CreateItems => (Action::Create, Collection::CodeReservation),
            Self::UpdateItem | Self::UpdateItems | Self::UpdateBatch => (Action::Update, Collection::CodeReservation),
            Self::DeleteItem | Self::DeleteItems => (Action::Delete, Collection::CodeReservation),
        };
        Some((action, collection))
    }
}

fn root(name: impl Into<String>, ty: TypeRef, arguments: Vec<Argument>, root: Root) -> Field {
    Field { arguments, source: Source::Root(root), ..leaf(name, ty) }
}

fn by_id() -> Vec<Argument> {
    vec![argument("id", TypeRef::named_nn(TypeRef::ID))]
}

/// The arguments of a single row. The only `version` is `main`.
fn one_row() -> Vec<Argument> {
    [by_id(), vec![argument("version", TypeRef::named(TypeRef::STRING))]].concat()
}

/// The member of a query type without others, named as in Directus.
fn empty() -> Field {
    root("_empty", TypeRef::named("Void"), Vec::new(), Root::Empty)
}

/// The roots of `/graphql`.
pub(super) fn items(model: &mut Model) {
    let mut queries = Vec::new();
    for collection in LISTED {
        let name = collection.name();
        let mut of_groups = vec![argument("groupBy", TypeRef::named_list(TypeRef::STRING))];
        of_groups.extend(list_arguments(collection));
        let row = TypeRef::named(name);
        let rows = TypeRef::named_nn_list_nn(name);
        let groups = TypeRef::named_nn_list_nn(format!("{name}_aggregated"));
        queries.push(root(name, rows, list_arguments(collection), Root::List(collection)));
        queries.push(root(format!("{name}_by_id"), row, one_row(), Root::ById(collection)));
        queries.push(root(format!("{name}_aggregated"), groups, of_groups, Root::Aggregated(collection)));
    }
    queries.push(empty());
    model.add_output(QUERY, queries);

    let collection = Collection::CodeReservation;
    let row = || TypeRef::named(collection.name());
    let rows = || TypeRef::named_nn_list_nn(collection.name());
    let one = |verb: &str| argument("data", TypeRef::named_nn(format!("{verb}_code_reservation_input")));
    let many = |verb: &str| argument("data", TypeRef::named_nn_list(format!("{verb}_code_reservation_input")));
    let ids = || argument("ids", TypeRef::named_list_nn(TypeRef::ID));
    let listed = |arguments: &[Argument]| [list_arguments(collection), arguments.to_vec()].concat();
    let with_id = |arguments: &[Argument]| [by_id(), arguments.to_vec()].concat();
    model.add_output(
        MUTATION,
        vec![
            root("create_code_reservation_items", rows(), listed(&[many("create")]), Root::CreateItems),
            root("create_code_reservation_item", row(), vec![one("create")], Root::CreateItem),
            root("update_code_reservation_items", rows(), listed(&[ids(), one("update")]), Root::UpdateItems),
            root("update_code_reservation_batch", rows(), listed(&[many("update")]), Root::UpdateBatch),
            root("update_code_reservation_item", row(), with_id(&[one("update")]), Root::UpdateItem),
            root("delete_code_reservation_items", TypeRef::named("delete_many"), vec![ids()], Root::DeleteItems),
            root("delete_code_reservation_item", TypeRef::named("delete_one"), by_id(), Root::DeleteItem),
        ],
    );
}

/// The roots of `/graphql/system`.
pub(super) fn system(model: &mut Model) {
    let files = Collection::Files;
    model.add_output(
        QUERY,
        vec![
            root("users_me", TypeRef::named(Collection::Users.name()), Vec::new(), Root::Me),
            root("files", TypeRef::named_nn_list_nn(files.name()), list_arguments(files), Root::List(files)),
            root("files_by_id", TypeRef::named(files.name()), one_row(), Root::ById(files)),
            empty(),
        ],
    );
}
