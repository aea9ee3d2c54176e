//! The files of `admin import`: JSON or CSV, each row with the line at which it begins.

use std::path::Path;

use common::operations::directory::{Members, USER_MEMBERS};
use serde_json::{Value, json, value::RawValue};

use crate::failure::Failure;

/// Maximum size of a file in bytes: more than 100,000 rows.
const MAX_BYTES: u64 = 64 << 20;

/// Between two organisations of a user in a cell of a CSV file.
const SEPARATOR: char = ';';

/// What the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Organisations,
    Users,
}

/// A row of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// The line at which it begins, from 1.
    pub(super) number: usize,
    /// Its members, or why it cannot be read.
    pub(super) members: Result<Members, String>,
}

/// Reads a file.
///
/// # Errors
/// [`Failure::WrongUse`] when the file cannot be read, is too large, or is neither JSON nor CSV of the needed form.
pub(super) fn read(path: &Path, table: Table) -> Result<Vec<Line>, Failure> {
    let wrong = |reason: String| Failure::WrongUse(format!("{}: {reason}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > MAX_BYTES {
        return Err(wrong(format!("{size} bytes are too many; {MAX_BYTES} at most can be imported at once")));
    }
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| wrong(format!("the file is not UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("json") => json_lines(text).map_err(wrong),
        Some("csv") => csv_lines(text, table).map_err(wrong),
        _ => Err(wrong("the name must end with .json or .csv".to_owned())),
    }
}

fn json_lines(text: &str) -> Result<Vec<Line>, String> {
    let rows: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| format!("a list of objects is needed: {error}"))?;
    let (mut number, mut counted_to) = (1, 0);
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        // The text of a row is a part of the file's text.
        let begins = row.get().as_ptr() as usize - text.as_ptr() as usize;
        number += text.get(counted_to..begins).unwrap_or_default().matches('\n').count();
        counted_to = begins;
        let members = match serde_json::from_str::<Value>(row.get()) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) => Err("An object is needed.".to_owned()),
            Err(error) => Err(format!("The row cannot be read: {error}.")),
        };
        lines.push(Line { number, members });
    }
    Ok(lines)
}

fn csv_lines(text: &str, table: Table) -> Result<Vec<Line>, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let names: Vec<String> =
        reader.headers().map_err(|error| error.to_string())?.iter().map(|name| name.trim().to_owned()).collect();
    check_names(&names, table)?;
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let number = error.position().map_or(0, |position| position.line());
                lines.push(Line { number: line(number), members: Err(format!("The row cannot be read: {error}.")) });
                continue;
            }
        };
        let members = if record.len() == names.len() {
            let cells = names.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
            Ok(cells.map(|(name, cell)| (name.clone(), value(name, cell))).collect())
        } else {
            Err(format!("The row has {} cells, and the first line names {} members.", record.len(), names.len()))
        };
        lines.push(Line { number: line(record.position().map_or(0, csv::Position::line)), members });
    }
    Ok(lines)
}

fn line(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn check_names(names: &[String], table: Table) -> Result<(), String> {
    if let [one] = names
        && one.contains(SEPARATOR)
    {
        return Err("the cells must be separated by commas".to_owned());
    }
    if let Some(twice) = names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|other| other == *name))
    {
        return Err(format!("the first line names {:?} twice", twice.1));
    }
    let is_known =
        |name: &&String| table == Table::Organisations || name == &"id" || USER_MEMBERS.contains(&name.as_str());
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        return Err(format!(
            "the first line names {unknown:?}, which is no member of a user; the members are id, {}",
            USER_MEMBERS.join(", ")
        ));
    }
    if table == Table::Organisations && !names.iter().any(|name| name == "id") {
        return Err("the first line must name the members of an organisation, among them id".to_owned());
    }
    Ok(())
}

/// The value of a cell. An empty cell says nothing.
fn value(name: &str, cell: &str) -> Value {
    match name {
        "max_codes_per_day" => cell.parse::<u64>().map_or_else(|_| json!(cell), |number| json!(number)),
        "organisations" if cell == "*" => json!("*"),
        "organisations" => cell.split(SEPARATOR).map(str::trim).filter(|id| !id.is_empty()).collect(),
        _ => json!(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(value: Value) -> Result<Members, String> {
        Ok(value.as_object().unwrap().clone())
    }

    #[test]
    fn a_row_of_json_knows_its_line() {
        let text = "[\n  {\"id\": \"A\"},\n  {\"id\":\n    \"B\"}, 7,\n\n  {\"id\": \"C\", \"x\": [1, {}]}\n]";
        let lines = json_lines(text).unwrap();
        let numbers: Vec<_> = lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [2, 3, 4, 6]);
        assert_eq!(lines[0].members, members(json!({"id": "A"})));
        assert_eq!(lines[2].members, Err("An object is needed.".to_owned()));
        for bad in ["", "{}", "[", "[{]", "null"] {
            assert!(json_lines(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_row_of_csv_knows_its_line_and_its_types() {
        let text = "id,max_codes_per_day,city\nA,7,\"Aachen,\nWest\"\nB,,\nC,x\n";
        let lines = csv_lines(text, Table::Organisations).unwrap();
        assert_eq!(
            lines[0],
            Line { number: 2, members: members(json!({"id": "A", "max_codes_per_day": 7, "city": "Aachen,\nWest"})) }
        );
        assert_eq!(lines[1], Line { number: 4, members: members(json!({"id": "B"})) });
        assert!(lines[2].number == 5 && lines[2].members.as_ref().unwrap_err().contains("2 cells"));
        let users = csv_lines("email,organisations\na@b,*\nc@d, A; B ;\n", Table::Users).unwrap();
        assert_eq!(users[0].members, members(json!({"email": "a@b", "organisations": "*"})));
        assert_eq!(users[1].members, members(json!({"email": "c@d", "organisations": ["A", "B"]})));
    }

    #[test]
    fn a_first_line_that_cannot_be_meant_is_refused_as_a_whole() {
        for (text, table, reason) in [
            ("name\nA\n", Table::Organisations, "among them id"),
            ("id;name\nA;B\n", Table::Organisations, "separated by commas"),
            ("id,id\nA,B\n", Table::Organisations, "twice"),
            ("email,password\na@b,x\n", Table::Users, "\"password\""),
        ] {
            let error = csv_lines(text, table).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
