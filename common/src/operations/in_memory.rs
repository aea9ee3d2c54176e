//! Queries over rows that are read or computed already: users, organisations, files, codes.

use serde_json::Value;

use super::{Loader, OperationError, Session};
use crate::{
    context::Context,
    query::{Answer, Query, Related, Row},
};

/// What a checked query makes of rows, all that may match.
///
/// # Errors
/// When what the rows point at cannot be read.
pub(super) async fn list(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    rows: &[Row],
) -> Result<Answer, OperationError> {
    Ok(query.run(rows, &related(context, session, query, rows).await?))
}

/// What a checked query makes of one row.
///
/// # Errors
/// FORBIDDEN for a row that the query leaves out; when what the row points at cannot be read.
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
    let mut loader = Loader::new(context, session.caller);
    loader.to_evaluate(&needs, query.collection, rows).await?;
    loader.to_render(&needs, query.collection, rows).await?;
    Ok(loader.related)
}
