//! The forms of a reservation's codes as its export contains them: the link, the element string, the data of a GS1
//! symbol. The rows of `unique_code` do not have all of them. For pictures of codes.

use std::ops::Range;

use uuid::Uuid;

use super::{OperationError, Session, code_rows::CodeRows};
use crate::{
    code::Code,
    context::Context,
    query::{Action, Collection, Limit},
};

/// Maximum number of codes of one call.
const MAX_FORMS: u64 = 100;

/// The forms of a reservation's codes at offsets (from 0), `MAX_FORMS` at most. None while it has no codes.
///
/// # Errors
/// `FORBIDDEN` without the right to read codes, and for a reservation that does not exist for the caller (RSV-6);
/// `INVALID_QUERY` when the request looked up too many codes; `SERVICE_UNAVAILABLE` when DynamoDB or the secret does not
/// answer.
pub async fn of(
    context: &Context,
    session: Session<'_>,
    reservation: Uuid,
    offsets: Range<u64>,
) -> Result<Vec<Code>, OperationError> {
    session.caller.may(Action::Read, Collection::UniqueCode)?;
    let item = session.caller.own(context.store().reservation(reservation).await?)?;
    let offsets = offsets.start..offsets.end.min(offsets.start.saturating_add(MAX_FORMS));
    session
        .budget
        .spend(Limit::Codes, usize::try_from(offsets.end.saturating_sub(offsets.start)).unwrap_or(usize::MAX))?;
    if item.range.is_none() {
        return Ok(Vec::new());
    }
    CodeRows::open(context).await?.forms(&item, offsets)
}
