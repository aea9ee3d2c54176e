//! Writes RFID tags of every scheme to standard output, for the judges of `tests/rfid`: `cargo run -p common --example
//! epc_tags -- [TAGS]`. One line per tag: its URI, and its hexadecimal digits as the service encodes them.
//!
//! Company prefixes of every length, filter values, and values up to the limits of each field; the same in every run.

use std::error::Error;
use std::io::Write;

use common::code::{EpcScheme, EpcTag};

/// What serials may contain (GS1 General Specifications, figure 7.11-1), without what a URI must escape.
const CHARACTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!'()*+,-.:;=_";
/// The same, escaped.
const ESCAPED: [&str; 7] = ["%22", "%25", "%26", "%2F", "%3C", "%3E", "%3F"];

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1).map_or(Ok(10_000), |count| count.parse())?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut random = Random(1);
    for scheme in EpcScheme::ALL {
        let mut written = 0_u32;
        while written < count {
            let uri = uri(scheme, &mut random);
            let tag = EpcTag::from_uri(&uri).ok_or_else(|| format!("{uri} is not accepted"))?;
            let hex = tag.hex().ok_or_else(|| format!("{uri} has no encoding"))?;
            let read = EpcTag::from_hex(&hex).ok_or_else(|| format!("{hex} is not read"))?;
            if read.uri() != tag.uri() {
                return Err(format!("{uri} is read back as {}", read.uri()).into());
            }
            writeln!(out, "{},{hex}", tag.uri())?;
            written += 1;
        }
    }
    Ok(out.flush()?)
}

/// A tag URI with random values.
fn uri(scheme: EpcScheme, random: &mut Random) -> String {
    let digits = 6 + random.below(7) as usize;
    let prefix = random.digits(digits);
    let filter = random.below(8);
    let head = format!("urn:epc:tag:{scheme}:{filter}.{prefix}");
    match scheme {
        EpcScheme::Sgtin96 => format!("{head}.{}.{}", random.digits(13 - digits), random.number(1 << 38)),
        EpcScheme::Sgtin198 => format!("{head}.{}.{}", random.digits(13 - digits), random.text(20)),
        EpcScheme::Sscc96 | EpcScheme::Gsrn96 => format!("{head}.{}", random.digits(17 - digits)),
        EpcScheme::Grai96 => format!("{head}.{}.{}", random.digits(12 - digits), random.number(1 << 38)),
        EpcScheme::Grai170 => format!("{head}.{}.{}", random.digits(12 - digits), random.text(16)),
        EpcScheme::Giai96 => {
            const BITS: [u32; 7] = [62, 58, 55, 52, 48, 45, 42];
            let bits = BITS.get(digits - 6).copied().unwrap_or(42);
            format!("{head}.{}", random.number(1 << bits))
        }
        EpcScheme::Giai202 => format!("{head}.{}", random.text(30 - digits)),
        EpcScheme::Gdti96 => format!("{head}.{}.{}", random.digits(12 - digits), random.number(1 << 41)),
        EpcScheme::Gdti174 => format!("{head}.{}.{}", random.digits(12 - digits), random.text(17)),
        EpcScheme::Sgcn96 => {
            let serial = 1 + random.below(12) as usize;
            format!("{head}.{}.{}", random.digits(12 - digits), random.digits(serial))
        }
        EpcScheme::Cpi96 => {
            let part = random.number(10_u64.pow(15 - digits as u32));
            format!("{head}.{part}.{}", random.number(1 << 31))
        }
        EpcScheme::CpiVar => {
            let part: String = (0..=random.below(30 - digits as u64 - 1)).map(|_| random.part_character()).collect();
            format!("{head}.{part}.{}", random.number(1_000_000_000_000))
        }
        EpcScheme::Itip110 | EpcScheme::Itip212 => {
            let total = 1 + random.below(99);
            let piece = 1 + random.below(total);
            let serial = if scheme == EpcScheme::Itip110 { random.number(1 << 38) } else { random.text(20) };
            format!("{head}.{}.{piece:02}.{total:02}.{serial}", random.digits(13 - digits))
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).filter_map(|_| char::from_digit(self.below(10) as u32, 10)).collect()
    }

    /// A number below `end`, of any length; sometimes the last one or 0.
    fn number(&mut self, end: u64) -> String {
        let number = match self.below(50) {
            0 => end - 1,
            1 => 0,
            _ => (self.next() >> self.below(64)) % end,
        };
        number.to_string()
    }

    /// 1 to `most` characters of a serial, as a URI has them.
    fn text(&mut self, most: usize) -> String {
        (0..=self.below(most as u64)).take(most).map(|_| self.character()).collect()
    }

    fn character(&mut self) -> String {
        let at = self.below((CHARACTERS.len() + ESCAPED.len()) as u64) as usize;
        match CHARACTERS.get(at) {
            Some(byte) => char::from(*byte).to_string(),
            None => ESCAPED.get(at - CHARACTERS.len()).copied().unwrap_or("0").to_owned(),
        }
    }

    fn part_character(&mut self) -> &'static str {
        const ALL: [&str; 39] = [
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K",
            "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z", "%23", "-", "%2F",
        ];
        ALL.get(self.below(39) as usize).copied().unwrap_or("0")
    }
}
