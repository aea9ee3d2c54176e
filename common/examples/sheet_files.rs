//! Writes label sheets into a directory, for `tests/labels/sheets.py`: `cargo run -p common --example sheet_files --
//! DIRECTORY`.
//!
//! Every kind of symbol, on layouts of several forms, with codes of every type that has what the labels show:
//! `TYPE--LAYOUT.pdf`, and beside each `TYPE--LAYOUT.json`, a list of what the symbols carry.

use std::error::Error;
use std::fs;
use std::path::Path;

use common::code::{CodeType, Day, LotAndDates};
use common::export::profile::{Particulars, Profile};
use common::export::{Cursor, ExportError, ExportFile, FileHead, Form, PartPolicy};
use common::reservation::Values;
use serde_json::{Value, json};

mod samples;

/// Labels of a sheet: two pages of most layouts.
const LABELS: u64 = 40;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: sheet_files DIRECTORY")?;
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    for layout in layouts() {
        let profile = Profile::read(&layout).map_err(|mistakes| format!("{mistakes:?}"))?;
        for code_type in CodeType::ALL {
            write(directory, &profile, code_type)?;
        }
    }
    Ok(())
}

/// A profile with this symbol and these pages.
fn profile(name: &str, symbol: Value, sheet: Value) -> Value {
    json!({"name": name, "extension": "pdf", "base": "sheet", "symbol": symbol, "sheet": sheet})
}

/// The default with each symbol, labels on which the text is below the symbol, small labels, single labels without text,
/// symbols with more than ASCII, and GS1 symbols with elements beside those of the code.
fn layouts() -> Vec<Value> {
    let mut all: Vec<Value> = ["qr", "datamatrix", "gs1-qr"]
        .into_iter()
        .map(|kind| profile(kind, json!({"kind": kind}), json!({})))
        .collect();
    all.push(profile("tall", json!({"kind": "qr"}), json!({"columns": 5, "rows": 5, "margin_x": 10, "margin_y": 10})));
    all.push(profile(
        "small",
        json!({"kind": "datamatrix"}),
        json!({"page": "letter", "columns": 6, "rows": 16, "margin_x": 5, "margin_y": 5, "gap_x": 2, "padding": 1}),
    ));
    let mut single = profile(
        "single",
        json!({"kind": "qr", "data": "{code}", "quiet_zone": 2}),
        json!({"page": {"width": 50, "height": 25}, "columns": 1, "rows": 1, "margin_y": 0, "padding": 2}),
    );
    if let Some(members) = single.as_object_mut() {
        members.insert("text".to_owned(), json!(""));
    }
    all.push(single);
    let any = json!({"kind": "qr", "data": "Größe ½ {code} {reference_id}"});
    all.push(profile("unicode", any, json!({"columns": 2, "rows": 6})));
    all.push(profile("elements", json!({"kind": "datamatrix", "data": "17271231{barcode_data}"}), json!({})));
    all
}

/// Writes a sheet, if the codes have what it shows.
fn write(directory: &Path, profile: &Profile, code_type: CodeType) -> Result<(), Box<dyn Error>> {
    let spec = samples::spec(code_type)?;
    let lot_and_dates =
        LotAndDates { lot: Some("L/7-a".to_owned()), expiry_date: Day::parse("2027-12-31"), ..LotAndDates::default() };
    let renderer = samples::renderer(code_type, "", lot_and_dates)?;
    let head = FileHead { reservation: "0190a6b0-1f7a-7000-8000-000000000001", code_type };
    // The bytes of such characters in UTF-8 can be taken for Shift JIS.
    let values = Values { reference_id: Some("東京ぁあ-αω-€".to_owned()), ..Values::default() };
    let particulars = Particulars { namespace: &spec.namespace, company_prefix: Some("9506000"), values: &values };
    let form = Form::Profile(profile, particulars);
    let file = match ExportFile::compile(form, false, renderer, 1_000, LABELS, &head, &PartPolicy::default()) {
        Ok(file) => file,
        Err(ExportError::Profile(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    file.write_part(Cursor::START, &mut bytes)?;
    let labels = file.labels()?.ok_or("no sheet")?;
    // What the symbol carries is the first line of a label; labels are separated by an empty line.
    let carried: Vec<&str> = labels.split_terminator("\n\n").filter_map(|label| label.split('\n').next()).collect();
    let name = format!("{code_type}--{}", profile.name);
    fs::write(directory.join(format!("{name}.json")), serde_json::to_string(&carried)?)?;
    Ok(fs::write(directory.join(format!("{name}.pdf")), bytes)?)
}
