//! What a terminal shows during long work. On anything that is not a terminal nothing is shown.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A count on standard error, removed when this is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// Counts `what` ("reservations"), up to `total` if it is known.
    #[must_use]
    pub fn new(what: &'static str, total: Option<u64>) -> Self {
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{human_pos} of {human_len} {msg} {wide_bar} {eta}"),
            None => (ProgressBar::new_spinner(), "{spinner} {human_pos} {msg} {elapsed}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// Adds to the count.
    pub fn add(&self, count: u64) {
        self.0.inc(count);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
