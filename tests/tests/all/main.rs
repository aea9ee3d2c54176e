//! The tests that cross crates, in one binary: linking the embedded stores and the AWS clients takes longer than running them.

// `cfg(test)` on each module tells clippy that its helpers are test code too.
#[cfg(test)]
mod api;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod bad_changes;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod costs;
#[cfg(test)]
mod deadline;
#[cfg(test)]
mod deaths;
#[cfg(test)]
mod directus;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod events;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod fault_proxy;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod graphql;
#[cfg(test)]
mod invariants;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod many_clients;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod million;
#[cfg(test)]
mod oidc;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod rest;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod secrets_in_logs;
#[cfg(test)]
mod slices;
#[cfg(test)]
mod stream_events;
#[cfg(test)]
mod sweeps;
#[cfg(test)]
mod system;
#[cfg(test)]
mod template;
#[cfg(test)]
mod watching;
