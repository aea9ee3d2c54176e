//! The events that are counted. The name and the unit of each metric are defined here only.

use serde_json::{Map, Value, json};

/// Units, with the names that CloudWatch uses (API reference, `MetricDatum`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things. [`Totals`](super::Totals) shows the sum.
    Count,
    /// A number of bytes. The totals show the sum.
    Bytes,
    /// A duration in milliseconds. The totals show the mean and the longest.
    Milliseconds,
    /// A percentage. The totals show the highest.
    Percent,
}

impl Unit {
    /// The name in CloudWatch.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Milliseconds => "Milliseconds",
            Self::Percent => "Percent",
        }
    }
}

/// One value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// The metric's name.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// The value, in that unit.
    pub value: f64,
}

/// An event that is counted.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A request was answered.
    Request(Request),
    /// Ranges of one pool were allocated, or the attempt failed.
    Allocation(Allocation),
    /// A slice of an export, or a small export as a whole, was written.
    Slice(Slice),
    /// An export is complete.
    ExportCompleted,
    /// A client's change conflicted with another one and is retried on fresh data.
    EditConflict,
    /// The sweep looked for reservations without progress, and woke so many.
    Woken(usize),
    /// A woken reservation ended as `error` after its last attempt.
    GivenUp,
    /// The daily check found so many partitions that contain rows but are not read by lists, because `Shards` was
    /// lowered.
    StrayShards(usize),
    /// Changes of reservations were counted.
    Tallied(Tallied),
    /// The daily tidying removed nothing, because the table lacks so many reservations whose exports exist. 0 if it did
    /// its work.
    TidyStopped(usize),
}

/// The result of counting the changes of one batch of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tallied {
    /// Number of reservations that are counted as something else now.
    pub rows: usize,
    /// Number of transactions that were sent.
    pub transactions: usize,
    /// Number of these that conflicted with another writer.
    pub conflicts: usize,
    /// Number of reservations whose records the stream delivers again.
    pub failed: usize,
    /// Time from the oldest of the changes until it was counted (milliseconds).
    pub lag_ms: u64,
}

/// A request and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The route in the template, never the path that a client sent.
    pub route: String,
    /// The HTTP status.
    pub status: u16,
    /// Time from the event to the answer (milliseconds).
    pub duration_ms: u64,
    /// The request's id, which the logs contain too.
    pub request_id: String,
}

/// The result of the allocation for a group of new reservations of one pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// Number of reservations that got a range.
    pub reservations: u64,
    /// Number of codes in these ranges.
    pub codes: u64,
    /// Number of transactions that were sent.
    pub attempts: u32,
    /// Number of these that conflicted with another writer.
    pub conflicts: u32,
    /// The pool's next index and its capacity after the allocation; `None` if the pool could not be read.
    pub fill: Option<(u64, u64)>,
    /// The pool's namespace.
    pub namespace: String,
}

/// The work of one slice of an export.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Number of rows that were stored.
    pub rows: u64,
    /// Size of these rows as stored (bytes).
    pub bytes: u64,
    /// Duration of the slice (milliseconds).
    pub duration_ms: u64,
    /// The reservation's id.
    pub reservation: uuid::Uuid,
}

impl Event {
    /// The event's name, a property of its document.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Allocation(_) => "allocation",
            Self::Slice(_) => "slice",
            Self::ExportCompleted => "export_completed",
            Self::EditConflict => "edit_conflict",
            Self::Woken(_) => "woken",
            Self::GivenUp => "given_up",
            Self::StrayShards(_) => "stray_shards",
            Self::Tallied(_) => "tallied",
            Self::TidyStopped(_) => "tidy_stopped",
        }
    }

    /// The metrics of the event.
    #[must_use]
    pub fn measurements(&self) -> Vec<Measurement> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a metric of CloudWatch is a double; what it loses is below a millionth"
        )]
        let of = |name, unit, value: u64| Measurement { name, unit, value: value as f64 };
        let count = |name, value: usize| of(name, Unit::Count, value as u64);
        match self {
            Self::Request(_) => vec![count("Requests", 1)],
            Self::Allocation(allocation) => {
                let mut all = vec![
                    of("Reservations", Unit::Count, allocation.reservations),
                    of("CodesReserved", Unit::Count, allocation.codes),
                    of("AllocationAttempts", Unit::Count, allocation.attempts.into()),
                    of("AllocationConflicts", Unit::Count, allocation.conflicts.into()),
                ];
                if let Some((next, capacity)) = allocation.fill {
                    all.push(Measurement { name: "PoolFill", unit: Unit::Percent, value: percent(next, capacity) });
                }
                all
            }
            Self::Slice(slice) => vec![
                of("RowsExported", Unit::Count, slice.rows),
                of("BytesExported", Unit::Bytes, slice.bytes),
                of("SliceDuration", Unit::Milliseconds, slice.duration_ms),
            ],
            Self::ExportCompleted => vec![count("ExportsCompleted", 1)],
            Self::EditConflict => vec![count("EditConflicts", 1)],
            Self::Woken(woken) => vec![count("Woken", *woken)],
            Self::GivenUp => vec![count("GivenUp", 1)],
            Self::StrayShards(shards) => vec![count("StrayShards", *shards)],
            Self::Tallied(tallied) => vec![
                count("RowsTallied", tallied.rows),
                count("TallyTransactions", tallied.transactions),
                count("TallyConflicts", tallied.conflicts),
                count("TallyFailures", tallied.failed),
                of("TallyLag", Unit::Milliseconds, tallied.lag_ms),
            ],
            Self::TidyStopped(unknown) => vec![count("TidyStopped", *unknown)],
        }
    }

    /// Names and values by which CloudWatch separates the metrics. Each combination is a metric that costs money, so
    /// there are few: the routes of the template, and five classes of status.
    #[must_use]
    pub fn dimensions(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Request(request) => {
                vec![("Route", request.route.clone()), ("StatusClass", format!("{}xx", request.status / 100))]
            }
            _ => Vec::new(),
        }
    }

    /// Details for searching the log. They are not dimensions.
    #[must_use]
    pub fn properties(&self) -> Map<String, Value> {
        let properties = match self {
            Self::Request(request) => json!({
                "request_id": request.request_id, "status": request.status, "duration_ms": request.duration_ms,
            }),
            Self::Allocation(allocation) => json!({
                "pool": allocation.namespace, "next": allocation.fill.map(|(next, _)| next),
                "capacity": allocation.fill.map(|(_, capacity)| capacity),
            }),
            Self::Slice(slice) => json!({ "reservation": slice.reservation }),
            _ => json!({}),
        };
        properties.as_object().cloned().unwrap_or_default()
    }
}

/// `part` as a percentage of `whole`. A pool without capacity counts as full.
#[expect(clippy::cast_precision_loss, reason = "two digits of a percentage are asked for")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 / whole as f64 * 100.0 }
}
