//! This crate has no code of its own; cargo asks for a library where there are tests. They are in `tests/all`.
