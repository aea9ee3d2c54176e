//! What the pages say, one file for each language. A text that a language lacks does not compile.
//!
//! `{0}`, `{1}`, … stand for values, which [`fill`] puts in. Texts are plain: markup is added where they are used.

mod de;
mod en;

use common::{
    code::{CharacterSet, CodeType},
    reservation::Status,
};

use crate::language::Language;

macro_rules! texts {
    ($($name:ident,)*) => {
        /// The texts of a language.
        #[derive(Debug)]
        pub(crate) struct Texts {
            $(pub(crate) $name: &'static str,)*
        }

        impl Texts {
            /// Every text with its name.
            #[cfg(test)]
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

texts! {
    // The frame.
    service, skip, navigation, reserve, reservations, find, pools, users, organisations, sign_out, signed_in_as, language,
    sample_note, more, back, previous_page, next_page, page_number, first_page, last_page, beyond, beyond_hint, optional, moving_on,
    moving_on_link, time_zone,
    // Signing in.
    sign_in, sign_in_lead, token, token_hint, token_missing, token_wrong, oidc, oidc_hint, oidc_failed, oidc_unknown,
    oidc_cancelled, oidc_unavailable, session_over, signed_out, once_lead, once_button, once_gone,
    // Reserving.
    reserve_title, reserve_lead, organisation, organisation_hint, code_type, update_fields, product,
    product_hint_sgtin, product_hint_grai, product_hint_gdti, product_hint_itip, product_hint_cpi, product_hint_sgcn,
    quantity, quantity_hint, export_type, reference, reference_hint, url_suffix, url_suffix_hint, more_options,
    lot, lot_hint, expiry_date, best_before, production_date,
    length, length_hint, character_set_label, character_set_hint, default_choice, submit_reserve,
    may_not_reserve, errors_title, sent_before, see_reservations, new_form, form_changed,
    sample, sample_badge, sample_lead, sample_empty, sample_unknown, left, left_hidden, code, link, element_string,
    symbol_qr, symbol_datamatrix,
    // Types of code.
    sgtin, sscc, grai, short_code, giai, gsrn, gdti, itip, cpi, sgcn,
    alphanumeric, uppercase, numeric, hex, rfid96,
    gzip, formats, profiles_own, profiles_deployment, profiles_built_in, profile_excel, profile_excel_semicolon,
    profile_bartender, profile_nicelabel, profile_zpl, profile_zpl_qr, profile_zpl_rfid,
    profile_epcis, profile_pdf,
    // Watching.
    reservations_title, status, any_status, any_organisation, search, search_hint, filter_button, clear_filter, no_reservations,
    no_reservations_hint, no_matches, no_matches_hint, created, codes_count, of_codes, exact, no_reference,
    status_new, status_in_progress, status_complete, status_error, status_stopped, live_running, live_done, too_many_rows,
    // One reservation.
    details, amount, times, time_created, time_reserved, time_file, created_by, id, file, file_size, download,
    download_hint, writing, writing_hint, waiting, waiting_hint, ready, failed, failed_hint, stopped_hint, first_codes, position,
    codes_of, alike, write_again, write_again_hint, try_again, try_again_hint, format, cancel, cancel_hint, delete, delete_title, delete_lead, delete_codes,
    delete_confirm, keep, deleted, cancelled, again_started, no_file_closed, reload_hint,
    // Finding a code.
    find_title, find_lead, find_label, find_hint, find_too_long, find_button, find_product, find_product_hint, scan, scan_stop, scan_lead, scan_failed,
    found_title, found_lead, not_found, not_found_hint, not_a_code, not_a_code_hint,
    // Administrators.
    pools_title, pools_lead, no_pools, pool_fill, pool_left, pool_runs_out, pool_lasts, pool_full, pool_chart, of_kind,
    users_title, users_lead, name, email, role, user_status, organisations_title, organisations_lead, city, no_rows,
    role_admin, role_writer, role_reader, user_active, user_suspended, user_archived, user_invited, user_draft,
    // Errors.
    error_title, not_found_title, not_found_lead, forbidden_title, forbidden_lead, foreign_title, foreign_lead,
    several_sessions_title, several_sessions_lead, unavailable_title,
    unavailable_lead, internal_lead, invalid_title, invalid_lead, nothing_done, form_too_large, request_number, to_start,
    // Rules of members.
    rule_required, rule_in, rule_gte, rule_lte, rule_max_length, rule_integer, rule_null, rule_not_before,
    rule_no_controls, rule_lot, rule_day, rule_company_prefix, rule_check_digit, rule_product, rule_length, rule_status,
}

impl Texts {
    /// The texts of a language.
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &en::TEXTS,
            Language::German => &de::TEXTS,
        }
    }

    /// The name of a type of code.
    pub(crate) fn code_type(&self, code_type: CodeType) -> &'static str {
        match code_type {
            CodeType::Sgtin => self.sgtin,
            CodeType::Sscc => self.sscc,
            CodeType::Grai => self.grai,
            CodeType::ShortCode => self.short_code,
            CodeType::Giai => self.giai,
            CodeType::Gsrn => self.gsrn,
            CodeType::Gdti => self.gdti,
            CodeType::Itip => self.itip,
            CodeType::Cpi => self.cpi,
            CodeType::Sgcn => self.sgcn,
        }
    }

    /// What to write as the product of a type of code; `None` for types without products.
    pub(crate) fn product_hint(&self, code_type: CodeType) -> Option<&'static str> {
        Some(match code_type {
            CodeType::Sgtin => self.product_hint_sgtin,
            CodeType::Grai => self.product_hint_grai,
            CodeType::Gdti => self.product_hint_gdti,
            CodeType::Itip => self.product_hint_itip,
            CodeType::Cpi => self.product_hint_cpi,
            CodeType::Sgcn => self.product_hint_sgcn,
            CodeType::Sscc | CodeType::ShortCode | CodeType::Giai | CodeType::Gsrn => return None,
        })
    }

    /// The name of a character set.
    pub(crate) fn character_set(&self, set: CharacterSet) -> &'static str {
        match set {
            CharacterSet::Alphanumeric => self.alphanumeric,
            CharacterSet::Uppercase => self.uppercase,
            CharacterSet::Numeric => self.numeric,
            CharacterSet::Hex => self.hex,
            CharacterSet::Rfid96 => self.rfid96,
        }
    }

    /// The name of a member of a reservation.
    pub(crate) fn member(&self, member: &str) -> &'static str {
        match member {
            "reserved_for" => self.organisation,
            "code_type" => self.code_type,
            "product" => self.product,
            "quantity" => self.amount,
            "export_type" => self.export_type,
            "reference_id" => self.reference,
            "lot" => self.lot,
            "expiry_date" => self.expiry_date,
            "best_before" => self.best_before,
            "production_date" => self.production_date,
            "url_suffix" => self.url_suffix,
            "length" => self.length,
            _ => self.character_set_label,
        }
    }

    /// What a built-in profile is for; `None` for another name.
    pub(crate) fn profile(&self, name: &str) -> Option<&'static str> {
        Some(match name {
            "excel" => self.profile_excel,
            "excel-semicolon" => self.profile_excel_semicolon,
            "bartender" => self.profile_bartender,
            "nicelabel" => self.profile_nicelabel,
            "zpl" => self.profile_zpl,
            "zpl-qr" => self.profile_zpl_qr,
            "zpl-rfid" => self.profile_zpl_rfid,
            "epcis" => self.profile_epcis,
            "pdf" => self.profile_pdf,
            _ => return None,
        })
    }

    /// The word for the status of a user; another text stays as it is.
    pub(crate) fn user_status<'a>(&self, status: &'a str) -> &'a str {
        match status {
            "active" => self.user_active,
            "suspended" => self.user_suspended,
            "archived" => self.user_archived,
            "invited" | "unverified" => self.user_invited,
            "draft" => self.user_draft,
            other => other,
        }
    }

    /// The word for a status.
    pub(crate) fn status(&self, status: Status) -> &'static str {
        match status {
            Status::New => self.status_new,
            Status::InProgress => self.status_in_progress,
            Status::Complete => self.status_complete,
            Status::Error => self.status_error,
        }
    }
}

/// A text with its values.
pub(crate) fn fill(text: &str, values: &[&str]) -> String {
    let mut filled = String::with_capacity(text.len() + values.iter().map(|value| value.len()).sum::<usize>());
    let mut rest = text;
    // One pass, so that braces in a value stand for nothing.
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let value =
            after.split_once('}').and_then(|(number, after)| Some((values.get(number.parse::<usize>().ok()?)?, after)));
        match value {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(number, _)| number).collect()
    }

    #[test]
    fn every_language_has_every_text_with_the_same_places() {
        let english = Texts::of(Language::English).all();
        let german = Texts::of(Language::German).all();
        for ((name, one), (_, other)) in english.iter().zip(&german) {
            assert!(!one.trim().is_empty() && !other.trim().is_empty(), "{name}");
            assert_eq!(places(one), places(other), "{name}");
        }
    }

    #[test]
    fn every_built_in_profile_says_what_it_is_for() {
        for name in common::reservation::BUILT_IN_PROFILES {
            assert!(Texts::of(Language::German).profile(name).is_some(), "{name}");
        }
    }

    #[test]
    fn values_are_put_in_once_whatever_they_hold() {
        assert_eq!(fill("{0} of {1}", &["{1}", "{0}"]), "{1} of {0}");
        assert_eq!(fill("{2} { {x} }", &["a"]), "{2} { {x} }");
        assert_eq!(fill("", &[]), "");
    }
}
