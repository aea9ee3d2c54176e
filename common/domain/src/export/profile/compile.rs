//! A profile applied to one reservation: its slots become literals, numbers and the varying bytes of codes.

use crate::code::{
    CodeType, EpcColumn, EpcError, FNC1, Field, HexDigits, Namespace, Piece as CodePiece, Renderer, canonical_link,
};
use crate::reservation::Values;

use symbols::SymbolError;

use super::source::Source;
use super::text::{Piece, Text};
use super::{BarcodeStart, Base, Column, FixedColumn, LineEnd, Profile, Quoting, SheetBase, TemplateBase};
use crate::export::error::ExportError;
use crate::export::rows::is_unwritable;
use crate::export::sheet::{AFTER_DATA, AFTER_LABEL, Label, MAX_LABELS, SheetError, content};
use crate::export::template::{Digits, FileHead, Layout, Number, Pad, RowTemplate};
use crate::export::{Encoding, Escaping};

/// Maximum length of the rows of a group in bytes. It bounds the memory in which rows are laid out.
pub(super) const MAX_GROUP: u64 = 64 << 10;

/// Maximum length of a value in characters; the name of an organisation has no other limit everywhere.
const MAX_VALUE: usize = 1_000;

/// What a profile may show of a reservation besides its codes.
#[derive(Clone, Copy, Debug)]
pub struct Particulars<'a> {
    /// The namespace of its codes.
    pub namespace: &'a Namespace,
    /// The GS1 Company Prefix of its organisation.
    pub company_prefix: Option<&'a str>,
    /// The frozen values.
    pub values: &'a Values,
}

/// Why a profile cannot show the codes of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ProfileFault {
    /// The member of the reservation that is the reason.
    pub member: &'static str,
    /// The failed rule, by its name in Directus.
    pub rule: &'static str,
    /// The allowed maximum, for the rule `lte`.
    pub most: Option<u64>,
    /// A sentence for the client.
    pub reason: String,
}

/// A piece of a text for one reservation.
pub(super) enum Bit {
    /// The same characters in every row, escaped.
    Own(String),
    /// Characters of the varying part.
    Slot {
        from: usize,
        to: usize,
    },
    Number(Number),
    /// The digits of an RFID tag that differ from code to code, so many of them.
    Tag(usize),
}

/// With what a sample of a row is filled where rows differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling {
    /// The characters of codes.
    pub(super) code: &'static str,
    /// The digits of RFID tags.
    pub(super) tag: &'static str,
    /// How many digits the number of a row has. They are zeros.
    pub(super) digits: usize,
}

/// A text as it can be in a row.
pub(super) fn sample(bits: &[Bit], filling: Filling) -> String {
    let shown = bits.iter().map(|bit| match bit {
        Bit::Own(text) => text.clone(),
        Bit::Slot { from, to } => filling.code.repeat(to.saturating_sub(*from)),
        Bit::Number(_) => "0".repeat(filling.digits),
        Bit::Tag(len) => filling.tag.repeat(*len),
    });
    shown.collect()
}

/// The member of a reservation from which a source comes.
const fn member_of(source: Source) -> &'static str {
    match source {
        Source::ReferenceId => "reference_id",
        Source::PurchaseOrder => "purchase_order",
        Source::OrganisationName | Source::CompanyPrefix => "reserved_for",
        Source::DigitalLink => "url_suffix",
        _ => "export_type",
    }
}

impl Profile {
    /// Checks whether the profile can show the codes of a reservation.
    ///
    /// # Errors
    /// [`ProfileFault`] with the member that is the reason.
    pub fn check(
        &self,
        renderer: &Renderer,
        head: &FileHead<'_>,
        particulars: &Particulars<'_>,
        quantity: u64,
    ) -> Result<(), ProfileFault> {
        let compiler = self.compiler(renderer, head, particulars, quantity)?;
        compiler.bounded_layout()?;
        compiler.check_gs1()
    }

    /// Checks the number of rows, which depends on nothing else.
    ///
    /// # Errors
    /// As [`Profile::check`].
    pub fn check_rows(&self, quantity: u64) -> Result<(), ProfileFault> {
        let of_base = matches!(self.base, Base::Sheet(_)).then_some(MAX_LABELS);
        let Some(most) = self.max_rows.into_iter().chain(of_base).min().filter(|most| quantity > *most) else {
            return Ok(());
        };
        let advice = if of_base.is_some() { "; zpl, for label printers, has any number" } else { "" };
        let reason = format!("A file of the profile {} has at most {most} rows{advice}.", self.name);
        Err(ProfileFault { member: "quantity", rule: "lte", most: Some(most), reason })
    }

    /// Checks whether the profile shows nothing that depends on the company prefix of the organisation, which is missing
    /// or malformed (`prefix`).
    ///
    /// # Errors
    /// As [`Profile::check`].
    pub fn check_without_prefix(&self, prefix: Option<&str>) -> Result<(), ProfileFault> {
        let needs = |source: &Source| source.is_tag() || matches!(source, Source::EpcUri | Source::CompanyPrefix);
        let Some(source) = self.sources().into_iter().find(needs) else { return Ok(()) };
        let (profile, name) = (self.name, source.as_str());
        let (rule, what) = match prefix {
            None => ("required", "and the organisation has none"),
            Some(_) => ("regex", "and that of the organisation is not 4 to 12 digits"),
        };
        let reason = format!("The profile {profile} shows {name}, which needs a GS1 Company Prefix, {what}.");
        Err(ProfileFault { rule, ..self.fault("reserved_for", reason) })
    }

    /// Checks what is known of a reservation without its pool: whether its type of code has the sources of the profile.
    ///
    /// # Errors
    /// As [`Profile::check`].
    pub fn check_type(&self, code_type: CodeType) -> Result<(), ProfileFault> {
        match self.sources().into_iter().find(|source| source.is_lacking(code_type)) {
            Some(source) => Err(self.lacking(source, code_type)),
            None => Ok(()),
        }
    }

    pub(in crate::export) fn layout(
        &self,
        renderer: &Renderer,
        head: &FileHead<'_>,
        particulars: &Particulars<'_>,
        quantity: u64,
    ) -> Result<Layout, ExportError> {
        Ok(self.compiler(renderer, head, particulars, quantity)?.bounded_layout()?)
    }

    pub(super) fn compiler<'a>(
        &'a self,
        renderer: &'a Renderer,
        head: &'a FileHead<'a>,
        particulars: &'a Particulars<'a>,
        quantity: u64,
    ) -> Result<Compiler<'a>, ProfileFault> {
        self.check_type(head.code_type)?;
        self.check_rows(quantity)?;
        let is_tagged = self.sources().into_iter().any(Source::is_tag);
        let column = is_tagged.then(|| renderer.epc_column(self.epc.scheme, self.epc.filter)).transpose();
        let epc = column.map_err(|error| self.untagged(&error))?;
        Ok(Compiler { profile: self, renderer, head, particulars, quantity, epc })
    }

    pub(super) fn fault(&self, member: &'static str, reason: String) -> ProfileFault {
        ProfileFault { member, rule: "regex", most: None, reason }
    }

    /// The fault of codes that cannot be written to RFID tags as the profile wants it.
    fn untagged(&self, error: &EpcError) -> ProfileFault {
        let member = match error {
            EpcError::PrefixMissing | EpcError::PrefixTooShort(_) | EpcError::PrefixReserved => "reserved_for",
            EpcError::OtherPrefix(_) | EpcError::CheckDigit => "product",
            _ => "export_type",
        };
        self.fault(member, format!("The profile {} writes RFID tags: {error}.", self.name))
    }

    /// The fault of a source that the type of code lacks.
    fn lacking(&self, source: Source, code_type: CodeType) -> ProfileFault {
        let reason = format!(
            "The profile {} shows {}, which codes of type {code_type} do not have.",
            self.name,
            source.as_str()
        );
        ProfileFault { rule: "in", ..self.fault("export_type", reason) }
    }
}

pub(super) struct Compiler<'a> {
    pub(super) profile: &'a Profile,
    pub(super) renderer: &'a Renderer,
    head: &'a FileHead<'a>,
    particulars: &'a Particulars<'a>,
    pub(super) quantity: u64,
    /// The RFID tags, if the profile shows them.
    epc: Option<EpcColumn>,
}

impl Compiler<'_> {
    /// The layout, unless its rows are too long.
    fn bounded_layout(&self) -> Result<Layout, ProfileFault> {
        let layout = self.layout()?;
        let digits = Digits { position: 10, from_end: 10 };
        let mut image = crate::export::template::RowImage::default();
        for (place, row) in layout.group.iter().enumerate() {
            row.draw(digits, layout.unit, place, &mut image);
        }
        let length = image.bytes.len() as u64;
        if length > MAX_GROUP {
            let name = self.profile.name;
            let reason =
                format!("A row of the profile {name} would have {length} bytes; {MAX_GROUP} at most are possible.");
            return Err(self.profile.fault("export_type", reason));
        }
        Ok(layout)
    }

    fn layout(&self) -> Result<Layout, ProfileFault> {
        let mut layout = match &self.profile.base {
            Base::Delimited { delimiter, quoting, header, columns } => {
                self.delimited(*delimiter, *quoting, *header, columns)?
            }
            Base::Fixed { header, columns } => self.fixed(*header, columns)?,
            Base::Lines { line, escape } => {
                let row = self.append(RowTemplate::default(), &self.bits(line, *escape)?)?;
                self.of_lines(Vec::new(), row)
            }
            Base::Template(template) => self.template(template)?,
            Base::Sheet(sheet) => self.sheet(sheet)?,
        };
        if self.profile.byte_order_mark
            && let Some(mark) = self.profile.encoding.byte_order_mark()
        {
            layout.head.splice(0..0, mark.iter().copied());
        }
        Ok(layout)
    }

    /// A layout of lines, without their ends.
    fn of_lines(&self, head: Vec<u8>, row: RowTemplate) -> Layout {
        Layout {
            head,
            group: vec![row.bytes(&self.own(self.profile.line_end.text()))],
            separator_len: 0,
            group_end: Vec::new(),
            foot: Vec::new(),
            unit: self.profile.encoding.unit(),
            tag: self.tag(),
        }
    }

    /// How the digits of RFID tags are computed.
    fn tag(&self) -> Option<HexDigits> {
        self.epc.as_ref().map(|column| *column.digits())
    }

    fn delimited(
        &self,
        delimiter: char,
        quoting: Quoting,
        header: bool,
        columns: &[Column],
    ) -> Result<Layout, ProfileFault> {
        let mut names = String::new();
        let mut row = RowTemplate::default();
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                names.push(delimiter);
                row = row.bytes(&self.own(delimiter.encode_utf8(&mut [0; 4])));
            }
            let is_quoted = match quoting {
                Quoting::All | Quoting::Text => true,
                Quoting::Minimal => needs_quotes(&column.name, delimiter),
                Quoting::None => false,
            };
            if is_quoted {
                names.push_str(&format!("\"{}\"", column.name.replace('"', "\"\"")));
            } else {
                names.push_str(&column.name);
            }
            row = self.field(row, delimiter, quoting, column)?;
        }
        names.push_str(self.profile.line_end.text());
        Ok(self.of_lines(if header { self.own(&names) } else { Vec::new() }, row))
    }

    fn field(
        &self,
        row: RowTemplate,
        delimiter: char,
        quoting: Quoting,
        column: &Column,
    ) -> Result<RowTemplate, ProfileFault> {
        let mut bits = self.bits(&column.text, column.escape)?;
        let mut own = bits.iter().filter_map(|bit| match bit {
            Bit::Own(text) => Some(text.as_str()),
            Bit::Slot { .. } | Bit::Number(_) | Bit::Tag(_) => None,
        });
        let needs = own.any(|text| needs_quotes(text, delimiter));
        let is_number = match column.text.pieces() {
            [Piece::Slot(source)] => source.is_number(),
            _ => false,
        };
        let is_quoted = match quoting {
            Quoting::Minimal => needs,
            Quoting::All => true,
            Quoting::Text => needs || !is_number,
            Quoting::None if needs => {
                let member = column.text.sources().next().map_or("export_type", member_of);
                let reason = format!(
                    "The column {:?} of the profile {} would hold the delimiter, a quotation mark or a line break, and the \
                     profile has no quotes.",
                    column.name, self.profile.name
                );
                return Err(self.profile.fault(member, reason));
            }
            Quoting::None => false,
        };
        if !is_quoted {
            return self.append(row, &bits);
        }
        for bit in &mut bits {
            if let Bit::Own(text) = bit {
                *text = text.replace('"', "\"\"");
            }
        }
        let row = self.append(row.bytes(&self.own("\"")), &bits)?;
        Ok(row.bytes(&self.own("\"")))
    }

    fn fixed(&self, header: bool, columns: &[FixedColumn]) -> Result<Layout, ProfileFault> {
        let mut names = String::new();
        let mut row = RowTemplate::default();
        for column in columns {
            let filling = |length: usize| column.pad.to_string().repeat(column.width.saturating_sub(length));
            // Spaces, also where values are filled with zeros.
            let fill = " ".repeat(column.width.saturating_sub(column.name.chars().count()));
            names.push_str(&if column.right { fill + &column.name } else { column.name.clone() + &fill });
            let bits = self.bits(&column.text, Escaping::None)?;
            if let [Bit::Number(number)] = bits.as_slice() {
                let digits = self.quantity.to_string().len();
                if digits > column.width {
                    let (width, rows) = (column.width, self.quantity);
                    let reason = format!(
                        "A column of the profile {} has {width} digits, too few for {rows} rows.",
                        self.profile.name
                    );
                    return Err(self.profile.fault("quantity", reason));
                }
                let pad = Pad { width: column.width, fill: self.own(&column.pad.to_string()), right: column.right };
                row = row.number(*number, Some(pad));
                continue;
            }
            let length = bits.iter().map(|bit| match bit {
                Bit::Own(text) => text.chars().count(),
                Bit::Slot { from, to } => to.saturating_sub(*from),
                Bit::Number(_) => 0,
                Bit::Tag(len) => *len,
            });
            let length = length.sum::<usize>();
            if length > column.width {
                let member = column.text.sources().next().map_or("export_type", member_of);
                let reason = format!(
                    "A column of the profile {} is {} characters wide, and {} has {length}.",
                    self.profile.name, column.width, column.text
                );
                return Err(self.profile.fault(member, reason));
            }
            let fill = self.own(&filling(length));
            row = if column.right {
                self.append(row.bytes(&fill), &bits)?
            } else {
                self.append(row, &bits)?.bytes(&fill)
            };
        }
        names.push_str(self.profile.line_end.text());
        Ok(self.of_lines(if header { self.own(&names) } else { Vec::new() }, row))
    }

    /// The labels of a sheet as rows, from which [`crate::export::sheet`] draws them.
    fn sheet(&self, sheet: &SheetBase) -> Result<Layout, ProfileFault> {
        let is_short = self.head.code_type == CodeType::ShortCode;
        let has_link = self.renderer.length(Field::DigitalLink) > 0;
        let default = match (sheet.layout.symbol.is_gs1(), has_link) {
            (true, _) => Source::BarcodeData,
            (false, true) => Source::DigitalLink,
            (false, false) => Source::Code,
        };
        let shown = if is_short { Source::Code } else { Source::ElementString };
        let of = |text: &Option<Text>, default| match text {
            Some(text) => self.bits(text, Escaping::None),
            None => self.bits(&Text::slot(default), Escaping::None),
        };
        if default.is_lacking(self.head.code_type) && sheet.data.is_none() {
            return Err(self.profile.lacking(default, self.head.code_type));
        }
        let (data, text) = (of(&sheet.data, default)?, of(&sheet.text, shown)?);
        self.check_label(sheet, &data, &text)?;
        let row = self.append(RowTemplate::default(), &data)?.text(AFTER_DATA);
        let row = self.append(row, &text)?.text(AFTER_LABEL);
        Ok(Layout { tag: self.tag(), ..Layout::of_rows("", row, 0, "") })
    }

    /// Refuses labels that would not fit, or show something that a sheet cannot.
    fn check_label(&self, sheet: &SheetBase, data: &[Bit], text: &[Bit]) -> Result<(), ProfileFault> {
        // Every code has as many characters, so one label stands for all.
        let filling = Filling { code: "0", tag: "0", digits: self.quantity.to_string().len() };
        let (text, data) = (sample(text, filling), sample(data, filling));
        if let Some(character) = text.chars().find(|one| !content::is_printable(*one) && *one != '\n') {
            let code = u32::from(character);
            let reason = format!(
                "The profile {} would print {character:?} (U+{code:04X}), which its font lacks.",
                self.profile.name
            );
            return Err(self.profile.fault(self.member_with(sheet.text.as_ref(), character, filling), reason));
        }
        // As it is, which shows characters that the symbol cannot carry; then with those that need most room in it.
        let widest = "~".repeat(data.len());
        for data in [&data, &widest] {
            let label = Label { data, text: &text };
            content::draw(&sheet.layout, 0, &label, &mut String::new()).map_err(|error| {
                let wrong = data.chars().find(|one| !content::is_printable(*one) && *one != FNC1);
                let member = match (&error, wrong) {
                    (SheetError::Data { .. }, _) if sheet.data.is_none() => "url_suffix",
                    (SheetError::Encode(SymbolError::Character(_)), Some(character)) => {
                        self.member_with(sheet.data.as_ref(), character, filling)
                    }
                    _ => "export_type",
                };
                let reason = format!("The profile {} cannot print these labels: {error}.", self.profile.name);
                self.profile.fault(member, reason)
            })?;
        }
        Ok(())
    }

    /// The member of the reservation from which a character in a text comes.
    fn member_with(&self, text: Option<&Text>, character: char, filling: Filling) -> &'static str {
        let has = |source: &Source| {
            let bits = self.bits(&Text::slot(*source), Escaping::None);
            bits.is_ok_and(|bits| sample(&bits, filling).contains(character))
        };
        text.into_iter().flat_map(Text::sources).find(has).map_or("export_type", member_of)
    }

    fn template(&self, template: &TemplateBase) -> Result<Layout, ProfileFault> {
        let TemplateBase { escape, rows_per_block, .. } = template;
        let part = |text: &Text| self.append(RowTemplate::default(), &self.bits(text, *escape)?);
        // These have neither slots of codes nor positions.
        let bytes = |text: &Text| {
            let mut image = crate::export::template::RowImage::default();
            part(text)?.draw(Digits { position: 0, from_end: 0 }, 1, 0, &mut image);
            Ok(image.bytes)
        };
        let (separator, between) = (bytes(&template.separator)?, bytes(&template.block_separator)?);
        let (block_header, block_footer) = (bytes(&template.block_header)?, bytes(&template.block_footer)?);
        let rows = (*rows_per_block).max(1);
        let mut group = Vec::with_capacity(rows);
        for place in 0..rows {
            let Some(text) = template.row.get(place).or(template.row.first()) else { break };
            let before = if place == 0 { &block_header } else { &separator };
            let mut row = RowTemplate::default().bytes(before).row(&part(text)?);
            if rows == 1 {
                row = row.bytes(&separator);
            } else if place + 1 == rows {
                row = row.bytes(&block_footer).bytes(&between);
            }
            group.push(row);
        }
        Ok(Layout {
            head: bytes(&template.header)?,
            group,
            separator_len: if rows == 1 { separator.len() } else { between.len() },
            group_end: block_footer,
            foot: bytes(&template.footer)?,
            unit: self.profile.encoding.unit(),
            tag: self.tag(),
        })
    }

    /// Encodes characters of the profile itself. Those that the encoding lacks were refused when the profile was read.
    fn own(&self, text: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len());
        // What cannot be encoded ends the text, which a validated profile has not.
        let _ = self.profile.encoding.encode(text, &mut bytes);
        bytes
    }

    /// Appends bits.
    fn append(&self, mut row: RowTemplate, bits: &[Bit]) -> Result<RowTemplate, ProfileFault> {
        for bit in bits {
            row = match bit {
                Bit::Own(text) => row.bytes(&self.own(text)),
                Bit::Slot { from, to } => row.slot(*from, *to),
                Bit::Number(number) => row.number(*number, None),
                Bit::Tag(len) => row.tag(*len),
            };
        }
        Ok(row)
    }

    /// A text for this reservation: values escaped, lines ended as the profile says.
    pub(super) fn bits(&self, text: &Text, escape: Escaping) -> Result<Vec<Bit>, ProfileFault> {
        let mut bits = Vec::new();
        for piece in text.pieces() {
            match piece {
                Piece::Own(text) => push(&mut bits, &with_line_ends(text, self.profile.line_end)),
                Piece::Slot(source) => self.value(*source, escape, &mut bits)?,
            }
        }
        Ok(bits)
    }

    /// Appends what a source shows.
    fn value(&self, source: Source, escape: Escaping, bits: &mut Vec<Bit>) -> Result<(), ProfileFault> {
        let pieces = match source {
            Source::Position => {
                bits.push(Bit::Number(Number::Position));
                return Ok(());
            }
            Source::PositionFromEnd => {
                bits.push(Bit::Number(Number::FromEnd));
                return Ok(());
            }
            Source::BarcodeData => self.barcode_data()?,
            Source::EpcHex => {
                let Some(column) = &self.epc else { return Err(self.missing(source)) };
                push(bits, column.before());
                bits.push(Bit::Tag(column.digits().len()));
                push(bits, &"0".repeat(column.after()));
                return Ok(());
            }
            _ => self.pieces(source)?,
        };
        if pieces.is_empty() {
            return Err(self.missing(source));
        }
        for piece in pieces {
            match piece {
                CodePiece::Literal(text) => {
                    self.check_value(source, &text)?;
                    let mut escaped = String::with_capacity(text.len());
                    escape.write(&text, &mut escaped);
                    push(bits, &escaped);
                }
                CodePiece::Slot { from, to } => bits.push(Bit::Slot { from, to }),
            }
        }
        Ok(())
    }

    /// The pieces of a source that is no number; none if the reservation lacks it.
    fn pieces(&self, source: Source) -> Result<Vec<CodePiece>, ProfileFault> {
        let Particulars { namespace, company_prefix, values } = self.particulars;
        let of = |field| self.renderer.pieces(field).to_vec();
        let constant =
            |text: Option<&str>| text.map(|text| vec![CodePiece::Literal(text.to_owned())]).unwrap_or_default();
        let width = self.renderer.width();
        let optional = |value: &Option<String>| {
            let default = self.profile.defaults.get(&source).map(String::as_str);
            constant(value.as_deref().filter(|text| !text.is_empty()).or(default))
        };
        let key = namespace.key.as_str();
        Ok(match source {
            Source::Position | Source::PositionFromEnd => Vec::new(),
            Source::RowCount | Source::Quantity => constant(Some(&self.quantity.to_string())),
            Source::Code => of(Field::Code),
            Source::Serial => vec![CodePiece::Slot { from: 0, to: width }],
            Source::DigitalLink => of(Field::DigitalLink),
            Source::CanonicalLink => canonical_link(namespace, width),
            Source::ElementString => of(Field::ElementString),
            Source::BarcodeData => of(Field::BarcodeData),
            Source::EpcUri => of(Field::EpcUri),
            // Its digits are no pieces of the varying part.
            Source::EpcHex => Vec::new(),
            Source::EpcTagUri => self.epc.as_ref().map(|column| column.uri().to_vec()).unwrap_or_default(),
            Source::EpcBank => constant(self.epc.as_ref().map(|column| if column.len() <= 24 { "E" } else { "A" })),
            Source::Gtin => constant(key.get(..14)),
            Source::Key if self.head.code_type.needs_company_prefix() => of(Field::Code),
            Source::Key => constant(Some(key)),
            Source::CompanyPrefix => constant(namespace.company_prefix().or(*company_prefix)),
            Source::CheckDigit => match self.head.code_type {
                // The last digit of these keys varies.
                CodeType::Sscc | CodeType::Gsrn => vec![CodePiece::Slot { from: width.saturating_sub(1), to: width }],
                CodeType::Itip => constant(key.get(13..14)),
                _ => constant(key.get(key.len().saturating_sub(1)..)),
            },
            Source::Product => constant(namespace.product().as_deref()),
            Source::ReferenceId => optional(&values.reference_id),
            Source::PurchaseOrder => optional(&values.purchase_order),
            Source::OrganisationName => optional(&values.organisation_name),
            Source::Reservation => constant(Some(self.head.reservation)),
            Source::ReservedAt => constant(values.reserved_at.as_deref()),
        })
    }

    /// The data of a barcode as the profile writes it.
    fn barcode_data(&self) -> Result<Vec<CodePiece>, ProfileFault> {
        let barcode = &self.profile.barcode;
        let data = self.renderer.pieces(Field::BarcodeData);
        // What varies in a code has letters and digits only, and a text for FNC1 has another character.
        let holds =
            |text: &String| data.iter().any(|piece| matches!(piece, CodePiece::Literal(own) if own.contains(text)));
        if let Some(fnc1) = barcode.fnc1.as_ref().filter(|fnc1| barcode.doubled.is_none() && holds(fnc1)) {
            let member = if self.particulars.namespace.key.contains(fnc1) { "product" } else { "lot" };
            let reason = format!(
                "The profile {} writes FNC1 as {fnc1:?}, which the data of these barcodes contain too.",
                self.profile.name
            );
            return Err(self.profile.fault(member, reason));
        }
        let fnc1 = barcode.fnc1.clone().unwrap_or_else(|| FNC1.to_string());
        let start = match barcode.start {
            BarcodeStart::None => String::new(),
            BarcodeStart::Fnc1 => fnc1.clone(),
            BarcodeStart::Symbology(identifier) => identifier.to_owned(),
        };
        let write = |text: &str| {
            let mut out = String::with_capacity(text.len());
            for character in text.chars() {
                match character {
                    FNC1 => out.push_str(&fnc1),
                    other => {
                        out.push(other);
                        if barcode.doubled == Some(other) {
                            out.push(other);
                        }
                    }
                }
            }
            CodePiece::Literal(out)
        };
        let data = data.iter().map(|piece| match piece {
            CodePiece::Literal(text) => write(text),
            slot @ CodePiece::Slot { .. } => slot.clone(),
        });
        let start = Some(CodePiece::Literal(start)).filter(|_| self.renderer.length(Field::BarcodeData) > 0);
        Ok(start.into_iter().chain(data).collect())
    }

    /// Refuses a value that the file cannot hold.
    fn check_value(&self, source: Source, text: &str) -> Result<(), ProfileFault> {
        let (name, encoding) = (source.as_str(), self.profile.encoding);
        let is_data = source == Source::BarcodeData;
        let fault = |what: &str| {
            let reason = format!("The profile {} shows {name}, which {what}.", self.profile.name);
            Err(self.profile.fault(member_of(source), reason))
        };
        if let Some(character) = text.chars().find(|one| is_unwritable(*one) && !is_data) {
            return fault(&format!("contains U+{:04X}, a character that no printer shows", u32::from(character)));
        }
        if let Some(character) = encoding.lacks(text) {
            let code = u32::from(character);
            return fault(&format!(
                "contains {character:?} (U+{code:04X}), a character that {} lacks",
                encoding.as_str()
            ));
        }
        if text.chars().count() > MAX_VALUE {
            return fault(&format!("has more than {MAX_VALUE} characters"));
        }
        Ok(())
    }

    /// The fault of a source for which the reservation has no value.
    fn missing(&self, source: Source) -> ProfileFault {
        let (profile, name) = (self.profile.name, source.as_str());
        let member = member_of(source);
        let rule = "required";
        let reason = match source {
            Source::ReferenceId | Source::PurchaseOrder => {
                format!("The profile {profile} shows {name}, and the reservation has none.")
            }
            Source::OrganisationName | Source::CompanyPrefix => {
                format!("The profile {profile} shows {name}, and the organisation has none.")
            }
            Source::DigitalLink => {
                format!("The profile {profile} shows {name}, and there is no domain for short links.")
            }
            Source::EpcUri => format!(
                "The profile {profile} shows {name}, and these codes have none: the organisation's company prefix is \
                 unknown, does not begin the key, or is not licensed for EPCs, or a check digit is wrong."
            ),
            _ => format!("The profile {profile} shows {name}, and the reservation has none."),
        };
        let member = if matches!(source, Source::DigitalLink) { "export_type" } else { member };
        ProfileFault { rule, ..self.profile.fault(member, reason) }
    }
}

fn push(bits: &mut Vec<Bit>, text: &str) {
    match bits.last_mut() {
        Some(Bit::Own(last)) => last.push_str(text),
        _ if text.is_empty() => {}
        _ => bits.push(Bit::Own(text.to_owned())),
    }
}

fn needs_quotes(text: &str, delimiter: char) -> bool {
    text.contains([delimiter, '"', '\r', '\n'])
}

/// The text with the line ends of a profile. Those that are written out stay.
fn with_line_ends(text: &str, line_end: LineEnd) -> String {
    match line_end {
        LineEnd::Lf => text.to_owned(),
        LineEnd::Crlf => text.replace("\r\n", "\n").replace('\n', "\r\n"),
    }
}

/// Checks the rules about texts that depend on the encoding, the quoting and the escaping.
pub(super) fn check_texts(profile: &Profile, wrong: &mut dyn FnMut(String, String)) {
    let encoding = profile.encoding;
    if let Some(fnc1) = &profile.barcode.fnc1 {
        check_encoding(encoding, "barcode.fnc1", fnc1, wrong);
    }
    if let Some(doubled) = profile.barcode.doubled {
        check_encoding(encoding, "barcode.doubled", &doubled.to_string(), wrong);
    }
    for (source, text) in &profile.defaults {
        let path = format!("defaults.{}", source.as_str());
        check_encoding(encoding, &path, text, wrong);
        if text.chars().any(is_unwritable) {
            wrong(path, "a default must not contain control characters".to_owned());
        }
    }
    match &profile.base {
        Base::Delimited { delimiter, quoting, columns, .. } => {
            check_encoding(encoding, "delimiter", &delimiter.to_string(), wrong);
            for (place, column) in columns.iter().enumerate() {
                let (name, shown) = (format!("columns[{place}].name"), place_of(place, &column.text));
                check_encoding(encoding, &name, &column.name, wrong);
                check_text(profile, &shown, &column.text, column.escape, wrong);
                for (path, text) in
                    std::iter::once((&name, column.name.as_str())).chain(column.text.own().map(|own| (&shown, own)))
                {
                    if *quoting == Quoting::None && needs_quotes(text, *delimiter) {
                        let reason =
                            "the text holds the delimiter, a quotation mark or a line break, so it needs quotes";
                        wrong(path.clone(), format!("{reason}; choose another quoting than none"));
                    }
                }
            }
        }
        Base::Fixed { header, columns } => {
            let width: usize = columns.iter().map(|column| column.width).sum();
            // A character has this many bytes at least.
            let most = MAX_GROUP as usize / encoding.unit();
            if width > most {
                wrong(
                    "columns".to_owned(),
                    format!("the columns are {width} characters wide; {most} at most are possible"),
                );
            }
            for (place, column) in columns.iter().enumerate() {
                check_fixed(profile, place, column, *header, wrong);
            }
        }
        Base::Lines { line, escape } => {
            check_text(profile, "line", line, *escape, wrong);
            if line.own().any(has_line_break) {
                wrong("line".to_owned(), "the text has a line break, and each row is one line".to_owned());
            }
        }
        // Checked where it is read.
        Base::Sheet(_) => {}
        Base::Template(template) => {
            let rows = template.row.iter().enumerate().map(|(place, row)| match template.row.len() {
                1 => ("row".to_owned(), row),
                _ => (format!("row[{place}]"), row),
            });
            let others = [
                ("header", &template.header),
                ("footer", &template.footer),
                ("block_header", &template.block_header),
                ("block_footer", &template.block_footer),
                ("separator", &template.separator),
                ("block_separator", &template.block_separator),
            ];
            for (path, text) in rows.chain(others.map(|(path, text)| (path.to_owned(), text))) {
                check_text(profile, &path, text, template.escape, wrong);
            }
        }
    }
}

/// The path of what a column shows.
fn place_of(place: usize, text: &Text) -> String {
    let member = match text.pieces() {
        [Piece::Slot(_)] => "source",
        pieces if text.sources().next().is_none() && pieces.len() <= 1 => "constant",
        _ => "text",
    };
    format!("columns[{place}].{member}")
}

fn check_fixed(
    profile: &Profile,
    place: usize,
    column: &FixedColumn,
    header: bool,
    wrong: &mut dyn FnMut(String, String),
) {
    let (name, shown, width) = (format!("columns[{place}].name"), place_of(place, &column.text), column.width);
    check_encoding(profile.encoding, &name, &column.name, wrong);
    check_text(profile, &shown, &column.text, Escaping::None, wrong);
    let length = column.name.chars().count();
    if header && length > width {
        wrong(name.clone(), format!("the name has {length} characters, and the column is {width} wide"));
    }
    let length: usize = column.text.own().map(|own| own.chars().count()).sum();
    if length > width {
        wrong(shown.clone(), format!("the text has {length} characters, and the column is {width} wide"));
    }
    if has_line_break(&column.name) || column.text.own().any(has_line_break) {
        wrong(shown.clone(), "a column of fixed width cannot hold a line break".to_owned());
    }
    let is_number = |source: Source| matches!(source, Source::Position | Source::PositionFromEnd);
    if let Some(source) = column.text.sources().find(|source| is_number(*source))
        && column.text.pieces().len() > 1
    {
        wrong(shown, format!("{} must be alone in a column of fixed width", source.as_str()));
    }
}

fn has_line_break(text: &str) -> bool {
    text.contains(['\r', '\n'])
}

fn check_encoding(encoding: Encoding, path: &str, text: &str, wrong: &mut dyn FnMut(String, String)) {
    if let Some(character) = encoding.lacks(text) {
        let code = u32::from(character);
        wrong(path.to_owned(), format!("{} has no character {character:?} (U+{code:04X})", encoding.as_str()));
    }
    if let Some(character) = text.chars().find(|one| matches!(one, '\0' | '\u{FFFE}' | '\u{FFFF}')) {
        wrong(path.to_owned(), format!("no file can hold the character U+{:04X}", u32::from(character)));
    }
}

/// Checks a text with slots.
fn check_text(profile: &Profile, path: &str, text: &Text, escape: Escaping, wrong: &mut dyn FnMut(String, String)) {
    for own in text.own() {
        check_encoding(profile.encoding, path, own, wrong);
        let is_of_xml = |one: &char| one.is_control() && !matches!(one, '\t' | '\n' | '\r');
        if escape == Escaping::Xml
            && let Some(character) = own.chars().find(is_of_xml)
        {
            wrong(path.to_owned(), format!("XML cannot hold the character U+{:04X}", u32::from(character)));
        }
    }
    let shows_data = text.sources().any(|source| source == Source::BarcodeData);
    let is_control = profile.barcode.fnc1.as_ref().is_none_or(|fnc1| fnc1.contains(FNC1));
    if escape == Escaping::Xml && shows_data && is_control {
        let reason = "barcode_data holds FNC1 as the control character 29, which XML cannot hold";
        wrong(path.to_owned(), format!("{reason}; name a text for it in barcode.fnc1"));
    }
}
