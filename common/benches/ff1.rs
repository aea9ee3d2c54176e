//! The cost of a code: FF1 in batches and one by one, in both directions, compared with the crate `fpe` in the same
//! run.
//!
//! `cargo bench -p common --bench ff1`; add `-- 62^8` for one domain. "thrpt" is codes a second, so nanoseconds a code
//! are 1000 ÷ (million codes a second).

use std::hint::black_box;
use std::time::Duration;

use aes::Aes256;
use common::code::ff1::{Ff1, Walk};
use common::code::{PoolSpec, RenderOptions, Renderer, Secret};
use criterion::{BenchmarkId, Criterion, Throughput};
use fpe::ff1::{FF1, FlexibleNumeralString};

const KEY: [u8; 32] = [0x2b; 32];

/// Numbers in a batch: what a part of an export is filled with.
const BATCH: usize = 4096;

const DOMAINS: [(&str, u32, u32); 7] = [
    ("10^6", 10, 6),
    ("10^9", 10, 9),
    ("36^10", 36, 10),
    ("10^12", 10, 12),
    ("2^38", 2, 38),
    ("62^8", 62, 8),
    ("62^20", 62, 20),
];

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for (name, radix, length) in DOMAINS {
        permutation(&mut criterion, name, radix, length);
    }
    walk(&mut criterion);
    fill(&mut criterion);
    criterion.final_summary();
}

/// One domain: batch and single, forward and inverse, and `fpe` on the same numbers.
fn permutation(criterion: &mut Criterion, name: &str, radix: u32, length: u32) {
    let Ok(ff1) = Ff1::new(&KEY, radix, length, b"") else {
        return;
    };
    let start = ff1.domain() / 3;
    let mut group = criterion.benchmark_group(name);

    group.throughput(Throughput::Elements(BATCH as u64));
    let mut images = vec![0_u128; BATCH];
    group.bench_function(BenchmarkId::new("batch", "forward"), |bencher| {
        bencher.iter(|| ff1.encrypt_range(black_box(start), &mut images));
    });
    group.bench_function(BenchmarkId::new("batch", "inverse"), |bencher| {
        bencher.iter(|| ff1.decrypt_all(black_box(&mut images)));
    });

    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("single", "forward"), |bencher| {
        bencher.iter(|| ff1.encrypt(black_box(start)));
    });
    group.bench_function(BenchmarkId::new("single", "inverse"), |bencher| {
        bencher.iter(|| ff1.decrypt(black_box(start)));
    });

    // The numerals are prepared before, so that only the cipher is measured.
    let text = FlexibleNumeralString::from(numerals(start, radix, length));
    if let Ok(fpe) = FF1::<Aes256>::new(&KEY, radix) {
        group.bench_function(BenchmarkId::new("fpe", "forward"), |bencher| {
            bencher.iter(|| fpe.encrypt(b"", black_box(&text)));
        });
        group.bench_function(BenchmarkId::new("fpe", "inverse"), |bencher| {
            bencher.iter(|| fpe.decrypt(b"", black_box(&text)));
        });
    }
    group.finish();
}

/// Serials for 96-bit tags: 38 binary digits. Cycle walking keeps them below the limit.
fn walk(criterion: &mut Criterion) {
    let limit = (1 << 38) - 100_000_000_000;
    let walk = Ff1::new(&KEY, 2, 38, b"").and_then(|ff1| Walk::new(ff1, limit));
    let Ok(walk) = walk else {
        return;
    };
    let mut group = criterion.benchmark_group("rfid96");
    group.throughput(Throughput::Elements(BATCH as u64));
    let mut images = vec![0_u128; BATCH];
    group.bench_function(BenchmarkId::new("batch", "forward"), |bencher| {
        bencher.iter(|| walk.encrypt_range(black_box(limit / 3), &mut images));
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("single", "inverse"), |bencher| {
        bencher.iter(|| walk.decrypt(black_box(limit / 3)));
    });
    group.finish();
}

/// Index to text, as an export does it.
fn fill(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fill");
    for (namespace, set) in [
        ("sgtin#09506000134352#8", "alphanumeric"),
        ("sgtin#09506000134352#20", "alphanumeric"),
        ("sgtin#09506000134352#12", "rfid96"),
        ("cpi#9506000A1#12", "numeric"),
        ("sscc#9506000#18", "numeric"),
    ] {
        let Some(renderer) = renderer(namespace, set) else {
            continue;
        };
        group.throughput(Throughput::Elements(BATCH as u64));
        let mut bytes = vec![0; BATCH * renderer.width()];
        let id =
            BenchmarkId::new(namespace.split('#').next().unwrap_or_default(), format!("{set} {}", renderer.width()));
        group.bench_function(id, |bencher| {
            bencher.iter(|| renderer.fill(black_box(0), &mut bytes));
        });
    }
    group.finish();
}

fn renderer(namespace: &str, set: &str) -> Option<Renderer> {
    let spec = PoolSpec::from_pool(namespace.parse().ok()?, set.parse().ok()?).ok()?;
    let key = Secret::new(&KEY).ok()?.pool_key(&spec.namespace);
    Renderer::new(&spec, &key, &RenderOptions::default()).ok()
}

fn numerals(mut number: u128, radix: u32, length: u32) -> Vec<u16> {
    let mut numerals: Vec<u16> = (0..length)
        .map(|_| {
            let numeral = number % u128::from(radix);
            number /= u128::from(radix);
            numeral as u16
        })
        .collect();
    numerals.reverse();
    numerals
}
