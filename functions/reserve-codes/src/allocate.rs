//! Allocation (architecture, step 1): all reservations of one pool in a batch share one transaction.
//!
//! This module decides which reservations fit into the pool. `store::allocate` writes the ranges with its conditions.
//! It renders no codes and writes no exports.

use std::collections::BTreeMap;

use common::{
    backoff::pause,
    code::{CodeError, CodeRequest, CodeType, Namespace, PoolSpec, pool_number},
    context::Context,
    export::{ExportError, ExportType},
    metrics::{Allocation, Event},
    operations::freeze,
    reservation::{Render, Reservation, sentence},
    store::{Allocated, MAX_PLACEMENTS, Placement, Pool, PoolEntry},
};

use crate::error::{KEY_MISMATCH, WorkError, fail_if_permanent};

/// Maximum attempts for one group. After that, its records fail and the stream delivers them again.
const MAX_TRIES: u32 = 10;

/// The position of a reservation and its result: the reservation with its range; `None` if it changed or ended with an
/// error; or an error.
pub(crate) type Outcome = (usize, Result<Option<Reservation>, WorkError>);

/// A reservation that waits for a range.
struct Waiting {
    position: usize,
    item: Reservation,
    spec: PoolSpec,
    render: Render,
}

/// Allocates ranges for all reservations with status `new`. The result pairs each position with its outcome.
pub(crate) async fn run(context: &Context, fresh: Vec<(usize, Reservation)>) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(fresh.len());
    let mut groups: BTreeMap<Namespace, Vec<Waiting>> = BTreeMap::new();
    for (position, item) in fresh {
        let prepared = prepare(context, &item).await;
        match fail_if_permanent(context, &item, prepared).await {
            Ok(Some((spec, render))) => {
                groups.entry(spec.namespace.clone()).or_default().push(Waiting { position, item, spec, render });
            }
            Ok(None) => outcomes.push((position, Ok(None))),
            Err(error) => outcomes.push((position, Err(error))),
        }
    }
    for (_, mut waiting) in groups {
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(MAX_PLACEMENTS));
            outcomes.extend(Group::new(context, waiting).run().await);
            waiting = rest;
        }
    }
    outcomes
}

/// Resolves the pool of a reservation and freezes the settings with which its export is rendered.
async fn prepare(context: &Context, item: &Reservation) -> Result<(PoolSpec, Render), WorkError> {
    let store = context.store();
    let organisation = match &item.reserved_for {
        Some(id) => store.organisation(id).await?,
        None => None,
    };
    let rules = context.config().rules();
    let code_type: CodeType = item.code_type.as_deref().unwrap_or_default().parse()?;
    let request = CodeRequest {
        code_type,
        product: item.product.as_deref(),
        company_prefix: organisation.as_ref().and_then(|o| o.organisation_company_prefix.as_deref()),
        length: item.length,
        character_set: item.character_set,
    };
    if item.quantity() == 0 {
        return Err(WorkError::Permanent("The quantity is missing.".to_owned()));
    }
    let spec = PoolSpec::resolve(&request, &rules.serials, rules.strict_check_digits)?;
    let render = freeze(item, organisation.as_ref(), context.config());
    render.export_type.parse::<ExportType>().map_err(ExportError::from)?;
    Ok((spec, render))
}

/// The reservations of one pool that share one transaction.
struct Group<'a> {
    context: &'a Context,
    waiting: Vec<Waiting>,
    outcomes: Vec<Outcome>,
    figures: Allocation,
}

impl<'a> Group<'a> {
    fn new(context: &'a Context, waiting: Vec<Waiting>) -> Self {
        let namespace = waiting.first().map(|first| first.spec.namespace.to_string()).unwrap_or_default();
        let figures = Allocation { reservations: 0, codes: 0, attempts: 0, conflicts: 0, fill: None, namespace };
        Self { context, waiting, outcomes: Vec::new(), figures }
    }

    async fn run(mut self) -> Vec<Outcome> {
        self.try_all().await;
        self.context.metrics().record(&Event::Allocation(self.figures));
        self.outcomes
    }

    async fn try_all(&mut self) {
        for attempt in 1..=MAX_TRIES {
            if self.waiting.is_empty() {
                return;
            }
            match self.attempt().await {
                Ok(Progress::Again) => {}
                Ok(Progress::Busy) => pause(attempt).await,
                Err(error) => {
                    self.give_up(&error);
                    return;
                }
            }
        }
        self.give_up(&WorkError::Transient(format!("the pool was contended {MAX_TRIES} times")));
    }

    /// One attempt: reads the pool, places the reservations that fit, and writes them in one transaction.
    async fn attempt(&mut self) -> Result<Progress, WorkError> {
        let store = self.context.store();
        let Some(first) = self.waiting.first() else { return Ok(Progress::Again) };
        let entry = self.entry(&first.spec).await?;
        let pool = entry.pool();
        self.figures.fill = Some((pool.next, pool.capacity));
        let key = self.context.secret().await?.pool_key(&pool.namespace);
        if key.check_value() != pool.check {
            // Another key would issue codes that already exist. RSV-1 covers indexes; this check extends it to codes.
            return self.fail_all(KEY_MISMATCH).await;
        }
        if matches!(entry, PoolEntry::Known(_)) {
            self.drop_other_character_sets(pool).await?;
        }

        let mut next = pool.next;
        let (mut placements, mut placed, mut too_large) = (Vec::new(), Vec::new(), Vec::new());
        for (index, waiting) in self.waiting.iter().enumerate() {
            if waiting.spec.character_set != pool.character_set {
                // The pool does not exist yet. It is not known yet whether its first reservation succeeds and so fixes
                // the set.
                continue;
            }
            let quantity = waiting.item.quantity();
            if waiting.spec.check(next, quantity).is_ok() {
                placements.push(Placement {
                    reservation: waiting.item.clone(),
                    start: next,
                    render: waiting.render.clone(),
                });
                placed.push(index);
                next = next.saturating_add(quantity);
            } else {
                too_large.push(index);
            }
        }
        if placements.is_empty() {
            // No reservation fits into the remaining capacity, so each ends with its own error. The error states what
            // is left.
            return self.fail_too_large(pool.next, &too_large).await;
        }
        self.figures.attempts += 1;
        match store.allocate(&entry, &placements, self.context.now()).await? {
            Allocated::Done(items) => {
                self.figures.reservations += items.len() as u64;
                self.figures.codes += next.saturating_sub(pool.next);
                self.figures.fill = Some((next, pool.capacity));
                for (index, item) in placed.iter().zip(items) {
                    if let Some(waiting) = self.waiting.get(*index) {
                        tracing::info!(reservation = %item.id, "reservation {} has its range", item.id);
                        self.outcomes.push((waiting.position, Ok(Some(item))));
                    }
                }
                self.remove(&placed);
                Ok(Progress::Again)
            }
            Allocated::Overtaken { changed, pool } => {
                self.figures.conflicts += 1;
                // A reservation that changed after it was read has a stream record of its own. The others are tried
                // again.
                let gone: Vec<usize> = changed.iter().filter_map(|position| placed.get(*position).copied()).collect();
                for index in &gone {
                    if let Some(waiting) = self.waiting.get(*index) {
                        self.outcomes.push((waiting.position, Ok(None)));
                    }
                }
                self.remove(&gone);
                Ok(if pool { Progress::Busy } else { Progress::Again })
            }
            Allocated::Busy => {
                self.figures.conflicts += 1;
                Ok(Progress::Busy)
            }
        }
    }

    /// The stored pool, or a new one if this is the first reservation of the namespace.
    async fn entry(&self, spec: &PoolSpec) -> Result<PoolEntry, WorkError> {
        if let Some(pool) = self.context.store().pool(&spec.namespace).await? {
            return Ok(PoolEntry::Known(pool));
        }
        let key = self.context.secret().await?.pool_key(&spec.namespace);
        Ok(PoolEntry::Fresh(Pool {
            namespace: spec.namespace.clone(),
            next: 0,
            capacity: spec.capacity(),
            character_set: spec.character_set,
            number: pool_number(rand::random()),
            check: key.check_value(),
        }))
    }

    /// Fails reservations that ask for another character set than the pool's. The first reservation of a namespace
    /// fixes the set.
    async fn drop_other_character_sets(&mut self, pool: &Pool) -> Result<(), WorkError> {
        let mut gone = Vec::new();
        for (index, waiting) in self.waiting.iter().enumerate() {
            if let Err(error) = waiting.spec.check_character_set(pool.character_set) {
                self.outcomes.push((waiting.position, self.fail(waiting, &error).await));
                gone.push(index);
            }
        }
        self.remove(&gone);
        Ok(())
    }

    async fn fail_too_large(&mut self, next: u64, too_large: &[usize]) -> Result<Progress, WorkError> {
        for index in too_large {
            let Some(waiting) = self.waiting.get(*index) else { continue };
            if let Err(error) = waiting.spec.check(next, waiting.item.quantity()) {
                self.outcomes.push((waiting.position, self.fail(waiting, &error).await));
            }
        }
        self.remove(too_large);
        Ok(Progress::Again)
    }

    async fn fail_all(&mut self, message: &str) -> Result<Progress, WorkError> {
        for waiting in std::mem::take(&mut self.waiting) {
            let result: Result<Reservation, _> = Err(WorkError::Permanent(message.to_owned()));
            self.outcomes.push((waiting.position, fail_if_permanent(self.context, &waiting.item, result).await));
        }
        Ok(Progress::Again)
    }

    async fn fail(&self, waiting: &Waiting, error: &CodeError) -> Result<Option<Reservation>, WorkError> {
        let result: Result<Reservation, _> = Err(WorkError::Permanent(sentence(&error.to_string())));
        fail_if_permanent(self.context, &waiting.item, result).await
    }

    /// Removes the reservations at these positions from the group. `positions` must be ascending.
    fn remove(&mut self, positions: &[usize]) {
        for position in positions.iter().rev() {
            self.waiting.remove(*position);
        }
    }

    fn give_up(&mut self, error: &WorkError) {
        for waiting in std::mem::take(&mut self.waiting) {
            self.outcomes.push((waiting.position, Err(WorkError::Transient(error.to_string()))));
        }
    }
}

/// How the group continues after an attempt.
enum Progress {
    /// Immediately.
    Again,
    /// After a random back-off, because another worker wrote the pool first.
    Busy,
}
