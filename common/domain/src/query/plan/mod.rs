//! *Plan*: what a checked query consists of.
//!
//! Every field that a [`Query`] names exists, may be read by the caller it was checked for, and has operands of its own
//! type. The types here are data with the questions that can be asked about them without any row: which fields must equal
//! what, which codes are looked up, what has to be loaded. Reading them from parameters is the work of `parse`, running
//! them over rows that of `evaluate`. It may use the ground modules only.

mod aggregate;
mod code_filter;
mod code_lookup;
mod column;
mod columns;
mod condition;
mod field_path;
mod filter;
mod list_format;
mod meta;
mod needs;
mod query;
mod search;
mod selection;
pub mod sort;
mod tallied;
mod window;

pub use aggregate::{Aggregate, Operation};
pub(in crate::query) use code_filter::lookups_of;
pub use code_lookup::CodeLookup;
pub(in crate::query) use column::Column;
pub(in crate::query) use condition::sorted;
pub use condition::{Condition, Part, Scalar, Test};
pub use field_path::FieldPath;
pub use filter::Filter;
pub use list_format::ListFormat;
pub use meta::Meta;
pub use needs::Needs;
pub(in crate::query) use query::order_key;
pub use query::{Query, uuid_key};
pub use search::Search;
pub use selection::{Node, Selection, Source};
pub use sort::{SortKey, SortTarget};
pub use tallied::TALLIED;
pub use window::Window;
