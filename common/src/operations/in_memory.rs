//! Runs queries over rows that were already read or computed: users, organisations, files, codes.

use serde_json::Value;

use super::{Loader, OperationError, Session};
use crate::{
    context::Context,
    query::{Answer, Query, Related, Row},
};

/// Runs a checked query over all rows that may match.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when a related row cannot be read.
pub(super) async fn list(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    rows: &[Row],
) -> Result<Answer, OperationError> {
    Ok(query.run(rows, &related(context, session, query, rows).await?))
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
    let mut loader = Loader::new(context, session.caller);
    loader.to_evaluate(&needs, query.collection, rows).await?;
    loader.to_render(&needs, query.collection, rows).await?;
    Ok(loader.related)
}
