//! The fields of the form.

use common::{
    code::{CharacterSet, CodeType, Day},
    reservation::Format,
};
use maud::{Markup, html};

use super::{input::DATES, wrong::Wrong};
use crate::{
    form::Form,
    pages::{export_types::ExportTypes, offered::Offered},
    texts::fill,
    visit::Visit,
};

/// A form while it is shown: what was written, and what is wrong with it.
pub(super) struct Fields<'a> {
    pub(super) visit: &'a Visit<'a>,
    pub(super) form: &'a Form,
    pub(super) wrong: &'a Wrong,
}

/// A field in which a person writes one line.
struct Line<'a> {
    name: &'static str,
    label: &'a str,
    hint: &'a str,
    is_needed: bool,
    /// The keyboard that a phone shows.
    mode: Option<&'static str>,
    /// Maximum number of characters.
    width: Option<u8>,
}

impl Fields<'_> {
    pub(super) fn organisation(&self, offered: &Offered) -> Markup {
        let (texts, name) = (self.visit.texts, "reserved_for");
        let chosen = self.form.filled(name).or(offered.only()).unwrap_or_default();
        let is_listed = chosen.is_empty() || offered.organisations.iter().any(|(id, _)| id == chosen);
        let hint = if offered.is_open { texts.organisation_hint } else { "" };
        // What a file can be depends on the organisation.
        let (get, target) = ("/console/reserve/formats", "#export_type");
        let control = html! {
            @if offered.is_open || !is_listed {
                input id=(name) name=(name) value=(chosen) list="organisations" required autocomplete="off"
                    spellcheck="false" aria-describedby=(described(name)) aria-invalid=[self.wrong.invalid(name)]
                    hx-get=(get) hx-include="#reserve" hx-target=(target) hx-trigger="change";
                datalist #organisations {
                    @for (id, label) in &offered.organisations { option value=(id) { (label) } }
                }
            } @else {
                select id=(name) name=(name) required aria-describedby=(described(name))
                    aria-invalid=[self.wrong.invalid(name)]
                    hx-get=(get) hx-include="#reserve" hx-target=(target) hx-trigger="change" {
                    @if offered.organisations.len() != 1 { option value="" selected[chosen.is_empty()] { "–" } }
                    @for (id, label) in &offered.organisations {
                        option value=(id) selected[id == chosen] {
                            (label) @if id != label { " (" (id) ")" }
                        }
                    }
                }
            }
        };
        self.field(name, texts.organisation, hint, &control)
    }

    pub(super) fn code_type(&self, chosen: CodeType) -> Markup {
        let (texts, name) = (self.visit.texts, "code_type");
        let control = html! {
            select id=(name) name=(name) aria-describedby=(described(name)) aria-invalid=[self.wrong.invalid(name)]
                hx-get="/console/reserve/fields" hx-include="#reserve" hx-target="#product-field" hx-swap="outerHTML"
                hx-trigger="change" hx-disabled-elt="#submit, #product, #length, #character_set" {
                @for code_type in CodeType::ALL {
                    option value=(code_type.as_str()) selected[code_type == chosen] { (texts.code_type(code_type)) }
                }
            }
            noscript {
                button.quiet type="submit" formmethod="get" formaction="/" formnovalidate { (texts.update_fields) }
            }
        };
        self.field(name, texts.code_type, "", &control)
    }

    /// The product, for the types that need one. Without, the place stays empty.
    pub(super) fn product(&self, code_type: CodeType) -> Markup {
        let texts = self.visit.texts;
        html! {
            div #product-field {
                @if let Some(hint) = texts.product_hint(code_type) {
                    (self.line(&Line {
                        name: "product", label: texts.product, hint, is_needed: true, mode: None, width: None,
                    }))
                } @else {
                    (no_message("product"))
                }
            }
        }
    }

    pub(super) fn quantity(&self) -> Markup {
        let texts = self.visit.texts;
        let most = self.visit.language.number(u64::from(self.visit.context.config().max_quantity));
        self.line(&Line {
            name: "quantity",
            label: texts.quantity,
            hint: &fill(texts.quantity_hint, &[&most]),
            is_needed: true,
            mode: Some("numeric"),
            width: None,
        })
    }

    pub(super) fn export_type(&self, types: &ExportTypes) -> Markup {
        let (texts, name) = (self.visit.texts, "export_type");
        let control = html! {
            select id=(name) name=(name) aria-describedby=(described(name)) aria-invalid=[self.wrong.invalid(name)] {
                (self.export_types(types))
            }
        };
        self.field(name, texts.export_type, "", &control)
    }

    /// The options of the field of the file's format.
    pub(super) fn export_types(&self, types: &ExportTypes) -> Markup {
        types.options(self.visit, self.form.filled("export_type").unwrap_or(Format::Csv.as_str()))
    }

    pub(super) fn reference(&self) -> Markup {
        let texts = self.visit.texts;
        self.line(&Line {
            name: "reference_id",
            label: texts.reference,
            hint: texts.reference_hint,
            is_needed: false,
            mode: None,
            width: None,
        })
    }

    pub(super) fn url_suffix(&self) -> Markup {
        let texts = self.visit.texts;
        self.line(&Line {
            name: "url_suffix",
            label: texts.url_suffix,
            hint: texts.url_suffix_hint,
            is_needed: false,
            mode: Some("url"),
            width: None,
        })
    }

    /// What follows the type of code under "more": lot and dates, length and character set. `is_swapped` says that htmx
    /// puts them in the place of others.
    pub(super) fn of_type(&self, code_type: CodeType, is_swapped: bool) -> Markup {
        html! {
            div #type-fields hx-swap-oob=[is_swapped.then_some("true")] {
                (self.lot_and_dates(code_type))
                (self.serial(code_type))
            }
        }
    }

    /// Lot and dates, for the types whose codes have them.
    fn lot_and_dates(&self, code_type: CodeType) -> Markup {
        let texts = self.visit.texts;
        if !code_type.has_lot_and_dates() {
            return html! { @for name in ["lot"].into_iter().chain(DATES) { (no_message(name)) } };
        }
        let labels = [texts.expiry_date, texts.best_before, texts.production_date];
        html! {
            div.pair {
                (self.line(&Line {
                    name: "lot", label: texts.lot, hint: texts.lot_hint, is_needed: false, mode: None, width: Some(20),
                }))
                @for (name, label) in DATES.into_iter().zip(labels) { (self.date(name, label)) }
            }
        }
    }

    /// Length and character set, for the types whose codes do not count up.
    fn serial(&self, code_type: CodeType) -> Markup {
        let (texts, name) = (self.visit.texts, "character_set");
        if code_type.is_counted() {
            return html! { (no_message("length")) (no_message(name)) };
        }
        let config = self.visit.context.config();
        let lengths = [config.default_length, config.default_numeric_length].map(|length| length.to_string());
        let chosen = self.form.get(name);
        let control = html! {
            select id=(name) name=(name) aria-describedby=(described(name)) aria-invalid=[self.wrong.invalid(name)] {
                option value="" { (texts.default_choice) }
                @for set in CharacterSet::ALL.into_iter().filter(|set| code_type.allows(*set)) {
                    option value=(set.as_str()) selected[set.as_str() == chosen] { (texts.character_set(set)) }
                }
            }
        };
        html! {
            div.pair {
                (self.line(&Line {
                    name: "length",
                    label: texts.length,
                    hint: &fill(texts.length_hint, &[&lengths[0], &lengths[1]]),
                    is_needed: false,
                    mode: Some("numeric"),
                    width: Some(2),
                }))
                (self.field(name, texts.character_set_label, texts.character_set_hint, &control))
            }
        }
    }

    fn line(&self, line: &Line<'_>) -> Markup {
        let name = line.name;
        let control = html! {
            input id=(name) name=(name) value=(self.form.get(name)) required[line.is_needed] inputmode=[line.mode]
                maxlength=[line.width] autocomplete="off" autocapitalize="none" spellcheck="false"
                aria-describedby=(described(name)) aria-invalid=[self.wrong.invalid(name)];
        };
        let label = if line.is_needed { line.label.to_owned() } else { self.optional(line.label) };
        self.field(name, &label, line.hint, &control)
    }

    /// A date. Browsers show it as their language writes dates, and send it as the API takes it. They send nothing for
    /// a day that does not exist, so the script holds such a form back with `data-bad`.
    fn date(&self, name: &str, label: &str) -> Markup {
        let (first, last) = (Day::FIRST_YEAR, Day::LAST_YEAR);
        let bad = fill(self.visit.texts.rule_day, &[&first.to_string(), &last.to_string()]);
        let control = html! {
            input id=(name) name=(name) type="date" value=(self.form.get(name)) min={ (first) "-01-01" }
                max={ (last) "-12-31" } data-bad=(bad) aria-describedby=(described(name)) aria-invalid=[self.wrong.invalid(name)];
        };
        self.field(name, &self.optional(label), "", &control)
    }

    fn optional(&self, label: &str) -> String {
        format!("{label} ({})", self.visit.texts.optional)
    }

    /// A label, what to write, what is wrong, and the control.
    fn field(&self, name: &str, label: &str, hint: &str, control: &Markup) -> Markup {
        html! {
            div.field {
                label for=(name) { (label) }
                (control)
                @if !hint.is_empty() { p.hint id={ "hint-" (name) } { (hint) } }
                p.error id={ "error-" (name) } aria-live="polite" {
                    @if let Some(message) = self.wrong.about(name) { (message) }
                }
            }
        }
    }
}

/// The place of a message about a field that the type of code does not have: the check names all of them.
fn no_message(name: &str) -> Markup {
    html! { p.error id={ "error-" (name) } {} }
}

fn described(name: &str) -> String {
    format!("error-{name} hint-{name}")
}
