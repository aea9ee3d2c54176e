//! Which queries can be answered from tallies: numbers of rows by their organisation, product, type and status.

use super::aggregate::Operation;
use super::filter::Filter;
use super::query::Query;
use super::sort::SortTarget;
use crate::query::schema::Collection;
use std::collections::BTreeSet;

/// The members by which reservations are tallied.
pub const TALLIED: [&str; 4] = ["reserved_for", "product", "code_type", "status"];

/// Members of [`TALLIED`].
type Members = BTreeSet<&'static str>;

fn tallied(member: &str) -> Option<&'static str> {
    TALLIED.into_iter().find(|known| *known == member)
}

impl Query {
    /// The query of all rows that the caller may read, as `total_count` counts them.
    pub fn of_all_rows(&self) -> Self {
        Self { filter: None, search: None, ..self.clone() }
    }

    /// The query of the same rows in any order.
    pub fn in_any_order(&self) -> Self {
        Self { sort: Vec::new(), ..self.clone() }
    }

    /// The members that decide which rows match, if they are all among [`TALLIED`]. Rights are conditions like any
    /// other.
    pub fn members_of_matches(&self) -> Option<Members> {
        if self.collection != Collection::CodeReservation || self.search.is_some() {
            return None;
        }
        let mut members = Members::new();
        self.filter.iter().chain(&self.rights).all(|filter| collect(filter, &mut members)).then_some(members)
    }

    /// The members that decide the answer of a query of counts, its groups included, if they are all among [`TALLIED`].
    ///
    /// A group may be sorted by its own members and its counts only: another member has a different value in each of
    /// its rows.
    pub fn members_of_counts(&self) -> Option<Members> {
        let mut members = self.members_of_matches()?;
        // With unknown operations only, the answer has an object for each row.
        if self.shows_rows() || (self.groups.is_empty() && self.aggregates.is_empty()) {
            return None;
        }
        for group in &self.groups {
            members.insert(tallied(group.own_field()?)?);
        }
        for key in &self.sort {
            match &key.target {
                SortTarget::Aggregate(_) => {}
                SortTarget::Path(path) if self.groups.contains(path) => {}
                SortTarget::Path(_) => return None,
            }
        }
        let key = self.collection.primary_key().name;
        for aggregate in &self.aggregates {
            match (aggregate.operation, aggregate.field.map(|field| field.name)) {
                (Operation::Count | Operation::CountAll | Operation::CountDistinct, None) => {}
                (Operation::Count, Some(field)) if field == key => {}
                (Operation::Count | Operation::CountDistinct, Some(field)) => {
                    members.insert(tallied(field)?);
                }
                _ => return None,
            }
        }
        Some(members)
    }
}

/// Adds the members of a filter. False if it has a condition on something else.
fn collect(filter: &Filter, members: &mut Members) -> bool {
    match filter {
        Filter::And(all) | Filter::Or(all) => all.iter().all(|part| collect(part, members)),
        Filter::Leaf(condition) => {
            let member = condition.path.own_field().and_then(tallied);
            members.extend(member);
            member.is_some()
        }
        Filter::Codes { .. } => false,
    }
}
