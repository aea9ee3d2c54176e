//! [`export_file`]: the file of a reservation, compiled from what is stored.

use super::{RenderError, UnusableDomain, check_domains, profile_of_version, renderer};
use crate::{
    code::Secret,
    export::{ExportError, ExportFile, FileHead, Form, PartPolicy, profile::Particulars},
    reservation::{ExportType, Reservation},
    store::{Store, StoreError},
};

/// Why a file cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum ExportFileError {
    /// The reservation has no range, or not the settings of its rendering.
    #[error("the reservation has no range")]
    NoRange,
    /// The reservation names a version of a profile that is not stored, or none although its type is that of a profile.
    #[error("the version of the export profile with which the file was begun does not exist any more")]
    NoProfile,
    /// See [`UnusableDomain`].
    #[error(transparent)]
    Domain(#[from] UnusableDomain),
    /// See [`RenderError`].
    #[error(transparent)]
    Render(#[from] RenderError),
    /// See [`ExportError`].
    #[error(transparent)]
    Export(#[from] ExportError),
    /// DynamoDB does not answer, or the profile cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Compiles the file of a reservation with its frozen settings.
///
/// # Errors
/// [`ExportFileError`] with the reason.
pub async fn export_file(
    store: Store<'_>,
    secret: &Secret,
    item: &Reservation,
    policy: &PartPolicy,
) -> Result<ExportFile, ExportFileError> {
    let (Some(range), Some(render)) = (&item.range, &item.render) else { return Err(ExportFileError::NoRange) };
    check_domains(render)?;
    let export_type: ExportType = render.export_type.parse().map_err(ExportError::from)?;
    let renderer = renderer(secret, range, render)?;
    let id = item.id.to_string();
    let head = FileHead { reservation: &id, code_type: range.namespace.code_type };
    let gzip = export_type.is_gzip();
    if let Some(format) = export_type.format() {
        return Ok(ExportFile::compile(format, gzip, renderer, range.start, range.count, &head, policy)?);
    }
    let frozen = render.profile.as_ref().ok_or(ExportFileError::NoProfile)?;
    let found = profile_of_version(store, &frozen.sha256).await?.ok_or(ExportFileError::NoProfile)?;
    let particulars = Particulars {
        namespace: &range.namespace,
        company_prefix: render.company_prefix.as_deref(),
        values: &frozen.values,
    };
    let form = Form::Profile(&found.profile, particulars);
    Ok(ExportFile::compile(form, gzip, renderer, range.start, range.count, &head, policy)?)
}
