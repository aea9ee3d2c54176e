//! The render settings of an export. They are stored when the export begins, and a renderer is built from them whenever
//! its codes are needed.

use super::{FoundProfile, OperationError, profile_name};
use crate::{
    code::{CodeError, PoolSpec, RenderOptions, Renderer, Secret, link_domain},
    config::Config,
    directory::Organisation,
    reservation::{FrozenProfile, RENDERER_VERSION, Range, Render, Reservation},
};

/// The settings with which an export of `reservation` that begins now is rendered. `profile` is what its `export_type`
/// stands for, if that is the name of a profile.
#[must_use]
pub fn freeze(
    reservation: &Reservation,
    organisation: Option<&Organisation>,
    config: &Config,
    profile: Option<&FoundProfile>,
) -> Render {
    let own = |domain: fn(&Organisation) -> &Option<String>| {
        organisation.and_then(|organisation| domain(organisation).clone()).filter(|domain| !domain.trim().is_empty())
    };
    let own_domain = own(|organisation| &organisation.digital_link_domain);
    let own_short_domain = own(|organisation| &organisation.short_code_domain);
    Render {
        export_type: reservation.export_type.clone().unwrap_or_default(),
        url_suffix: reservation.url_suffix.clone().filter(|suffix| !suffix.is_empty()),
        digital_link_domain: own_domain.clone().unwrap_or_else(|| config.digital_link_domain.clone()),
        short_code_domain: own_short_domain.or(own_domain).or_else(|| config.short_code_domain.clone()),
        company_prefix: organisation.and_then(|organisation| organisation.organisation_company_prefix.clone()),
        lot_and_dates: reservation.lot_and_dates(),
        profile: profile
            .filter(|profile| profile_name(reservation) == Some(profile.profile.name))
            .map(|profile| profile.freeze(reservation, organisation)),
        version: RENDERER_VERSION,
    }
}

/// The settings with which an export that was begun before is rendered again. An export with a profile keeps all of them, so
/// that the file has the same bytes; others get those of now. `profile` is needed for a profile that is part of the service
/// and so changes with it.
#[must_use]
pub fn refreeze(
    reservation: &Reservation,
    organisation: Option<&Organisation>,
    config: &Config,
    profile: Option<&FoundProfile>,
) -> Render {
    let fresh = freeze(reservation, organisation, config, profile);
    let Some((old, frozen)) = with_profile(reservation).filter(|(old, _)| old.export_type == fresh.export_type) else {
        return fresh;
    };
    let built_in = profile.filter(|profile| profile.profile.name.is_built_in());
    let sha256 = built_in.map_or_else(|| frozen.sha256.clone(), |profile| profile.sha256.clone());
    let profile = Some(FrozenProfile { sha256, values: frozen.values.clone() });
    Render { profile, version: fresh.version, ..old.clone() }
}

/// The settings of the export that was begun, and the profile in them.
pub(super) fn with_profile(reservation: &Reservation) -> Option<(&Render, &FrozenProfile)> {
    let render = reservation.render.as_ref()?;
    render.profile.as_ref().map(|profile| (render, profile))
}

/// The organisation's row in the Directory has a domain that would change what links identify, or is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the organisation's {member} cannot be used: {reason}; ask the operator to correct it")]
pub struct UnusableDomain {
    /// The member of the organisation's row.
    member: &'static str,
    /// The form that is needed.
    reason: &'static str,
}

/// Checks the domains of an export that is about to begin. Those of the deployment are checked at start-up, that of an
/// organisation can be any text.
///
/// # Errors
/// [`UnusableDomain`] if [`link_domain`] refuses a domain.
pub fn check_domains(render: &Render) -> Result<(), UnusableDomain> {
    let long = Some(&render.digital_link_domain);
    for (member, domain) in [("digital_link_domain", long), ("short_code_domain", render.short_code_domain.as_ref())] {
        if let Some(domain) = domain {
            link_domain(domain).map_err(|reason| UnusableDomain { member, reason })?;
        }
    }
    Ok(())
}

/// The codes cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The pool was created with another key. Rendering would show codes other than the issued ones.
    #[error("the secret is not the one that the codes of {0} were made with")]
    OtherKey(String),
    /// The pool or its codes are malformed.
    #[error(transparent)]
    Code(#[from] CodeError),
}

impl From<RenderError> for OperationError {
    fn from(error: RenderError) -> Self {
        Self::Internal(error.to_string())
    }
}

/// The renderer of a range's codes.
///
/// # Errors
/// [`RenderError::OtherKey`] when the pool was created with another secret; [`RenderError::Code`] when the stored range
/// is malformed.
pub fn renderer(secret: &Secret, range: &Range, render: &Render) -> Result<Renderer, RenderError> {
    let spec = PoolSpec::from_pool(range.namespace.clone(), range.character_set)?;
    let key = secret.pool_key(&range.namespace);
    if key.check_value() != range.check {
        return Err(RenderError::OtherKey(range.namespace.to_string()));
    }
    Ok(Renderer::new(&spec, &key, &options(render))?)
}

/// What a renderer takes of the settings of an export.
pub(super) fn options(render: &Render) -> RenderOptions {
    RenderOptions {
        digital_link_domain: render.digital_link_domain.clone(),
        short_code_domain: render.short_code_domain.clone(),
        company_prefix: render.company_prefix.clone(),
        url_suffix: render.url_suffix.clone(),
        lot_and_dates: render.lot_and_dates.clone(),
    }
}
