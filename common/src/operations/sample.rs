//! What the codes of a reservation would look like: a code that is random and reserved by nobody, and how many codes
//! are left where the caller may know that. Reads only, and needs neither the secret nor a right to write the tables.

use serde_json::Value;

use super::{OperationError, Session, freeze, relation_keys::keys_of_relations, render::options};
use crate::{
    code::{Audience, Code, CodeRequest, CompanyPrefix, PoolSpec, Renderer, Secret, is_own_key},
    context::Context,
    query::{Action, Collection},
    reservation::{
        FieldError, Reservation,
        create::{Birth, Draft},
        sentence,
    },
    store::Pool,
};

/// Maximum tries to draw an index that is not the pool's next one.
const MAX_DRAWS: usize = 8;

/// A sample of the codes of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// A code that looks like those of the reservation. Its key is the real one, its serial is random: it is neither
    /// the pool's next code nor computed with the secret.
    pub code: Code,
    /// How many codes are left in the pool; `None` if the caller may not know.
    pub left: Option<u64>,
}

/// A sample of what a reservation with this input would get.
///
/// # Errors
/// `FORBIDDEN` without the right to create, and for an organisation that does not exist for the caller;
/// `FAILED_VALIDATION` for a bad input, and for one whose codes cannot be made (an organisation without the company
/// prefix that they are built from); `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub async fn of(context: &Context, session: Session<'_>, input: &Value) -> Result<Sample, OperationError> {
    session.caller.may(Action::Create, Collection::CodeReservation)?;
    let rules = context.config().rules();
    let draft = Draft::parse(&*keys_of_relations(input)?, &rules)?;
    if !session.caller.sees(Some(&draft.reserved_for)) {
        return Err(OperationError::no_row());
    }
    let organisation = context.store().organisation(&draft.reserved_for).await?;
    let prefix = organisation.as_ref().and_then(|one| one.organisation_company_prefix.clone());
    let request = CodeRequest {
        code_type: draft.code_type,
        product: draft.product.as_deref(),
        company_prefix: prefix.as_deref(),
        length: draft.length,
        character_set: draft.character_set,
    };
    let spec = PoolSpec::resolve(&request, &rules.serials, rules.strict_check_digits).map_err(|error| {
        let field = error.field().unwrap_or("code_type");
        OperationError::FailedValidation(vec![FieldError::new(field, "regex", sentence(&error.to_string()))])
    })?;
    let own = prefix.as_deref().and_then(|prefix| CompanyPrefix::parse(prefix).ok());
    let is_own_key = is_own_key(draft.code_type, request.product, own.as_slice());
    let pool = context.store().pool(&spec.namespace).await?;
    // A reservation that names no character set takes that of the pool, which only those may see who may know the rest.
    let knows = is_told(session, pool.as_ref(), &draft.reserved_for, is_own_key);
    let spec = match pool.as_ref().filter(|_| knows && draft.character_set.is_none()) {
        Some(pool) => PoolSpec::from_pool(pool.namespace.clone(), pool.character_set).map_err(internal)?,
        None => spec,
    };
    let next = pool.as_ref().map_or(0, |pool| pool.next);
    let left = knows.then(|| pool.as_ref().map_or(spec.capacity(), |pool| pool.capacity).saturating_sub(next));
    let birth = Birth { id: uuid::Uuid::nil(), incarnation: uuid::Uuid::nil(), user: String::new(), now: session.now };
    let reservation: Reservation = draft.into_reservation(birth);
    let render = freeze(&reservation, organisation.as_ref(), context.config(), None);
    // With a key that is thrown away, the serial has nothing in common with those of the pool.
    let key = Secret::new(&rand::random::<[u8; 32]>()).map_err(internal)?.pool_key(&spec.namespace);
    let renderer = Renderer::new(&spec, &key, &options(&render)).map_err(internal)?;
    let code = renderer.code(index(spec.space(), next)).map_err(internal)?;
    Ok(Sample { code, left })
}

fn internal(error: crate::code::CodeError) -> OperationError {
    OperationError::Internal(error.to_string())
}

/// Whether the caller may know what is in the pool: an administrator of everything, and the only organisation with
/// codes of it. While there is no pool, nothing is in it.
fn is_told(session: Session<'_>, pool: Option<&Pool>, organisation: &str, is_own_key: bool) -> bool {
    if session.caller.sees_pools() {
        return true;
    }
    // Before the first reservation, the answer must not tell whether others have codes.
    pool.is_some_and(|pool| pool.audience(Some(organisation), is_own_key) == Audience::Owner)
}

/// A random index below `space` other than `next`. The codes of some types count up, so the code at `next` would be the
/// one that the next reservation gets.
fn index(space: u128, next: u64) -> u64 {
    let most = u64::try_from(space).unwrap_or(u64::MAX).max(1);
    let drawn = std::iter::repeat_with(|| rand::random::<u64>() % most).take(MAX_DRAWS);
    let other = if next == 0 { most - 1 } else { 0 };
    drawn.into_iter().find(|index| *index != next).unwrap_or(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_in_the_space_and_never_the_next_one() {
        for (space, next) in [(2, 0), (2, 1), (10, 9), (1_000, 5), (u128::MAX, 7)] {
            for _ in 0..1_000 {
                let index = index(space, next);
                assert!(u128::from(index) < space && index != next, "{index} of {space}, next {next}");
            }
        }
    }
}
