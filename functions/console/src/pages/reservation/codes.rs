//! The first codes of a reservation, as pictures.

use common::code::Code;
use maud::{Markup, html};

use crate::{picture, rows::Row, texts::fill, visit::Visit};

/// Codes that are shown.
pub(super) const SHOWN: u64 = 6;

/// The first codes.
pub(super) fn first(visit: &Visit<'_>, row: &Row, codes: &[Code]) -> Markup {
    let (texts, language) = (visit.texts, visit.language);
    let last = codes.len() as u64;
    let numbers = [1, last, row.number("quantity").unwrap_or(last)].map(|number| language.number(number));
    html! {
        section.panel aria-labelledby="codes" {
            h2 #codes { (texts.first_codes) }
            p.muted { (fill(texts.codes_of, &[&numbers[0], &numbers[1], &numbers[2]])) }
            ul.codes {
                @for (position, code) in (1..).zip(codes) {
                    li {
                        (picture::of(visit, code, &code.code))
                        p.muted { (fill(texts.position, &[&language.number(position)])) }
                        p { code { (code.code) } }
                        @if !code.digital_link.is_empty() { p.small-link { (code.digital_link) } }
                    }
                }
            }
        }
    }
}
