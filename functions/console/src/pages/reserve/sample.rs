//! The sample beside the form: what the codes will look like, or why there is none.

use common::operations::sample::Sample;
use maud::{Markup, html};

use crate::{picture, said::Said, texts::fill, visit::Visit};

/// The place of the sample while there is none, and why.
pub(super) fn empty(visit: &Visit<'_>, text: &str, why: &[Said]) -> Markup {
    html! {
        h2 { (visit.texts.sample) }
        div.picture.empty aria-hidden="true" {}
        p.muted { (text) }
        @for message in why { p.error { (message) } }
    }
}

/// A sample, marked as one.
pub(super) fn panel(visit: &Visit<'_>, sample: &Sample) -> Markup {
    let (texts, code) = (visit.texts, &sample.code);
    html! {
        h2 { (texts.sample) }
        p.badge.is-sample { (texts.sample_badge) }
        (picture::of(visit, code, texts.sample_note))
        p.muted { (texts.sample_lead) }
        dl.facts {
            dt { (texts.code) } dd { code { (code.code) } }
            @if !code.digital_link.is_empty() { dt { (texts.link) } dd { code { (code.digital_link) } } }
            @if !code.element_string.is_empty() { dt { (texts.element_string) } dd { code { (code.element_string) } } }
        }
        @match sample.left {
            Some(left) => p.left { (fill(texts.left, &[&visit.language.number(left)])) }
            None => p.muted { (texts.left_hidden) }
        }
    }
}
