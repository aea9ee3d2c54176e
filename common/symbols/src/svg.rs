//! A picture as SVG 1.1: one path for all modules, and text. It has no style and no script, so it may stand in a page with
//! a strict Content-Security-Policy.

use std::fmt::Write;

use super::picture::{CELL_HEIGHT, CELL_WIDTH, Picture};

/// Where a character stands in its cell, in pixels from the top at scale 1.
const BASELINE: usize = 8;

impl Picture<'_> {
    /// The picture as an SVG document, ASCII only. It can also stand within HTML.
    #[must_use]
    pub fn svg(&self) -> String {
        let (width, height) = self.size();
        let (module, quiet) = (self.module(), self.quiet_zone());
        let mut svg = String::with_capacity(4_096);
        // Writing to a String never fails.
        let _ = write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" shape-rendering=\"crispEdges\">\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/><path fill=\"#000\" d=\""
        );
        for run in self.matrix.runs() {
            let (x, y, length) = ((run.x + quiet) * module, (run.y + quiet) * module, run.length * module);
            let _ = write!(svg, "M{x} {y}h{length}v{module}h-{length}z");
        }
        svg.push_str("\"/>");
        let (scale, top) = (self.scale(), self.text_top());
        for (number, line) in self.lines().iter().enumerate() {
            let length = line.len() * CELL_WIDTH * scale;
            let (x, y) = (width / 2, top + (number * CELL_HEIGHT + BASELINE) * scale);
            let _ = write!(
                svg,
                "<text x=\"{x}\" y=\"{y}\" font-family=\"monospace\" font-size=\"{}\" text-anchor=\"middle\" \
                 textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#000\">",
                CELL_HEIGHT * scale
            );
            escape(line, &mut svg);
            svg.push_str("</text>");
        }
        svg.push_str("</svg>");
        svg
    }
}

/// Escapes text for element content (XML 1.0, section 2.4).
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
}
