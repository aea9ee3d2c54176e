//! What a sheet consists of. Whether readers of PDF and of symbols read it is tested by `tests/labels/run`.

use std::io::Read;

use flate2::read::ZlibDecoder;
use symbols::Symbology;

use super::content::{Label, rectangles};
use super::layout::{Area, lines};
use super::*;

fn row(position: u64) -> String {
    let serial = format!("{:08}", (position - 1) * 7919);
    let link = format!("https://id.gs1.org/01/09506000134352/21/{serial}");
    format!("{link}{AFTER_DATA}(01)09506000134352(21){serial}{AFTER_LABEL}")
}

fn sheet(layout: &SheetLayout, count: u64) -> Vec<u8> {
    let mut out = Vec::new();
    write(layout, "BATCH (7)", count, |positions| Ok(positions.map(row).collect()), &mut out).unwrap();
    out
}

/// The streams of a document, without compression.
fn streams(pdf: &[u8]) -> Vec<String> {
    let find =
        |from: usize, what: &[u8]| pdf[from..].windows(what.len()).position(|part| part == what).map(|at| from + at);
    let (mut streams, mut at) = (Vec::new(), 0);
    while let Some(start) = find(at, b">>stream\n") {
        let start = start + 9;
        let end = find(start, b"\nendstream").unwrap();
        let mut text = String::new();
        ZlibDecoder::new(&pdf[start..end]).read_to_string(&mut text).unwrap();
        streams.push(text);
        at = end;
    }
    streams
}

#[test]
fn the_offsets_of_all_objects_are_right_and_the_bytes_reproducible() {
    let layout = SheetLayout::default();
    let pdf = sheet(&layout, 50);
    assert_eq!(pdf, sheet(&layout, 50));
    let text = String::from_utf8_lossy(&pdf);
    let at: usize = text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
    let table = std::str::from_utf8(&pdf[at..]).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("xref"));
    // Four objects, three pages and their contents, and the entry 0.
    assert_eq!(lines.next(), Some("0 11"));
    for (number, line) in lines.skip(1).take(10).enumerate() {
        assert_eq!(line.len(), 19, "with its line end an entry has 20 bytes");
        let offset: usize = line[..10].parse().unwrap();
        assert!(pdf[offset..].starts_with(format!("{} 0 obj\n", number + 1).as_bytes()), "object {}", number + 1);
    }
    assert!(text.contains("/Title(BATCH \\(7\\))"));
}

#[test]
fn every_label_has_a_symbol_and_its_text() {
    let pages = streams(&sheet(&SheetLayout::default(), 50));
    let symbols: Vec<_> = pages.iter().map(|page| page.matches(" cm\n").count()).collect();
    assert_eq!(symbols, [24, 24, 2]);
    let shown: String = pages[2].lines().filter(|line| line.ends_with(") Tj")).collect();
    assert!(shown.contains("\\(21\\)00388031"), "the last serial: {shown}");
    let mut out = Vec::new();
    let without = |_| Ok(format!("1{AFTER_DATA}{AFTER_LABEL}"));
    write(&SheetLayout::default(), "", 1, without, &mut out).unwrap();
    assert!(!streams(&out)[0].contains("Tj"));
}

#[test]
fn rectangles_cover_the_dark_modules_once_and_no_others() {
    for symbol in Symbology::ALL {
        let matrix = symbol.encode("0109506000134352211234ABCD").unwrap();
        let rectangles = rectangles(&matrix);
        for y in 0..matrix.height() {
            for x in 0..matrix.width() {
                let covered = rectangles
                    .iter()
                    .filter(|r| (r.x..r.x + r.width).contains(&x) && (r.y..r.y + r.height).contains(&y))
                    .count();
                assert_eq!(covered, usize::from(matrix.is_dark(x, y)), "{symbol} {x} {y}");
            }
        }
        assert!(rectangles.len() < matrix.runs().count());
    }
}

#[test]
fn labels_lie_on_the_page_and_apart() {
    let layout = SheetLayout { gap_x: 100, gap_y: 200, margin_x: 500, margin_y: 700, ..SheetLayout::default() };
    layout.check().unwrap();
    let areas: Vec<Area> = (0..layout.labels_per_page()).map(|number| layout.label(number)).collect();
    for (number, area) in areas.iter().enumerate() {
        assert!(area.left >= layout.margin_x + layout.padding);
        assert!(area.left + area.width + layout.padding + layout.margin_x <= layout.page_width);
        assert!(area.top + area.height + layout.padding + layout.margin_y <= layout.page_height);
        for other in &areas[..number] {
            let apart =
                other.left + other.width + 2 * layout.padding <= area.left || other.top + other.height < area.top;
            assert!(apart || other.left > area.left, "{other:?} {area:?}");
        }
    }
}

#[test]
fn symbol_and_text_stay_within_their_label_whatever_its_form() {
    for (columns, rows) in [(1, 1), (3, 8), (5, 13), (2, 20), (8, 3), (4, 4)] {
        let layout = SheetLayout { columns, rows, padding: 200, ..SheetLayout::default() };
        let label = layout.label(0);
        let text = "(01)09506000134352(21)aB3dE5gH";
        let Ok(placed) = layout.place(label, 33, text) else {
            panic!("{columns} × {rows}");
        };
        for area in [Some(placed.symbol), placed.text].into_iter().flatten() {
            assert!(area.left >= label.left && area.left + area.width <= label.left + label.width);
            assert!(area.top >= label.top && area.top + area.height <= label.top + label.height, "{columns} × {rows}");
        }
        let text_area = placed.text.unwrap();
        assert_eq!(lines(text, text_area.width, placed.font_size).concat(), text);
        let beside = text_area.left >= placed.symbol.left + placed.symbol.width;
        let below = text_area.top >= placed.symbol.top + placed.symbol.height;
        assert!(beside || below);
    }
}

#[test]
fn the_reason_is_the_symbol_if_no_text_would_leave_it_room() {
    let data = "x".repeat(150);
    let refused = |layout: &SheetLayout, text: &str| {
        layout.check().unwrap();
        content::draw(layout, 0, &Label { data: &data, text }, &mut String::new()).err()
    };
    // 49 modules and a quiet zone of 4 on each side need 9.69 mm.
    let low = SheetLayout { columns: 1, rows: 31, ..no_margins() };
    for text in ["", "1", "a text of some length"] {
        let error = refused(&low, text).unwrap();
        assert!(matches!(error, SheetError::Symbol { symbol: Symbology::Qr, modules: 57 }), "{text}: {error:?}");
        assert!(error.to_string().starts_with("a qr symbol with"), "{error}");
    }
    // There is room for it alone, but not below or beside the shortest text.
    let narrow = SheetLayout { columns: 20, rows: 28, ..no_margins() };
    let wide = SheetLayout { columns: 11, rows: 21, ..no_margins() };
    for layout in [narrow, wide] {
        assert_eq!(refused(&layout, ""), None, "{layout:?}");
        let error = refused(&layout, "1").unwrap();
        assert!(matches!(error, SheetError::SymbolAndText { symbol: Symbology::Qr, modules: 57 }), "{error:?}");
        assert!(error.to_string().starts_with("a qr symbol with"), "{error}");
    }
    // With less text there would be.
    let square = SheetLayout { columns: 8, rows: 11, ..no_margins() };
    assert_eq!(refused(&square, "1"), None);
    assert!(matches!(refused(&square, &"x".repeat(500)), Some(SheetError::Text(500))));
}

fn no_margins() -> SheetLayout {
    SheetLayout { margin_x: 0, margin_y: 0, padding: 0, ..SheetLayout::default() }
}

#[test]
fn what_does_not_fit_is_refused() {
    let default = SheetLayout::default();
    for (layout, part) in [
        (SheetLayout { columns: 0, ..default.clone() }, "columns"),
        (SheetLayout { rows: 51, ..default.clone() }, "rows"),
        (SheetLayout { page_width: 2_499, ..default.clone() }, "width of the page"),
        (SheetLayout { page_height: u32::MAX, ..default.clone() }, "height of the page"),
        (SheetLayout { margin_x: u32::MAX, ..default.clone() }, "horizontal margin"),
        (SheetLayout { padding: u32::MAX, ..default.clone() }, "padding"),
        (SheetLayout { quiet_zone: 33, ..default.clone() }, "quiet zone"),
        (SheetLayout { font_size: 39, ..default.clone() }, "size of the text"),
        (SheetLayout { margin_x: 10_500, ..default.clone() }, "no room"),
        (SheetLayout { rows: 50, padding: 300, ..default.clone() }, "no room"),
    ] {
        let error = layout.check().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    default.check().unwrap();
    let refused = |layout: &SheetLayout, data: &str, text: &str| {
        let label = Label { data, text };
        content::draw(layout, 0, &label, &mut String::new()).unwrap_err()
    };
    let tiny = SheetLayout { columns: 20, rows: 50, padding: 0, ..default.clone() };
    tiny.check().unwrap();
    assert!(matches!(refused(&tiny, "https://id.gs1.org/01/09506000134352", ""), SheetError::Symbol { .. }));
    let narrow = SheetLayout { columns: 8, rows: 8, ..default.clone() };
    assert!(matches!(refused(&narrow, "https://id.gs1.org", &"x".repeat(500)), SheetError::Text(500)));
    let text = "x".repeat(MAX_TEXT + 1);
    assert_eq!(refused(&default, "1", &text), SheetError::TextLength { most: MAX_TEXT, found: MAX_TEXT + 1 });
    let long = "x".repeat(MAX_DATA + 1);
    assert_eq!(refused(&default, &long, ""), SheetError::Data { most: MAX_DATA, found: MAX_DATA + 1 });
    assert!(matches!(refused(&default, "", ""), SheetError::Encode(_)));
}
