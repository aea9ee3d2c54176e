//! The canonical form.

use serde_json::json;

use super::files::profiles;
use crate::export::profile::Profile;

#[test]
fn the_canonical_form_reads_back_as_the_same_profile() {
    for profile in profiles() {
        let canonical = profile.canonical();
        let again = Profile::parse(&canonical).unwrap_or_else(|wrong| panic!("{canonical} {wrong:?}"));
        assert_eq!(again, profile);
        assert_eq!(again.canonical(), canonical);
        assert_eq!(again.sha256(), profile.sha256());
        assert_eq!(profile.sha256().len(), 64);
    }
}

#[test]
fn a_profile_without_names_of_columns_reads_back() {
    let profile = json!({"name": "ab", "extension": "csv", "base": "delimited", "header": false,
        "columns": [{"source": "code"}, {"name": "n", "source": "position"}]});
    let profile = Profile::read(&profile).unwrap();
    assert_eq!(Profile::parse(&profile.canonical()), Ok(profile));
}

#[test]
fn what_is_said_another_way_has_the_same_form() {
    let short = json!({"name": "ab", "extension": "txt", "base": "delimited",
        "columns": [{"name": "c", "source": "code"}, {"name": "x", "constant": "{x}"}]});
    let long = json!({"columns": [{"text": "{code}", "name": "c", "escape": "none"}, {"name": "x", "text": "{{x}}"}],
        "base": "delimited", "header": true, "quoting": "minimal", "delimiter": ",", "extension": "txt",
        "encoding": "utf-8", "line_end": "lf", "byte_order_mark": false, "barcode": {"start": "none"},
        "description": null, "defaults": {}, "name": "ab"});
    let [short, long] = [short, long].map(|document| Profile::read(&document).unwrap());
    assert_eq!(short, long);
    assert_eq!(
        short.canonical(),
        r#"{"base":"delimited","columns":[{"name":"c","source":"code"},{"constant":"{x}","name":"x"}],"extension":"txt","name":"ab"}"#
    );
}
