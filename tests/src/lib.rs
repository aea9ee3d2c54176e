//! Code that tests and benchmarks share. The tests are in `tests/all`.

pub mod fuzz;
pub mod ranges;
