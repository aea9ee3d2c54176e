//! Rules beyond the form of a profile: it is refused if no reservation could be exported with it, or not as it says.
//!
//! [`Profile::read`] applies them to what an operator writes, [`Profile::stored`] does not: a version that was stored before
//! a rule existed must stay readable.

use super::compile::MAX_GROUP;
use super::{Base, Epc, Particulars, Profile, SheetBase, Source, TemplateBase, Text};
use super::{gs1, specimen};
use crate::code::EpcScheme;
use crate::export::FileHead;
use crate::export::sheet::{MAX_DATA, MAX_LABELS, MAX_TEXT};
use crate::reservation::Values;

/// The extension and the media type of a sheet.
const PDF: [&str; 2] = ["pdf", "application/pdf"];

/// Values that a reservation may have: a letter, and numbers of every length that an Application Identifier and a value of
/// predefined length have together.
const VALUES: [&str; 2] = ["A", "00000000000000000000"];

/// Numbers of labels, with as many digits. A sheet has no more.
const QUANTITIES: [u64; 5] = [1, 10, 100, 1_000, MAX_LABELS];

/// Checks a profile that has the right form.
pub(super) fn check(profile: &Profile, wrong: &mut dyn FnMut(String, String)) {
    let has_tags = check_epc(profile, wrong);
    match &profile.base {
        Base::Sheet(sheet) => {
            check_sheet(profile, sheet, wrong);
            // Without tags, nothing that shows them could be GS1 data.
            if has_tags && !can_carry_gs1(profile, sheet) {
                let reason = format!("a {} symbol carries GS1 data: {}", sheet.layout.symbol, gs1::WANTED);
                wrong("symbol.data".to_owned(), reason);
            }
        }
        Base::Template(template) => check_template(profile, template, wrong),
        Base::Delimited { .. } | Base::Fixed { .. } | Base::Lines { .. } => {}
    }
}

/// Checks that tags are shown, and that the scheme can be that of a reservation. Tells whether it can.
fn check_epc(profile: &Profile, wrong: &mut dyn FnMut(String, String)) -> bool {
    if profile.epc == Epc::default() {
        return true;
    }
    let sources = profile.sources();
    // The memory bank alone is no tag.
    if !sources.contains(&Source::EpcHex) && !sources.contains(&Source::EpcTagUri) {
        let reason = "nothing shows a tag, so this has no effect; show epc_hex or epc_tag_uri, or leave epc out";
        wrong("epc".to_owned(), reason.to_owned());
    }
    match profile.epc.scheme.and_then(|scheme| never_fits(scheme, profile)) {
        None => true,
        Some(reason) => {
            wrong("epc.scheme".to_owned(), reason);
            false
        }
    }
}

/// Why no reservation has tags of the scheme; `None` if one can.
fn never_fits(scheme: EpcScheme, profile: &Profile) -> Option<String> {
    let code_type = scheme.code_type();
    if let Some(source) = profile.sources().into_iter().find(|source| source.is_lacking(code_type)) {
        let name = source.as_str();
        return Some(format!(
            "{scheme} is a scheme for codes of type {code_type}, and these do not have {name}, which the profile shows"
        ));
    }
    let of_type = specimen::all().iter().filter(|one| one.namespace.code_type == code_type);
    let mut tags = of_type.map(|one| one.renderer.epc_column(Some(scheme), profile.epc.filter).map(drop));
    let first = tags.next()?.err()?;
    if tags.any(|other| other.is_ok()) { None } else { Some(first.to_string()) }
}

fn check_sheet(profile: &Profile, sheet: &SheetBase, wrong: &mut dyn FnMut(String, String)) {
    let [extension, media_type] = PDF;
    if profile.extension != extension {
        wrong("extension".to_owned(), format!("a sheet is a PDF: {extension} is needed, not {:?}", profile.extension));
    }
    if let Some(other) = profile.media_type.as_deref().filter(|own| *own != media_type) {
        wrong("media_type".to_owned(), format!("a sheet is a PDF: {media_type} is needed, not {other:?}"));
    }
    for (path, text, most) in [("symbol.data", &sheet.data, MAX_DATA), ("text", &sheet.text, MAX_TEXT)] {
        let length: usize = text.iter().flat_map(Text::own).map(str::len).sum();
        if length > most {
            wrong(
                path.to_owned(),
                format!("the text has {length} bytes without its slots; {most} at most are possible"),
            );
        }
    }
}

/// Whether there can be a reservation whose symbols carry what their kind demands.
fn can_carry_gs1(profile: &Profile, sheet: &SheetBase) -> bool {
    if sheet.data.is_none() || !sheet.layout.symbol.is_gs1() {
        return true;
    }
    let [letter, digits] = VALUES;
    let texts = std::iter::once(letter).chain((1..=digits.len()).filter_map(|length| digits.get(..length)));
    let values: Vec<Values> = texts
        .map(|value| {
            let value = Some(value.to_owned());
            Values {
                reference_id: value.clone(),
                purchase_order: value.clone(),
                organisation_name: value,
                reserved_at: Some("2026-01-31T12:00:00.000Z".to_owned()),
            }
        })
        .collect();
    // None of a type that lacks what the labels show, or with more labels than the profile allows, has a compiler.
    let mut reservations = specimen::all().iter().flat_map(|codes| {
        values.iter().flat_map(move |values| QUANTITIES.into_iter().map(move |quantity| (codes, values, quantity)))
    });
    reservations.any(|(codes, values, quantity)| {
        let code_type = codes.namespace.code_type;
        let head = FileHead { reservation: "00000000-0000-7000-8000-000000000000", code_type };
        let company_prefix = Some(specimen::COMPANY_PREFIX);
        let particulars = Particulars { namespace: &codes.namespace, company_prefix, values };
        let compiler = profile.compiler(&codes.renderer, &head, &particulars, quantity);
        compiler.is_ok_and(|compiler| compiler.carries_gs1(sheet) == Ok(true))
    })
}

/// Checks that the profile's own texts leave room for the rows of a block.
fn check_template(profile: &Profile, template: &TemplateBase, wrong: &mut dyn FnMut(String, String)) {
    let own = |text: &Text| text.own().map(|own| own.chars().count()).sum::<usize>();
    let rows = template.rows_per_block.max(1);
    let row = |place: usize| template.row.get(place).or(template.row.first()).map(own).unwrap_or_default();
    let mut length = own(&template.block_header) + own(&template.block_footer) + own(&template.block_separator);
    length += (0..rows).map(row).sum::<usize>() + own(&template.separator) * (rows - 1).max(1);
    // A character has this many bytes at least.
    let most = MAX_GROUP as usize / profile.encoding.unit();
    if length > most {
        let path = if rows > 1 { "rows_per_block" } else { "row" };
        let what = format!("the texts of {rows} rows have {length} characters without their slots");
        wrong(path.to_owned(), format!("{what}; {most} at most are possible"));
    }
}
