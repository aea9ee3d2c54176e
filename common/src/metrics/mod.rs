//! Metrics: the values of one event at a time. On AWS each event is a log line from which CloudWatch extracts metrics.
//! Under `local` the events are added up and logged once a minute.
//!
//! `event` defines the events, `emf` writes an event in CloudWatch's embedded metric format, and `totals` adds events
//! up; all three are pure. Only `sink` writes. No metric contains a token, a link, a body or a code.

mod emf;
mod event;
mod sink;
mod totals;

pub use emf::{NAMESPACE, document};
pub use event::{Allocation, Event, Measurement, Request, Slice, Tallied, Unit};
pub use sink::Metrics;
pub use totals::Totals;
