//! The sums of the events since the last call. `local` logs them once a minute.

use std::{collections::BTreeMap, fmt};

use super::{Event, Unit};

/// The values of the events so far, by metric and dimensions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals(BTreeMap<String, Total>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Total {
    unit: Unit,
    sum: f64,
    highest: f64,
    count: u32,
}

impl Totals {
    /// Adds the values of an event.
    pub fn add(&mut self, event: &Event) {
        let dimensions = event.dimensions();
        for one in event.measurements() {
            let key = match dimensions.is_empty() {
                true => one.name.to_owned(),
                false => {
                    let values: Vec<&str> = dimensions.iter().map(|(_, value)| value.as_str()).collect();
                    format!("{}[{}]", one.name, values.join(" "))
                }
            };
            let nothing = Total { unit: one.unit, sum: 0.0, highest: 0.0, count: 0 };
            let total = self.0.entry(key).or_insert(nothing);
            total.sum += one.value;
            total.highest = total.highest.max(one.value);
            total.count = total.count.saturating_add(1);
        }
    }

    /// Whether no event was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One line: `BytesExported=4711 PoolFill=1.25% Requests[GET /files 2xx]=3 SliceDuration=mean 12 ms, longest 30 ms`.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, total)) in self.0.iter().enumerate() {
            let space = if position == 0 { "" } else { " " };
            match total.unit {
                Unit::Count | Unit::Bytes => write!(f, "{space}{name}={}", total.sum)?,
                Unit::Percent => write!(f, "{space}{name}={:.2}%", total.highest)?,
                Unit::Milliseconds => {
                    let mean = total.sum / f64::from(total.count.max(1));
                    write!(f, "{space}{name}=mean {mean:.0} ms, longest {:.0} ms", total.highest)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Allocation, Request, Slice};

    #[test]
    fn counts_are_added_shares_are_the_highest_and_durations_both() {
        let mut totals = Totals::default();
        assert!(totals.is_empty());
        let request = |status| Request { route: "GET /files".into(), status, duration_ms: 1, request_id: "r".into() };
        for status in [200, 204, 503] {
            totals.add(&Event::Request(request(status)));
        }
        for (rows, duration_ms) in [(10, 10), (20, 31)] {
            let reservation = uuid::Uuid::nil();
            totals.add(&Event::Slice(Slice { rows, bytes: rows * 100, duration_ms, reservation }));
        }
        for next in [25, 50, 5] {
            totals.add(&Event::Allocation(Allocation {
                reservations: 1,
                codes: next,
                attempts: 2,
                conflicts: 1,
                fill: Some((next, 1_000)),
                namespace: "n".into(),
            }));
        }
        assert_eq!(
            totals.to_string(),
            "AllocationAttempts=6 AllocationConflicts=3 BytesExported=3000 CodesReserved=80 PoolFill=5.00% \
             Requests[GET /files 2xx]=2 Requests[GET /files 5xx]=1 Reservations=3 RowsExported=30 \
             SliceDuration=mean 20 ms, longest 31 ms"
        );
    }
}
