//! The organisations that a person may choose from.

use common::{
    operations::{OperationError, organisations},
    query::{Action, Collection},
};
use serde_json::json;

use crate::{
    failure::Failure,
    rows::{Row, query},
    visit::Visit,
};

/// Maximum number of organisations that are offered. The keys of others are typed.
const MAX_OFFERED: usize = 200;

/// The organisations that a person may choose from.
pub(super) struct Offered {
    /// Keys and names. Those who may not read organisations see the keys.
    pub(super) organisations: Vec<(String, String)>,
    /// Whether the person may name others.
    pub(super) is_open: bool,
}

impl Offered {
    /// The key of the only organisation that a person may choose.
    pub(super) fn only(&self) -> Option<&str> {
        match self.organisations.as_slice() {
            [(only, _)] => Some(only),
            _ => None,
        }
    }

    /// What is offered to the person of a visit.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
    pub(super) async fn to(visit: &Visit<'_>) -> Result<Self, Failure> {
        let own = visit.caller().organisations();
        if visit.caller().may(Action::Read, Collection::Organisation).is_ok() {
            let parameters = query(json!({
                "fields": ["id", "organisation_name"],
                "sort": ["organisation_name", "id"],
                "limit": MAX_OFFERED + 1,
            }));
            match organisations::list(visit.context, visit.session(), &parameters).await {
                Ok((_, answer)) => {
                    let mut rows = Row::all(answer.data);
                    let is_open = own.is_none() || rows.len() > MAX_OFFERED;
                    rows.truncate(MAX_OFFERED);
                    let organisations =
                        rows.iter().map(|row| (row.id().to_owned(), row.organisation().to_owned())).collect();
                    return Ok(Self { organisations, is_open });
                }
                // There are too many to read.
                Err(OperationError::TooManyItems(_)) => return Ok(Self { organisations: Vec::new(), is_open: true }),
                Err(error) => return Err(error.into()),
            }
        }
        let offered = own.unwrap_or_default().iter().take(MAX_OFFERED).map(|id| (id.clone(), id.clone())).collect();
        Ok(Self { organisations: offered, is_open: own.is_none_or(|own| own.len() > MAX_OFFERED) })
    }
}
