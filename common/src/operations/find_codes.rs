//! Finds the reservation that issued a code: by the code, its Digital Link, its EPC join key, its RFID tag or its id.
//!
//! No table is scanned: the inverse permutation gives the index of a code in its pool, and the range entry with this
//! index names the reservation.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::{Caller, OperationError};
use crate::{
    code::{Candidate, CodeType, Namespace, Permutation, PoolSpec, Secret, is_short_link},
    concurrency,
    context::Context,
    query::CodeLookup,
    reservation::Reservation,
    store::{Pool, RangeEntry, Store},
};

/// A code that was issued, with its reservation and its index in the pool.
#[derive(Clone, Debug)]
pub(super) struct FoundCode {
    /// The reservation, as it is now.
    pub(super) reservation: Reservation,
    /// The index.
    pub(super) index: u64,
}

/// Finds the reservation that issued each code. One batch read gets the candidate pools of all lookups. Each code then
/// needs one query for its range and one read of its reservation. So one code takes three reads, whatever the number of
/// codes that were issued.
///
/// Codes that are malformed, of unknown pools, or never issued are not found. Neither are codes of reservations that do
/// not exist for the caller (RSV-6).
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB or the secret does not answer; `INTERNAL_SERVER_ERROR` when the pool was created
/// with another secret.
pub(super) async fn find_codes(
    context: &Context,
    caller: &Caller,
    lookups: &[CodeLookup],
) -> Result<HashMap<CodeLookup, Vec<FoundCode>>, OperationError> {
    let store = context.store();
    let candidates: Vec<(&CodeLookup, Vec<Candidate>)> =
        lookups.iter().map(|lookup| (lookup, lookup.candidates())).collect();
    let mut namespaces: Vec<_> =
        candidates.iter().flat_map(|(_, list)| list).map(|candidate| candidate.namespace.clone()).collect();
    namespaces.sort();
    namespaces.dedup();
    let mut found: HashMap<CodeLookup, Vec<FoundCode>> = HashMap::new();
    if namespaces.is_empty() {
        return Ok(found);
    }
    let pools = store.pools(&namespaces).await?;
    let secret = if pools.is_empty() { None } else { Some(context.secret().await?) };
    let mut issued = Vec::new();
    for (lookup, list) in candidates {
        for candidate in list {
            let Some(pool) = pools.iter().find(|pool| pool.namespace == candidate.namespace) else { continue };
            let Some(secret) = secret else { continue };
            if let Some(index) = index_of(secret, pool, &candidate.varying)? {
                issued.push((lookup, &pool.namespace, index));
            }
        }
    }
    let owners = issued.iter().map(|(_, namespace, index)| owner(store, namespace, *index));
    for ((lookup, _, index), reservation) in issued.iter().zip(concurrency::all(owners).await?) {
        let asked = |item: &Reservation| match lookup {
            // A key without a product (an SSCC) is found whatever product the lookup names, so the reservation's
            // product is compared.
            CodeLookup::Code { product: Some(product), .. } => item.product.as_ref() == Some(product),
            CodeLookup::DigitalLink(link) => links_to(context, link, item),
            CodeLookup::Code { product: None, .. } | CodeLookup::EpcJoinKey(_) | CodeLookup::EpcHex(_) => true,
        };
        let is_found =
            |item: &Reservation| caller.sees(item.reserved_for.as_deref()) && asked(item) && !contradicts(lookup, item);
        if let Some(reservation) = reservation.filter(is_found) {
            found.entry((*lookup).clone()).or_default().push(FoundCode { reservation, index: *index });
        }
    }
    Ok(found)
}

/// Finds the reservation that a code's id belongs to.
///
/// # Errors
/// As [`find_codes`].
pub(super) async fn find_code_by_id(
    context: &Context,
    caller: &Caller,
    id: Uuid,
) -> Result<Option<FoundCode>, OperationError> {
    let store = context.store();
    let Some((pool_number, index)) = context.secret().await?.id_key().decode(id) else { return Ok(None) };
    let Some(namespace) = store.namespace_of(pool_number).await? else { return Ok(None) };
    let reservation = owner(store, &namespace, index).await?;
    Ok(reservation
        .filter(|reservation| caller.sees(reservation.reserved_for.as_deref()))
        .map(|reservation| FoundCode { reservation, index }))
}

/// A code that was issued, for operators: also one whose reservation was deleted.
#[derive(Clone, Debug)]
pub struct TracedCode {
    /// The namespace of its pool.
    pub namespace: Namespace,
    /// Its index in the pool.
    pub index: u64,
    /// The range that contains the index; no reservation owns a burned one.
    pub range: RangeEntry,
    /// The reservation, if the incarnation that got the range still exists.
    pub reservation: Option<Reservation>,
}

/// Finds who was issued a code: one batch read of the candidate pools and of the secret's row, one query for the range, and one batch read of
/// the reservations. A code of several pools needs one query for each: an 18-digit number can be an SSCC and a GSRN.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB or the secret does not answer; `INTERNAL_SERVER_ERROR` when the pool was created
/// with another secret.
pub async fn trace_code(context: &Context, lookup: &CodeLookup) -> Result<Vec<TracedCode>, OperationError> {
    let store = context.store();
    let candidates = lookup.candidates();
    let namespaces: BTreeSet<Namespace> = candidates.iter().map(|candidate| candidate.namespace.clone()).collect();
    if namespaces.is_empty() {
        return Ok(Vec::new());
    }
    let (pools, secret) = store.pools_and_secret(&namespaces.into_iter().collect::<Vec<_>>()).await?;
    let mut traced = Vec::new();
    for candidate in candidates {
        let Some(pool) = pools.iter().find(|pool| pool.namespace == candidate.namespace) else { continue };
        let Some(index) = index_of(context.secret_of(secret.as_ref()).await?, pool, &candidate.varying)? else {
            continue;
        };
        let Some(range) = store.range_of(&pool.namespace, index).await? else { continue };
        traced.push(TracedCode { namespace: pool.namespace.clone(), index, range, reservation: None });
    }
    let ids: Vec<Uuid> = traced.iter().filter_map(|traced| traced.range.reservation).collect();
    let reservations = if ids.is_empty() { Vec::new() } else { store.reservations(&ids).await? };
    for code in &mut traced {
        let is_owner = |item: &&Reservation| {
            Some(item.id) == code.range.reservation && Some(item.incarnation) == code.range.incarnation
        };
        code.reservation = reservations.iter().find(is_owner).cloned();
    }
    // Without its reservation a code is only known by its index.
    let is_named = |item: &Reservation| match lookup {
        CodeLookup::DigitalLink(link) => links_to(context, link, item) && !contradicts(lookup, item),
        _ => !contradicts(lookup, item),
    };
    traced.retain(|code| code.reservation.as_ref().is_none_or(is_named));
    Ok(traced)
}

/// The index of a code, issued or not, in the pools of its candidates, each with the pool's namespace and character set
/// as a specification says (for pools that are lost). Reads nothing.
///
/// # Errors
/// [`OperationError::Internal`] when the permutation cannot be set up.
pub fn indexes_in(
    secret: &Secret,
    lookup: &CodeLookup,
    spec: impl Fn(&Namespace) -> Option<PoolSpec>,
) -> Result<Vec<(PoolSpec, u64)>, OperationError> {
    let internal = |error: crate::code::CodeError| OperationError::Internal(error.to_string());
    let mut found = Vec::new();
    for candidate in lookup.candidates() {
        let Some(spec) = spec(&candidate.namespace) else { continue };
        let permutation = Permutation::new(&spec, &secret.pool_key(&spec.namespace)).map_err(internal)?;
        if let Some(index) = permutation.index_of(&candidate.varying) {
            found.push((spec, index));
        }
    }
    Ok(found)
}

/// Whether a text states another lot or date than the codes of the reservation have. They are frozen with the export.
fn contradicts(lookup: &CodeLookup, item: &Reservation) -> bool {
    item.render.as_ref().is_some_and(|render| lookup.contradicts(&render.lot_and_dates))
}

/// Whether a link leads to the code of a reservation that it was found for. A Digital Link identifies its code on every
/// domain, a short link on a domain of short links only: the one of the reservation's export or the deployment's. If
/// there is neither, every domain is accepted, because someone else made the links.
fn links_to(context: &Context, link: &str, item: &Reservation) -> bool {
    if item.code_type.as_deref() != Some(CodeType::ShortCode.as_str()) {
        return true;
    }
    let of_export = item.render.as_ref().and_then(|render| render.short_code_domain.as_deref());
    let mut domains = of_export.into_iter().chain(context.config().short_code_domain.as_deref()).peekable();
    domains.peek().is_none() || domains.any(|domain| is_short_link(link, domain))
}

/// The index of a code in its pool, by the inverse permutation; `None` if it was never issued.
fn index_of(secret: &Secret, pool: &Pool, varying: &str) -> Result<Option<u64>, OperationError> {
    let key = secret.pool_key(&pool.namespace);
    if key.check_value() != pool.check {
        return Err(OperationError::Internal(format!("the secret is not the one of {}", pool.namespace)));
    }
    let internal = |error: crate::code::CodeError| OperationError::Internal(error.to_string());
    let spec = PoolSpec::from_pool(pool.namespace.clone(), pool.character_set).map_err(internal)?;
    let permutation = Permutation::new(&spec, &key).map_err(internal)?;
    Ok(permutation.index_of(varying).filter(|index| *index < pool.next))
}

/// The reservation whose range contains an index, if the incarnation that got the range still exists.
async fn owner(store: Store<'_>, namespace: &Namespace, index: u64) -> Result<Option<Reservation>, OperationError> {
    let Some(range) = store.range_of(namespace, index).await? else { return Ok(None) };
    let Some(id) = range.reservation else { return Ok(None) };
    let reservation = store.reservation(id).await?;
    Ok(reservation.filter(|reservation| Some(reservation.incarnation) == range.incarnation))
}
