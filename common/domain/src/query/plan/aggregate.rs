//! [`Aggregate`]: one operation over all matching rows, or over each group of them.

use crate::query::schema::Field;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `count`: of values that are not null, or of rows (`*`).
    Count,
    /// `countDistinct`
    CountDistinct,
    /// `countAll`: of rows. REST has no member to show it in; GraphQL has.
    CountAll,
    /// `sum`
    Sum,
    /// `sumDistinct`
    SumDistinct,
    /// `avg`
    Avg,
    /// `avgDistinct`
    AvgDistinct,
    /// `min`
    Min,
    /// `max`
    Max,
}

const OPERATIONS: [(Operation, &str); 9] = [
    (Operation::Count, "count"),
    (Operation::CountDistinct, "countDistinct"),
    (Operation::CountAll, "countAll"),
    (Operation::Sum, "sum"),
    (Operation::SumDistinct, "sumDistinct"),
    (Operation::Avg, "avg"),
    (Operation::AvgDistinct, "avgDistinct"),
    (Operation::Min, "min"),
    (Operation::Max, "max"),
];

impl Operation {
    /// Its name in `aggregate[…]`.
    pub fn name(self) -> &'static str {
        OPERATIONS.into_iter().find(|(o, _)| *o == self).map_or("", |(_, n)| n)
    }

    /// Whether it gives a number, whatever it is asked for.
    pub(in crate::query) fn is_number(self) -> bool {
        !matches!(self, Self::Min | Self::Max)
    }

    pub(in crate::query) fn of(name: &str) -> Option<Self> {
        OPERATIONS.into_iter().find(|(_, n)| *n == name).map(|(o, _)| o)
    }
}

/// An operation on a member, or on whole rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The operation.
    pub operation: Operation,
    /// The member; `None` for `*`.
    pub field: Option<&'static Field>,
}

impl Aggregate {
    /// Whether a sort key names this aggregate: `count`, `count.*`, `sum.quantity`.
    pub(in crate::query) fn is(&self, operation: &str, field: Option<&str>) -> bool {
        self.operation.name() == operation
            && match (field, self.field) {
                (None, _) => true,
                (Some("*"), own) => own.is_none(),
                (Some(name), own) => own.is_some_and(|f| f.name == name),
            }
    }
}
