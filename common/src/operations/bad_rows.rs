//! [`BadRows`]: what is wrong with the rows of a batch. Every row is judged, so that a client can correct all of them at
//! once. Nothing is written when one is bad.

use super::OperationError;

/// The errors of a batch, by the index of the row in the request.
#[derive(Debug)]
pub(super) struct BadRows {
    is_batch: bool,
    found: Vec<(usize, OperationError)>,
}

impl BadRows {
    /// No errors yet. `is_batch` is false for a request that is not an array of rows: its first error is its only one,
    /// without an index.
    pub(super) fn new(is_batch: bool) -> Self {
        Self { is_batch, found: Vec::new() }
    }

    /// The value of a row; `None` if the row is bad, which is remembered.
    ///
    /// # Errors
    /// The error of a request that is no batch, and one that is not about the row: a store that does not answer.
    pub(super) fn keep<T>(
        &mut self,
        row: usize,
        judged: Result<T, OperationError>,
    ) -> Result<Option<T>, OperationError> {
        match judged {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.is_batch && is_about_the_row(&error) => {
                self.found.push((row, error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a row is bad.
    pub(super) fn any(&self) -> bool {
        !self.found.is_empty()
    }

    /// Ends the judgement.
    ///
    /// # Errors
    /// [`OperationError::Rows`] with all errors, in the order of the rows, when a row is bad.
    pub(super) fn finish(mut self) -> Result<(), OperationError> {
        self.found.sort_by_key(|(row, _)| *row);
        if self.found.is_empty() { Ok(()) } else { Err(OperationError::Rows(self.found)) }
    }
}

fn is_about_the_row(error: &OperationError) -> bool {
    matches!(
        error,
        OperationError::FailedValidation(_)
            | OperationError::Forbidden(_)
            | OperationError::InvalidPayload(_)
            | OperationError::RecordNotUnique { .. }
            | OperationError::Unprocessable(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(reason: &str) -> Result<(), OperationError> {
        Err(OperationError::InvalidPayload(reason.to_owned()))
    }

    #[test]
    fn every_bad_row_of_a_batch_is_named_in_order() {
        let mut rows = BadRows::new(true);
        assert!(matches!(rows.keep(0, Ok(5)), Ok(Some(5))));
        assert!(matches!(rows.keep(2, bad("c")), Ok(None)));
        assert!(matches!(rows.keep(1, bad("b")), Ok(None)));
        assert!(rows.any());
        let Err(OperationError::Rows(found)) = rows.finish() else { panic!("it is bad") };
        assert_eq!(found.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1, 2]);
        assert!(BadRows::new(true).finish().is_ok());
    }

    #[test]
    fn a_single_row_and_a_store_that_does_not_answer_end_at_once() {
        assert!(matches!(BadRows::new(false).keep(0, bad("a")), Err(OperationError::InvalidPayload(_))));
        let down: Result<(), _> = Err(OperationError::Unavailable("down".to_owned()));
        assert!(matches!(BadRows::new(true).keep(0, down), Err(OperationError::Unavailable(_))));
    }
}
