//! Where events go: to CloudWatch as lines on standard output, or into totals that `local` prints.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use super::{Event, Totals, document};

/// Takes events. An event that cannot be written is lost: a metric never fails the work that it describes.
#[derive(Clone)]
pub struct Metrics(Arc<Sink>);

enum Sink {
    Lines { stack: String, out: Mutex<Box<dyn Write + Send>> },
    Totals(Mutex<Totals>),
}

impl Metrics {
    /// Writes each event as one line of JSON in the embedded metric format to standard output. Whether Lambda passes such a
    /// line to CloudWatch unchanged under `LogFormat: JSON` on `provided.al2023` is not proved here: check it after the first
    /// deployment. The log goes to standard error, so log lines do not mix with these.
    #[must_use]
    pub fn on_stdout(stack: &str) -> Self {
        Self::lines(stack, Box::new(io::stdout()))
    }

    /// As [`Metrics::on_stdout`], to another place.
    #[must_use]
    pub fn lines(stack: &str, out: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Sink::Lines { stack: stack.to_owned(), out: Mutex::new(out) }))
    }

    /// Events are added up.
    #[must_use]
    pub fn totals() -> Self {
        Self(Arc::new(Sink::Totals(Mutex::default())))
    }

    /// Takes an event.
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

    /// The totals since the last call; empty where events are lines.
    #[must_use]
    pub fn take(&self) -> Totals {
        match &*self.0 {
            Sink::Lines { .. } => Totals::default(),
            Sink::Totals(totals) => totals.lock().map(|mut totals| std::mem::take(&mut *totals)).unwrap_or_default(),
        }
    }
}
