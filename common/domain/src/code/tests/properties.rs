//! Properties that hold for every pool and every index.

use std::collections::HashMap;

use fpe::ff1::{FF1, FlexibleNumeralString};
use proptest::prelude::*;

use super::*;

fn any_pool() -> impl Strategy<Value = PoolSpec> {
    proptest::sample::select(every_pool())
}

/// An index that the pool has.
fn within(spec: &PoolSpec, index: u64) -> u64 {
    u64::try_from(u128::from(index) % spec.space()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn index_to_code_to_index_is_the_identity(spec in any_pool(), index: u64) {
        let index = within(&spec, index);
        let permutation = permutation(&spec);
        let varying = permutation.varying(index).unwrap();
        prop_assert_eq!(varying.len(), permutation.width());
        prop_assert_eq!(permutation.index_of(&varying), Some(index));
    }

    #[test]
    fn code_to_index_to_code_is_the_identity(spec in any_pool(), digits: [u8; 20]) {
        let symbols = spec.character_set.symbols();
        let permutation = permutation(&spec);
        let varying: String = digits[..permutation.width()]
            .iter()
            .map(|digit| char::from(symbols[usize::from(*digit) % symbols.len()]))
            .collect();
        // Some texts belong to no index: an incorrect check digit, a leading zero, an index beyond 64 bits.
        if let Some(index) = permutation.index_of(&varying) {
            prop_assert_eq!(permutation.varying(index), Some(varying));
        }
    }

    #[test]
    fn a_code_keeps_to_its_length_and_characters(spec in any_pool(), index: u64) {
        let renderer = renderer(&spec, &RenderOptions::default());
        let code = renderer.code(within(&spec, index)).unwrap();
        let varying = renderer.permutation().varying(within(&spec, index)).unwrap();
        prop_assert!(varying.bytes().all(|byte| spec.character_set.symbols().contains(&byte)));
        match spec.code_type {
            CodeType::Sscc | CodeType::Gsrn => prop_assert_eq!(code.code.len(), 18),
            CodeType::Giai => prop_assert!(code.code.len() <= 30),
            CodeType::Cpi => prop_assert!(!code.code.starts_with('0')),
            _ => prop_assert_eq!(code.code.len(), usize::from(spec.length)),
        }
    }

    #[test]
    fn other_indexes_and_other_namespaces_are_other_element_strings(
        (one, two) in (any_pool(), any_pool()), (first, second) in any::<(u64, u64)>()
    ) {
        let text = |spec: &PoolSpec, index| {
            let code = renderer(spec, &RenderOptions::default()).code(index).unwrap();
            // A short code has no element string; compare the code itself.
            (code.element_string, (spec.code_type == CodeType::ShortCode).then_some(code.code))
        };
        let (first, second) = (within(&one, first), within(&two, second));
        // A namespace never has two pools: the first reservation fixes the character set.
        if one.namespace == two.namespace {
            prop_assume!(one.character_set == two.character_set && first != second);
        }
        prop_assert_ne!(text(&one, first), text(&two, second));
    }
}

#[test]
fn no_two_codes_of_neighbouring_namespaces_are_equal() {
    let mut seen = HashMap::new();
    // Namespaces whose codes could be confused: prefixes of which none is the beginning of another, and neighbouring lengths.
    for namespace in [
        "sscc#9506000#18",
        "sscc#9506001#18",
        "sscc#95060021#18",
        "gsrn#9506000#18",
        "gsrn#9506001#18",
        "giai#9506000#6",
        "giai#9506000#7",
        "giai#9506001#6",
        "giai#95060021#6",
        "sgtin#19506000134359#6",
        "sgtin#19506000134359#7",
        "itip#195060001343590102#6",
        "itip#195060001343590202#6",
        "grai#9506000134352#6",
        "gdti#9506000134352#6",
        "gdti#9506000134352#7",
        "sgcn#9506000134352#6",
        "sgcn#9506000134352#7",
        "cpi#9506000A#7",
        "cpi#9506000AB#7",
    ] {
        let set = match namespace.split('#').next() {
            Some("sgtin" | "itip" | "giai" | "grai" | "gdti") => CharacterSet::Alphanumeric,
            _ => CharacterSet::Numeric,
        };
        let renderer = renderer(&spec(namespace, set), &RenderOptions::default());
        for index in 0..5_000 {
            let text = renderer.code(index).unwrap().element_string;
            if let Some(before) = seen.insert(text.clone(), (namespace, index)) {
                panic!("{text} is {before:?} and {:?}", (namespace, index));
            }
        }
    }
    assert_eq!(seen.len(), 20 * 5_000);
}

/// FF1 of an index by the crate `fpe`, as a number.
fn by_fpe(key: &[u8], radix: u32, length: u32, mut index: u128) -> u128 {
    let mut numerals = vec![0; length as usize];
    for numeral in numerals.iter_mut().rev() {
        *numeral = u16::try_from(index % u128::from(radix)).unwrap();
        index /= u128::from(radix);
    }
    let image =
        FF1::<aes::Aes256>::new(key, radix).unwrap().encrypt(&[], &FlexibleNumeralString::from(numerals)).unwrap();
    Vec::from(image).iter().fold(0, |number, numeral: &u16| number * u128::from(radix) + u128::from(*numeral))
}

/// Compares every permuted pool with a simple implementation on top of another FF1.
#[test]
fn serials_are_ff1_of_the_index_in_the_characters_of_the_set() {
    for spec in every_pool().iter().filter(|spec| spec.is_permuted()) {
        let key = secret().pool_key(&spec.namespace);
        let permutation = permutation(spec);
        for index in [0, 1, 2, 89, spec.capacity() - 1] {
            let (set, length) = (spec.character_set, u32::from(spec.length));
            let (radix, ff1_length, first) = match (spec.code_type, set) {
                (_, CharacterSet::Rfid96) => (2, 38, 100_000_000_000),
                (CodeType::Cpi, _) => (10, length, 10_u128.pow(length - 1)),
                _ => (set.radix(), length, 0),
            };
            let mut image = by_fpe(key.bytes(), radix, ff1_length, u128::from(index));
            while image >= spec.space() {
                image = by_fpe(key.bytes(), radix, ff1_length, image);
            }
            let (mut number, mut text) = (image + first, vec![]);
            for _ in 0..length {
                let digit = usize::try_from(number % u128::from(set.radix())).unwrap();
                text.insert(0, set.symbols()[digit]);
                number /= u128::from(set.radix());
            }
            let expected = String::from_utf8(text).unwrap();
            assert_eq!(permutation.varying(index), Some(expected));
        }
    }
}

/// Codes that were issued must stay the same after every change of this module.
#[test]
fn the_codes_of_a_secret_never_change() {
    for (namespace, set, expected) in [
        ("sgtin#19361758000003#8", CharacterSet::Alphanumeric, "m7P6M3As"),
        ("sgtin#19361758000003#12", CharacterSet::Rfid96, "240480426842"),
        ("short_code#deployment#6", CharacterSet::Uppercase, "NSGVFR"),
        ("cpi#9506000A1#12", CharacterSet::Numeric, "757025052396"),
        ("gdti#9506000134352#17", CharacterSet::Hex, "5070D13FB00A47CC6"),
        ("sscc#9506000#18", CharacterSet::Numeric, "00000010007"),
    ] {
        let permutation = permutation(&spec(namespace, set));
        assert_eq!(permutation.varying(1_000).unwrap(), expected, "{namespace}");
    }
}
