//! The profiles that are part of the service. They are not in the Directory; their version is their SHA-256, as that of
//! any other profile, and changes with [`crate::reservation::RENDERER_VERSION`] only.

use std::sync::LazyLock;

use super::Profile;
use crate::reservation::ProfileName;

/// The texts of the profiles, in the order of [`crate::reservation::BUILT_IN_PROFILES`].
const TEXTS: [&str; 9] = [
    include_str!("built_in/excel.json"),
    include_str!("built_in/excel-semicolon.json"),
    include_str!("built_in/bartender.json"),
    include_str!("built_in/nicelabel.json"),
    include_str!("built_in/zpl.json"),
    include_str!("built_in/zpl-qr.json"),
    include_str!("built_in/epcis.json"),
    include_str!("built_in/zpl-rfid.json"),
    include_str!("built_in/pdf.json"),
];

/// A test reads every text, so none is left out here.
static ALL: LazyLock<Vec<Profile>> =
    // Without the rules for what operators write, which a test applies. Functions that only export have none of their code.
    LazyLock::new(|| TEXTS.into_iter().filter_map(|text| Profile::stored(text).ok()).collect());

/// The SHA-256 of the canonical form of each.
static HASHES: LazyLock<Vec<String>> = LazyLock::new(|| ALL.iter().map(Profile::sha256).collect());

/// The built-in profile whose canonical form has this SHA-256 (64 hexadecimal digits).
#[must_use]
pub fn built_in_version(sha256: &str) -> Option<&'static Profile> {
    ALL.get(HASHES.iter().position(|own| own == sha256)?)
}

/// The built-in profile with this name.
#[must_use]
pub fn built_in(name: ProfileName) -> Option<&'static Profile> {
    all_built_in().iter().find(|profile| profile.name == name)
}

/// Every built-in profile.
#[must_use]
pub fn all_built_in() -> &'static [Profile] {
    &ALL
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reservation::{BUILT_IN_PROFILES, RENDERER_VERSION};

    #[test]
    fn every_text_is_a_profile_with_a_name_of_the_list() {
        for text in TEXTS {
            assert_eq!(Profile::parse(text).map(drop), Ok(()), "{text}");
        }
        let names: Vec<&str> = all_built_in().iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!(names, BUILT_IN_PROFILES);
    }

    #[test]
    fn the_versions_change_with_the_renderer_only() {
        let all: String = all_built_in().iter().map(Profile::sha256).collect();
        assert_eq!(
            (RENDERER_VERSION, super::super::sha256_of(&all).as_str()),
            (3, "ea546ccb7cea7535ddb8ea0f57ffc324657451faaa2d7d4fa03ca26c8fdca13c"),
            "exports that one worker began are finished by another: with other profiles comes another RENDERER_VERSION"
        );
    }
}
