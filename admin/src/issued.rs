//! The codes that another system issued: the highest index that they have in a counted pool.

use std::io::BufRead;

use common::code::{CodeType, Namespace, Permutation, PoolKey, PoolSpec, Scanned, scanned};
use common::context::Context;
use common::operations::{OperationError, TracedCode, trace_code};
use common::query::CodeLookup;

use crate::failure::Failure;

/// Maximum length of a line in bytes. A code, link or element string is much shorter.
const MAX_LINE: u64 = 4_096;

/// Reads a file with one code a line (an SSCC or GSRN, its Digital Link or its element string) and gives the index
/// after the highest one. Empty lines are skipped.
///
/// # Errors
/// [`Failure::Refused`] for a pool whose codes look random: their indexes are spread over all of it.
/// [`Failure::WrongUse`] for a line that is no code of the pool, with its number, or a file without codes.
pub fn end_of(spec: &PoolSpec, key: &PoolKey, mut file: impl BufRead) -> Result<u64, Failure> {
    let Namespace { code_type, .. } = spec.namespace;
    if spec.is_permuted() {
        return Err(Failure::Refused(format!(
            "The codes of {} look random: the indexes of codes that another system issued are spread over the whole pool, \
             so no next index lies behind them. Reserve with another length instead: texts of different length are never \
             equal.",
            spec.namespace
        )));
    }
    let permutation = Permutation::new(spec, key).map_err(|error| Failure::Refused(error.to_string()))?;
    let mut end = 0;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = std::io::Read::take(&mut file, MAX_LINE).read_until(b'\n', &mut line);
        let read = read.map_err(|error| Failure::WrongUse(format!("The file cannot be read: {error}")))?;
        if read == 0 {
            break;
        }
        let wrong =
            |reason: &str| Failure::WrongUse(format!("Line {number} of the file {reason}. Nothing was changed."));
        let text = std::str::from_utf8(&line).map_err(|_| wrong("is no text"))?.trim_matches(is_blank);
        if text.is_empty() {
            continue;
        }
        if read as u64 == MAX_LINE {
            return Err(wrong("is too long for a code"));
        }
        let index = index_of(spec, &permutation, text);
        let index =
            index.ok_or_else(|| wrong(&format!("is no {code_type} of the company prefix {}", spec.namespace.key)))?;
        end = end.max(index.saturating_add(1));
    }
    if end == 0 {
        return Err(Failure::WrongUse("The file has no codes. Nothing was changed.".to_owned()));
    }
    Ok(end)
}

/// White space, and the mark at the beginning of a file from a spreadsheet.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

fn index_of(spec: &PoolSpec, permutation: &Permutation, text: &str) -> Option<u64> {
    let mut candidates = lookups(text, None).into_iter().flat_map(|lookup| lookup.candidates());
    let candidate = candidates.find(|candidate| candidate.namespace == spec.namespace)?;
    permutation.index_of(&candidate.varying)
}

/// Finds the codes that a text names, whether they were issued or given up.
///
/// # Errors
/// As [`trace_code`].
pub async fn trace(context: &Context, text: &str, product: Option<&str>) -> Result<Vec<TracedCode>, OperationError> {
    for lookup in lookups(text, product) {
        let traced = trace_code(context, &lookup).await?;
        if !traced.is_empty() {
            return Ok(traced);
        }
    }
    Ok(Vec::new())
}

/// What a text may be, in the order in which it is looked for: a Digital Link or short link, an element string, the data
/// of a symbol as a scanner types them, an EPC or tag URI, the code itself, or the hexadecimal digits of a tag.
fn lookups(text: &str, product: Option<&str>) -> Vec<CodeLookup> {
    let plain = || CodeLookup::Code { code: text.trim().to_owned(), product: product.map(str::to_owned) };
    match scanned(text, product) {
        Some(Scanned::Link(link)) => vec![CodeLookup::DigitalLink(link)],
        // An asset may have an identifier of the same characters as the data of a symbol, or as the digits of a tag.
        Some(Scanned::Elements(elements)) if text.trim().bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            vec![plain(), CodeLookup::EpcJoinKey(elements)]
        }
        Some(Scanned::Elements(elements)) => vec![CodeLookup::EpcJoinKey(elements)],
        Some(Scanned::Tag(uri)) if uri.contains(':') => vec![CodeLookup::EpcHex(uri)],
        Some(Scanned::Tag(digits)) if product.is_none() => vec![plain(), CodeLookup::EpcHex(digits)],
        Some(Scanned::Code { code, product }) => vec![CodeLookup::Code { code, product }],
        // A link without its domain.
        None if text.contains('/') && product.is_none() => vec![CodeLookup::DigitalLink(text.trim().to_owned())],
        Some(Scanned::Tag(_)) | None => vec![plain()],
    }
}

/// The specification of a counted pool that may not exist; `None` for other types.
#[must_use]
pub fn counted(namespace: &Namespace) -> Option<PoolSpec> {
    let is_counted = matches!(namespace.code_type, CodeType::Sscc | CodeType::Gsrn);
    let spec = PoolSpec::from_pool(namespace.clone(), common::code::CharacterSet::Numeric).ok()?;
    is_counted.then_some(spec)
}

#[cfg(test)]
mod tests {
    use common::code::{CharacterSet, LotAndDates, RenderOptions, Renderer, Secret};

    use super::*;

    fn spec(namespace: &str, set: CharacterSet) -> (PoolSpec, PoolKey) {
        let spec = PoolSpec::from_pool(namespace.parse().unwrap(), set).unwrap();
        let key = Secret::new(&[7; 32]).unwrap().pool_key(&spec.namespace);
        (spec, key)
    }

    #[test]
    fn the_end_is_behind_the_highest_code_whatever_its_form_and_place() {
        let (spec, key) = spec("sscc#0614141#18", CharacterSet::Numeric);
        let options = RenderOptions {
            digital_link_domain: "https://id.example".to_owned(),
            short_code_domain: None,
            company_prefix: None,
            url_suffix: None,
            lot_and_dates: LotAndDates::default(),
        };
        let renderer = Renderer::new(&spec, &key, &options).unwrap();
        let code = |index| renderer.code(index).unwrap();
        let text = format!(
            "\u{feff}{}\r\n\n  {}  \n{}\n{}",
            code(41).code,
            code(99_999_999).epc_join_key,
            code(7).digital_link,
            code(0).code
        );
        assert_eq!(end_of(&spec, &key, text.as_bytes()).unwrap(), 100_000_000);
    }

    #[test]
    fn what_a_scanner_types_is_looked_up_like_its_element_string() {
        let elements = [CodeLookup::EpcJoinKey("(01)09506000134352(10)L/1(21)S1".to_owned())];
        for text in [
            "010950600013435210L/1\u{1d}21S1",
            "]d2010950600013435210L/1\u{1d}21S1\r\n",
            "(01)09506000134352(10)L/1(21)S1",
        ] {
            assert_eq!(format!("{:?}", lookups(text, None)), format!("{elements:?}"), "{text:?}");
        }
        let link = [CodeLookup::DigitalLink("/01/09506000134352/21/S1".to_owned())];
        assert_eq!(format!("{:?}", lookups("/01/09506000134352/21/S1", None)), format!("{link:?}"));
        let code = CodeLookup::Code { code: "306141411234567890".to_owned(), product: None };
        assert_eq!(format!("{:?}", lookups(" 306141411234567890 ", None)), format!("{:?}", [code]));
        // An asset of the company prefix 0061414 may have the digits of an SSCC.
        let digits = "00006141411234567890".to_owned();
        let asset = CodeLookup::Code { code: digits.clone(), product: None };
        let pallet = CodeLookup::EpcJoinKey("(00)006141411234567890".to_owned());
        assert_eq!(format!("{:?}", lookups(&digits, None)), format!("{:?}", [asset, pallet]));
        let digits = "3074257BF7194E4000001A85".to_owned();
        let both = [CodeLookup::Code { code: digits.clone(), product: None }, CodeLookup::EpcHex(digits.clone())];
        assert_eq!(format!("{:?}", lookups(&digits, None)), format!("{both:?}"));
    }

    #[test]
    fn lines_that_are_no_codes_of_the_pool_are_named() {
        let (spec, key) = spec("sscc#0614141#18", CharacterSet::Numeric);
        let right = "006141410000000012";
        let other = "006141420000000011";
        for (file, line) in [
            (format!("{right}\n{other}\n"), "Line 2 "),
            (format!("{right}\n\n006141410000000013\n"), "Line 3 "),
            ("hello\n".to_owned(), "Line 1 "),
            (format!("{}\n", "0".repeat(5_000)), "Line 1 "),
            (String::new(), "no codes"),
            ("\n\n".to_owned(), "no codes"),
        ] {
            let error = end_of(&spec, &key, file.as_bytes()).unwrap_err();
            assert!(matches!(error, Failure::WrongUse(_)), "{error}");
            assert!(error.to_string().contains(line), "{file:?}: {error}");
        }
        assert!(matches!(end_of(&spec, &key, &b"\xff\xfe\n"[..]), Err(Failure::WrongUse(_))));
    }

    #[test]
    fn pools_whose_codes_look_random_are_refused_with_the_reason() {
        let (spec, key) = spec("giai#0614141#8", CharacterSet::Alphanumeric);
        let error = end_of(&spec, &key, &b"0614141abcdefgh\n"[..]).unwrap_err();
        assert!(matches!(&error, Failure::Refused(text) if text.contains("look random")), "{error}");
    }
}
