//! Export profiles for tests.

use common::{
    context::Context,
    export::profile::Profile,
    operations::directory::{Author, Effect, profiles},
};
use serde_json::{Value, json};

/// Stores a profile as an operator does.
pub(crate) async fn add(context: &Context, organisation: Option<&str>, profile: &Value) -> Effect {
    let author = Author { by: "local:test".to_owned(), now: context.now() };
    let profile = Profile::read(profile).unwrap_or_else(|wrong| panic!("{profile} {wrong:?}"));
    profiles::add(context, &author, organisation, &profile).await.unwrap().0
}

/// Removes a profile as an operator does.
pub(crate) async fn remove(context: &Context, organisation: Option<&str>, name: &str) {
    let author = Author { by: "local:test".to_owned(), now: context.now() };
    let name = common::reservation::ProfileName::parse(name).unwrap();
    profiles::remove(context, &author, organisation, name).await.unwrap();
}

/// A profile of lines with this text.
pub(crate) fn lines(name: &str, line: &str) -> Value {
    json!({ "name": name, "extension": "txt", "base": "lines", "line": line })
}

/// A profile of each base, the last of sheets, and one of blocks in UTF-16.
pub(crate) fn of_every_base() -> [Value; 6] {
    [
        json!({ "name": "base-delimited", "extension": "csv", "base": "delimited", "delimiter": "tab", "quoting": "all",
            "columns": [{ "name": "n", "source": "position" }, { "name": "code", "source": "code" },
                { "name": "link", "source": "digital_link" }, { "name": "left", "source": "position_from_end" }] }),
        json!({ "name": "base-fixed", "extension": "dat", "base": "fixed", "line_end": "crlf", "encoding": "iso-8859-1",
            "columns": [{ "source": "position", "width": 8, "align": "right", "pad": "0" },
                { "source": "element_string", "width": 60 }] }),
        lines("base-lines", "{barcode_data};{position}"),
        json!({ "name": "base-template", "extension": "xml", "base": "template", "escape": "xml",
            "header": "<a n=\"{row_count}\">\n", "row": "<b>{digital_link}</b>\n", "footer": "</a>\n" }),
        json!({ "name": "base-blocks", "extension": "zpl", "base": "template", "encoding": "utf-16le", "byte_order_mark": true,
            "rows_per_block": 3, "row": "<{code}:{position}>", "block_header": "[", "block_footer": "]\n" }),
        json!({ "name": "base-sheet", "extension": "pdf", "base": "sheet",
            "sheet": { "page": { "width": 150, "height": 100.5 }, "columns": 2, "rows": 2, "margin_x": 2, "margin_y": 2,
                "gap_x": 1, "gap_y": 1.5, "padding": 2, "font_size": 6.5 },
            "symbol": { "kind": "datamatrix", "quiet_zone": 2 }, "text": "{code}\n{element_string} {position}" }),
    ]
}
