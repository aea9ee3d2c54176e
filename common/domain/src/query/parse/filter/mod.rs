//! The `filter` parameter: normalize, validate, lower to the typed [`Filter`](crate::query::Filter).

pub(in crate::query) mod lower;
pub(in crate::query) mod normalize;
pub(in crate::query) mod operators;
pub(in crate::query) mod validate;
