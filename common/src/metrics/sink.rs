//! The destinations of events: lines on standard output for CloudWatch, or totals that `local` logs.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use super::{Event, Totals, document};

/// Records events. An event that cannot be written is lost, because a metric must never fail the work that it
/// describes.
#[derive(Clone)]
pub struct Metrics(Arc<Sink>);

enum Sink {
    Lines { stack: String, out: Mutex<Box<dyn Write + Send>> },
    Totals(Mutex<Totals>),
}

impl Metrics {
    /// Writes each event as one line of JSON in the embedded metric format to standard output. The log goes to standard
    /// error, so the two do not mix. No test shows that Lambda passes such a line to CloudWatch unchanged under
    /// `LogFormat: JSON` on `provided.al2023`: check it after the first deployment.
    #[must_use]
    pub fn on_stdout(stack: &str) -> Self {
        Self::lines(stack, Box::new(io::stdout()))
    }

    /// Like [`Metrics::on_stdout`], to another writer.
    #[must_use]
    pub fn lines(stack: &str, out: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Sink::Lines { stack: stack.to_owned(), out: Mutex::new(out) }))
    }

    /// Adds events up until [`Metrics::take`] is called.
    #[must_use]
    pub fn totals() -> Self {
        Self(Arc::new(Sink::Totals(Mutex::default())))
    }

    /// Records an event.
    pub fn record(&self, event: &Event) {
        match &*self.0 {
            Sink::Lines { stack, out } => {
                let line = format!("{}\n", document(event, stack, chrono::Utc::now().timestamp_millis()));
                if let Ok(mut out) = out.lock() {
                    // One write, so that lines of several threads do not mix.
                    let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
                    if let Err(error) = written {
                        tracing::warn!(%error, "a metric was not written");
                    }
                }
            }
            Sink::Totals(totals) => {
                if let Ok(mut totals) = totals.lock() {
                    totals.add(event);
                }
            }
        }
    }

    /// The totals since the last call. They are empty if events are written as lines.
    #[must_use]
    pub fn take(&self) -> Totals {
        match &*self.0 {
            Sink::Lines { .. } => Totals::default(),
            Sink::Totals(totals) => totals.lock().map(|mut totals| std::mem::take(&mut *totals)).unwrap_or_default(),
        }
    }
}
