//! The plain, obviously right writer of a profile's files: one row after another as text, encoded at the end. It shares
//! nothing with the fast one but the renderer's single code.

use crate::code::Field;
use crate::code::{CodeType, EpcTag, FNC1};
use crate::export::Encoding;
use crate::export::Escaping;
use crate::export::profile::text::Piece;
use crate::export::profile::{BarcodeStart, Base, LineEnd, Profile, Quoting, Source, Text};
use crate::export::tests::samples::{COMPANY_PREFIX, HEAD_ID, Sample};
use crate::reservation::Values;

pub(super) struct Naive<'a> {
    pub(super) profile: &'a Profile,
    pub(super) sample: &'a Sample,
    pub(super) start_index: u64,
    pub(super) quantity: u64,
    pub(super) values: &'a Values,
}

impl Naive<'_> {
    /// The whole file.
    pub(super) fn file(&self) -> Vec<u8> {
        let mut text = String::new();
        if self.profile.byte_order_mark {
            text.push('\u{feff}');
        }
        match &self.profile.base {
            Base::Delimited { delimiter, quoting, header, columns } => {
                let quoted = |text: &str, always: bool| {
                    if always || *quoting != Quoting::None && text.contains([*delimiter, '"', '\r', '\n']) {
                        format!("\"{}\"", text.replace('"', "\"\""))
                    } else {
                        text.to_owned()
                    }
                };
                let joined = |fields: Vec<String>| fields.join(&delimiter.to_string());
                let always = matches!(quoting, Quoting::All | Quoting::Text);
                if *header {
                    text += &joined(columns.iter().map(|column| quoted(&column.name, always)).collect());
                    text += self.end();
                }
                for position in 1..=self.quantity {
                    let field = |column: &crate::export::profile::Column| {
                        let is_number =
                            column.text.sources().all(Source::is_number) && column.text.own().next().is_none();
                        let always = *quoting == Quoting::All || *quoting == Quoting::Text && !is_number;
                        quoted(&self.text(&column.text, column.escape, position), always)
                    };
                    text += &joined(columns.iter().map(field).collect());
                    text += self.end();
                }
            }
            Base::Fixed { header, columns } => {
                let padded = |text: &str, column: &crate::export::profile::FixedColumn| {
                    let fill = column.pad.to_string().repeat(column.width - text.chars().count());
                    if column.right { fill + text } else { text.to_owned() + &fill }
                };
                if *header {
                    text += &columns.iter().map(|column| padded(&column.name, column)).collect::<String>();
                    text += self.end();
                }
                for position in 1..=self.quantity {
                    for column in columns {
                        text += &padded(&self.text(&column.text, Escaping::None, position), column);
                    }
                    text += self.end();
                }
            }
            Base::Lines { line, escape } => {
                for position in 1..=self.quantity {
                    text += &self.text(line, *escape, position);
                    text += self.end();
                }
            }
            Base::Sheet(_) => panic!("a sheet is no text"),
            Base::Template(template) => {
                let shown = |text: &Text, position| self.text(text, template.escape, position);
                let per_block = template.rows_per_block as u64;
                text += &shown(&template.header, 0);
                for position in 1..=self.quantity {
                    let place = (position - 1) % per_block;
                    if place == 0 && per_block > 1 {
                        text += &shown(&template.block_header, 0);
                    }
                    if place > 0 {
                        text += &shown(&template.separator, 0);
                    }
                    text += &shown(template.row.get(place as usize).unwrap_or(&template.row[0]), position);
                    let is_last = position == self.quantity;
                    if per_block > 1 && (place + 1 == per_block || is_last) {
                        text += &shown(&template.block_footer, 0);
                    }
                    if place + 1 == per_block && !is_last {
                        text += &shown(if per_block > 1 { &template.block_separator } else { &template.separator }, 0);
                    }
                }
                text += &shown(&template.footer, 0);
            }
        }
        encoded(&text, self.profile.encoding)
    }

    fn end(&self) -> &'static str {
        match self.profile.line_end {
            LineEnd::Lf => "\n",
            LineEnd::Crlf => "\r\n",
        }
    }

    fn text(&self, text: &Text, escape: Escaping, position: u64) -> String {
        let mut out = String::new();
        for piece in text.pieces() {
            match piece {
                Piece::Own(own) => out += &own.replace("\r\n", "\n").replace('\n', self.end()),
                Piece::Slot(source) => out += &escaped(&self.value(*source, position), escape),
            }
        }
        out
    }

    fn value(&self, source: Source, position: u64) -> String {
        let code = || self.sample.renderer.code(self.start_index + position - 1).unwrap();
        let key = &self.sample.namespace.key;
        let (code_type, element_string) = (self.sample.code_type, || code().element_string);
        let optional = |value: &Option<String>| value.clone().unwrap_or_else(|| self.profile.defaults[&source].clone());
        match source {
            Source::Position => position.to_string(),
            Source::PositionFromEnd => (self.quantity + 1 - position).to_string(),
            Source::RowCount | Source::Quantity => self.quantity.to_string(),
            Source::Code | Source::Serial => code().code,
            Source::DigitalLink => code().digital_link,
            Source::CanonicalLink => {
                // The key has no other characters to encode than these.
                let path = element_string().replace(['(', ')'], "/").replace('#', "%23");
                format!("https://id.gs1.org{path}")
            }
            Source::ElementString => element_string(),
            Source::BarcodeData => self.barcode_data(&code().barcode_data),
            Source::EpcUri => code().epc_uri,
            Source::EpcTagUri => self.tag_uri(&code().epc_uri),
            Source::EpcHex => EpcTag::from_uri(&self.tag_uri(&code().epc_uri)).unwrap().hex().unwrap(),
            Source::EpcBank => {
                let long = EpcTag::from_uri(&self.tag_uri(&code().epc_uri)).unwrap().hex().unwrap().len() > 24;
                if long { "A" } else { "E" }.to_owned()
            }
            Source::Gtin => key[..14].to_owned(),
            Source::Key if code_type.needs_company_prefix() => code().code,
            Source::Key => key.clone(),
            Source::CompanyPrefix => COMPANY_PREFIX.to_owned(),
            Source::CheckDigit => match code_type {
                CodeType::Sscc | CodeType::Gsrn => code().code[17..].to_owned(),
                CodeType::Itip => key[13..14].to_owned(),
                _ => key[key.len() - 1..].to_owned(),
            },
            Source::Product => self.sample.namespace.product().unwrap(),
            Source::ReferenceId => optional(&self.values.reference_id),
            Source::PurchaseOrder => optional(&self.values.purchase_order),
            Source::OrganisationName => optional(&self.values.organisation_name),
            Source::Reservation => HEAD_ID.to_owned(),
            Source::ReservedAt => self.values.reserved_at.clone().unwrap(),
        }
    }

    /// The tag URI of a pure identity URI, in the scheme and with the filter value that the column says.
    fn tag_uri(&self, epc_uri: &str) -> String {
        let column = self.sample.renderer.epc_column(self.profile.epc.scheme, self.profile.epc.filter).unwrap();
        let fields = epc_uri.splitn(5, ':').last().unwrap();
        format!("urn:epc:tag:{}:{}.{fields}", column.scheme(), column.filter())
    }

    fn barcode_data(&self, data: &str) -> String {
        let barcode = &self.profile.barcode;
        let fnc1 = barcode.fnc1.clone().unwrap_or_else(|| "\u{1d}".to_owned());
        let mut data = data.to_owned();
        if let Some(doubled) = barcode.doubled {
            data = data.replace(doubled, &format!("{doubled}{doubled}"));
        }
        let start = match barcode.start {
            BarcodeStart::None => "",
            BarcodeStart::Fnc1 => &fnc1,
            BarcodeStart::Symbology(identifier) => identifier,
        };
        format!("{start}{}", data.replace(FNC1, &fnc1))
    }
}

fn escaped(text: &str, escape: Escaping) -> String {
    match escape {
        Escaping::None => text.to_owned(),
        Escaping::Xml => quick_xml::escape::escape(text).into_owned(),
        Escaping::Json => {
            let quoted = serde_json::to_string(text).unwrap();
            quoted[1..quoted.len() - 1].to_owned()
        }
        Escaping::Csv => text.replace('"', "\"\""),
        Escaping::Zpl => text.replace('\\', "\\5C").replace('^', "\\5E").replace('~', "\\7E").replace('\u{1d}', "\\1D"),
    }
}

fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        // The tests use no other character of Windows-1252 than these.
        Encoding::Latin1 | Encoding::Windows1252 => {
            text.chars().map(|c| if c == '€' { 0x80 } else { u8::try_from(c).unwrap() }).collect()
        }
    }
}

/// Whether the codes of a sample have everything that a profile shows.
pub(super) fn has_all(profile: &Profile, sample: &Sample) -> bool {
    profile.sources().into_iter().all(|source| {
        let lacks_form = |field| sample.renderer.length(field) == 0;
        let is_lacking = source.is_lacking(sample.code_type)
            || ((source == Source::EpcUri || source.is_tag()) && lacks_form(Field::EpcUri))
            || (source == Source::DigitalLink && lacks_form(Field::DigitalLink));
        !is_lacking
    })
}
