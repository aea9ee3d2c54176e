//! Writes sample export files of every type of code and every format into a directory, to look at and to
//! parse back: `cargo run -p common --example export_files -- DIRECTORY [ROWS]`. `tests/formats/check.py`
//! then compares them.

use std::error::Error;
use std::fs;
use std::path::Path;

use common::code::{CodeType, LotAndDates};
use common::export::{Cursor, ExportFile, ExportType, FileHead, PartPolicy};

mod samples;

/// Small parts, so that files of a few thousand rows have several, compressed or not.
const POLICY: PartPolicy = PartPolicy { single_max: 4_096, part_len: 4_096, max_part_len: 1 << 30, max_parts: 10_000 };

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: export_files DIRECTORY [ROWS]")?;
    let rows = arguments.next().map_or(Ok(2_500), |rows| rows.parse())?;
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    for code_type in CodeType::ALL {
        for (export_type, extension) in ExportType::ALL.into_iter().zip(ExportType::NAMES) {
            let format = export_type.format().ok_or("no format")?;
            let head = FileHead { reservation: "0190a6b0-1f7a-7000-8000-000000000001", code_type };
            let renderer = samples::renderer(code_type, "?lot=A,1&who='me'", LotAndDates::default())?;
            let file = ExportFile::compile(format, export_type.is_gzip(), renderer, 1_000, rows, &head, &POLICY)?;
            let mut bytes = Vec::new();
            let mut at = Cursor::START;
            while !file.is_done(at) {
                at = file.write_part(at, &mut bytes)?;
            }
            let name = format!("{}.{}", code_type.as_str(), extension);
            fs::write(directory.join(name), bytes)?;
        }
    }
    Ok(())
}
