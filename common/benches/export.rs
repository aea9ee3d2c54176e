//! Rows per second and bytes per second of every export format on one core, compared with the writers of well-known
//! libraries.
//!
//! Both sides make the same codes (the renderer's `fill`, FF1 included, a batch at a time) and the same bytes, which is
//! checked before the measurement. The library's side also fills its fields from the compiled pieces into reused
//! buffers, so that the writing of rows is compared and not the allocation of strings. Txt is compared with the
//! standard library's `writeln!`, because it needs no library. Yaml is compared with lines whose scalars are quoted by
//! `serde_json`, which is faster than a YAML library.
//!
//! Profiles of every base, and those with RFID tags, are compared with csv: on the same core, in the same run, and with the
//! same codes, but for tags of 96 bits, which need other serials.
//!
//! A part of a `.gz` file is compared with the same rows, made by the same code, through one `GzEncoder` of flate2.
//!
//! `cargo bench -p common --bench export` prints Criterion's report, then a table of ratios from the same run.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

use std::cell::RefCell;
use std::hint::black_box;
use std::io::Write;
use std::ops::Range;
use std::time::{Duration, Instant};

use common::code::{
    CharacterSet, CodeError, CodeRequest, CodeType, Field, Piece, PoolSpec, RenderOptions, Renderer, Secret,
    SerialDefaults,
};
use common::export::profile::{Particulars, Profile};
use common::export::{Cursor, ExportFile, ExportType, FileHead, Form, Format, PartPolicy, Rows};
use common::reservation::Values;
use criterion::{BenchmarkId, Criterion, Throughput};
use flate2::{Compression, write::GzEncoder};
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use serde::Serialize;

/// Number of rows of one measurement: about as many as a part of 8 MiB has.
const ROWS: u64 = 60_000;
/// Codes made at a time by the library's side.
const BATCH: usize = 1_600;
/// Far into the file, so that positions have eight digits, as in a large file.
const FIRST: u64 = 10_000_000;
const QUANTITY: u64 = 100_000_000;

/// The most rows of a file of the format, [`QUANTITY`] at most.
fn quantity(format: Format) -> u64 {
    QUANTITY.min(format.max_rows())
}

/// The first row that is measured: [`FIRST`], or as far into the file as there are rows behind it.
fn first(format: Format) -> u64 {
    FIRST.min(quantity(format) - ROWS)
}

const RESERVATION: &str = "0190a6b0-1f7a-7000-8000-000000000001";

/// The level of the `.gz` files.
const LEVEL: u32 = 2;

/// The fastest time per run, of each side of each format.
type Fastest = RefCell<Vec<(Format, &'static str, Duration)>>;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let fastest = Fastest::default();
    for format in Format::ALL {
        compare(&mut criterion, format, &fastest);
    }
    let of_profiles = profiles(&mut criterion);
    gzip(&mut criterion, &fastest);
    types(&mut criterion);
    criterion.final_summary();
    report(&fastest.borrow());
    report_profiles(&of_profiles);
}

fn rows(format: Format, code_type: CodeType) -> Rows {
    let head = FileHead { reservation: RESERVATION, code_type };
    Rows::compile(format, renderer(code_type).unwrap(), 0, quantity(format), &head).unwrap()
}

/// The same rows by the template and by a library.
fn compare(criterion: &mut Criterion, format: Format, fastest: &Fastest) {
    let rows = rows(format, CodeType::Sgtin);
    let window = first(format)..first(format) + ROWS;
    let mut ours = Vec::new();
    rows.write(window.clone(), &mut ours).unwrap();
    let mut theirs = Vec::new();
    Library::new(rows.renderer()).write(format, first(format), ROWS, &mut theirs);
    assert!(ours == theirs, "both sides write the same {format}");

    let mut group = criterion.benchmark_group(format.as_str());
    group.throughput(Throughput::ElementsAndBytes { elements: ROWS, bytes: ours.len() as u64 });
    group.bench_function("template", |bencher| {
        bencher.iter_custom(|runs| {
            timed(runs, (format, "template"), fastest, || {
                ours.clear();
                rows.write(window.clone(), &mut ours).unwrap();
                black_box(&ours);
            })
        });
    });
    let mut library = Library::new(rows.renderer());
    group.bench_function(library_of(format), |bencher| {
        bencher.iter_custom(|runs| {
            timed(runs, (format, library_of(format)), fastest, || {
                theirs.clear();
                library.write(format, first(format), ROWS, &mut theirs);
                black_box(&theirs);
            })
        });
    });
    group.finish();
}

/// The profiles that are measured: one of each base, one of blocks, one in UTF-16.
const PROFILES: [&str; 6] = [
    r#"{"name":"delimited","extension":"csv","base":"delimited","delimiter":";","quoting":"all","columns":[
        {"name":"position","source":"position"},{"name":"code","source":"code"},{"name":"link","source":"digital_link"},
        {"name":"element_string","source":"element_string"},{"name":"epc","source":"epc_uri"}]}"#,
    r#"{"name":"template","extension":"xml","base":"template","escape":"xml","header":"<codes>\n","footer":"</codes>\n",
        "row":"<code n=\"{position}\"><v>{code}</v><l>{digital_link}</l><e>{element_string}</e><u>{epc_uri}</u></code>\n"}"#,
    r#"{"name":"fixed","extension":"txt","base":"fixed","columns":[{"source":"position","width":10,"align":"right"},
        {"source":"code","width":20},{"source":"digital_link","width":60},{"source":"element_string","width":40}]}"#,
    r#"{"name":"lines","extension":"txt","base":"lines","line":"{barcode_data}"}"#,
    r#"{"name":"blocks","extension":"zpl","base":"template","escape":"zpl","rows_per_block":3,"block_header":"^XA",
        "row":"^FD{element_string} {position}^FS","block_footer":"^XZ\n"}"#,
    r#"{"name":"utf-16le","extension":"csv","encoding":"utf-16le","base":"delimited","columns":[
        {"name":"position","source":"position"},{"name":"code","source":"code"},{"name":"link","source":"digital_link"},
        {"name":"element_string","source":"element_string"},{"name":"epc","source":"epc_uri"}]}"#,
];

/// Profiles with RFID tags: the type of code, the character set of its serials, and their length.
const TAGS: [(&str, CodeType, Option<CharacterSet>, Option<u8>); 3] = [
    (
        r#"{"name":"sgtin-96","extension":"csv","base":"delimited","columns":[
            {"name":"code","source":"code"},{"name":"epc","source":"epc_hex"}]}"#,
        CodeType::Sgtin,
        Some(CharacterSet::Rfid96),
        Some(12),
    ),
    (
        r#"{"name":"sgtin-198","extension":"csv","base":"delimited","columns":[
            {"name":"code","source":"code"},{"name":"epc","source":"epc_hex"}]}"#,
        CodeType::Sgtin,
        None,
        None,
    ),
    (r#"{"name":"sscc-96","extension":"txt","base":"lines","line":"{epc_hex}"}"#, CodeType::Sscc, None, None),
];

/// Rows of csv and of each profile, with the fastest time and the bytes of a run.
fn profiles(criterion: &mut Criterion) -> Vec<(String, Duration, u64)> {
    let values = Values::default();
    let plain = (CodeType::Sgtin, None, None);
    let mut profiles: Vec<_> = PROFILES.iter().map(|text| (Profile::parse(text).unwrap(), plain)).collect();
    profiles
        .extend(TAGS.map(|(text, code_type, set, length)| (Profile::parse(text).unwrap(), (code_type, set, length))));
    let names = std::iter::once("csv").chain(profiles.iter().map(|(profile, _)| profile.name.as_str()));
    let forms = std::iter::once((None, plain)).chain(profiles.iter().map(|(profile, codes)| (Some(profile), *codes)));
    let window = FIRST..FIRST + ROWS;
    let mut group = criterion.benchmark_group("profiles");
    let mut fastest = Vec::new();
    for (name, (profile, (code_type, set, length))) in names.zip(forms) {
        let (spec, renderer) = rendered(code_type, set, length).unwrap();
        let particulars = Particulars { namespace: &spec.namespace, company_prefix: Some("9506000"), values: &values };
        let form = profile.map_or(Form::Format(Format::Csv), |profile| Form::Profile(profile, particulars));
        let head = FileHead { reservation: RESERVATION, code_type };
        let rows = Rows::compile(form, renderer, 0, QUANTITY, &head).unwrap();
        let bytes = rows.rows_len(window.clone());
        let mut out = Vec::new();
        let mut best = Duration::MAX;
        group.throughput(Throughput::ElementsAndBytes { elements: ROWS, bytes });
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|runs| {
                let mut sum = Duration::ZERO;
                for _ in 0..runs {
                    let start = Instant::now();
                    out.clear();
                    rows.write(window.clone(), &mut out).unwrap();
                    black_box(&out);
                    let taken = start.elapsed();
                    best = best.min(taken);
                    sum += taken;
                }
                sum
            });
        });
        fastest.push((name.to_owned(), best, bytes));
    }
    group.finish();
    fastest
}

#[expect(clippy::print_stdout, reason = "a benchmark reports on standard output")]
fn report_profiles(fastest: &[(String, Duration, u64)]) {
    let csv =
        fastest.iter().find(|(name, taken, _)| name == "csv" && *taken < Duration::MAX).map(|(_, taken, _)| *taken);
    println!("{:10} {:>10} {:>9} {:>10}", "profile", "M rows/s", "MB/s", "of csv, %");
    // A filter on the command line may have excluded some.
    for (name, taken, bytes) in fastest.iter().filter(|(_, taken, _)| *taken < Duration::MAX) {
        let per_second = |amount: u64| amount as f64 / taken.as_secs_f64() / 1e6;
        let share = csv.map_or(0.0, |csv| 100.0 * csv.as_secs_f64() / taken.as_secs_f64());
        println!("{name:10} {:>10.1} {:>9.0} {share:>10.0}", per_second(ROWS), per_second(*bytes));
    }
}

/// One part of a large `.gz` file: plain rows are made, compressed and collected.
fn gzip(criterion: &mut Criterion, fastest: &Fastest) {
    let policy = PartPolicy::default();
    for format in Format::ALL {
        let export_type = ExportType::new(format, true);
        let head = FileHead { reservation: RESERVATION, code_type: CodeType::Sgtin };
        let renderer = renderer(CodeType::Sgtin).unwrap();
        let file = ExportFile::compile(format, true, renderer, 0, quantity(format), &head, &policy).unwrap();
        let at = Cursor { part: 2, row: first(format), crc32: 0, len: 0 };
        let mut out = Vec::new();
        let next = file.write_part(at, &mut out).unwrap();
        let plain = file.rows().rows_len(at.row..next.row);
        let mut group = criterion.benchmark_group(export_type.to_string());
        group.sample_size(10);
        group.throughput(Throughput::ElementsAndBytes { elements: next.row - at.row, bytes: plain });
        group.bench_function("part", |bencher| {
            bencher.iter_custom(|runs| {
                timed(runs, (format, "part"), fastest, || {
                    out.clear();
                    black_box(file.write_part(at, &mut out).unwrap());
                })
            });
        });
        let mut stream = Vec::new();
        group.bench_function("flate2", |bencher| {
            bencher.iter_custom(|runs| {
                timed(runs, (format, "flate2"), fastest, || {
                    stream.clear();
                    one_stream(file.rows(), at.row..next.row, &mut stream);
                })
            });
        });
        group.finish();
    }
}

/// The same rows through one encoder of the library.
fn one_stream(rows: &Rows, positions: Range<u64>, out: &mut Vec<u8>) {
    let mut encoder = GzEncoder::new(out, Compression::new(LEVEL));
    let mut plain = Vec::new();
    for first in positions.clone().step_by(BATCH) {
        plain.clear();
        rows.write(first..positions.end.min(first + BATCH as u64), &mut plain).unwrap();
        encoder.write_all(&plain).unwrap();
    }
    encoder.finish().unwrap();
}

/// Csv of every type of code, which shows the cost of generating them.
fn types(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("types");
    for code_type in CodeType::ALL {
        let rows = rows(Format::Csv, code_type);
        let window = FIRST..FIRST + ROWS;
        let mut out = Vec::new();
        let bytes = rows.rows_len(window.clone());
        group.throughput(Throughput::ElementsAndBytes { elements: ROWS, bytes });
        group.bench_function(BenchmarkId::new("csv", code_type.as_str()), |bencher| {
            bencher.iter(|| {
                out.clear();
                rows.write(window.clone(), &mut out).unwrap();
                black_box(&out);
            });
        });
    }
    group.finish();
}

fn timed(runs: u64, name: (Format, &'static str), fastest: &Fastest, mut run: impl FnMut()) -> Duration {
    let mut sum = Duration::ZERO;
    let mut best = Duration::MAX;
    for _ in 0..runs {
        let start = Instant::now();
        run();
        let taken = start.elapsed();
        best = best.min(taken);
        sum += taken;
    }
    let mut all = fastest.borrow_mut();
    match all.iter_mut().find(|known| (known.0, known.1) == name) {
        Some(known) => known.2 = known.2.min(best),
        None => all.push((name.0, name.1, best)),
    }
    sum
}

#[expect(clippy::print_stdout, reason = "a benchmark reports on standard output")]
fn report(fastest: &[(Format, &'static str, Duration)]) {
    let time = |format, side| fastest.iter().find(|known| (known.0, known.1) == (format, side)).map(|known| known.2);
    println!("{:8} {:>10} {:>9}   {:>10} {:12} {:>6}", "format", "M rows/s", "MB/s", "M rows/s", "of", "ratio");
    for format in Format::ALL {
        let library = library_of(format);
        // A filter on the command line may have excluded one of them.
        let (Some(ours), Some(theirs)) = (time(format, "template"), time(format, library)) else {
            continue;
        };
        let bytes = rows(format, CodeType::Sgtin).rows_len(first(format)..first(format) + ROWS);
        let per_second = |amount: u64, taken: Duration| amount as f64 / taken.as_secs_f64() / 1e6;
        println!(
            "{:8} {:>10.1} {:>9.0}   {:>10.1} {:12} {:>6.1}",
            format.as_str(),
            per_second(ROWS, ours),
            per_second(bytes, ours),
            per_second(ROWS, theirs),
            library,
            theirs.as_secs_f64() / ours.as_secs_f64()
        );
    }
    println!("{:8} {:>10}   {:>10} {:>6}", "format", "part, ms", "flate2, ms", "ratio");
    for format in Format::ALL {
        let (Some(ours), Some(theirs)) = (time(format, "part"), time(format, "flate2")) else {
            continue;
        };
        println!(
            "{:8} {:>10.1}   {:>10.1} {:>6.2}",
            ExportType::new(format, true).to_string(),
            ours.as_secs_f64() * 1e3,
            theirs.as_secs_f64() * 1e3,
            theirs.as_secs_f64() / ours.as_secs_f64()
        );
    }
}

fn library_of(format: Format) -> &'static str {
    match format {
        Format::Csv => "csv",
        Format::Json | Format::Ndjson => "serde_json",
        Format::Yaml => "serde_json",
        Format::Xml | Format::Xlsx => "quick-xml",
        Format::Txt => "writeln!",
    }
}

/// One row, borrowed from the buffers.
#[derive(Serialize)]
struct Row<'a> {
    position: u64,
    code: &'a str,
    digital_link: &'a str,
    element_string: &'a str,
    epc_uri: &'a str,
}

/// Rows by the writers of libraries.
struct Library<'a> {
    renderer: &'a Renderer,
    codes: Vec<u8>,
    fields: [String; 4],
}

impl<'a> Library<'a> {
    fn new(renderer: &'a Renderer) -> Self {
        Self { renderer, codes: Vec::new(), fields: Default::default() }
    }

    fn write(&mut self, format: Format, first: u64, count: u64, out: &mut Vec<u8>) {
        match format {
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new()
                    .has_headers(false)
                    .terminator(csv::Terminator::Any(b'\n'))
                    .from_writer(out);
                self.rows(first, count, |row| writer.serialize(row).unwrap());
                writer.flush().unwrap();
            }
            Format::Txt => self.rows(first, count, |row| {
                writeln!(out, "{}", row.digital_link).unwrap();
            }),
            Format::Json => self.rows(first, count, |row| {
                serde_json::to_writer(&mut *out, &row).unwrap();
                out.extend_from_slice(b",\n");
            }),
            Format::Ndjson => self.rows(first, count, |row| {
                serde_json::to_writer(&mut *out, &row).unwrap();
                out.push(b'\n');
            }),
            Format::Yaml => self.rows(first, count, |row| {
                write!(out, "- position: {}", row.position).unwrap();
                for (key, value) in [
                    ("\n  code: ", row.code),
                    ("\n  digital_link: ", row.digital_link),
                    ("\n  element_string: ", row.element_string),
                    ("\n  epc_uri: ", row.epc_uri),
                ] {
                    out.extend_from_slice(key.as_bytes());
                    serde_json::to_writer(&mut *out, value).unwrap();
                }
                out.push(b'\n');
            }),
            Format::Xml => {
                let mut writer = quick_xml::Writer::new(out);
                self.rows(first, count, |row| {
                    let mut digits = [0; 20];
                    let start =
                        BytesStart::new("code").with_attributes([("position", decimal(row.position, &mut digits))]);
                    writer.write_event(Event::Start(start)).unwrap();
                    for (name, text) in [
                        ("value", row.code),
                        ("digital_link", row.digital_link),
                        ("element_string", row.element_string),
                        ("epc_uri", row.epc_uri),
                    ] {
                        writer.write_event(Event::Start(BytesStart::new(name))).unwrap();
                        writer.write_event(Event::Text(BytesText::new(text))).unwrap();
                        writer.write_event(Event::End(BytesEnd::new(name))).unwrap();
                    }
                    writer.write_event(Event::End(BytesEnd::new("code"))).unwrap();
                    writer.get_mut().push(b'\n');
                });
            }
            Format::Xlsx => {
                let mut writer = quick_xml::Writer::new(out);
                self.rows(first, count, |row| {
                    let mut digits = [0; 20];
                    for name in ["row", "c", "v"] {
                        writer.write_event(Event::Start(BytesStart::new(name))).unwrap();
                    }
                    writer.write_event(Event::Text(BytesText::new(decimal(row.position, &mut digits)))).unwrap();
                    for name in ["v", "c"] {
                        writer.write_event(Event::End(BytesEnd::new(name))).unwrap();
                    }
                    for text in [row.code, row.digital_link, row.element_string, row.epc_uri] {
                        let cell = BytesStart::new("c").with_attributes([("s", "1"), ("t", "inlineStr")]);
                        writer.write_event(Event::Start(cell)).unwrap();
                        for name in ["is", "t"] {
                            writer.write_event(Event::Start(BytesStart::new(name))).unwrap();
                        }
                        writer.write_event(Event::Text(BytesText::new(text))).unwrap();
                        for name in ["t", "is", "c"] {
                            writer.write_event(Event::End(BytesEnd::new(name))).unwrap();
                        }
                    }
                    writer.write_event(Event::End(BytesEnd::new("row"))).unwrap();
                    writer.get_mut().push(b'\n');
                });
            }
        }
    }

    fn rows(&mut self, first: u64, count: u64, mut each: impl FnMut(Row<'_>)) {
        let width = self.renderer.width();
        self.codes.resize(BATCH * width, 0);
        let mut position = first;
        while position < first + count {
            let here = BATCH.min((first + count - position) as usize);
            let batch = &mut self.codes[..here * width];
            self.renderer.fill(position - 1, batch).unwrap();
            for code in batch.chunks_exact(width) {
                let varying = std::str::from_utf8(code).unwrap();
                for (text, field) in
                    self.fields.iter_mut().zip([Field::Code, Field::DigitalLink, Field::ElementString, Field::EpcUri])
                {
                    text.clear();
                    for piece in self.renderer.pieces(field) {
                        match piece {
                            Piece::Literal(literal) => text.push_str(literal),
                            Piece::Slot { from, to } => text.push_str(&varying[*from..*to]),
                        }
                    }
                }
                let [code, digital_link, element_string, epc_uri] = &self.fields;
                each(Row { position, code, digital_link, element_string, epc_uri });
                position += 1;
            }
        }
    }
}

fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &str {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return std::str::from_utf8(&digits[at..]).unwrap();
        }
    }
}

/// A renderer of a type, with the defaults of a deployment and a reservation.
fn renderer(code_type: CodeType) -> Result<Renderer, CodeError> {
    Ok(rendered(code_type, None, None)?.1)
}

fn rendered(
    code_type: CodeType,
    character_set: Option<CharacterSet>,
    length: Option<u8>,
) -> Result<(PoolSpec, Renderer), CodeError> {
    let product = match code_type {
        CodeType::Sgtin => Some("/01/09506000134352"),
        CodeType::Grai => Some("/8003/09506000123455"),
        CodeType::Gdti => Some("/253/9506000654324"),
        CodeType::Itip => Some("/8006/095060001343520102"),
        CodeType::Cpi => Some("/8010/9506000AB#-12"),
        CodeType::Sgcn => Some("/255/9506000777771"),
        CodeType::Sscc | CodeType::Giai | CodeType::Gsrn | CodeType::ShortCode => None,
    };
    let company_prefix = Some("9506000");
    let request = CodeRequest { code_type, product, company_prefix, length, character_set };
    let spec = PoolSpec::resolve(&request, &SerialDefaults::default(), true)?;
    let secret = Secret::new(&[b's'; 64])?;
    let options = RenderOptions { company_prefix: company_prefix.map(str::to_owned), ..RenderOptions::default() };
    let renderer = Renderer::new(&spec, &secret.pool_key(&spec.namespace), &options)?;
    Ok((spec, renderer))
}
