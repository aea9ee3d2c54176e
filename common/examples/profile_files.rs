//! Writes files of export profiles into a directory, for `tests/formats/profiles.py`:
//! `cargo run -p common --example profile_files -- DIRECTORY [ROWS]`.
//!
//! Every built-in profile, and every dialect of delimited files, with codes of every type that has what the profile shows:
//! `TYPE--PROFILE.EXTENSION`, and beside each the plain csv of the same codes. `profiles.json` lists the profiles.

use std::error::Error;
use std::fs;
use std::path::Path;

use common::code::{CodeType, Day, LotAndDates, Namespace};
use common::export::profile::{Particulars, Profile, all_built_in};
use common::export::{Cursor, ExportError, ExportFile, FileHead, Form, Format, PartPolicy};
use common::reservation::Values;
use serde_json::{Value, json};

mod samples;

/// Small parts, so that files of a few thousand rows have several.
const POLICY: PartPolicy = PartPolicy { single_max: 4_096, part_len: 4_096, max_part_len: 1 << 30, max_parts: 10_000 };

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: profile_files DIRECTORY [ROWS]")?;
    let rows = arguments.next().map_or(Ok(1_000), |rows| rows.parse())?;
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    let dialects = dialects().iter().map(Profile::read).collect::<Result<Vec<_>, _>>();
    let dialects = dialects.map_err(|mistakes| format!("{mistakes:?}"))?;
    // Sheets are read by `tests/labels`.
    let texts = all_built_in().iter().filter(|profile| profile.base_name() != "sheet");
    let profiles: Vec<&Profile> = texts.chain(&dialects).collect();
    let values = Values {
        reference_id: Some("Ä \"1\"; 2, 3".to_owned()),
        reserved_at: Some("2026-01-31T12:00:00.000Z".to_owned()),
        ..Values::default()
    };
    for code_type in CodeType::ALL {
        let namespace: Namespace = samples::spec(code_type)?.namespace;
        let head = FileHead { reservation: "0190a6b0-1f7a-7000-8000-000000000001", code_type };
        write(directory, &format!("{code_type}.csv"), Form::Format(Format::Csv), code_type, rows, &head)?;
        for profile in &profiles {
            let particulars = Particulars { namespace: &namespace, company_prefix: Some("9506000"), values: &values };
            let name = format!("{code_type}--{}.{}", profile.name, profile.extension);
            write(directory, &name, Form::Profile(profile, particulars), code_type, rows, &head)?;
        }
    }
    let all: Vec<Value> = profiles.iter().map(|profile| profile.to_value()).collect();
    fs::write(directory.join("profiles.json"), serde_json::to_string_pretty(&all)?)?;
    Ok(())
}

/// Writes a file, if the codes have what it shows.
fn write(
    directory: &Path,
    name: &str,
    form: Form<'_>,
    code_type: CodeType,
    rows: u64,
    head: &FileHead<'_>,
) -> Result<(), Box<dyn Error>> {
    // The longest lot and every date: labels must have room for them.
    let lot_and_dates = LotAndDates {
        lot: Some("A_1%/-LOT-0123456789".to_owned()),
        expiry_date: Day::parse("2027-12-31"),
        production_date: Day::parse("2026-01-31"),
        best_before: Day::parse("2027-11-30"),
    };
    let renderer = samples::renderer(code_type, "?src=A,1&who='me'", lot_and_dates)?;
    let file = match ExportFile::compile(form, false, renderer, 1_000, rows, head, &POLICY) {
        Ok(file) => file,
        Err(ExportError::Profile(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let (mut bytes, mut at) = (Vec::new(), Cursor::START);
    while !file.is_done(at) {
        at = file.write_part(at, &mut bytes)?;
    }
    Ok(fs::write(directory.join(name), bytes)?)
}

/// Every combination of delimiter, quoting and encoding that can hold the columns.
fn dialects() -> Vec<Value> {
    let columns = json!([
        {"name": "position", "source": "position"}, {"name": "code", "source": "code"},
        {"name": "element_string", "source": "element_string"}, {"name": "reference, \"his\"", "source": "reference_id"}]);
    let plain = json!([
        {"name": "position", "source": "position"}, {"name": "code", "source": "code"},
        {"name": "element_string", "source": "element_string"}]);
    let mut all = vec![json!({"name": "barcode-data", "extension": "txt", "base": "lines", "line": "{barcode_data}"})];
    for (name, delimiter) in [("comma", ","), ("semicolon", ";"), ("tab", "tab"), ("pipe", "|")] {
        for quoting in ["minimal", "all", "text", "none"] {
            for encoding in ["utf-8", "utf-16le", "iso-8859-1", "windows-1252"] {
                all.push(json!({
                    "name": format!("{name}-{quoting}-{}", encoding.replace("windows-", "w").replace("iso-8859-", "l")),
                    "extension": "csv", "base": "delimited", "delimiter": delimiter, "quoting": quoting,
                    "encoding": encoding, "byte_order_mark": encoding == "utf-16le",
                    "line_end": if quoting == "all" { "crlf" } else { "lf" },
                    "columns": if quoting == "none" { &plain } else { &columns },
                }));
            }
        }
    }
    all
}
