//! Which pool a request gets, and how much a pool may issue.

use super::*;
use crate::code::{Audience, CodeError, validate_request};

fn request(code_type: CodeType) -> CodeRequest<'static> {
    CodeRequest {
        code_type,
        product: match code_type {
            CodeType::Sgtin => Some("/01/19361758000003"),
            CodeType::Grai => Some("/8003/09506000134352"),
            CodeType::Gdti => Some("/253/9506000134352"),
            CodeType::Sgcn => Some("/255/9506000134352"),
            CodeType::Itip => Some("/8006/195060001343590102"),
            CodeType::Cpi => Some("/8010/9506000A/1#B-2"),
            _ => None,
        },
        company_prefix: Some(PREFIX),
        length: None,
        character_set: None,
    }
}

fn resolve(request: &CodeRequest<'_>) -> Result<PoolSpec, CodeError> {
    PoolSpec::resolve(request, &SerialDefaults::default(), false)
}

#[test]
fn every_type_has_its_namespace_and_default_form() {
    for (code_type, namespace, set) in [
        (CodeType::Sgtin, "sgtin#19361758000003#8", "alphanumeric"),
        (CodeType::Sscc, "sscc#9506000#18", "numeric"),
        (CodeType::Grai, "grai#9506000134352#8", "alphanumeric"),
        (CodeType::ShortCode, "short_code#deployment#8", "alphanumeric"),
        (CodeType::Giai, "giai#9506000#8", "alphanumeric"),
        (CodeType::Gsrn, "gsrn#9506000#18", "numeric"),
        (CodeType::Gdti, "gdti#9506000134352#8", "alphanumeric"),
        (CodeType::Itip, "itip#195060001343590102#8", "alphanumeric"),
        (CodeType::Cpi, "cpi#9506000A/1#B-2#12", "numeric"),
        (CodeType::Sgcn, "sgcn#9506000134352#12", "numeric"),
    ] {
        let spec = resolve(&request(code_type)).unwrap();
        assert_eq!(spec.namespace.to_string(), namespace);
        assert_eq!(spec.character_set.as_str(), set);
        assert_eq!((spec.code_type, spec.length), (code_type, spec.namespace.length));
        assert_eq!(validate_request(&request(code_type), &SerialDefaults::default(), false), []);
    }
}

#[test]
fn wishes_are_met_or_refused_with_the_member_they_are_about() {
    let with = |code_type, length, character_set| CodeRequest { length, character_set, ..request(code_type) };
    let numeric = Some(CharacterSet::Numeric);
    let rfid96 = Some(CharacterSet::Rfid96);
    for (request, namespace) in [
        (with(CodeType::Sgtin, Some(20), None), "sgtin#19361758000003#20"),
        (with(CodeType::Sgtin, None, numeric), "sgtin#19361758000003#12"),
        (with(CodeType::Sgtin, None, rfid96), "sgtin#19361758000003#12"),
        (with(CodeType::Grai, Some(12), rfid96), "grai#9506000134352#12"),
        (with(CodeType::Sscc, Some(18), numeric), "sscc#9506000#18"),
        (with(CodeType::Cpi, Some(7), None), "cpi#9506000A/1#B-2#7"),
        (with(CodeType::Giai, Some(20), None), "giai#9506000#20"),
    ] {
        assert_eq!(resolve(&request).unwrap().namespace.to_string(), namespace);
    }
    for (request, field) in [
        (with(CodeType::Sgtin, Some(5), None), "length"),
        (with(CodeType::Sgtin, Some(21), None), "length"),
        (with(CodeType::Sgtin, Some(11), rfid96), "length"),
        (with(CodeType::Grai, Some(17), None), "length"),
        (with(CodeType::Gdti, Some(18), None), "length"),
        (with(CodeType::Cpi, Some(6), None), "length"),
        (with(CodeType::Sgcn, Some(13), None), "length"),
        (with(CodeType::Sscc, Some(17), None), "length"),
        (with(CodeType::Gdti, None, rfid96), "character_set"),
        (with(CodeType::Cpi, None, Some(CharacterSet::Hex)), "character_set"),
        (with(CodeType::Gsrn, None, Some(CharacterSet::Alphanumeric)), "character_set"),
    ] {
        let error = resolve(&request).unwrap_err();
        assert_eq!(error.field(), Some(field), "{error}");
        assert_eq!(validate_request(&request, &SerialDefaults::default(), false), [error]);
    }
}

#[test]
fn every_failed_rule_is_told_at_once() {
    let bad = CodeRequest { product: Some("/01/1"), length: Some(99), ..request(CodeType::Sgtin) };
    let errors = validate_request(&bad, &SerialDefaults::default(), false);
    let fields: Vec<_> = errors.iter().map(CodeError::field).collect();
    assert_eq!(fields, [Some("product"), Some("length")]);
    let bad = CodeRequest { product: None, character_set: Some(CharacterSet::Hex), ..request(CodeType::Sgcn) };
    let errors = validate_request(&bad, &SerialDefaults::default(), false);
    let fields: Vec<_> = errors.iter().map(CodeError::field).collect();
    assert_eq!(fields, [Some("product"), Some("character_set")]);
    let strict = validate_request(&request(CodeType::Sgtin), &SerialDefaults::default(), true);
    assert_eq!(strict, [CodeError::CheckDigit { found: '3', expected: '0' }]);
}

#[test]
fn only_keys_built_from_a_prefix_need_one_and_only_when_allocated() {
    for code_type in CodeType::ALL {
        let without = CodeRequest { company_prefix: None, ..request(code_type) };
        assert_eq!(validate_request(&without, &SerialDefaults::default(), false), []);
        match resolve(&without) {
            Err(error) => {
                assert!(code_type.needs_company_prefix());
                assert_eq!(error, CodeError::CompanyPrefixMissing { code_type });
                assert_eq!(error.field(), Some("reserved_for"));
            }
            Ok(_) => assert!(!code_type.needs_company_prefix()),
        }
        let wrong = CodeRequest { company_prefix: Some("950"), ..request(code_type) };
        assert_eq!(resolve(&wrong).is_err(), code_type.needs_company_prefix());
    }
}

#[test]
fn a_giai_has_at_most_thirty_characters() {
    let with = |length, company_prefix| CodeRequest { length, company_prefix, ..request(CodeType::Giai) };
    let long = Some("950600013435");
    assert!(resolve(&with(Some(18), long)).is_ok());
    let error = resolve(&with(Some(19), long)).unwrap_err();
    assert!(matches!(error, CodeError::Length { max: 18, .. }));
    // Without the prefix the limit is not known, so the length is accepted.
    let unknown = with(Some(19), None);
    assert_eq!(validate_request(&unknown, &SerialDefaults::default(), false), []);
}

#[test]
fn a_default_that_a_type_does_not_allow_gives_way() {
    let defaults = SerialDefaults { length: 20, numeric_length: 20, character_set: CharacterSet::Rfid96 };
    for (code_type, length, set) in [
        (CodeType::Sgtin, 12, CharacterSet::Rfid96),
        (CodeType::Grai, 12, CharacterSet::Rfid96),
        (CodeType::Gdti, 17, CharacterSet::Alphanumeric),
        (CodeType::Giai, 20, CharacterSet::Alphanumeric),
        (CodeType::Sgcn, 12, CharacterSet::Numeric),
        (CodeType::Sscc, 18, CharacterSet::Numeric),
    ] {
        let spec = PoolSpec::resolve(&request(code_type), &defaults, false).unwrap();
        assert_eq!((spec.length, spec.character_set), (length, set));
    }
}

#[test]
fn capacities_are_those_of_the_rule() {
    for (namespace, set, space, capacity) in [
        // 62^8, and the greatest n with n × 10,000 below it.
        ("sgtin#19361758000003#8", CharacterSet::Alphanumeric, 218_340_105_584_896, 21_834_010_558),
        ("sgtin#19361758000003#6", CharacterSet::Numeric, 1_000_000, 99),
        ("sgtin#19361758000003#12", CharacterSet::Rfid96, 174_877_906_944, 17_487_790),
        ("sgtin#19361758000003#8", CharacterSet::Hex, 4_294_967_296, 429_496),
        ("sgtin#19361758000003#20", CharacterSet::Alphanumeric, 62_u128.pow(20), u64::MAX),
        ("cpi#9506000A1#7", CharacterSet::Numeric, 9_000_000, 899),
        ("sgcn#9506000134352#12", CharacterSet::Numeric, 1_000_000_000_000, 99_999_999),
        ("sscc#9506000#18", CharacterSet::Numeric, 10_000_000_000, 10_000_000_000),
        ("sscc#950600013435#18", CharacterSet::Numeric, 100_000, 100_000),
        ("gsrn#9506#18", CharacterSet::Numeric, 10_000_000_000_000, 10_000_000_000_000),
    ] {
        let spec = spec(namespace, set);
        assert_eq!((spec.space(), spec.capacity()), (space, capacity), "{namespace}");
    }
}

#[test]
fn a_permuted_pool_stops_just_below_one_in_ten_thousand() {
    for spec in every_pool() {
        let capacity = spec.capacity();
        if spec.is_permuted() && capacity < u64::MAX {
            assert!(u128::from(capacity) * 10_000 < spec.space());
            assert!((u128::from(capacity) + 1) * 10_000 >= spec.space());
        }
        assert!(spec.fits(0, capacity));
        assert!(spec.fits(capacity, 0));
        assert!(spec.fits(capacity - 1, 1));
        assert!(!spec.fits(capacity, 1));
        if capacity < u64::MAX {
            assert!(!spec.fits(0, capacity + 1));
        }
        assert!(!spec.fits(u64::MAX, u64::MAX));
    }
}

#[test]
fn the_owner_is_told_how_many_are_left_and_what_would_do() {
    let message = |namespace, set, next, quantity| {
        assert!(!spec(namespace, set).fits(next, quantity));
        let error = spec(namespace, set).shortage(next, quantity, set, Audience::Owner);
        assert_eq!(error.field(), Some("quantity"));
        error.to_string()
    };
    assert_eq!(
        message("sgtin#19361758000003#8", CharacterSet::Numeric, 1_000, 50_000),
        "only 8,999 codes are left for sgtin of 19361758000003 with length 8 (numeric), 50,000 asked for; length 9 would do"
    );
    assert_eq!(
        message("short_code#deployment#6", CharacterSet::Hex, 1_676, 1_000_000),
        "only 1 code is left for short_code with length 6 (hex), 1,000,000 asked for; length 9 would do"
    );
    assert_eq!(
        message("cpi#9506000A1#12", CharacterSet::Numeric, 89_999_999, 1),
        "no codes are left for cpi of 9506000A1 with length 12 (numeric), 1 asked for; no length has room for so many"
    );
    assert_eq!(
        message("grai#9506000134352#12", CharacterSet::Rfid96, 0, 17_487_791),
        "only 17,487,790 codes are left for grai of 9506000134352 with length 12 (rfid96), 17,487,791 asked for; another character_set with another length has room for more"
    );
    assert_eq!(
        message("sscc#950600013435#18", CharacterSet::Numeric, 99_900, 101),
        "only 100 codes are left for sscc under company prefix 950600013435, 101 asked for; the organisation needs another GS1 Company Prefix"
    );
    assert_eq!(
        message("giai#9506000#8", CharacterSet::Numeric, 9_990, 50_000),
        "only 9 codes are left for giai under company prefix 9506000 with length 8 (numeric), 50,000 asked for; length 9 would do"
    );
}

#[test]
fn others_are_told_nothing_about_the_pool() {
    let message = |namespace, set, next, quantity, asked| {
        spec(namespace, set).shortage(next, quantity, asked, Audience::Others).to_string()
    };
    let numeric = CharacterSet::Numeric;
    for next in [0, 1, 99_999_998, 99_999_999, u64::MAX] {
        assert_eq!(
            message("sgtin#19361758000003#12", numeric, next, 100_000_000, numeric),
            "not enough codes are left for sgtin of 19361758000003 with length 12, 100,000,000 asked for; length 13 would do"
        );
    }
    // The pool's own set decides whether the codes fit, and shows in no word.
    for set in [CharacterSet::Hex, CharacterSet::Numeric, CharacterSet::Uppercase] {
        assert_eq!(
            message("short_code#deployment#6", set, 5_000_000, 5_000_000, CharacterSet::Alphanumeric),
            "not enough codes are left for short_code with length 6, 5,000,000 asked for; length 7 would do"
        );
    }
    assert_eq!(
        message("sscc#950600013435#18", numeric, 99_900, 101, numeric),
        "not enough codes are left for sscc under company prefix 950600013435, 101 asked for; the organisation needs another GS1 Company Prefix"
    );
}

#[test]
fn the_length_that_would_do_does() {
    for spec in every_pool() {
        let asked = spec.capacity().saturating_add(1);
        let shortage = spec.shortage(0, asked, spec.character_set, Audience::Owner);
        if let CodeError::Exhausted { enough_length: Some(length), .. } = shortage
            && !spec.fits(0, asked)
        {
            let longer = |length| {
                let namespace = Namespace::new(spec.code_type, &spec.namespace.key, length).unwrap();
                PoolSpec::from_pool(namespace, spec.character_set).unwrap()
            };
            assert!(longer(length).fits(0, asked));
            assert!(!longer(length - 1).fits(0, asked));
        }
    }
}

#[test]
fn the_first_reservation_fixes_the_characters() {
    let hex = spec("sgtin#19361758000003#8", CharacterSet::Hex);
    for audience in [Audience::Owner, Audience::Others] {
        assert_eq!(hex.check_character_set(CharacterSet::Hex, audience), Ok(()));
    }
    let error = hex.check_character_set(CharacterSet::Alphanumeric, Audience::Owner).unwrap_err();
    assert_eq!(error.field(), Some("character_set"));
    assert_eq!(
        error.to_string(),
        "codes of this length already exist in character_set alphanumeric, so hex cannot be used with it; choose alphanumeric or another length"
    );
    for pool in [CharacterSet::Alphanumeric, CharacterSet::Numeric] {
        assert_eq!(
            hex.check_character_set(pool, Audience::Others).unwrap_err().to_string(),
            "character_set hex cannot be used with this length; choose another length or leave character_set out"
        );
    }
}
