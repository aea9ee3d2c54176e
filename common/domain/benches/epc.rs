//! Rows per second with the hexadecimal digits of an RFID tag, on one core: `cargo bench -p domain --bench epc`.
//!
//! A row is what a profile with the columns `code` and `epc_hex` writes: the codes are made by the renderer (FF1 included, a
//! batch at a time), the row is copied, and only its varying characters and the changing digits of the tag are written over.
//! The tags are compared with those of the plain implementation before the measurement.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use domain::code::{
    CharacterSet, CodeRequest, CodeType, EpcColumn, EpcTag, PoolSpec, RenderOptions, Renderer, Secret, SerialDefaults,
};

/// Rows of one measurement.
const ROWS: usize = 64_000;
/// Codes made at a time.
const BATCH: usize = 1_600;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for (code_type, product, character_set, length) in [
        (CodeType::Sgtin, Some("/01/09506000134352"), Some(CharacterSet::Rfid96), 12),
        (CodeType::Sgtin, Some("/01/09506000134352"), Some(CharacterSet::Alphanumeric), 8),
        (CodeType::Sgtin, Some("/01/09506000134352"), Some(CharacterSet::Alphanumeric), 20),
        (CodeType::Sscc, None, None, 18),
        (CodeType::Sgcn, Some("/255/9506000777771"), None, 12),
        (CodeType::Giai, None, None, 20),
        (CodeType::Cpi, Some("/8010/9506000AB#-12"), None, 12),
        (CodeType::Itip, Some("/8006/095060001343520102"), None, 20),
    ] {
        let company_prefix = Some("9506000");
        let request = CodeRequest { code_type, product, company_prefix, length: Some(length), character_set };
        rows(&mut criterion, &renderer(&request));
    }
    criterion.final_summary();
}

fn renderer(request: &CodeRequest<'_>) -> Renderer {
    let spec = PoolSpec::resolve(request, &SerialDefaults::default(), true).unwrap();
    let key = Secret::new(&[b's'; 64]).unwrap().pool_key(&spec.namespace);
    let prefix = request.company_prefix.map(str::to_owned);
    Renderer::new(&spec, &key, &RenderOptions { company_prefix: prefix, ..RenderOptions::default() }).unwrap()
}

fn rows(criterion: &mut Criterion, renderer: &Renderer) {
    let column = renderer.epc_column(None, None).unwrap();
    let mut out = Vec::new();
    write(renderer, &column, &mut out);
    for row in std::str::from_utf8(&out).unwrap().lines() {
        let (_, hex) = row.split_once(',').unwrap();
        assert_eq!(EpcTag::from_hex(hex).unwrap().hex().unwrap(), hex);
    }
    let mut group = criterion.benchmark_group("epc_hex");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function(format!("{}, {} characters", column.scheme(), renderer.width()), |bencher| {
        bencher.iter(|| {
            out.clear();
            write(renderer, &column, &mut out);
            black_box(&out);
        });
    });
    group.finish();
}

fn write(renderer: &Renderer, column: &EpcColumn, out: &mut Vec<u8>) {
    let width = renderer.width();
    let mut image = "0".repeat(width).into_bytes();
    image.push(b',');
    image.extend_from_slice(column.before().as_bytes());
    let at = image.len();
    image.extend_from_slice("0".repeat(column.digits().len() + column.after()).as_bytes());
    image.push(b'\n');
    let mut codes = vec![0; BATCH * width];
    for start in (0..ROWS).step_by(BATCH) {
        renderer.fill(start as u64, &mut codes).unwrap();
        let before = out.len();
        out.extend_from_slice(&image.repeat(BATCH));
        for (row, code) in out[before..].chunks_exact_mut(image.len()).zip(codes.chunks_exact(width)) {
            row[..width].copy_from_slice(code);
            column.digits().write(code, &mut row[at..at + column.digits().len()]);
        }
    }
}
