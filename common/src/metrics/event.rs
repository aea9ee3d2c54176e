//! What there is to count. Each figure has one name and one unit, here and nowhere else.

use serde_json::{Map, Value, json};

/// Units, by the names of CloudWatch (API reference, `MetricDatum`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things; figures of this unit are added up.
    Count,
    /// Bytes; added up.
    Bytes,
    /// A duration; the longest counts, and the mean.
    Milliseconds,
    /// A share; the highest counts.
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

/// One figure of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// The metric's name.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// The figure.
    pub value: f64,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A request was answered.
    Request(Request),
    /// Ranges of one pool were allocated, or that was tried in vain.
    Allocation(Allocation),
    /// A slice of an export, or a small export as a whole, was written.
    Slice(Slice),
    /// An export is complete.
    ExportCompleted,
    /// A client's change conflicted with another one and is retried on fresh data.
    EditConflict,
    /// The sweep looked for reservations without progress.
    Woken {
        /// Those that got another try.
        nudged: usize,
        /// Those that ended after their last try.
        ended: usize,
    },
    /// The daily look for rows in partitions that no list reads, since `Shards` was lowered.
    StrayShards(usize),
}

/// A request and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// One of the template's routes, never a client's path.
    pub route: String,
    /// The HTTP status.
    pub status: u16,
    /// From the event to the answer (milliseconds).
    pub duration_ms: u64,
    /// The gateway's id.
    pub request_id: String,
}

/// What one group of new reservations of a pool came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// Reservations that got a range.
    pub reservations: u64,
    /// Their codes.
    pub codes: u64,
    /// Transactions that were tried.
    pub attempts: u32,
    /// Tries that conflicted with another writer.
    pub conflicts: u32,
    /// How full the pool is afterwards: the next index and the capacity; none where it could not be read.
    pub fill: Option<(u64, u64)>,
    /// The pool.
    pub namespace: String,
}

/// What one slice of an export wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Rows that are stored.
    pub rows: u64,
    /// Their bytes, as stored.
    pub bytes: u64,
    /// How long it took (milliseconds).
    pub duration_ms: u64,
    /// The reservation.
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
            Self::Woken { .. } => "woken",
            Self::StrayShards(_) => "stray_shards",
        }
    }

    /// Its figures.
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
            Self::Woken { nudged, ended } => vec![count("Woken", *nudged), count("EndedByTheSweep", *ended)],
            Self::StrayShards(shards) => vec![count("StrayShards", *shards)],
        }
    }

    /// Names and values by which CloudWatch keeps the figures apart. Each combination is a metric that is paid for: routes are
    /// those of the template, and there are five classes of status.
    #[must_use]
    pub fn dimensions(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Request(request) => {
                vec![("Route", request.route.clone()), ("StatusClass", format!("{}xx", request.status / 100))]
            }
            _ => Vec::new(),
        }
    }

    /// What a person needs to find out more: searched in the log, no dimension.
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

/// `part` of `whole` in percent; a pool that can hold nothing is full.
#[expect(clippy::cast_precision_loss, reason = "two digits of a percentage are asked for")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 / whole as f64 * 100.0 }
}
