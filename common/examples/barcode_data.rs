//! Writes the codes of every type with the data of their barcodes into a directory, one CSV file a type:
//! `cargo run -p common --example barcode_data -- DIRECTORY`. `tests/judges/judge.py` gives them to third-party
//! validators. The columns are those of an export and `barcode_data`.

use std::error::Error;
use std::path::Path;

use common::code::CodeType;

mod samples;

/// Rows of a file.
const ROWS: u64 = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: barcode_data DIRECTORY")?;
    for code_type in CodeType::ALL {
        let renderer = samples::renderer(code_type, "?src=label")?;
        let path = Path::new(&directory).join(format!("data-{code_type}.csv"));
        let mut file = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_path(path)?;
        file.write_record(["position", "code", "digital_link", "element_string", "epc_uri", "barcode_data"])?;
        for position in 1..=ROWS {
            let code = renderer.code(position - 1)?;
            let position = position.to_string();
            let fields = [code.code, code.digital_link, code.element_string, code.epc_uri, code.barcode_data];
            file.write_record([position].iter().chain(&fields))?;
        }
        file.flush()?;
    }
    Ok(())
}
