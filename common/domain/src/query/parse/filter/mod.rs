//! The `filter` parameter: [`normalize`] gives it one shape, [`validate`] checks the operands, [`lower`] makes it a typed
//! [`Filter`](crate::query::Filter).

mod domain;
pub(super) mod lower;
pub(super) mod normalize;
mod operands;
mod operators;
pub(super) mod validate;
pub(super) mod walk;

pub use operators::operators;
