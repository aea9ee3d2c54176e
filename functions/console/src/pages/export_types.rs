//! The formats of a file and the export profiles, as the options of a field.

use common::{
    operations::{OperationError, export_profiles},
    reservation::{BUILT_IN_PROFILES, ExportType},
};
use maud::{Markup, html};

use crate::{failure::Failure, texts::fill, visit::Visit};

/// Maximum number of profiles that are offered besides the built-in ones. A name that is not among them stays as it was
/// chosen.
const MAX_OFFERED: usize = 100;

/// Maximum length of a description that is shown (characters).
const MAX_DESCRIPTION: usize = 70;

/// What a file can be, for one organisation.
#[derive(Default)]
pub(super) struct ExportTypes(Vec<export_profiles::Choice>);

impl ExportTypes {
    /// Those for a reservation of an organisation; without one, those that every organisation has.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
    pub(super) async fn of(visit: &Visit<'_>, organisation: Option<&str>) -> Result<Self, Failure> {
        match export_profiles::choices(visit.context, visit.session(), organisation, MAX_OFFERED).await {
            Ok(profiles) => Ok(Self(profiles)),
            // There are too many to read. Their names can be written over the API.
            Err(OperationError::TooManyItems(_)) => Ok(Self(Vec::new())),
            Err(error) => Err(error.into()),
        }
    }

    /// The options. What is chosen stays an option, whatever it is.
    pub(super) fn options(&self, visit: &Visit<'_>, chosen: &str) -> Markup {
        let texts = visit.texts;
        let is_offered = |name: &str| self.0.iter().any(|profile| profile.name == name);
        let is_known = ExportType::NAMES.contains(&chosen) || BUILT_IN_PROFILES.contains(&chosen) || is_offered(chosen);
        let (own, others): (Vec<_>, Vec<_>) = self.0.iter().partition(|profile| profile.is_own);
        html! {
            @if !is_known && !chosen.is_empty() { option value=(chosen) selected { (chosen) } }
            @for (label, profiles) in [(texts.profiles_own, own), (texts.profiles_deployment, others)] {
                @if !profiles.is_empty() {
                    optgroup label=(label) {
                        @for profile in profiles {
                            option value=(profile.name) selected[profile.name == chosen] { (described(profile)) }
                        }
                    }
                }
            }
            optgroup label=(texts.formats) {
                @for (export_type, name) in ExportType::ALL.into_iter().zip(ExportType::NAMES) {
                    option value=(name) selected[name == chosen] { (format(visit, export_type, name)) }
                }
            }
            optgroup label=(texts.profiles_built_in) {
                @for name in BUILT_IN_PROFILES {
                    option value=(name) selected[name == chosen] {
                        (name) @if let Some(about) = texts.profile(name) { " – " (about) }
                    }
                }
            }
        }
    }
}

/// The name of a format.
fn format(visit: &Visit<'_>, export_type: ExportType, name: &str) -> String {
    let format = name.trim_end_matches(".gz").to_uppercase();
    if export_type.is_gzip() { fill(visit.texts.gzip, &[&format]) } else { format }
}

/// A profile with the beginning of its description.
fn described(profile: &export_profiles::Choice) -> String {
    match profile.description.as_deref().filter(|text| !text.trim().is_empty()) {
        None => profile.name.clone(),
        Some(text) => {
            let begin: String = text.chars().take(MAX_DESCRIPTION).collect();
            let dots = if begin.len() < text.len() { "…" } else { "" };
            format!("{} – {begin}{dots}", profile.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_description_is_cut() {
        let choice = |description: Option<&str>| export_profiles::Choice {
            name: "zebra".to_owned(),
            description: description.map(str::to_owned),
            is_own: true,
        };
        assert_eq!(described(&choice(None)), "zebra");
        assert_eq!(described(&choice(Some(" "))), "zebra");
        assert_eq!(described(&choice(Some("Labels"))), "zebra – Labels");
        assert_eq!(described(&choice(Some(&"ü".repeat(71)))), format!("zebra – {}…", "ü".repeat(70)));
    }
}
