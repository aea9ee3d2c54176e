//! Code that tests and benchmarks share. The tests are in `tests/all`.

pub mod ranges;
