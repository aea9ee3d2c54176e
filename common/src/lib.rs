//! What the functions share.

pub mod query;
