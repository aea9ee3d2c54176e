//! Renderers of every type of code, for the examples.

use common::code::{
    CodeError, CodeRequest, CodeType, LotAndDates, PoolSpec, RenderOptions, Renderer, Secret, SerialDefaults,
};

/// The company prefix of the samples' keys. All keys have right check digits.
const COMPANY_PREFIX: &str = "9506000";

/// The pool of the samples of a type.
///
/// # Errors
/// The errors of [`PoolSpec::resolve`].
pub(crate) fn spec(code_type: CodeType) -> Result<PoolSpec, CodeError> {
    let product = match code_type {
        CodeType::Sgtin => Some("/01/09506000134352"),
        CodeType::Grai => Some("/8003/09506000123455"),
        CodeType::Gdti => Some("/253/9506000654324"),
        CodeType::Itip => Some("/8006/095060001343520102"),
        CodeType::Cpi => Some("/8010/9506000AB#-12"),
        CodeType::Sgcn => Some("/255/9506000777771"),
        CodeType::Sscc | CodeType::Giai | CodeType::Gsrn | CodeType::ShortCode => None,
    };
    let company_prefix = Some(COMPANY_PREFIX);
    let request = CodeRequest { code_type, product, company_prefix, length: None, character_set: None };
    PoolSpec::resolve(&request, &SerialDefaults::default(), true)
}

/// A renderer of a type, with the defaults of a deployment, this query of its links, and lot and dates.
///
/// # Errors
/// The errors of [`PoolSpec::resolve`] and [`Renderer::new`].
pub(crate) fn renderer(
    code_type: CodeType,
    url_suffix: &str,
    lot_and_dates: LotAndDates,
) -> Result<Renderer, CodeError> {
    let spec = spec(code_type)?;
    let secret = Secret::new(&[b's'; 64])?;
    let options = RenderOptions {
        company_prefix: Some(COMPANY_PREFIX.to_owned()),
        url_suffix: Some(url_suffix.to_owned()),
        lot_and_dates,
        ..RenderOptions::default()
    };
    Renderer::new(&spec, &secret.pool_key(&spec.namespace), &options)
}
