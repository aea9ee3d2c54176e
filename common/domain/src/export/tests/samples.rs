//! Renderers for tests: every type of code, with and without its optional forms.

use crate::code::{
    CharacterSet, CodeRequest, CodeType, LotAndDates, Namespace, PoolSpec, RenderOptions, Renderer, Secret,
    SerialDefaults,
};

/// A reservation's id with all characters that XML escapes.
pub(in crate::export) const HEAD_ID: &str = "<a&\"b'>";

/// The query of the samples' links, with characters that CSV quotes and XML escapes.
const SUFFIX: &str = "?lot=A,1&who='me'";

pub(in crate::export) const COMPANY_PREFIX: &str = "9506000";

/// A renderer, with its name and type.
pub(in crate::export) struct Sample {
    pub(in crate::export) name: &'static str,
    pub(in crate::export) code_type: CodeType,
    pub(in crate::export) namespace: Namespace,
    pub(in crate::export) renderer: Renderer,
}

/// At least one sample of every type. The first is an `sgtin` whose codes have all forms.
pub(in crate::export) fn all() -> Vec<Sample> {
    use CharacterSet::{Hex, Numeric, Rfid96, Uppercase};
    use CodeType::{Cpi, Gdti, Giai, Grai, Gsrn, Itip, Sgcn, Sgtin, ShortCode, Sscc};

    let with_suffix = RenderOptions {
        company_prefix: Some(COMPANY_PREFIX.to_owned()),
        url_suffix: Some(SUFFIX.to_owned()),
        ..RenderOptions::default()
    };
    let bare = RenderOptions::default();
    let short = RenderOptions { short_code_domain: Some("https://s.example".to_owned()), ..RenderOptions::default() };
    let gtin = "/01/09506000134352";
    [
        ("sgtin", Sgtin, gtin, None, None, &with_suffix),
        ("sgtin without a company prefix", Sgtin, gtin, Some(9), Some(Hex), &bare),
        ("sgtin of 20 digits", Sgtin, gtin, Some(20), Some(Numeric), &with_suffix),
        ("sgtin for a 96-bit tag", Sgtin, gtin, None, Some(Rfid96), &with_suffix),
        ("sscc", Sscc, "", None, None, &with_suffix),
        ("grai", Grai, "/8003/09506000123455", Some(16), None, &with_suffix),
        ("short code", ShortCode, "", None, None, &bare),
        ("short code with a domain", ShortCode, "", Some(7), None, &short),
        ("giai", Giai, "", Some(20), None, &with_suffix),
        ("gsrn", Gsrn, "", None, None, &bare),
        ("gdti", Gdti, "/253/9506000654324", Some(17), Some(Uppercase), &with_suffix),
        ("itip", Itip, "/8006/095060001343520102", Some(11), None, &with_suffix),
        ("cpi", Cpi, "/8010/9506000AB#-12", None, None, &with_suffix),
        ("sgcn", Sgcn, "/255/9506000777771", None, None, &with_suffix),
    ]
    .map(|(name, code_type, product, length, character_set, options)| {
        let request = CodeRequest {
            code_type,
            product: Some(product).filter(|_| code_type.needs_product()),
            company_prefix: Some(COMPANY_PREFIX),
            length,
            character_set,
        };
        sample(name, &request, options)
    })
    .into()
}

/// An `sgtin` of a lot.
pub(in crate::export) fn of_lot(lot: &str) -> Sample {
    let request = CodeRequest {
        code_type: CodeType::Sgtin,
        product: Some("/01/09506000134352"),
        company_prefix: Some(COMPANY_PREFIX),
        length: None,
        character_set: None,
    };
    let lot_and_dates = LotAndDates { lot: Some(lot.to_owned()), ..LotAndDates::default() };
    sample("sgtin of a lot", &request, &RenderOptions { lot_and_dates, ..RenderOptions::default() })
}

fn sample(name: &'static str, request: &CodeRequest<'_>, options: &RenderOptions) -> Sample {
    let spec = PoolSpec::resolve(request, &SerialDefaults::default(), true).unwrap();
    let secret = Secret::new(&[b's'; 64]).unwrap();
    let renderer = Renderer::new(&spec, &secret.pool_key(&spec.namespace), options).unwrap();
    Sample { name, code_type: request.code_type, namespace: spec.namespace, renderer }
}
