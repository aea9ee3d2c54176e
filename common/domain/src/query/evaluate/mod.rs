//! Phase 3, *evaluate*: a [`Query`](crate::query::Query) over rows in memory → [`Answer`].
//!
//! Rows, the rows they refer to and the codes are arguments ([`Related`]); nothing is loaded here. The methods of the types
//! of `plan` that need rows are defined here, beside the code that runs them. It may use `plan` and the ground modules.

mod aggregate;
mod answer;
mod count;
mod decimal;
mod groups;
mod leading;
mod matching;
mod members;
mod order;
mod project;
mod related;
mod run;
mod tallied;
mod value;

pub use answer::{Answer, json_body};
pub use groups::Groups;
pub use leading::Leading;
pub use members::Members;
pub use related::Related;
