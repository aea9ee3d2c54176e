//! Reads what operators changed.

use uuid::Uuid;

use super::DirectoryError;
use crate::{context::Context, directory::Audit, reservation::Timestamp};

/// Which changes are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// By authors whose name contains this text.
    pub by: Option<String>,
    /// Of actions that begin with this text: `user`, or `user.add`.
    pub action: Option<String>,
    /// Of objects that contain this text.
    pub object: Option<String>,
}

/// Lists changes, newest first.
///
/// # Errors
/// [`DirectoryError::Store`] when DynamoDB does not answer, or a row cannot be read.
pub async fn list(context: &Context, wanted: &Wanted, limit: usize) -> Result<Vec<Audit>, DirectoryError> {
    let first = wanted.since.map_or(Uuid::nil(), first_id_at).to_string();
    let last = wanted.until.map_or(Uuid::max(), last_id_before).to_string();
    if first > last {
        return Ok(Vec::new());
    }
    let has = |text: &str, part: &Option<String>| part.as_ref().is_none_or(|part| text.contains(part.as_str()));
    let keep = |audit: &Audit| {
        let is_action = wanted.action.as_ref().is_none_or(|action| audit.action.starts_with(action.as_str()));
        is_action && has(&audit.by, &wanted.by) && has(&audit.object, &wanted.object)
    };
    Ok(context.store().audits((&first, &last), limit, keep).await?)
}

/// The least UUID of version 7 of a time.
fn first_id_at(time: Timestamp) -> Uuid {
    let milliseconds = u64::try_from(time.time().timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(u128::from(milliseconds) << 80)
}

/// The largest id that is less than those of a time.
fn last_id_before(time: Timestamp) -> Uuid {
    Uuid::from_u128(first_id_at(time).as_u128().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_time_lie_between_the_bounds_of_that_time() {
        let time = Timestamp::parse("2026-01-01T00:00:00.123Z").unwrap();
        let after = Timestamp::parse("2026-01-01T00:00:00.124Z").unwrap();
        let id = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1_767_225_600, 123_000_000));
        assert!(first_id_at(time) <= id && id <= last_id_before(after), "{id}");
        assert!(last_id_before(time) < id && id < first_id_at(after));
    }
}
