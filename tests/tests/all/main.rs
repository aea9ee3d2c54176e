//! The tests that cross crates, in one binary: linking the embedded stores and the AWS clients takes longer than
//! running the tests.
//!
//! | folder | what it tests |
//! |---|---|
//! | `rest` | the REST dialect over HTTP: members, lists, batches, files, rights, exact errors |
//! | `graphql` | GraphQL over HTTP and through an event |
//! | `matrix` | rights: every route and root field, for every kind of caller and row |
//! | `tenants` | what one organisation can learn of another |
//! | `stream` | what `reserve-codes`, `follow` and `sweep` do: how reservations end, slices, uploads, counts |
//! | `faults` | crashes, hanging stores, lost answers, concurrent writers; after each the invariants must hold |
//! | `simulation` | the real code under faults that a seed chooses, and what must hold when they stop |
//! | `tenants` | organisations that share a deployment: what one learns of another, and how much one may take |
//! | `admin` | the operators' command, against a system that runs |
//! | `deployment` | template.yaml, events/, IAM permissions, metrics, alarms, costs, and what the documents name |
//! | `tenants` | what one organisation can do and learn of another: the matrix of callers, routes and rows |
//! | `openapi` | the OpenAPI document and the GraphQL schemas, against the routes and the running system |
//! | `console` | the pages for people, as a browser without scripts uses them |
//! | `operators` | the commands of `admin` on pools, codes, reservations and failures; its checks and the restore |
//! | `architecture` | which module may use which |
//! | `support` | no tests: the harness, the HTTP client, the fault injector, the checks of the invariants |

// `cfg(test)` on each module tells clippy that its helpers are test code too.
#[cfg(test)]
mod admin;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod console;
#[cfg(test)]
mod deployment;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod graphql;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod operators;
#[cfg(test)]
mod rest;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tenants;
