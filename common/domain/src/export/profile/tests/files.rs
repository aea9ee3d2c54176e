//! Files of profiles equal those of the plain writer, however they are cut and compressed.

use std::io::Read;

use flate2::bufread::GzDecoder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::naive::{Naive, has_all};
use crate::export::profile::{Particulars, Profile, all_built_in};
use crate::export::tests::samples::{self, COMPANY_PREFIX, HEAD_ID, Sample};
use crate::export::{Cursor, ExportFile, FileHead, Form, PartPolicy, Rows};
use crate::reservation::Values;

/// Parts so small that a few hundred rows make several.
const TINY: PartPolicy = PartPolicy { single_max: 2_000, part_len: 2_000, max_part_len: 1 << 20, max_parts: 10_000 };

/// An arbitrary start inside the pool.
const START_INDEX: u64 = 12_345;

pub(super) fn values() -> Values {
    Values {
        reference_id: Some("Ä \"1\" <&>; ^~\\_'".to_owned()),
        purchase_order: Some("PO{7}".to_owned()),
        organisation_name: None,
        reserved_at: Some("2026-01-02T03:04:05.678Z".to_owned()),
    }
}

/// Profiles of every base, with every encoding, quoting, escaping and kind of block.
pub(super) fn profiles() -> Vec<Profile> {
    let every = ["position", "position_from_end", "row_count", "code", "reservation", "quantity", "reserved_at"];
    let columns: Vec<Value> = every.iter().map(|source| json!({"name": source, "source": source})).collect();
    let all: Vec<Value> = [
        vec![json!({"name": "a,b\"c", "constant": "x;\"y\", {z}"})],
        columns,
        vec![
            json!({"name": "r", "source": "reference_id"}),
            json!({"name": "o", "text": "{{{purchase_order}}}-{position}/{row_count}", "escape": "csv"}),
            json!({"name": "n", "source": "organisation_name"}),
        ],
    ]
    .concat();
    let delimited = |more: Value| {
        let mut profile = json!({"name": "my-printer", "extension": "csv", "base": "delimited", "columns": all,
            "defaults": {"organisation_name": "none"}});
        profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        profile
    };
    let fixed = json!([
        {"name": "no", "source": "position", "width": 10, "align": "right", "pad": "0"},
        {"name": "left", "source": "position_from_end", "width": 12},
        {"text": "<{code}>", "width": 40, "align": "right"},
        {"constant": "é", "width": 3, "pad": "."},
        {"source": "row_count", "width": 10, "align": "right", "pad": "0"},
    ]);
    let blocks = |rows: u8, more: Value| {
        let mut profile = json!({"name": "across", "extension": "txt", "base": "template", "rows_per_block": rows,
            "header": "H{row_count}\n", "footer": "F\n", "row": "<{position}:{code}:{position_from_end}>",
            "separator": "|", "block_header": "[", "block_footer": "]", "block_separator": ",\n"});
        profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        profile
    };
    let documents = vec![
        delimited(json!({})),
        delimited(json!({"delimiter": "tab", "quoting": "all", "line_end": "crlf", "byte_order_mark": true})),
        delimited(json!({"delimiter": ";", "quoting": "text", "encoding": "utf-16le", "byte_order_mark": true})),
        delimited(json!({"delimiter": "|", "encoding": "iso-8859-1", "header": false})),
        delimited(json!({"encoding": "windows-1252", "columns": [{"name": "€", "text": "€{code}"}], "defaults": {}})),
        json!({"name": "plain", "extension": "txt", "base": "delimited", "quoting": "none", "delimiter": ":",
            "columns": [{"name": "n", "source": "position_from_end"}, {"name": "c", "source": "code"}]}),
        json!({"name": "wide", "extension": "txt", "base": "fixed", "columns": fixed, "encoding": "iso-8859-1"}),
        json!({"name": "wide16", "extension": "txt", "base": "fixed", "columns": fixed, "encoding": "utf-16le",
            "line_end": "crlf"}),
        json!({"name": "headed", "extension": "txt", "base": "fixed", "header": true, "columns": [
            {"name": "number", "source": "position", "width": 10, "align": "right"},
            {"name": "the code", "source": "code", "width": 30}]}),
        json!({"name": "lines", "extension": "txt", "base": "lines", "line": "{code} {position}"}),
        json!({"name": "data", "extension": "txt", "base": "lines", "line": "{barcode_data}",
            "barcode": {"fnc1": "~1", "start": "]d2", "doubled": "-"}}),
        json!({"name": "raw", "extension": "txt", "base": "lines", "line": "{barcode_data}", "escape": "json",
            "barcode": {"start": "fnc1"}}),
        json!({"name": "xml-labels", "extension": "xml", "base": "template", "escape": "xml", "line_end": "crlf",
            "header": "<a r=\"{reference_id}\">\n", "row": "<b>{element_string} {key} {check_digit}</b>\n", "footer": "</a>"}),
        json!({"name": "json-labels", "extension": "json", "base": "template", "escape": "json", "header": "[",
            "row": "{{\"n\":{position},\"l\":\"{digital_link}\",\"r\":\"{reference_id}\"}}", "separator": ",\n", "footer": "]\n"}),
        json!({"name": "product", "extension": "txt", "base": "lines", "line": "{gtin} {product} {serial} {company_prefix}"}),
        json!({"name": "epcs", "extension": "txt", "base": "lines", "line": "{epc_uri} {canonical_link}"}),
        json!({"name": "tags", "extension": "txt", "base": "lines", "line": "{epc_hex} {epc_tag_uri} {epc_bank}",
            "epc": {"filter": 5}}),
        json!({"name": "wide-tags", "extension": "csv", "base": "delimited", "encoding": "utf-16le",
            "columns": [{"name": "n", "source": "position"}, {"name": "epc", "source": "epc_hex"}]}),
        json!({"name": "fixed-tags", "extension": "txt", "base": "fixed",
            "columns": [{"source": "code", "width": 30}, {"source": "epc_hex", "width": 60, "align": "right", "pad": "."}]}),
        blocks(3, json!({"row": "{epc_hex}/{code}"})),
        blocks(2, json!({})),
        blocks(3, json!({"encoding": "utf-16le", "byte_order_mark": true})),
        blocks(7, json!({"escape": "zpl", "header": "{reference_id}"})),
        blocks(20, json!({"row": "{code}", "header": "", "footer": "", "block_footer": "", "block_separator": "\n"})),
        json!({"name": "places", "extension": "txt", "base": "template",
            "row": ["A{code}", "B{position}", "C{position_from_end}-{code}"], "block_header": "^XA", "block_footer": "^XZ\n"}),
    ];
    let own =
        documents.iter().map(|document| Profile::read(document).unwrap_or_else(|wrong| panic!("{document} {wrong:?}")));
    // Sheets are no texts.
    let built_in = all_built_in().iter().filter(|profile| profile.base_name() != "sheet");
    own.chain(built_in.cloned()).collect()
}

fn particulars<'a>(sample: &'a Sample, values: &'a Values) -> Particulars<'a> {
    Particulars { namespace: &sample.namespace, company_prefix: Some(COMPANY_PREFIX), values }
}

fn rows(profile: &Profile, sample: &Sample, quantity: u64) -> Rows {
    let values = values();
    let head = FileHead { reservation: HEAD_ID, code_type: sample.code_type };
    let form = Form::Profile(profile, particulars(sample, &values));
    Rows::compile(form, sample.renderer.clone(), START_INDEX, quantity, &head).unwrap()
}

fn file(profile: &Profile, gzip: bool, sample: &Sample, quantity: u64, policy: &PartPolicy) -> ExportFile {
    let values = values();
    let head = FileHead { reservation: HEAD_ID, code_type: sample.code_type };
    let form = Form::Profile(profile, particulars(sample, &values));
    ExportFile::compile(form, gzip, sample.renderer.clone(), START_INDEX, quantity, &head, policy).unwrap()
}

fn expected(profile: &Profile, sample: &Sample, quantity: u64) -> Vec<u8> {
    let values = values();
    Naive { profile, sample, start_index: START_INDEX, quantity, values: &values }.file()
}

fn written(rows: &Rows, positions: std::ops::Range<u64>) -> Vec<u8> {
    let mut out = Vec::new();
    rows.write(positions.clone(), &mut out).unwrap();
    assert_eq!(out.len() as u64, rows.rows_len(positions.clone()), "length of {positions:?} known beforehand");
    out
}

/// Every profile with every sample whose codes have what it shows.
fn pairs() -> Vec<(Profile, Sample)> {
    let all: Vec<(Profile, Sample)> = profiles()
        .into_iter()
        .flat_map(|profile| samples::all().into_iter().map(move |sample| (profile.clone(), sample)))
        .filter(|(profile, sample)| has_all(profile, sample))
        .collect();
    assert!(all.len() > 150, "{}", all.len());
    all
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_file_of_any_profile_equals_the_plain_writers() {
    for (profile, sample) in pairs() {
        for quantity in [1, 2, 9, 10, 11, 99, 100, 101, 1_234] {
            let file = written(&rows(&profile, &sample, quantity), 0..u64::MAX);
            let plain = expected(&profile, &sample, quantity);
            let what = format!("{} of {quantity} {}", profile.name, sample.name);
            assert!(file == plain, "{what}\n{:.600}\n---\n{:.600}", shown(&file), shown(&plain));
        }
    }
}

#[test]
fn the_parts_of_any_file_make_the_whole_and_each_can_be_made_again_alone() {
    for (profile, sample) in pairs() {
        // A part has so many rows that even the shortest ones fill it, and one of three rows of `places` is very short.
        let plain = if profile.name.as_str() == "places" { 2_500 } else { 607 };
        for (gzip, quantity) in [(false, plain), (true, 1_800)] {
            let file = file(&profile, gzip, &sample, quantity, &TINY);
            let (mut whole, mut at, mut parts) = (Vec::new(), Cursor::START, Vec::new());
            while !file.is_done(at) {
                let mut bytes = Vec::new();
                let next = file.write_part(at, &mut bytes).unwrap();
                parts.push((at, bytes.clone()));
                whole.extend(bytes);
                at = next;
            }
            assert!(parts.len() > 1, "{} {gzip} {}", profile.name, parts.len());
            for (at, bytes) in parts.iter().rev() {
                let mut again = Vec::new();
                file.write_part(*at, &mut again).unwrap();
                assert!(again == *bytes, "part {} of {}", at.part, profile.name);
                assert!(parts.last().unwrap().0 == *at || bytes.len() as u64 >= TINY.part_len);
            }
            assert_eq!(file.known_len(), (!gzip).then_some(whole.len() as u64));
            if gzip {
                let mut plain = Vec::new();
                GzDecoder::new(whole.as_slice()).read_to_end(&mut plain).unwrap();
                whole = plain;
            }
            assert!(whole == expected(&profile, &sample, quantity), "{} {gzip}", profile.name);
        }
    }
}

#[test]
fn numbers_grow_and_shrink_a_digit_where_they_should() {
    let sample = samples::all().remove(0);
    for profile in profiles().iter().filter(|profile| profile.max_rows.is_none()) {
        let quantity = 100_000_001;
        let rows = rows(profile, &sample, quantity);
        for power in 1..=8_u32 {
            let ten = 10_u64.pow(power);
            for middle in [ten, quantity + 1 - ten] {
                let window = middle.saturating_sub(150).max(1)..(middle + 150).min(quantity + 1);
                // One row after the other, independently of runs and blocks.
                let single: Vec<u8> =
                    window.clone().flat_map(|position| written(&rows, position..position + 1)).collect();
                assert!(written(&rows, window.clone()) == single, "{} {window:?}", profile.name);
            }
        }
        let (first, last) = (rows.rows_len(1..777), rows.rows_len(777..quantity + 1));
        assert_eq!(first + last, rows.total_len(), "{}", profile.name);
    }
}

#[test]
fn no_row_is_shorter_or_longer_than_the_lengths_say() {
    let sample = samples::all().remove(0);
    for profile in profiles() {
        let rows = rows(&profile, &sample, 1_234);
        let lengths = rows.lengths();
        for position in 2..1_234 {
            let len = rows.rows_len(position..position + 1);
            assert!((lengths.shortest_row..=lengths.longest_row).contains(&len), "{} {position}", profile.name);
        }
        let ends = rows.rows_len(1..2).max(rows.rows_len(1_234..1_235));
        assert!(ends <= lengths.longest_row + lengths.around, "{}", profile.name);
    }
}

#[test]
fn files_have_the_extension_and_the_media_type_of_their_profile() {
    let sample = samples::all().remove(0);
    for (name, gzip, extension, content_type) in [
        ("excel", false, "csv", "text/csv; charset=utf-8"),
        ("excel", true, "csv.gz", "application/gzip"),
        ("nicelabel", false, "txt", "text/csv; charset=utf-8"),
        ("zpl", false, "zpl", "text/plain; charset=utf-8"),
        ("epcis", false, "json", "application/ld+json"),
        ("wide16", false, "txt", "text/plain; charset=utf-16le"),
        ("wide", false, "txt", "text/plain; charset=iso-8859-1"),
    ] {
        let profile = profiles().into_iter().find(|profile| profile.name.as_str() == name).unwrap();
        let file = file(&profile, gzip, &sample, 5, &PartPolicy::default());
        assert_eq!((file.extension(), file.content_type()), (extension, content_type), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_partition_makes_the_same_file(
        pair in any::<prop::sample::Index>(),
        quantity in 1_u64..3_000,
        cuts in prop::collection::btree_set(1_u64..3_000, 0..12),
    ) {
        let all = profiles();
        let sample = samples::all().remove(0);
        let profile = pair.get(&all);
        let rows = rows(profile, &sample, quantity);
        let whole = written(&rows, 1..quantity + 1);
        let mut joined = Vec::new();
        let mut first = 1;
        for cut in cuts.iter().copied().filter(|cut| *cut <= quantity).chain([quantity + 1]) {
            joined.extend(written(&rows, first..cut));
            first = cut;
        }
        prop_assert!(joined == whole, "{} {}", profile.name, quantity);
    }
}
