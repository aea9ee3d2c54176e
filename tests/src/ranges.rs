//! Writes ranges for reservations directly into the store, where the service itself would take too long.

use std::error::Error;

use common::{
    code::{CharacterSet, CodeType, Namespace, PoolSpec},
    context::Context,
    operations::freeze,
    reservation::{Reservation, Timestamp},
    store::{Allocated, MAX_PLACEMENTS, Placement, Pool, PoolEntry},
};

/// Gives stored reservations of one product consecutive ranges of its pool. Nothing is exported. If the pool does not
/// exist, it is created with this number.
///
/// # Errors
/// `StoreError` when DynamoDB fails or refuses a write.
pub async fn allocate(
    context: &Context,
    gtin: &str,
    items: &[Reservation],
    number: u64,
    now: Timestamp,
) -> Result<Vec<Reservation>, Box<dyn Error + Send + Sync>> {
    let namespace = Namespace::new(CodeType::Sgtin, gtin, 8)?;
    let spec = PoolSpec::from_pool(namespace, CharacterSet::Alphanumeric)?;
    let mut allocated = Vec::new();
    for chunk in items.chunks(MAX_PLACEMENTS) {
        let entry = match context.store().pool(&spec.namespace).await? {
            Some(pool) => PoolEntry::Known(pool),
            None => {
                let check = context.secret().await?.pool_key(&spec.namespace).check_value();
                PoolEntry::Fresh(Pool::new(&spec, number, check))
            }
        };
        let mut start = entry.pool().next;
        let mut placements = Vec::new();
        for item in chunk {
            let render = freeze(item, None, context.config(), None);
            placements.push(Placement { reservation: item.clone(), start, render });
            start += item.quantity();
        }
        match context.store().allocate(&entry, &placements, &[], now).await? {
            Allocated::Done(items) => allocated.extend(items),
            other => return Err(format!("{other:?}").into()),
        }
    }
    Ok(allocated)
}
