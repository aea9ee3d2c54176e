//! Export profiles: which one a name stands for, and whether it can show the codes of a reservation.
//!
//! A profile of the reservation's organisation comes before one of the deployment. The built-in profiles have names of
//! their own.

use std::{collections::HashMap, sync::Arc};

use serde_json::json;

use super::{
    OperationError, freeze,
    render::{options, with_profile},
};
use crate::{
    code::{CodeRequest, CodeType, CompanyPrefix, PoolSpec, Renderer, Secret},
    config::Config,
    context::Context,
    directory::Organisation,
    export::{
        FileHead,
        profile::{Particulars, Profile, ProfileFault, Source, built_in, built_in_version},
    },
    reservation::{ExportType, FieldError, FrozenProfile, ProfileName, Render, Reservation, Status, Values},
    store::{Store, StoreError},
};

/// A version of a profile.
#[derive(Clone, Debug)]
pub struct FoundProfile {
    /// The SHA-256 of its canonical form.
    pub sha256: String,
    /// The profile.
    pub profile: Arc<Profile>,
}

impl FoundProfile {
    fn new(profile: &Profile) -> Self {
        Self { sha256: profile.sha256(), profile: Arc::new(profile.clone()) }
    }

    /// The version, with the values that it reads of a reservation.
    #[must_use]
    pub fn freeze(&self, reservation: &Reservation, organisation: Option<&Organisation>) -> FrozenProfile {
        let sources = self.profile.sources();
        let of = |source, value: Option<String>| value.filter(|_| sources.contains(&source));
        let name = || organisation?.other.get("organisation_name")?.as_str().map(str::to_owned);
        let values = Values {
            reference_id: of(Source::ReferenceId, reservation.reference_id.clone()),
            purchase_order: of(Source::PurchaseOrder, reservation.purchase_order.clone()),
            organisation_name: of(Source::OrganisationName, name()),
            reserved_at: of(Source::ReservedAt, reservation.date_created.map(|at| at.to_string())),
        };
        FrozenProfile { sha256: self.sha256.clone(), values }
    }
}

/// The name of the profile with which a reservation is exported, if it has one.
#[must_use]
pub fn profile_name(reservation: &Reservation) -> Option<ProfileName> {
    reservation.export_type.as_deref()?.parse::<ExportType>().ok()?.profile()
}

/// The profile that a name stands for now, for a reservation of this organisation.
///
/// # Errors
/// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when the stored profile cannot be read.
pub async fn find_profile(
    store: Store<'_>,
    organisation: Option<&str>,
    name: ProfileName,
) -> Result<Option<FoundProfile>, StoreError> {
    if let Some(profile) = built_in(name) {
        return Ok(Some(FoundProfile::new(profile)));
    }
    let own = match organisation.filter(|organisation| !organisation.is_empty()) {
        Some(organisation) => store.profile(Some(organisation), name).await?,
        None => None,
    };
    let row = match own {
        Some(own) => Some(own),
        None => store.profile(None, name).await?,
    };
    match row {
        None => Ok(None),
        Some(row) => profile_of_version(store, &row.sha256).await?.map(Some).ok_or_else(|| StoreError::Corrupt {
            table: store.config().tables.directory.clone(),
            key: format!("profile/{}", row.id),
            reason: format!("its version {} does not exist", row.sha256),
        }),
    }
}

/// A version of a profile by its SHA-256; `None` if it is not stored.
///
/// # Errors
/// As [`find_profile`].
pub async fn profile_of_version(store: Store<'_>, sha256: &str) -> Result<Option<FoundProfile>, StoreError> {
    if let Some(profile) = built_in_version(sha256) {
        return Ok(Some(FoundProfile { sha256: sha256.to_owned(), profile: Arc::new(profile.clone()) }));
    }
    let Some(text) = store.profile_version(sha256).await? else { return Ok(None) };
    let read = Profile::stored(&text).map_err(|mistakes| StoreError::Corrupt {
        table: store.config().tables.directory.clone(),
        key: format!("profile_version/{sha256}"),
        reason: mistakes.first().map(ToString::to_string).unwrap_or_default(),
    })?;
    Ok(Some(FoundProfile { sha256: sha256.to_owned(), profile: Arc::new(read) }))
}

/// Stands for the company prefix of an organisation that has none. It is as short as such prefixes are, so that codes
/// built from it are not longer than those that the organisation may have later.
const STAND_IN_PREFIX: &str = "9506";

/// Checks whether a profile can show the codes of a reservation, as far as that is known before they are reserved.
///
/// Codes that cannot be built at all, because the organisation has no company prefix, end the reservation with an error of
/// their own when they are reserved, whatever the type of export. What the profile demands besides is checked here.
///
/// # Errors
/// [`ProfileFault`] with the member that is the reason.
pub fn check_profile(
    found: &FoundProfile,
    reservation: &Reservation,
    organisation: Option<&Organisation>,
    config: &Config,
) -> Result<(), ProfileFault> {
    let (profile, quantity) = (&found.profile, reservation.quantity());
    profile.check_rows(quantity)?;
    let Some(code_type) = reservation.code_type.as_deref().and_then(|text| text.parse::<CodeType>().ok()) else {
        return Ok(());
    };
    profile.check_type(code_type)?;
    let prefix = organisation.and_then(|one| one.organisation_company_prefix.as_deref());
    let usable = prefix.filter(|prefix| CompanyPrefix::parse(prefix).is_ok());
    let is_built_from_it = code_type.needs_company_prefix() && reservation.range.is_none();
    if usable.is_none() && (prefix.is_some() || is_built_from_it) {
        profile.check_without_prefix(prefix)?;
    }
    let Some(spec) = pool_like(reservation, code_type, usable, config) else { return Ok(()) };
    let render =
        Render { company_prefix: usable.map(str::to_owned), ..freeze(reservation, organisation, config, Some(found)) };
    let Some(frozen) = &render.profile else { return Ok(()) };
    // The texts around a code do not depend on the secret.
    let Ok(secret) = Secret::new(&[0; 32]) else { return Ok(()) };
    let key = secret.pool_key(&spec.namespace);
    let Ok(renderer) = Renderer::new(&spec, &key, &options(&render)) else { return Ok(()) };
    let id = reservation.id.to_string();
    let head = FileHead { reservation: &id, code_type };
    let particulars = Particulars { namespace: &spec.namespace, company_prefix: usable, values: &frozen.values };
    profile.check(&renderer, &head, &particulars, quantity)
}

/// The pool of a reservation's codes. If they cannot be built, one whose codes are not longer; `None` if not even the
/// product is known.
fn pool_like(
    reservation: &Reservation,
    code_type: CodeType,
    company_prefix: Option<&str>,
    config: &Config,
) -> Option<PoolSpec> {
    if let Some(range) = &reservation.range {
        return PoolSpec::from_pool(range.namespace.clone(), range.character_set).ok();
    }
    let rules = config.rules();
    let resolved = |company_prefix, length| {
        let (product, character_set) = (reservation.product.as_deref(), reservation.character_set);
        let request = CodeRequest { code_type, product, company_prefix, length, character_set };
        PoolSpec::resolve(&request, &rules.serials, rules.strict_check_digits).ok()
    };
    resolved(company_prefix, reservation.length)
        // Behind a long company prefix, a `giai` of the length that is asked for has no room.
        .or_else(|| resolved(company_prefix, None))
        .or_else(|| resolved(Some(STAND_IN_PREFIX), reservation.length))
}

/// The failed rule of a member.
fn rule_of(fault: ProfileFault) -> FieldError {
    let valid = fault.most.map(|most| Box::new(json!(most)));
    FieldError { valid, ..FieldError::new(fault.member, fault.rule, fault.reason) }
}

/// The profiles that the rows of one request name. Each is read once.
pub(super) struct Profiles<'a> {
    context: &'a Context,
    found: HashMap<(Option<String>, ProfileName), Option<FoundProfile>>,
    organisations: HashMap<String, Option<Organisation>>,
}

impl<'a> Profiles<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self { context, found: HashMap::new(), organisations: HashMap::new() }
    }

    /// The profile of a reservation as its name stands for now.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
    pub(super) async fn of(&mut self, item: &Reservation) -> Result<Option<FoundProfile>, OperationError> {
        let Some(name) = profile_name(item) else { return Ok(None) };
        let key = (item.reserved_for.clone(), name);
        if let Some(known) = self.found.get(&key) {
            return Ok(known.clone());
        }
        let found = find_profile(self.context.store(), item.reserved_for.as_deref(), name).await?;
        self.found.insert(key, found.clone());
        Ok(found)
    }

    async fn organisation(&mut self, item: &Reservation) -> Result<Option<Organisation>, OperationError> {
        let Some(id) = &item.reserved_for else { return Ok(None) };
        if let Some(known) = self.organisations.get(id) {
            return Ok(known.clone());
        }
        let organisation = self.context.store().organisation(id).await?;
        self.organisations.insert(id.clone(), organisation.clone());
        Ok(organisation)
    }

    /// Checks a reservation that is created: whether there is its profile, and whether that can show its codes.
    ///
    /// # Errors
    /// `FAILED_VALIDATION` with the member that is the reason; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
    pub(super) async fn check(&mut self, item: &Reservation) -> Result<(), OperationError> {
        if profile_name(item).is_none() {
            return Ok(());
        }
        let invalid = |error| Err(OperationError::FailedValidation(vec![error]));
        let Some(found) = self.of(item).await? else { return invalid(ExportType::unknown()) };
        let organisation = self.organisation(item).await?;
        match check_profile(&found, item, organisation.as_ref(), self.context.config()) {
            Ok(()) => Ok(()),
            Err(fault) => invalid(rule_of(fault)),
        }
    }

    /// Checks a reservation that is changed, if the change concerns its profile: another type of export, a new export, or
    /// what a coming export shows. An export that is repeated as it was needs no check: all that it shows is frozen.
    ///
    /// # Errors
    /// As [`Profiles::check`].
    pub(super) async fn check_change(&mut self, old: &Reservation, new: &Reservation) -> Result<(), OperationError> {
        let shown = |item| with_profile(item).map(|(render, _)| Render { version: 0, ..render.clone() });
        let is_repeated = new.generation != old.generation && shown(new).is_some() && shown(new) == shown(old);
        let is_coming = new.status == Status::New && without_export(old) != without_export(new);
        let concerns = new.export_type != old.export_type || is_coming || new.generation != old.generation;
        if concerns && !is_repeated { self.check(new).await } else { Ok(()) }
    }
}

/// What a coming export depends on.
fn without_export(item: &Reservation) -> Reservation {
    let (user_updated, date_updated, version) = (None, None, 0);
    Reservation { user_updated, date_updated, version, error_message: None, ..item.clone() }
}
