//! A picture as PNG (ISO/IEC 15948): greyscale with one bit per pixel. The container is four chunks around one zlib
//! stream, so it needs no library besides the compressor that exports use.

use std::convert::Infallible;
use std::io::Write;

use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::FONT_6X10;
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::text::{Baseline, Text};
use embedded_graphics::{Drawable, Pixel};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::picture::{CELL_HEIGHT, CELL_WIDTH, Picture};

/// The first bytes of every PNG file (section 5.2).
const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A];

impl Picture<'_> {
    /// The picture as a PNG file. The same picture always gives the same bytes.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        let (width, height) = self.size();
        let mut pixels = Pixels::new(width, height);
        self.draw_symbol(&mut pixels);
        self.draw_text(&mut pixels);
        let mut file = SIGNATURE.to_vec();
        let mut header = Vec::with_capacity(13);
        // A symbol has 177 modules per side at most, so a picture is at most (177 + 2 × 32) × 32 = 7,712 pixels wide. Below
        // that it has 256 lines of text at most, of 80 pixels each. So the casts lose nothing.
        header.extend_from_slice(&(width as u32).to_be_bytes());
        header.extend_from_slice(&(height as u32).to_be_bytes());
        // One bit per pixel, greyscale, deflate, the five filters, not interlaced.
        header.extend_from_slice(&[1, 0, 0, 0, 0]);
        chunk(*b"IHDR", &header, &mut file);
        chunk(*b"IDAT", &pixels.compressed(), &mut file);
        chunk(*b"IEND", &[], &mut file);
        file
    }

    fn draw_symbol(&self, pixels: &mut Pixels) {
        let (module, quiet) = (self.module(), self.quiet_zone());
        for run in self.matrix.runs() {
            let (left, top) = ((run.x + quiet) * module, (run.y + quiet) * module);
            pixels.fill(left, top, run.length * module, module);
        }
    }

    fn draw_text(&self, pixels: &mut Pixels) {
        let scale = self.scale();
        for (number, line) in self.lines().iter().enumerate() {
            let width = line.len() * CELL_WIDTH * scale;
            let left = pixels.width.saturating_sub(width) / 2;
            let mut area = Scaled { top: self.text_top() + number * CELL_HEIGHT * scale, left, scale, pixels };
            let style = MonoTextStyle::new(&FONT_6X10, BinaryColor::On);
            // The target never fails.
            let _ = Text::with_baseline(line, Point::zero(), style, Baseline::Top).draw(&mut area);
        }
    }
}

/// A chunk: length, type, data and the checksum of the latter two (section 5.3).
fn chunk(kind: [u8; 4], data: &[u8], file: &mut Vec<u8>) {
    file.extend_from_slice(&(data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend_from_slice(&kind);
    file.extend_from_slice(data);
    let mut crc = Crc::new();
    crc.update(file.get(start..).unwrap_or_default());
    file.extend_from_slice(&crc.sum().to_be_bytes());
}

/// Black and white pixels, packed as PNG packs them: rows of whole bytes, each after a byte with its filter, bit 1 is
/// white.
struct Pixels {
    width: usize,
    /// Bytes of a row with its filter.
    stride: usize,
    bytes: Vec<u8>,
}

impl Pixels {
    fn new(width: usize, height: usize) -> Self {
        let stride = width.div_ceil(8) + 1;
        let mut bytes = vec![0xFF; stride * height];
        for row in bytes.chunks_exact_mut(stride) {
            // Filter 0: bytes as they are.
            if let Some(filter) = row.first_mut() {
                *filter = 0;
            }
        }
        Self { width, stride, bytes }
    }

    /// Blackens a rectangle, as far as it lies within the picture.
    fn fill(&mut self, left: usize, top: usize, width: usize, height: usize) {
        let right = (left + width).min(self.width);
        for row in self.bytes.chunks_exact_mut(self.stride).skip(top).take(height) {
            for x in left..right {
                if let Some(byte) = row.get_mut(1 + x / 8) {
                    *byte &= !(0x80 >> (x % 8));
                }
            }
        }
    }

    fn compressed(&self) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        // Writing to a vector never fails.
        let _ = encoder.write_all(&self.bytes);
        encoder.finish().unwrap_or_default()
    }
}

/// Draws text into the pixels, every pixel of the font as a square.
struct Scaled<'a> {
    left: usize,
    top: usize,
    scale: usize,
    pixels: &'a mut Pixels,
}

impl OriginDimensions for Scaled<'_> {
    fn size(&self) -> Size {
        Size::new((self.pixels.width / self.scale) as u32, CELL_HEIGHT as u32)
    }
}

impl DrawTarget for Scaled<'_> {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, color) in pixels {
            if let (BinaryColor::On, Ok(x), Ok(y)) = (color, usize::try_from(point.x), usize::try_from(point.y)) {
                self.pixels.fill(self.left + x * self.scale, self.top + y * self.scale, self.scale, self.scale);
            }
        }
        Ok(())
    }
}
