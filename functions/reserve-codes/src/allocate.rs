//! Allocation (architecture, step 1): all reservations of one pool in a batch share one transaction.
//!
//! This module decides which reservations fit into the quota of their organisation and into the pool, in this order: a
//! caller whose quota is used up must not learn from the order of errors what a pool contains. `store::allocate` writes
//! the ranges with its conditions. It renders no codes and writes no exports.

use std::collections::BTreeMap;

use common::{
    backoff::pause_on,
    code::{Audience, CodeError, CodeRequest, CodeType, CompanyPrefix, Namespace, PoolSpec, is_own_key, pool_number},
    config::Config,
    context::{Context, SecretError},
    directory::Organisation,
    export::{ExportError, ExportType, profile::ProfileFault},
    metrics::{Allocation, Event},
    operations::{FoundProfile, check_domains, check_profile, find_profile, freeze},
    reservation::{Render, Reservation, sentence},
    store::{Allocated, MAX_PLACEMENTS, Placement, Pool, PoolEntry, has_room},
};

use crate::{
    error::{KEY_MISMATCH, PREFIX_TAKEN, WorkError, fail_if_permanent},
    quota::{Quota, Today},
};

/// Maximum attempts for one group. After that, its records fail and the stream delivers them again.
const MAX_TRIES: u32 = 10;

/// The position of a reservation and its result: the reservation with its range; `None` if it changed or ended with an
/// error; or an error.
pub(crate) type Outcome = (usize, Result<Option<Reservation>, WorkError>);

/// A reservation that waits for a range.
struct Waiting {
    position: usize,
    item: Reservation,
    prepared: Prepared,
}

/// What a reservation needs for a range.
struct Prepared {
    /// The pool as it would be created for this reservation. Its character set is the one that the reservation names,
    /// or the deployment's default.
    spec: PoolSpec,
    render: Render,
    /// The quota of its organisation, if there is one.
    quota: Option<Quota>,
    /// Whether the key is built from the company prefix of its organisation.
    is_own_key: bool,
    /// The profile of the export, if it has one.
    profile: Option<FoundProfile>,
    organisation: Option<Organisation>,
}

impl Waiting {
    /// The pool as it is for this reservation; `None` while the pool does not exist and would have another character
    /// set. Then it is not known yet whether its first reservation succeeds and so fixes the set. A reservation that
    /// names no set takes that of an existing pool.
    fn spec_in(&self, entry: &PoolEntry) -> Result<Option<PoolSpec>, CodeError> {
        let character_set = entry.pool().character_set;
        match entry {
            _ if self.prepared.spec.character_set == character_set => Ok(Some(self.prepared.spec.clone())),
            PoolEntry::Fresh(_) => Ok(None),
            PoolEntry::Known(_) => PoolSpec::from_pool(self.prepared.spec.namespace.clone(), character_set).map(Some),
        }
    }

    /// Checks that the pool has the character set that the reservation names and enough codes after `next`. `spec` is
    /// the pool as [`Self::spec_in`] gives it.
    ///
    /// Others than the owner get the answer that depends on their request alone first: more codes than an empty pool
    /// of the named set has are too many whatever the pool is.
    fn fits(&self, spec: &PoolSpec, pool: &Pool, next: u64) -> Result<(), CodeError> {
        let (quantity, asked) = (self.item.quantity(), self.prepared.spec.character_set);
        let audience = pool.audience(self.item.reserved_for.as_deref(), self.prepared.is_own_key);
        // A reservation that names no set takes the pool's.
        if self.item.character_set.is_some() {
            if audience == Audience::Others && !self.prepared.spec.fits(0, quantity) {
                return Err(self.prepared.spec.shortage(0, quantity, asked, audience));
            }
            self.prepared.spec.check_character_set(pool.character_set, audience)?;
        }
        if spec.fits(next, quantity) { Ok(()) } else { Err(spec.shortage(next, quantity, asked, audience)) }
    }

    /// Checks the profile again if the pool has another character set than the reservation would have given it: an RFID
    /// tag of 96 bits cannot hold every serial.
    fn check_profile(&self, spec: &PoolSpec, config: &Config) -> Result<(), ProfileFault> {
        let Prepared { profile, organisation, .. } = &self.prepared;
        let Some(profile) = profile.as_ref().filter(|_| spec.character_set != self.prepared.spec.character_set) else {
            return Ok(());
        };
        let (length, character_set) = (Some(spec.length), Some(spec.character_set));
        let item = Reservation { length, character_set, ..self.item.clone() };
        check_profile(profile, &item, organisation.as_ref(), config)
    }
}

/// Allocates ranges for all reservations with status `new`. The result pairs each position with its outcome.
pub(crate) async fn run(context: &Context, fresh: Vec<(usize, Reservation)>) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(fresh.len());
    let mut groups: BTreeMap<Namespace, Vec<Waiting>> = BTreeMap::new();
    for (position, item) in fresh {
        let prepared = prepare(context, &item).await;
        match fail_if_permanent(context, &item, prepared).await {
            Ok(Some(prepared)) => {
                let waiting = Waiting { position, item, prepared };
                groups.entry(waiting.prepared.spec.namespace.clone()).or_default().push(waiting);
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

/// Resolves the pool of a reservation and its quota, and freezes the settings with which its export is rendered.
async fn prepare(context: &Context, item: &Reservation) -> Result<Prepared, WorkError> {
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
    let export_type: ExportType = item.export_type.as_deref().unwrap_or_default().parse().map_err(ExportError::from)?;
    let profile = match export_type.profile() {
        Some(name) => {
            let found = find_profile(store, item.reserved_for.as_deref(), name).await?;
            let found = found.ok_or_else(|| WorkError::Permanent(no_profile(export_type)))?;
            check_profile(&found, item, organisation.as_ref(), context.config()).map_err(ExportError::from)?;
            Some(found)
        }
        None => None,
    };
    let render = freeze(item, organisation.as_ref(), context.config(), profile.as_ref());
    check_domains(&render)?;
    if let Some(format) = export_type.format() {
        format.check_rows(item.quantity()).map_err(ExportError::from)?;
    }
    let quota = quota_of(context, item, organisation.as_ref())?;
    let prefix = request.company_prefix.and_then(|prefix| CompanyPrefix::parse(prefix).ok());
    let is_own_key = is_own_key(code_type, request.product, prefix.as_slice());
    Ok(Prepared { spec, render, quota, is_own_key, profile, organisation })
}

/// The message of a reservation whose profile was removed after the reservation was created.
fn no_profile(export_type: ExportType) -> String {
    format!("There is no export profile {export_type}. Choose another export_type and set the status to \"new\".")
}

/// The quota of a reservation's organisation. An organisation without a row has the deployment's.
fn quota_of(
    context: &Context,
    item: &Reservation,
    organisation: Option<&Organisation>,
) -> Result<Option<Quota>, WorkError> {
    let default = context.config().max_codes_per_day;
    let codes_per_day = match organisation {
        Some(organisation) => organisation.codes_per_day(default)?,
        None => Some(default).filter(|quota| *quota > 0),
    };
    let quota = |(organisation, codes_per_day)| Quota { organisation, codes_per_day };
    Ok(item.reserved_for.clone().zip(codes_per_day).map(quota))
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
        let namespace = waiting.first().map(|first| first.prepared.spec.namespace.to_string()).unwrap_or_default();
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
                Ok(Progress::Busy) => pause_on(self.context.host(), attempt).await,
                Err(error) => {
                    self.give_up(&error);
                    return;
                }
            }
        }
        self.give_up(&WorkError::Away(format!("the pool was contended {MAX_TRIES} times")));
    }

    /// One attempt: reads the pool, places the reservations that fit, and writes them in one transaction.
    async fn attempt(&mut self) -> Result<Progress, WorkError> {
        let store = self.context.store();
        let Some(first) = self.waiting.first() else { return Ok(Progress::Again) };
        let entry = self.entry(&first.prepared.spec).await?;
        let pool = entry.pool();
        self.figures.fill = Some((pool.next, pool.capacity));
        let key = self.context.secret().await?.pool_key(&pool.namespace);
        let fits = key.check_value() == pool.check;
        if !self.context.is_secret_known() {
            // Tables of an older version do not say which secret is theirs, but their pools do. With another one nothing is
            // allocated and nothing fails: everything waits until the secret is restored.
            let other = match &entry {
                PoolEntry::Known(pool) => (!fits).then(|| pool.namespace.clone()),
                PoolEntry::Fresh(_) => self.context.pool_of_another_secret().await?,
            };
            if let Some(namespace) = other {
                tracing::error!("the pool {namespace} was made with another secret");
                return Err(SecretError::Other.into());
            }
        }
        if !fits {
            // Another key would issue codes that already exist. RSV-1 covers indexes; this check extends it to codes.
            return self.fail_all(KEY_MISMATCH).await;
        }
        self.context.establish_secret().await?;

        let now = self.context.now();
        let mut today =
            Today::read(store, self.waiting.iter().filter_map(|waiting| waiting.prepared.quota.as_ref()), now).await?;
        let mut next = pool.next;
        let (mut placements, mut placed, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (index, waiting) in self.waiting.iter().enumerate() {
            let Some(spec) = waiting.spec_in(&entry)? else { continue };
            let (quantity, quota) = (waiting.item.quantity(), waiting.prepared.quota.as_ref());
            if let Err(message) = today.check(quota, quantity) {
                refused.push((index, message));
            } else if let Err(error) = waiting.fits(&spec, pool, next) {
                refused.push((index, sentence(&error.to_string())));
            } else if let Err(fault) = waiting.check_profile(&spec, self.context.config()) {
                refused.push((index, fault.reason));
            } else if has_room(&entry, placements.len() + 1, today.counts_with(quota)) {
                placements.push(Placement {
                    reservation: waiting.item.clone(),
                    start: next,
                    render: waiting.prepared.render.clone(),
                });
                placed.push(index);
                next = next.saturating_add(quantity);
                today.add(quota, quantity);
            } else {
                // The rest is for the next transaction.
                break;
            }
        }
        if placements.is_empty() {
            // No reservation fits into what is left, so each ends with its own error.
            return self.fail_refused(refused).await;
        }
        self.figures.attempts += 1;
        match store.allocate(&entry, &placements, &today.to_write(), today.now()).await? {
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
            Allocated::PrefixTaken => {
                self.fail_refused(placed.into_iter().map(|index| (index, PREFIX_TAKEN.to_owned())).collect()).await
            }
        }
    }

    /// The stored pool, or a new one if this is the first reservation of the namespace.
    async fn entry(&self, spec: &PoolSpec) -> Result<PoolEntry, WorkError> {
        if let Some(pool) = self.context.store().pool(&spec.namespace).await? {
            return Ok(PoolEntry::Known(pool));
        }
        let key = self.context.secret().await?.pool_key(&spec.namespace);
        Ok(PoolEntry::Fresh(Pool::new(spec, pool_number(self.context.host().random()), key.check_value())))
    }

    /// Fails reservations by position, each with its own message.
    async fn fail_refused(&mut self, refused: Vec<(usize, String)>) -> Result<Progress, WorkError> {
        let gone: Vec<usize> = refused.iter().map(|(index, _)| *index).collect();
        for (index, message) in refused {
            let Some(waiting) = self.waiting.get(index) else { continue };
            let outcome = self.fail(waiting, message).await;
            self.outcomes.push((waiting.position, outcome));
        }
        self.remove(&gone);
        Ok(Progress::Again)
    }

    async fn fail_all(&mut self, message: &str) -> Result<Progress, WorkError> {
        let all = (0..self.waiting.len()).map(|index| (index, message.to_owned())).collect();
        self.fail_refused(all).await
    }

    async fn fail(&self, waiting: &Waiting, message: String) -> Result<Option<Reservation>, WorkError> {
        fail_if_permanent(self.context, &waiting.item, Err(WorkError::Permanent(message))).await
    }

    /// Removes the reservations at these positions from the group. `positions` must be ascending.
    fn remove(&mut self, positions: &[usize]) {
        for position in positions.iter().rev() {
            self.waiting.remove(*position);
        }
    }

    fn give_up(&mut self, error: &WorkError) {
        for waiting in std::mem::take(&mut self.waiting) {
            self.outcomes.push((waiting.position, Err(error.clone())));
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
