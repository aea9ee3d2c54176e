//! The answer of a list without HTTP, and what it should be: the same query over all rows.

use std::{path::Path, sync::Arc};

use common::{
    context::Context,
    directory::Role,
    operations::{Caller, OperationError, Session, read, rows},
    query::{Answer, Budget, Collection, Related, Row},
    reservation::Reservation,
};
use serde_json::Value;

use super::plans::raw;
use crate::support::{
    counting::{Counter, counted},
    harness::{Running, Setup},
    rows::{noon, store, user},
};

/// A system in which nothing runs by itself, with some rows, and a context that counts what is read.
pub(super) struct World {
    pub(super) server: Running,
    pub(super) context: Arc<Context>,
    pub(super) counter: Counter,
    pub(super) all: Vec<Reservation>,
}

impl World {
    /// A system in memory, or in a folder.
    pub(super) async fn of(all: Vec<Reservation>, shards: u32, max_scan: usize, folder: Option<&Path>) -> Self {
        let setup = Setup::new().paused().without_tallies().parameter("Shards", shards);
        let setup = match folder {
            Some(folder) => setup.data_dir(folder),
            None => setup,
        };
        let server = setup.start().await;
        store(server.context(), &all).await;
        let (context, counter) = counted(&server.system, |config| config.max_scan = max_scan);
        Self { server, context, counter, all }
    }
}

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
