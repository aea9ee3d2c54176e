//! Who may name the `character_set` of a reservation. The first reservation of a namespace fixes its set for everyone.
//! So a caller who is limited to organisations may name one only for keys of these organisations.
//!
//! The rule depends on the request and on the caller's own organisations, never on a pool: the answer must not tell
//! whether others reserved codes.

use super::{Caller, OperationError};
use crate::{
    code::{CodeType, CompanyPrefix, is_own_key},
    context::Context,
    reservation::{FieldError, Reservation},
};

/// The check for the rows of one request. It reads the caller's organisations once, when the first row names a set.
pub(super) struct CharacterSets<'a> {
    context: &'a Context,
    caller: &'a Caller,
    prefixes: Option<Vec<CompanyPrefix>>,
}

impl<'a> CharacterSets<'a> {
    pub(super) fn new(context: &'a Context, caller: &'a Caller) -> Self {
        Self { context, caller, prefixes: None }
    }

    /// Checks a row that the caller creates.
    ///
    /// # Errors
    /// `FAILED_VALIDATION` for a `character_set` that the caller must not name; `SERVICE_UNAVAILABLE` when DynamoDB
    /// does not answer.
    pub(super) async fn check(&mut self, item: &Reservation) -> Result<(), OperationError> {
        let (Some(own), Some(_)) = (self.caller.organisations(), item.character_set) else { return Ok(()) };
        let code_type: Option<CodeType> = item.code_type.as_deref().and_then(|text| text.parse().ok());
        let prefixes = match &mut self.prefixes {
            Some(known) => known,
            unknown => unknown.insert(prefixes(self.context, own).await?),
        };
        if code_type.is_some_and(|code_type| is_own_key(code_type, item.product.as_deref(), prefixes)) {
            return Ok(());
        }
        Err(OperationError::FailedValidation(vec![FieldError::new("character_set", "null", REASON)]))
    }

    /// Checks a row that the caller changes, if the change concerns its namespace or its character set.
    ///
    /// # Errors
    /// As [`CharacterSets::check`].
    pub(super) async fn check_change(&mut self, old: &Reservation, new: &Reservation) -> Result<(), OperationError> {
        let members = |item: &Reservation| {
            let Reservation { reserved_for, code_type, product, length, character_set, .. } = item.clone();
            (reserved_for, code_type, product, length, character_set)
        };
        if members(old) == members(new) {
            return Ok(());
        }
        self.check(new).await
    }
}

const REASON: &str = "Value has to be null, because the key does not begin with the GS1 Company Prefix of one of your \
                      organisations.";

/// The company prefixes of these organisations.
async fn prefixes(context: &Context, organisations: &[String]) -> Result<Vec<CompanyPrefix>, OperationError> {
    let organisations = context.store().organisations(organisations).await?;
    let prefixes = organisations.iter().filter_map(|one| one.organisation_company_prefix.as_deref());
    Ok(prefixes.filter_map(|prefix| CompanyPrefix::parse(prefix).ok()).collect())
}
