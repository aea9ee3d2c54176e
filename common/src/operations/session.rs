//! The session of an operation, the same for REST and GraphQL: its caller and its time.

use super::{Caller, OperationError, rows};
use crate::{
    context::Context,
    query::{self, Access, Action, Budget, Collection, Filter, Query, RawQuery},
    reservation::Timestamp,
    store::AssumedUser,
};

/// The caller of an operation, with the time of the request.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// The caller.
    pub caller: &'a Caller,
    /// The time of the request, for which `$NOW` stands.
    pub now: Timestamp,
    /// What the request may still compute and hold, over all its operations.
    pub budget: &'a Budget,
    /// What is not confirmed yet of the caller, if the rows are read before it is.
    pub(crate) assumed: Option<&'a AssumedUser>,
}

impl<'a> Session<'a> {
    /// The session of a caller who is known.
    #[must_use]
    pub fn new(caller: &'a Caller, now: Timestamp, budget: &'a Budget) -> Self {
        Self { caller, now, budget, assumed: None }
    }

    /// Subtracts rows that are read from those that the request may read (`MaxScan`).
    ///
    /// # Errors
    /// `INVALID_QUERY` when fewer are left.
    pub(super) fn reads(&self, context: &Context, rows: usize) -> Result<(), OperationError> {
        if self.budget.reads(rows) { Ok(()) } else { Err(OperationError::TooManyItems(context.config().max_scan)) }
    }

    /// The same with another budget: for work that is repeated after a conflict, each time as if it were the first. The
    /// number of tries limits the whole.
    #[must_use]
    pub(super) fn again<'b>(&'b self, budget: &'b Budget) -> Session<'b> {
        Session { budget, ..*self }
    }

    /// The members that the caller may read.
    #[must_use]
    pub fn access(&self) -> Access {
        let access = Access::new(self.caller.role(), self.caller.get().map(rows::user));
        if self.caller.organisations().is_some() { access.limited_to_organisations() } else { access }
    }

    /// Checks parameters for a collection, and limits the query to the rows that exist for the caller (RSV-6).
    ///
    /// # Errors
    /// `FORBIDDEN` when the role may not read the collection, or a parameter names a member that it may not read;
    /// `INVALID_QUERY` for a parameter that cannot be used.
    pub fn query(&self, collection: Collection, raw: &RawQuery) -> Result<Query, OperationError> {
        self.caller.may(Action::Read, collection)?;
        self.own(query::parse(raw, collection, &self.access(), self.now.time(), self.budget)?)
    }

    /// Checks parameters that select the rows of a write, and limits the query as [`Session::query`] does.
    ///
    /// # Errors
    /// As [`Session::query`]; `INVALID_QUERY` also for a query or a part of its filter that says nothing, and for an
    /// operand that is no value of its member.
    pub fn selection(&self, collection: Collection, raw: &RawQuery) -> Result<Query, OperationError> {
        self.caller.may(Action::Read, collection)?;
        self.own(query::parse_for_write(raw, collection, &self.access(), self.now.time(), self.budget)?)
    }

    /// Limits a query to the rows that exist for the caller (RSV-6).
    fn own(&self, mut query: Query) -> Result<Query, OperationError> {
        if let Some(own) = self.caller.organisations() {
            let collection = query.collection;
            let member = match collection {
                Collection::CodeReservation => "reserved_for",
                Collection::Organisation => "id",
                // Users, files, codes and profiles are limited where they are read.
                Collection::Users
                | Collection::Files
                | Collection::UniqueCode
                | Collection::ExportProfile
                | Collection::Roles => return Ok(query),
            };
            query.restrict(Filter::any_of(collection, member, own.iter().cloned())?);
        }
        Ok(query)
    }
}
