//! Tests of the whole module through its public API.

mod garbage;
mod links;
mod lot_and_dates;
mod pools;
mod properties;
mod reading_back;
mod rendering;
mod statistics;

use super::{
    CharacterSet, CodeRequest, CodeType, LotAndDates, Namespace, Permutation, PoolSpec, RenderOptions, Renderer,
    Secret, SerialDefaults,
};

/// The company prefix of the test keys; all keys below have a correct check digit.
const PREFIX: &str = "9506000";

fn secret() -> Secret {
    Secret::new(b"0123456789abcdef0123456789abcdef").unwrap()
}

fn spec(namespace: &str, set: CharacterSet) -> PoolSpec {
    PoolSpec::from_pool(namespace.parse().unwrap(), set).unwrap()
}

fn permutation(spec: &PoolSpec) -> Permutation {
    Permutation::new(spec, &secret().pool_key(&spec.namespace)).unwrap()
}

fn renderer(spec: &PoolSpec, options: &RenderOptions) -> Renderer {
    Renderer::new(spec, &secret().pool_key(&spec.namespace), options).unwrap()
}

/// The key of a type's namespaces in these tests.
fn key(code_type: CodeType) -> &'static str {
    match code_type {
        CodeType::Sgtin => "19506000134359",
        CodeType::Grai | CodeType::Gdti | CodeType::Sgcn => "9506000134352",
        CodeType::Itip => "195060001343590102",
        CodeType::Cpi => "9506000A/1#B-2",
        CodeType::Sscc | CodeType::Giai | CodeType::Gsrn => PREFIX,
        CodeType::ShortCode => "deployment",
    }
}

/// Every pool that a type can have under its key: each set of characters in each length.
fn every_pool() -> Vec<PoolSpec> {
    let mut specs = vec![];
    for code_type in CodeType::ALL {
        for set in CharacterSet::ALL {
            for length in 0..=u8::MAX {
                let pool = Namespace::new(code_type, key(code_type), length)
                    .and_then(|namespace| PoolSpec::from_pool(namespace, set));
                specs.extend(pool.ok());
            }
        }
    }
    specs
}

/// A small pseudorandom generator with a fixed seed, so that every run has the same cases.
struct Cases(u64);

impl Cases {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }
}
