//! The tests that cross crates, in one binary: linking the embedded stores and the AWS clients takes longer than running them.

// `cfg(test)` on each module tells clippy that its helpers are test code too.
#[cfg(test)]
mod events;
#[cfg(test)]
mod graphql;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod template;
