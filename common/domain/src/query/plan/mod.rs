//! What a checked query consists of.

pub mod code_lookup;
pub mod filter;
pub(in crate::query) mod needs;
pub mod search;
pub mod window;
