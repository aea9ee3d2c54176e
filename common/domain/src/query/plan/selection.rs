//! [`Selection`]: the fields of an answer, a tree in the order in which they were asked for.

use super::filter::Filter;
use super::search::Search;
use super::window::Window;
use crate::query::functions::Function;
use crate::query::schema::{Collection, Field};

/// The fields of one object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// In the order of the answer. If there are none, or only aliases, the answer is the key of the row instead of an object.
    pub nodes: Vec<Node>,
}

impl Selection {
    /// Whether the row is shown as its key instead of an object.
    pub(in crate::query) fn is_key(&self) -> bool {
        self.nodes.iter().all(|node| node.alias)
    }
}

/// One field.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The name in the answer.
    pub key: String,
    /// Whether that name is an alias of a field that is no relation; such fields come last.
    pub alias: bool,
    /// Where the value comes from.
    pub source: Source,
}

impl Source {
    /// The field of the row that the value comes from.
    pub(in crate::query) fn field(&self) -> &'static Field {
        match self {
            Self::Field(field) | Self::Function(_, field) | Self::One { field, .. } | Self::Many { field, .. } => field,
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A field of the row; a relation as its key.
    Field(&'static Field),
    /// A function of a field.
    Function(Function, &'static Field),
    /// The row that a field refers to.
    One {
        /// The field that holds the key.
        field: &'static Field,
        /// The collection of the row.
        collection: Collection,
        /// The fields of the row; none for the key alone.
        selection: Selection,
        /// `deep[…][_filter]`: a row that does not match is shown as null.
        filter: Option<Filter>,
        /// `deep[…][_search]`
        search: Option<Search>,
    },
    /// The codes of a reservation.
    Many {
        /// The field.
        field: &'static Field,
        /// The collection of the rows.
        collection: Collection,
        /// The fields of each row; none for an array of keys.
        selection: Selection,
        /// Which rows are shown.
        window: Window,
    },
}
