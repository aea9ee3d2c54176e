//! Codes, recomputed: as members of a reservation, as `unique_code` rows, and the other way round, from a code to the
//! reservation that issued it. Nothing here scans: an index is computed, and one range entry is read.

use std::{collections::HashMap, ops::Range};

use futures::future::try_join_all;
use serde_json::json;
use uuid::Uuid;

use super::{Caller, OperationError, renderer};
use crate::{
    code::{
        Candidate, IdKey, Namespace, Permutation, PoolSpec, Renderer, Secret, by_code, by_digital_link, by_join_key,
    },
    context::Context,
    query::{CodeLookup, Row, Window},
    reservation::Reservation,
    store::{Pool, Store},
};

/// The most codes in one answer.
pub const MAX_CODES: usize = 10_000;

/// Renders the codes of reservations as `unique_code` rows.
pub struct Codes<'a> {
    secret: &'a Secret,
    ids: IdKey,
}

impl<'a> Codes<'a> {
    /// Opens the codes; fetches the secret when first used in this process.
    ///
    /// # Errors
    /// When the secret cannot be fetched.
    pub async fn open(context: &'a Context) -> Result<Self, OperationError> {
        let secret = context.secret().await?;
        Ok(Self { secret, ids: secret.id_key() })
    }

    /// The rows of a window of a reservation's codes, by position; time does not depend on the offset.
    ///
    /// # Errors
    /// When the stored range cannot be rendered.
    pub fn window(&self, item: &Reservation, window: Window, descending: bool) -> Result<Vec<Row>, OperationError> {
        let Some(range) = &item.range else { return Ok(Vec::new()) };
        let Some(renderer) = self.renderer(item)? else { return Ok(Vec::new()) };
        offsets(item, window)
            .map(|offset| self.row(item, &renderer, if descending { range.count - 1 - offset } else { offset }))
            .collect()
    }

    /// Only the ids of a window of a reservation's codes.
    #[must_use]
    pub fn keys(&self, item: &Reservation, window: Window) -> Vec<Uuid> {
        let Some(range) = &item.range else { return Vec::new() };
        let offsets = offsets(item, window);
        let index = |offset| range.start.saturating_add(offset);
        self.ids.encode_range(range.pool_number, index(offsets.start)..index(offsets.end))
    }

    /// The row of the code at an index of the pool, if the reservation owns it.
    ///
    /// # Errors
    /// When the stored range cannot be rendered.
    pub fn at(&self, item: &Reservation, index: u64) -> Result<Option<Row>, OperationError> {
        let Some(offset) = item.range.as_ref().and_then(|range| offset_of(index, range.start, range.count)) else {
            return Ok(None);
        };
        let Some(renderer) = self.renderer(item)? else { return Ok(None) };
        self.row(item, &renderer, offset).map(Some)
    }

    fn renderer(&self, item: &Reservation) -> Result<Option<Renderer>, OperationError> {
        match (&item.range, &item.render) {
            (Some(range), Some(render)) => Ok(Some(renderer(self.secret, range, render)?)),
            _ => Ok(None),
        }
    }

    fn row(&self, item: &Reservation, renderer: &Renderer, offset: u64) -> Result<Row, OperationError> {
        let Some(range) = &item.range else { return Ok(Row::new()) };
        let index = range.start + offset;
        let code = renderer.code(index).map_err(|error| OperationError::Internal(error.to_string()))?;
        let row = json!({
            "id": self.ids.encode(range.pool_number, index),
            "user_created": item.user_created,
            "date_created": item.date_created,
            "user_updated": item.user_updated,
            "date_updated": item.date_updated,
            "digital_link": code.digital_link,
            "code": code.code,
            "product": item.product,
            "epc_join_key": code.epc_join_key,
            "status": "reserved",
            "reservation": item.id,
            "type": item.code_type,
            "identifier_job": null,
            "custom_id": null,
            "position": offset + 1,
        });
        Ok(row.as_object().cloned().unwrap_or_default())
    }
}

/// The codes of a reservation that a window shows, counted from 0.
pub(super) fn offsets(item: &Reservation, window: Window) -> Range<u64> {
    let count = item.range.as_ref().map_or(0, |range| range.count);
    let start = count.min(window.skip() as u64);
    start..window.take().map_or(count, |take| count.min(start.saturating_add(take as u64)))
}

/// A code that was issued: by which reservation, at which index of its pool.
#[derive(Clone, Debug)]
pub struct Found {
    /// The reservation, as it is now.
    pub reservation: Reservation,
    /// The index.
    pub index: u64,
}

fn offset_of(index: u64, start: u64, count: u64) -> Option<u64> {
    index.checked_sub(start).filter(|offset| *offset < count)
}

/// Finds the reservation that issued each code: the candidate pools of all lookups come in one batch read, then one query
/// for the range and one read of the reservation per code (three reads of the store for one code, whatever the volume).
///
/// Codes that are malformed, of unknown pools, or never issued are not found. Rights (RSV-6): a reservation that does not
/// exist for the caller is not found either.
///
/// # Errors
/// When the store or the secret does not answer.
pub async fn find(
    context: &Context,
    caller: &Caller,
    lookups: &[CodeLookup],
) -> Result<HashMap<CodeLookup, Vec<Found>>, OperationError> {
    let store = context.store();
    let candidates: Vec<(&CodeLookup, Vec<Candidate>)> =
        lookups.iter().map(|lookup| (lookup, candidates(lookup))).collect();
    let mut namespaces: Vec<_> =
        candidates.iter().flat_map(|(_, list)| list).map(|candidate| candidate.namespace.clone()).collect();
    namespaces.sort();
    namespaces.dedup();
    let mut found: HashMap<CodeLookup, Vec<Found>> = HashMap::new();
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
    for ((lookup, _, index), reservation) in issued.iter().zip(try_join_all(owners).await?) {
        let asked = |item: &Reservation| match lookup {
            // A key without a product (an SSCC) is found whatever product was named; it must be the reservation's.
            CodeLookup::Code { product: Some(product), .. } => item.product.as_ref() == Some(product),
            _ => true,
        };
        if let Some(reservation) = reservation.filter(|item| caller.sees(item.reserved_for.as_deref()) && asked(item)) {
            found.entry((*lookup).clone()).or_default().push(Found { reservation, index: *index });
        }
    }
    Ok(found)
}

/// Finds the reservation that a code's id belongs to.
///
/// # Errors
/// As [`find`].
pub async fn find_id(context: &Context, caller: &Caller, id: Uuid) -> Result<Option<Found>, OperationError> {
    let store = context.store();
    let Some((pool_number, index)) = context.secret().await?.id_key().decode(id) else { return Ok(None) };
    let Some(namespace) = store.namespace_of(pool_number).await? else { return Ok(None) };
    let reservation = owner(store, &namespace, index).await?;
    Ok(reservation
        .filter(|reservation| caller.sees(reservation.reserved_for.as_deref()))
        .map(|reservation| Found { reservation, index }))
}

fn candidates(lookup: &CodeLookup) -> Vec<Candidate> {
    match lookup {
        CodeLookup::Code { code, product } => by_code(code, product.as_deref()),
        CodeLookup::DigitalLink(link) => by_digital_link(link),
        CodeLookup::EpcJoinKey(key) => by_join_key(key),
    }
}

/// The index of a code in its pool, by the inverse permutation; none where it was never issued.
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

/// The reservation whose range holds an index, if it still exists in the incarnation that got the range.
async fn owner(store: Store<'_>, namespace: &Namespace, index: u64) -> Result<Option<Reservation>, OperationError> {
    let Some(range) = store.range_of(namespace, index).await? else { return Ok(None) };
    let Some(id) = range.reservation else { return Ok(None) };
    let reservation = store.reservation(id).await?;
    Ok(reservation.filter(|reservation| Some(reservation.incarnation) == range.incarnation))
}
