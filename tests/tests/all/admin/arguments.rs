//! Arguments that no command has.

use serde_json::Value;

use super::ran;

#[tokio::test]
async fn wrong_arguments_are_reported_as_json_to_scripts() {
    for arguments in [&["user", "add", "--json"][..], &["--json", "user"], &["--json", "pool", "show", "nope"]] {
        let report = ran("/nowhere", arguments).await.wrong_use();
        let report: Value = serde_json::from_str(&report).unwrap_or_else(|error| panic!("{error}: {report}"));
        assert_eq!(report["error"], "wrong_use", "{report}");
        assert!(report["message"].as_str().unwrap().contains("Usage:") || arguments.contains(&"nope"), "{report}");
    }
    // People get the text of the parser as it is.
    assert!(ran("/nowhere", &["user", "add"]).await.wrong_use().starts_with("error: "));
}
