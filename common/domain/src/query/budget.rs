//! [`Budget`]: how much one request may make the service compute and hold.
//!
//! One object is shared by all queries of a request. Parsing, planning, evaluation and rendering subtract from it before
//! they compute, so a small request cannot cause a large amount of work. Each limit is far above what a client needs.

use crate::query::error::QueryError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Names, operators and operands of all queries of a request, with what wildcards and variables expand to.
pub(in crate::query) const MAX_VALUES: usize = 20_000;
/// Members (`rows × fields`) that all answers of a request show, codes included.
const MAX_MEMBERS: usize = 200_000;
/// Bytes of text in those members. An answer of a Lambda function has 6 MB, envelope and encoding included.
const MAX_TEXT: usize = 4_500_000;
/// Values (`rows × keys`) that are held to sort and group rows.
const MAX_SORT_VALUES: usize = 250_000;
/// Units of evaluation: a condition on a row is one, and one more for each [`BYTES_PER_UNIT`] bytes of text that it
/// looks at. Some 50 ns each.
const MAX_EVALUATION: usize = 4_000_000;
/// Whole codes that the filters of a request look up.
const MAX_CODES: usize = 100;

/// Bytes of text that a condition looks at in one unit of [`Limit::Evaluation`].
const BYTES_PER_UNIT: usize = 32;
/// Units of evaluation after which other requests get a turn.
const UNITS_PER_TURN: usize = 50_000;

/// Bytes of a name that count as one value.
const BYTES_PER_NAME: usize = 32;

/// How many values a name counts as.
pub(in crate::query) fn size_of_name(name: &str) -> usize {
    1 + name.len() / BYTES_PER_NAME
}

/// What a request may not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Values of the queries.
    Values,
    /// Members of the answers.
    Members,
    /// Bytes of text in the answers.
    Text,
    /// Values held to sort.
    SortValues,
    /// Conditions evaluated on rows.
    Evaluation,
    /// Codes looked up.
    Codes,
}

impl Limit {
    const ALL: [Self; 6] = [Self::Values, Self::Members, Self::Text, Self::SortValues, Self::Evaluation, Self::Codes];

    /// How much a request may use.
    #[must_use]
    pub const fn most(self) -> usize {
        match self {
            Self::Values => MAX_VALUES,
            Self::Members => MAX_MEMBERS,
            Self::Text => MAX_TEXT,
            Self::SortValues => MAX_SORT_VALUES,
            Self::Evaluation => MAX_EVALUATION,
            Self::Codes => MAX_CODES,
        }
    }

    /// The error of a request that exceeds the limit. It names the limit and what the client can do.
    #[must_use]
    pub fn error(self) -> QueryError {
        let most = self.most();
        QueryError::invalid(match self {
            Self::Values => format!(
                "The request has more than {most} names and values, counted with what wildcards, aliases, fragments and \
                 variables expand to (limit MAX_VALUES)"
            ),
            Self::Members => format!(
                "The answer would have more than {most} members, rows times fields (limit MAX_MEMBERS). Use \"limit\" and \
                 \"page\", or fewer \"fields\""
            ),
            Self::Text => format!(
                "The answer is larger than {most} bytes (limit MAX_TEXT). Use \"limit\" and \"page\" to read it in pieces"
            ),
            Self::SortValues => format!(
                "More than {most} values would be sorted or grouped, rows times keys, long texts several times (limit \
                 MAX_SORT_VALUES). Use fewer keys or a narrower filter"
            ),
            Self::Evaluation => format!(
                "The conditions would be evaluated more than {most} times, rows times conditions, long texts several times \
                 (limit MAX_EVALUATION). Use fewer conditions, or a filter on \"id\", \"reserved_for\", \"product\" or \
                 \"reference_id\""
            ),
            Self::Codes => format!("A request can ask for {most} codes at most in its filters (limit MAX_CODES)"),
        })
    }
}

/// What is left for a request. Clones share one account.
#[derive(Debug, Clone, Default)]
pub struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    /// By the position of the limit in [`Limit::ALL`].
    left: [AtomicUsize; Limit::ALL.len()],
    /// Position of the first limit that was exceeded, plus one; 0 if none was.
    exceeded: AtomicUsize,
    /// Units of evaluation since other requests last had a turn.
    units: AtomicUsize,
    /// Rows that may still be read; as many as there can be if they are limited elsewhere.
    rows: AtomicUsize,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            left: Limit::ALL.map(|limit| AtomicUsize::new(limit.most())),
            exceeded: AtomicUsize::new(0),
            units: AtomicUsize::new(0),
            rows: AtomicUsize::new(usize::MAX),
        }
    }
}

impl Budget {
    /// The budget of a request that may read so many rows (`MaxScan`).
    #[must_use]
    pub fn of_rows(rows: usize) -> Self {
        Self(Arc::new(Account { rows: AtomicUsize::new(rows), ..Account::default() }))
    }

    /// Subtracts `amount`. Call this before what it pays for.
    ///
    /// # Errors
    /// `INVALID_QUERY` with the name of the limit when less is left. Then [`Budget::check`] fails from now on.
    pub fn spend(&self, limit: Limit, amount: usize) -> Result<(), QueryError> {
        if self.pays(limit, amount) { Ok(()) } else { Err(limit.error()) }
    }

    /// Subtracts `amount`; false when less is left. For code that cannot return an error, whose caller calls
    /// [`Budget::check`] afterwards.
    pub(in crate::query) fn pays(&self, limit: Limit, amount: usize) -> bool {
        let position = limit as usize;
        let Some(left) = self.0.left.get(position) else { return false };
        let paid = subtract(left, amount);
        if !paid {
            // The first limit stays the reason.
            _ = self.0.exceeded.compare_exchange(0, position + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
        paid
    }

    /// Subtracts the evaluation of a condition that looks at `bytes` of text; false when the budget is spent.
    pub(in crate::query) fn evaluates(&self, bytes: usize) -> bool {
        let units = 1 + bytes / BYTES_PER_UNIT;
        self.0.units.fetch_add(units, Ordering::Relaxed);
        self.pays(Limit::Evaluation, units)
    }

    /// Whether no limit was exceeded. Results that were computed meanwhile are incomplete otherwise.
    ///
    /// # Errors
    /// `INVALID_QUERY` with the name of the limit that was exceeded first.
    pub fn check(&self) -> Result<(), QueryError> {
        let exceeded = self.0.exceeded.load(Ordering::Relaxed).checked_sub(1);
        match exceeded.and_then(|position| Limit::ALL.get(position)) {
            Some(limit) => Err(limit.error()),
            None => Ok(()),
        }
    }

    /// Subtracts rows that are about to be read; false when fewer are left.
    #[must_use]
    pub fn reads(&self, rows: usize) -> bool {
        subtract(&self.0.rows, rows)
    }

    /// Gives rows back that were paid for and are not read.
    pub fn give_back(&self, rows: usize) {
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Rows that may still be read, to stop work in time whose number of rows is only known afterwards.
    #[must_use]
    pub fn rows_left(&self) -> usize {
        self.0.rows.load(Ordering::Relaxed)
    }

    /// Whether so much was evaluated since the last call that returned true that other requests should get a turn.
    #[must_use]
    pub fn turn_is_over(&self) -> bool {
        if self.0.units.load(Ordering::Relaxed) < UNITS_PER_TURN {
            return false;
        }
        self.0.units.store(0, Ordering::Relaxed);
        true
    }
}

/// Subtracts an amount if so much is left.
fn subtract(left: &AtomicUsize, amount: usize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(amount)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_account_and_the_first_limit_is_the_reason() {
        let budget = Budget::default();
        let clone = budget.clone();
        assert_eq!(budget.spend(Limit::Codes, 60), Ok(()));
        assert_eq!(clone.spend(Limit::Codes, 40), Ok(()));
        assert_eq!(clone.check(), Ok(()));
        assert_eq!(budget.spend(Limit::Codes, 1), Err(Limit::Codes.error()));
        assert_eq!(clone.spend(Limit::Values, MAX_VALUES + 1), Err(Limit::Values.error()));
        assert_eq!(clone.check(), Err(Limit::Codes.error()));
        // What failed was not subtracted.
        assert_eq!(clone.spend(Limit::Values, MAX_VALUES), Ok(()));
    }

    #[test]
    fn every_limit_is_named_in_its_error() {
        for limit in Limit::ALL {
            let error = limit.error().to_string();
            assert!(error.contains("limit MAX_") && error.contains(&limit.most().to_string()), "{error}");
            assert_eq!(Limit::ALL.get(limit as usize), Some(&limit));
        }
    }

    #[test]
    fn long_texts_cost_more_and_much_evaluation_ends_a_turn() {
        let budget = Budget::default();
        assert!(!budget.turn_is_over());
        assert!(budget.evaluates(UNITS_PER_TURN * BYTES_PER_UNIT));
        assert!(budget.turn_is_over() && !budget.turn_is_over());
        assert!(!budget.evaluates(MAX_EVALUATION * BYTES_PER_UNIT));
        assert_eq!(budget.check(), Err(Limit::Evaluation.error()));
    }

    #[test]
    fn rows_are_limited_over_all_reads() {
        let budget = Budget::of_rows(10);
        assert!(budget.reads(6) && budget.reads(4) && !budget.reads(1));
        assert_eq!((budget.rows_left(), Budget::of_rows(7).rows_left()), (0, 7));
        assert!(Budget::default().reads(usize::MAX));
        budget.give_back(3);
        assert!(!budget.reads(4) && budget.reads(3) && budget.rows_left() == 0);
    }
}
