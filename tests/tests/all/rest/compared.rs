//! The answer of a list without HTTP, and what it should be: the same query over all rows.

use common::{
    context::Context,
    directory::Role,
    operations::{Caller, OperationError, Session, read, rows},
    query::{Answer, Budget, Collection, Related, Row},
    reservation::Reservation,
};
use serde_json::Value;

use super::plans::raw;
use crate::support::rows::{noon, user};

/// The answer to a caller with every right on these organisations; with `None`, on all.
pub(super) async fn answer(
    context: &Context,
    organisations: Option<&[&str]>,
    query: &Value,
) -> Result<Answer, OperationError> {
    let caller = Caller::user(user(Role::Admin, organisations));
    let budget = Budget::default();
    let session = Session::new(&caller, noon(), &budget);
    let (checked, list) = read::list(context, session, &raw(query)).await?;
    Ok(list.into_answer(&checked).unwrap())
}

/// The answer over all rows, of which none is related to another one.
pub(super) fn expected<'a>(
    all: impl IntoIterator<Item = &'a Reservation>,
    organisations: Option<&[&str]>,
    query: &Value,
) -> Answer {
    let caller = Caller::user(user(Role::Admin, organisations));
    let budget = Budget::default();
    let session = Session::new(&caller, noon(), &budget);
    let all: Vec<Row> = all.into_iter().map(rows::reservation).collect();
    let naive = session.query(Collection::CodeReservation, &raw(query)).unwrap();
    naive.run(&all, &Related::default()).unwrap()
}
