//! A list as JSON, indented by tabs.

use serde_json::Value;

/// The whole document.
pub(super) fn write(data: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // Writing JSON into memory cannot fail, and it is UTF-8.
    match serde::Serialize::serialize(data, &mut serializer) {
        Ok(()) => String::from_utf8(out).unwrap_or_default(),
        Err(_) => String::new(),
    }
}
