//! Loads the rows that relations point to: one batch read per relation, whatever the number of rows.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use uuid::Uuid;

use super::{
    Caller, OperationError, Session,
    code_rows::{CodeRows, MAX_CODES, UNITS_PER_CODE, offsets},
    find_codes::find_codes,
    rows,
};
use crate::{
    context::Context,
    query::{CodeLookup, Collection, Limit, Needs, Query, Related, Row, schema::Relation},
    reservation::Reservation,
    store::AssumedUser,
};

/// Maximum number of related rows of one collection that are kept for the next rows.
const MAX_RELATED: usize = 2_000;

/// Loads relations into a [`Related`].
pub struct Loader<'a> {
    context: &'a Context,
    /// The caller for whom rows are loaded.
    pub(super) caller: &'a Caller,
    /// What was loaded.
    pub related: Related,
    lookups: HashMap<CodeLookup, Vec<Uuid>>,
    /// Reservations that lookups read, so that they need not be read again.
    found: HashMap<Uuid, Reservation>,
}

impl<'a> Loader<'a> {
    /// A loader that has loaded nothing.
    #[must_use]
    pub fn new(context: &'a Context, session: Session<'a>) -> Self {
        let related = Related::within(session.budget);
        Self { context, caller: session.caller, related, lookups: HashMap::new(), found: HashMap::new() }
    }

    /// Resolves the codes that a query filters by.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` when DynamoDB or the secret does not answer.
    pub async fn resolve_codes(&mut self, query: &Query) -> Result<(), OperationError> {
        let lookups: Vec<_> = query.code_lookups().into_iter().cloned().collect();
        if lookups.is_empty() {
            return Ok(());
        }
        let mut found = find_codes(self.context, self.caller, &lookups).await?;
        for lookup in lookups {
            let found = found.remove(&lookup).unwrap_or_default();
            let ids: Vec<Uuid> = found.iter().map(|found| found.reservation.id).collect();
            self.related.set_lookup(lookup.clone(), ids.iter().map(Uuid::to_string));
            self.lookups.insert(lookup, ids);
            self.found.extend(found.into_iter().map(|found| (found.reservation.id, found.reservation)));
        }
        Ok(())
    }

    /// The reservations that have one of these codes. [`Loader::resolve_codes`] must have resolved the codes before.
    #[must_use]
    pub fn reservations_with(&self, codes: &[CodeLookup]) -> Vec<Uuid> {
        codes.iter().filter_map(|code| self.lookups.get(code)).flatten().copied().collect()
    }

    /// Reads reservations by id. Those that a lookup has read already are not read again. Those that do not exist are
    /// left out. `members` and `reader` are those of
    /// [`Store::members_of_reservations`](crate::store::Store::members_of_reservations).
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
    pub async fn reservations(
        &mut self,
        ids: &[Uuid],
        members: &[&'static str],
        reader: Option<&AssumedUser>,
    ) -> Result<Vec<Reservation>, OperationError> {
        let unknown: Vec<Uuid> = ids.iter().filter(|id| !self.found.contains_key(id)).copied().collect();
        let read = self.context.store().members_of_reservations(&unknown, members, reader).await?;
        if self.found.is_empty() {
            return Ok(read);
        }
        self.found.extend(read.into_iter().map(|item| (item.id, item)));
        Ok(ids.iter().filter_map(|id| self.found.remove(id)).collect())
    }

    /// Loads the related rows that filter and sort need, for all candidate rows.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
    pub async fn to_evaluate(
        &mut self,
        needs: &Needs,
        collection: Collection,
        rows: &[Row],
    ) -> Result<(), OperationError> {
        for path in &needs.evaluate {
            self.follow(collection, rows, path).await?;
        }
        Ok(())
    }

    /// Loads the related rows that the answer shows, for the rows of the answer.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
    pub async fn to_render(
        &mut self,
        needs: &Needs,
        collection: Collection,
        rows: &[Row],
    ) -> Result<(), OperationError> {
        // Paths are sorted, so the beginning of a longer path is loaded before it.
        for path in &needs.render {
            self.follow(collection, rows, path).await?;
        }
        Ok(())
    }

    /// Follows a path of relations from the rows, loading each step in one batch.
    async fn follow(
        &mut self,
        collection: Collection,
        rows: &[Row],
        path: &[&'static str],
    ) -> Result<(), OperationError> {
        let mut collection = collection;
        let mut reached: Option<Vec<Row>> = None;
        for (position, name) in path.iter().enumerate() {
            let current = reached.as_deref().unwrap_or(rows);
            let Some(field) = collection.field(name) else { return Ok(()) };
            match field.relation {
                Relation::One(target) => {
                    let keys: BTreeSet<String> =
                        current.iter().filter_map(|row| row.get(name)?.as_str().map(str::to_owned)).collect();
                    let missing: Vec<String> =
                        keys.iter().filter(|key| self.related.get(target, key).is_none()).cloned().collect();
                    for row in self.fetch(target, &missing).await? {
                        self.related.insert(target, row);
                    }
                    reached = Some(keys.iter().filter_map(|key| self.related.get(target, key).cloned()).collect());
                    collection = target;
                }
                Relation::Many(target) => {
                    let ids = current.iter().filter_map(|row| row.get("id").and_then(Value::as_str));
                    // Only what leads on: the codes of an answer are many.
                    let next = path.get(position + 1);
                    let leads_on = |row: &Row| {
                        let member = next.and_then(|next| Some((*next, row.get(next)?.clone())));
                        member.map(|member| Row::from([member])).unwrap_or_default()
                    };
                    reached = Some(ids.flat_map(|id| self.related.codes(id)).map(leads_on).collect());
                    collection = target;
                }
                Relation::None | Relation::Foreign(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Reads rows of a collection by key. Leaves out rows that do not exist for the caller (RSV-6).
    async fn fetch(&mut self, collection: Collection, keys: &[String]) -> Result<Vec<Row>, OperationError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let store = self.context.store();
        Ok(match collection {
            Collection::Users => {
                let users = store.users(keys, |theirs| self.caller.sees_user(theirs)).await?;
                users.iter().map(rows::user).collect()
            }
            Collection::Organisation => {
                let own = |id: &str| self.caller.sees(Some(id));
                let keys: Vec<String> = keys.iter().filter(|key| own(key)).cloned().collect();
                store.organisations(&keys).await?.iter().map(rows::organisation).collect()
            }
            Collection::Files => {
                let files = store.files(keys).await?;
                files.iter().filter(|file| self.caller.sees(file.organisation.as_deref())).map(rows::file).collect()
            }
            Collection::CodeReservation => {
                let ids: Vec<_> = keys.iter().filter_map(|key| crate::reservation::uuid(key)).collect();
                let mut items = store.reservations(&ids).await?;
                items.retain(|item| self.caller.sees(item.reserved_for.as_deref()));
                self.counts(&items);
                items.iter().map(rows::reservation).collect()
            }
            Collection::Roles => keys.iter().filter_map(|key| rows::role(key)).collect(),
            // Codes are not stored. Their rows are computed when a reservation is shown. No member refers to a profile.
            Collection::UniqueCode | Collection::ExportProfile => Vec::new(),
        })
    }

    /// Computes the codes of the reservations that are shown: their rows, or only their ids if no other member is
    /// shown.
    ///
    /// # Errors
    /// `INVALID_QUERY` for more than `MAX_CODES` codes; `SERVICE_UNAVAILABLE` when the secret cannot be fetched;
    /// `INTERNAL_SERVER_ERROR` when a stored range cannot be rendered.
    pub async fn codes(&mut self, needs: &Needs, items: &[Reservation]) -> Result<(), OperationError> {
        if needs.count_to_render || needs.count_to_evaluate {
            self.counts(items);
        }
        let Some(window) = needs.codes else { return Ok(()) };
        let reserved = || items.iter().filter(|item| item.range.is_some());
        let shown = |item| {
            let offsets = offsets(item, window);
            offsets.end - offsets.start
        };
        let total: u64 = reserved().map(shown).sum();
        if total > MAX_CODES as u64 {
            return Err(OperationError::InvalidQuery(format!(
                "The answer would hold {total} codes, {MAX_CODES} at most are allowed. Use \"limit\" or \"deep[codes][_limit]\""
            )));
        }
        if total == 0 {
            return Ok(());
        }
        let units = usize::try_from(total).unwrap_or(usize::MAX).saturating_mul(UNITS_PER_CODE);
        self.related.budget().spend(Limit::Evaluation, units)?;
        let codes = CodeRows::open(self.context).await?;
        self.related.set_codes_start(window.skip());
        let members = needs.code_members();
        for item in reserved() {
            let id = item.id.to_string();
            match needs.codes_are_keys {
                true => self.related.set_code_keys(id, codes.keys(item, window)),
                false => {
                    self.related.set_codes(id, codes.window(item, window, false, &members)?);
                }
            }
        }
        Ok(())
    }

    /// Forgets related rows that were needed to evaluate rows which are evaluated by now, when they have become many.
    pub fn forget(&mut self) {
        self.related.forget_rows(MAX_RELATED);
    }

    /// Counts the codes of reservations.
    pub fn counts(&mut self, items: &[Reservation]) {
        for item in items {
            let count = item.range.as_ref().map_or(0, |range| range.count);
            self.related.set_codes_count(item.id.to_string(), count);
        }
    }
}
