//! Phase 3: a checked query over rows in memory.

pub mod aggregate;
pub(in crate::query) mod count;
pub(in crate::query) mod decimal;
pub(in crate::query) mod project;
pub mod related;
pub mod run;
