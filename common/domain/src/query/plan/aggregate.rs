//! [`Aggregate`]: one operation over all matching rows, or over each group of them.

use crate::query::schema::Field;

/// An operation of `aggregate[…]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `count`: the number of values that are not null, or of rows (`*`).
    Count,
    /// `countDistinct`
    CountDistinct,
    /// `countAll`: the number of rows. Only GraphQL shows it.
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
    /// The name in `aggregate[…]`.
    pub fn name(self) -> &'static str {
        OPERATIONS.into_iter().find(|(o, _)| *o == self).map_or("", |(_, n)| n)
    }

    /// Whether the result is a number for a field of any type.
    pub(in crate::query) fn is_number(self) -> bool {
        !matches!(self, Self::Min | Self::Max)
    }

    pub(in crate::query) fn of(name: &str) -> Option<Self> {
        OPERATIONS.into_iter().find(|(_, n)| *n == name).map(|(o, _)| o)
    }
}

/// An operation on a field, or on whole rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The operation.
    pub operation: Operation,
    /// The field; `None` for `*`.
    pub field: Option<&'static Field>,
}

impl Aggregate {
    /// Where REST shows the value: the operation, and the member of its object; `None` for a number of rows, which is
    /// shown under the operation itself.
    pub(in crate::query) fn place(&self) -> (&'static str, Option<&'static str>) {
        let member = match self.field {
            Some(field) => Some(field.name),
            None => (self.operation == Operation::CountDistinct).then_some("*"),
        };
        (self.operation.name(), member)
    }

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
