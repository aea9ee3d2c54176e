//! Writes the codes of every type with the data of their barcodes into a directory, one CSV file a type and another
//! with lot and dates: `cargo run -p common --example barcode_data -- DIRECTORY`. `tests/judges/judge.py` gives them to
//! third-party validators. The columns are those of an export, `epc_join_key` and `barcode_data`.

use std::error::Error;
use std::path::Path;

use common::code::{CodeType, Day, LotAndDates};

mod samples;

/// Rows of a file.
const ROWS: u64 = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: barcode_data DIRECTORY")?;
    let lot = |lot: &str| LotAndDates { lot: Some(lot.to_owned()), ..LotAndDates::default() };
    let all = LotAndDates {
        production_date: Day::parse("2026-05-01"),
        best_before: Day::parse("2027-11-30"),
        expiry_date: Day::parse("2028-02-29"),
        ..lot("L-1/a_2.B+%")
    };
    let expiry = LotAndDates { lot: None, production_date: None, best_before: None, ..all.clone() };
    let plain = CodeType::ALL.map(|code_type| (code_type, "data", LotAndDates::default()));
    let more = [("lot", lot("12345678901234567890")), ("expiry", expiry), ("all", all)];
    let more =
        more.iter().flat_map(|(name, known)| [CodeType::Sgtin, CodeType::Itip].map(|one| (one, *name, known.clone())));
    for (code_type, name, known) in plain.into_iter().chain(more) {
        let renderer = samples::renderer(code_type, "?src=label", known)?;
        let path = Path::new(&directory).join(format!("{name}-{code_type}.csv"));
        let mut file = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_path(path)?;
        file.write_record([
            "position",
            "code",
            "digital_link",
            "element_string",
            "epc_uri",
            "epc_join_key",
            "barcode_data",
        ])?;
        for position in 1..=ROWS {
            let code = renderer.code(position - 1)?;
            let position = position.to_string();
            let (key, data) = (code.epc_join_key, code.barcode_data);
            let fields = [code.code, code.digital_link, code.element_string, code.epc_uri, key, data];
            file.write_record([position].iter().chain(&fields))?;
        }
        file.flush()?;
    }
    Ok(())
}
