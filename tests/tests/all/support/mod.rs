//! Helpers of the tests. This folder contains no tests.
//!
//! | file | what it is |
//! |---|---|
//! | `harness` | the system in this process: `Setup` starts it, `Running` sends requests to it |
//! | `manual` | the same with a stream that the test delivers by hand |
//! | `program` | the system as a process of its own, which can be killed |
//! | `api` | the HTTP client and its answers |
//! | `stream` | events of the stream, written by the test |
//! | `sweep` | runs the sweep, and lets time pass for it |
//! | `faults` | the fault injector: a network that fails at one request |
//! | `profiles` | export profiles |
//! | `faults` | the fault injector: a network that fails at one request, or at those of a plan |
//! | `answers` | the errors of DynamoDB and S3 in their own form |
//! | `meanwhile` | work of the test between the calls of a request |
//! | `invariants` | reads all tables and the bucket and checks RSV-1 … RSV-5 |
//! | `contract` | holds every answer against the OpenAPI document |
//! | `counting` | counts the calls to DynamoDB |
//! | `tallies` | the tallies against the stored rows |
//! | `rows` | writes rows into the store directly |
//! | `repository` | reads template.yaml, `events/` and other files |

pub(crate) mod answers;
pub(crate) mod api;
pub(crate) mod by_hand;
pub(crate) mod contract;
pub(crate) mod counting;
pub(crate) mod faults;
pub(crate) mod harness;
pub(crate) mod invariants;
pub(crate) mod manual;
pub(crate) mod meanwhile;
pub(crate) mod profiles;
pub(crate) mod program;
pub(crate) mod repository;
pub(crate) mod rows;
pub(crate) mod stream;
pub(crate) mod sweep;
pub(crate) mod tallies;
