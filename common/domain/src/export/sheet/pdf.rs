//! A PDF document (ISO 32000-1): objects, compressed streams, and the table of their offsets.

use super::content::{is_printable, points};
use crate::export::deflate;
use crate::export::error::ExportError;

/// Objects before the pages: catalogue, list of pages, font, information.
const FIRST_PAGE: usize = 5;

/// A document that is written object by object. Each page is one object and its contents another.
pub(super) struct Document<'a> {
    out: &'a mut Vec<u8>,
    /// Where the document begins in `out`.
    start: usize,
    /// Where each object begins.
    offsets: Vec<usize>,
}

impl<'a> Document<'a> {
    /// Begins a document of so many pages of this size, in hundredths of a millimetre.
    pub(super) fn begin(out: &'a mut Vec<u8>, page: (u32, u32), title: &str, pages: usize) -> Self {
        let start = out.len();
        // The second line tells programs that the file is binary.
        out.extend_from_slice(b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n");
        let mut document = Self { out, start, offsets: Vec::new() };
        document.object("<</Type/Catalog/Pages 2 0 R>>");
        // A page is an even distance from the first: its contents follow it.
        let kids: String = (0..pages).map(|page| format!("{} 0 R ", FIRST_PAGE + 2 * page)).collect();
        let (width, height) = (points(page.0), points(page.1));
        document.object(&format!(
            "<</Type/Pages/Count {pages}/MediaBox[0 0 {width} {height}]/Resources<</Font<</F 3 0 R>>>>/Kids[{kids}]>>"
        ));
        // One of the fonts that every reader has (section 9.6.2.2).
        document.object("<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>");
        document.object(&format!("<</Title({})/Producer(code-reservation)>>", escaped(title)));
        document
    }

    /// Adds a page with these contents.
    ///
    /// # Errors
    /// [`ExportError::Compression`] if the compressor fails.
    pub(super) fn page(&mut self, content: &[u8]) -> Result<(), ExportError> {
        let number = self.offsets.len() + 1;
        self.object(&format!("<</Type/Page/Parent 2 0 R/Contents {} 0 R>>", number + 1));
        let mut stream = Vec::new();
        deflate::zlib(content, &mut stream)?;
        self.open_object();
        self.write(&format!("<</Length {}/Filter/FlateDecode>>stream\n", stream.len()));
        self.out.extend_from_slice(&stream);
        self.write("\nendstream\nendobj\n");
        Ok(())
    }

    /// Writes the table of offsets and the end of the document.
    pub(super) fn end(self) {
        let at = self.out.len() - self.start;
        let count = self.offsets.len() + 1;
        let mut table = format!("xref\n0 {count}\n0000000000 65535 f \n");
        for offset in &self.offsets {
            table.push_str(&format!("{offset:010} 00000 n \n"));
        }
        table.push_str(&format!("trailer\n<</Size {count}/Root 1 0 R/Info 4 0 R>>\nstartxref\n{at}\n%%EOF\n"));
        self.out.extend_from_slice(table.as_bytes());
    }

    fn open_object(&mut self) {
        self.offsets.push(self.out.len() - self.start);
        self.write(&format!("{} 0 obj\n", self.offsets.len()));
    }

    fn object(&mut self, dictionary: &str) {
        self.open_object();
        self.write(dictionary);
        self.write("\nendobj\n");
    }

    fn write(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// Text for a string in brackets; characters other than printable ASCII are left out.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars().filter(|character| is_printable(*character)) {
        if matches!(character, '(' | ')' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
