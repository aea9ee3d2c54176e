//! [`Selection`]: the fields of an answer, a tree in the order in which they were asked for.

use super::filter::Filter;
use super::search::Search;
use super::window::Window;
use crate::query::functions::Function;
use crate::query::schema::{Collection, Field};

/// The members of one object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// In the order of the answer. If none of them has its own name, the answer is the bare key of the row.
    pub nodes: Vec<Node>,
}

/// One member.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The name in the answer.
    pub key: String,
    /// Whether that name is an alias of a plain member; such members come last.
    pub alias: bool,
    /// Where the value comes from.
    pub source: Source,
}

/// Where a member comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The member itself; a relation as its key.
    Field(&'static Field),
    /// A function of a member.
    Function(Function, &'static Field),
    /// The row that a member points at.
    One {
        /// The member that holds the key.
        field: &'static Field,
        /// The collection of the row.
        collection: Collection,
        /// Its members; none for the bare key.
        selection: Selection,
        /// `deep[…][_filter]`: a row that does not match is shown as null.
        filter: Option<Filter>,
        /// `deep[…][_search]`
        search: Option<Search>,
    },
    /// The codes of a reservation.
    Many {
        /// The member.
        field: &'static Field,
        /// The collection of the rows.
        collection: Collection,
        /// Their members; none for an array of keys.
        selection: Selection,
        /// Which of them.
        window: Window,
    },
}
