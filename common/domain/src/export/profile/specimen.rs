//! Sample codes of every form that reservations can have, for rules about profiles that have none yet. Nobody is issued
//! one of them: their key is public.

use std::sync::LazyLock;

use crate::code::{CharacterSet, Namespace, PoolSpec, RenderOptions, Renderer, Secret};

/// A company prefix that GS1 keeps for examples.
pub(super) const COMPANY_PREFIX: &str = "9506000";

/// Every type, with a character set and a part identifier for each of its RFID schemes. The serials are as short as
/// possible.
const FORMS: [(&str, CharacterSet); 13] = [
    ("sgtin#09506000134352#6", CharacterSet::Alphanumeric),
    ("sgtin#09506000134352#12", CharacterSet::Rfid96),
    ("sscc#9506000#18", CharacterSet::Numeric),
    ("grai#9506000123455#6", CharacterSet::Alphanumeric),
    ("grai#9506000123455#12", CharacterSet::Rfid96),
    ("short_code#deployment#6", CharacterSet::Alphanumeric),
    ("giai#9506000#6", CharacterSet::Alphanumeric),
    ("gsrn#9506000#18", CharacterSet::Numeric),
    ("gdti#9506000654324#6", CharacterSet::Alphanumeric),
    ("itip#095060001343520102#6", CharacterSet::Alphanumeric),
    ("cpi#95060001#7", CharacterSet::Numeric),
    ("cpi#9506000A#7", CharacterSet::Numeric),
    ("sgcn#9506000777771#6", CharacterSet::Numeric),
];

/// Codes of one form.
pub(super) struct Specimen {
    pub(super) namespace: Namespace,
    pub(super) renderer: Renderer,
}

/// A test counts them, so none is left out here.
static ALL: LazyLock<Vec<Specimen>> = LazyLock::new(|| {
    let specimen = |(namespace, character_set): (&str, CharacterSet)| {
        let namespace: Namespace = namespace.parse().ok()?;
        let spec = PoolSpec::from_pool(namespace.clone(), character_set).ok()?;
        let key = Secret::new(&[0; 32]).ok()?.pool_key(&namespace);
        let options = RenderOptions {
            short_code_domain: Some("https://s.example".to_owned()),
            company_prefix: Some(COMPANY_PREFIX.to_owned()),
            ..RenderOptions::default()
        };
        Some(Specimen { namespace, renderer: Renderer::new(&spec, &key, &options).ok()? })
    };
    FORMS.into_iter().filter_map(specimen).collect()
});

/// Codes of every form.
pub(super) fn all() -> &'static [Specimen] {
    &ALL
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::{CodeType, EpcScheme};

    #[test]
    fn every_type_has_one_and_every_scheme_that_ever_fits() {
        assert_eq!(all().len(), FORMS.len());
        for code_type in CodeType::ALL {
            assert!(all().iter().any(|one| one.namespace.code_type == code_type), "{code_type}");
        }
        let fits = |scheme| all().iter().any(|one| one.renderer.epc_column(Some(scheme), None).is_ok());
        let never: Vec<&str> =
            EpcScheme::ALL.into_iter().filter(|scheme| !fits(*scheme)).map(EpcScheme::as_str).collect();
        assert_eq!(never, ["giai-96", "gdti-96", "itip-110"]);
    }
}
