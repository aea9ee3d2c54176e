//! Everything that reads text of a client, of a table or of a stream, as functions of bytes that must not panic, hang or
//! break a promise. `fuzz/` runs them under libFuzzer, `tests/tests/all/rest/fuzz.rs` under proptest.

#[expect(clippy::expect_used, reason = "what cannot fail here must not be passed over")]
mod offline;
mod pure;
mod requests;

pub use requests::answer_to_document;

/// A function of bytes.
pub type Entry = fn(&[u8]);

/// Every entry, by the name of its target in `fuzz/`.
pub const ENTRIES: [(&str, Entry); 13] = [
    ("query_string", pure::query_string),
    ("filter", pure::filter),
    ("body", pure::body),
    ("graphql", requests::graphql),
    ("export_key", pure::export_key),
    ("stream_records", pure::stream_records),
    ("tokens", requests::tokens),
    ("jwt", requests::jwt),
    ("prefixes", pure::prefixes),
    ("products", pure::products),
    ("profiles", pure::profiles),
    ("events", requests::events),
    ("pages", requests::pages),
];

/// Runs the entry of a target.
///
/// # Panics
/// When the entry finds a fault, or there is no such target.
pub fn run(target: &str, input: &[u8]) {
    let entry = ENTRIES.iter().find(|(name, _)| *name == target);
    assert!(entry.is_some(), "no target {target}");
    if let Some((_, entry)) = entry {
        entry(input);
    }
}
