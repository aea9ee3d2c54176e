//! Figures about the work: one value per event, which becomes a metric of CloudWatch on AWS and a part of one log line a
//! minute under `local`.
//!
//! `event` says what there is to count, `emf` writes an event in CloudWatch's embedded metric format, `totals` adds events up;
//! all three are pure. Only `sink` writes. No figure holds a token, a link, a body or a code.

mod emf;
mod event;
mod sink;
mod totals;

pub use emf::{NAMESPACE, document};
pub use event::{Allocation, Event, Measurement, Request, Slice, Unit};
pub use sink::Metrics;
pub use totals::Totals;
