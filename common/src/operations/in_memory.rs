//! Queries over rows that are read or computed already: users, organisations, files, codes.

use serde_json::Value;

use super::{Loader, OperationError, Session};
use crate::{
    context::Context,
    query::{Answer, Groups, Leading, Query, Related, Row},
};

/// Rows that are made and evaluated at once.
const CHUNK: usize = 500;

/// Rows of one collection from which a query selects. A row is made when it is needed: many rows take far more memory
/// than what they are made of.
pub(super) trait Rows: Sync {
    /// The number of rows.
    fn len(&self) -> usize;

    /// The row at a position below `len`.
    ///
    /// # Errors
    /// When it cannot be made.
    fn row(&self, position: usize) -> Result<Row, OperationError>;
}

/// A list of items, and how each becomes a row.
pub(super) struct Items<'a, T>(pub(super) &'a [T], pub(super) fn(&T) -> Row);

impl<T: Sync> Rows for Items<'_, T> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn row(&self, position: usize) -> Result<Row, OperationError> {
        Ok(self.0.get(position).map(self.1).unwrap_or_default())
    }
}

/// What an evaluation of all rows gives.
struct Evaluated<'q> {
    /// The rows that the caller may see, and those of them that match.
    total: usize,
    filtered: usize,
    groups: Groups<'q>,
    /// The positions of the matching rows that the window may show.
    leading: Leading<'q, usize>,
}

/// Evaluates a checked query on all rows that may match.
async fn evaluate<'q>(
    context: &Context,
    session: Session<'_>,
    query: &'q Query,
    rows: &impl Rows,
    loader: &mut Loader<'_>,
) -> Result<Evaluated<'q>, OperationError> {
    session.reads(context, rows.len())?;
    let needs = query.needs();
    let mut groups = Groups::new(query);
    let (mut total, mut filtered) = (0, 0);
    let mut leading = Leading::new(query, query.window);
    for start in (0..rows.len()).step_by(CHUNK) {
        let positions = start..rows.len().min(start + CHUNK);
        let chunk = make(rows, positions.clone())?;
        loader.to_evaluate(&needs, query.collection, &chunk).await?;
        for (position, row) in positions.zip(chunk) {
            total += usize::from(query.permits(&row, &loader.related));
            if query.matches(&row, &loader.related) {
                filtered += 1;
                if query.shows_rows() {
                    leading.offer(&row, &loader.related, position);
                } else {
                    groups.take(&row, &loader.related);
                }
            }
            turn(session).await;
        }
        session.budget.check()?;
        loader.forget();
    }
    Ok(Evaluated { total, filtered, groups, leading })
}

/// Runs a checked query over all rows that may match.
///
/// # Errors
/// `INVALID_QUERY` when the budget is spent; `SERVICE_UNAVAILABLE` when a related row cannot be read; the error of a row
/// that cannot be made.
pub(super) async fn list(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    rows: &impl Rows,
) -> Result<Answer, OperationError> {
    let needs = query.needs();
    let mut loader = Loader::new(context, session);
    let Evaluated { total, filtered, groups, leading } = evaluate(context, session, query, rows, &mut loader).await?;
    let meta = query.meta_of(total, filtered);
    if !query.shows_rows() {
        let data = groups.into_data(session.budget)?;
        return Ok(Answer { meta, data });
    }
    let shown = leading.into_window();
    let shown = make(rows, shown.into_iter())?;
    loader.to_render(&needs, query.collection, &shown).await?;
    Ok(Answer { meta, data: query.render(&shown, &loader.related)? })
}

/// The positions of the rows that a query selects, in its order and window.
///
/// # Errors
/// As [`list`].
pub(super) async fn matching(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    rows: &impl Rows,
) -> Result<Vec<usize>, OperationError> {
    let mut loader = Loader::new(context, session);
    let evaluated = evaluate(context, session, query, rows, &mut loader).await?;
    Ok(evaluated.leading.into_window().into_iter().collect())
}

/// Shows rows that are being written, in the form of a list.
///
/// # Errors
/// As [`list`].
pub(super) async fn many_written(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    rows: &[Row],
) -> Result<Value, OperationError> {
    let related = related(context, session, query, rows).await?;
    Ok(query.run(rows, &related)?.data)
}

/// Shows a row that is being written. Gives null when the filter of the query excludes it.
///
/// # Errors
/// As [`list`].
pub(super) async fn one_written(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    row: Row,
) -> Result<Value, OperationError> {
    match one(context, session, query, row).await {
        Err(OperationError::Forbidden(None)) => Ok(Value::Null),
        shown => shown,
    }
}

fn make(rows: &impl Rows, positions: impl Iterator<Item = usize>) -> Result<Vec<Row>, OperationError> {
    positions.map(|position| rows.row(position)).collect()
}

/// Lets other requests run after a long evaluation. It is also where the deadline of the request ends the work.
pub(super) async fn turn(session: Session<'_>) {
    if session.budget.turn_is_over() {
        tokio::task::yield_now().await;
    }
}

/// Runs a checked query on one row.
///
/// # Errors
/// `FORBIDDEN` when the filter of the query excludes the row; `SERVICE_UNAVAILABLE` when a related row cannot be read.
pub(super) async fn one(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    row: Row,
) -> Result<Value, OperationError> {
    let rows = [row];
    let related = related(context, session, query, &rows).await?;
    Ok(query.run_one(rows.first(), &related)?)
}

async fn related(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    rows: &[Row],
) -> Result<Related, OperationError> {
    let needs = query.needs();
    let mut loader = Loader::new(context, session);
    loader.to_evaluate(&needs, query.collection, rows).await?;
    loader.to_render(&needs, query.collection, rows).await?;
    Ok(loader.related)
}
