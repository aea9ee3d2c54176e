//! `admin import`.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Operated, valid};

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn counts(report: &Value) -> [u64; 4] {
    ["created", "changed", "unchanged", "bad"].map(|name| report[name].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn organisations_are_imported_and_again_without_a_change() {
    let (operated, files) = (Operated::start().await, Files::new());
    let csv =
        "id,organisation_name,organisation_company_prefix,max_codes_per_day\nA,Acme,0614141,7\n\"B\",\"Beta, Ltd\",,\n";
    let file = files.write("o.csv", csv);
    let report = operated.json("import", &["import", "organisations", &file]).await;
    assert_eq!(counts(&report), [2, 0, 0, 0]);
    let report = operated.json("import", &["import", "organisations", &file]).await;
    assert_eq!(counts(&report), [0, 0, 2, 0]);
    let json = files.write("o.json", r#"[{"id": "A", "max_codes_per_day": null}, {"id": "C", "city": "Aachen"}]"#);
    let report = operated.json("import", &["import", "organisations", &json]).await;
    assert_eq!(counts(&report), [1, 1, 0, 0]);
    let rows = operated.json("organisations", &["organisation", "list"]).await;
    let expected = json!([{"id": "A", "organisation_name": "Acme", "organisation_company_prefix": "0614141"},
        {"id": "B", "organisation_name": "Beta, Ltd"}, {"id": "C", "city": "Aachen"}]);
    assert_eq!(rows, expected);
    assert_eq!(operated.json("audits", &["audit"]).await.as_array().unwrap().len(), 4, "one for each change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_names_its_line_and_member_and_the_others_are_written() {
    let (operated, files) = (Operated::start().await, Files::new());
    let text =
        "id,organisation_company_prefix\nA,0614141\nB,061\nC,06141412\n,0614\nA,0614142\nD,0614142,x\nE,0614143\n";
    let file = files.write("o.csv", text);
    let ran = operated.ran(&["import", "organisations", &file, "--json"]).await;
    assert!(ran.err.contains("5 of 7 rows are bad"), "{ran:?}");
    let report = valid("import", &ran.out);
    ran.refused();
    assert_eq!(counts(&report), [2, 0, 0, 5]);
    let errors: Vec<_> = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| Some((row["line"].as_u64().unwrap(), row["error"].as_str()?)))
        .collect();
    for ((line, error), (expected, part)) in errors.iter().zip([
        (3, "organisation_company_prefix"),
        (4, "0614141 of A"),
        (5, "id"),
        (6, "line 2"),
        (7, "3 cells"),
    ]) {
        assert!(*line == expected && error.contains(part), "{line}: {error}");
    }
    let rows = operated.json("organisations", &["organisation", "list"]).await;
    assert_eq!(rows.as_array().unwrap().len(), 2);
    let people = operated.ran(&["import", "organisations", &file]).await;
    assert!(people.out.contains("0 created, 0 changed, 2 as they were, 5 bad."), "{}", people.out);
    people.refused();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_all_or_nothing_and_with_a_dry_run_a_bad_row_stops_everything() {
    let (operated, files) = (Operated::start().await, Files::new());
    let bad = files.write(
        "bad.json",
        r#"[{"id": "A", "organisation_company_prefix": "0614141"},
        {"id": "B", "organisation_company_prefix": "061414"}]"#,
    );
    let good = files.write("good.json", r#"[{"id": "A", "organisation_company_prefix": "0614141"}, {"id": "B"}]"#);
    for (file, option, exit_is_done, written) in [
        (&bad, "--all-or-nothing", false, 0),
        (&bad, "--dry-run", false, 0),
        (&good, "--dry-run", true, 0),
        (&good, "--all-or-nothing", true, 2),
    ] {
        let ran = operated.ran(&["import", "organisations", file, option, "--json"]).await;
        let report = valid("import", &ran.out);
        assert_eq!(
            (ran.err.is_empty(), report["written"] == true),
            (exit_is_done, written > 0),
            "{option}: {report:#}"
        );
        let rows = operated.json("organisations", &["organisation", "list"]).await;
        assert_eq!(rows.as_array().unwrap().len(), written, "{option}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_found_by_id_address_or_external_identifier() {
    let (operated, files) = (Operated::start().await, Files::new());
    let csv = "email,role,organisations,first_name,external_identifier\n\
               a@example.com,writer,A;B,Ann,sub-a\nb@example.com,admin,*,Ben,\n,reader,A,Cas,sub-c\n";
    let file = files.write("u.csv", csv);
    for expected in [[3, 0, 0, 0], [0, 0, 3, 0]] {
        let report = operated.json("import", &["import", "users", &file]).await;
        assert_eq!(counts(&report), expected, "{report:#}");
    }
    let json = files.write("u.json", r#"[{"email": "A@example.com", "role": "reader"}]"#);
    operated.json("import", &["import", "users", &json]).await;
    let users = operated.json("users", &["user", "list"]).await;
    let ann = users.as_array().unwrap().iter().find(|user| user["first_name"] == "Ann").unwrap();
    assert_eq!(
        (&ann["role"], &ann["organisations"], &ann["email"]),
        (&json!("reader"), &json!(["A", "B"]), &json!("A@example.com"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_users_are_reported_one_by_one() {
    let (operated, files) = (Operated::start().await, Files::new());
    let rows = json!([
        {"email": "a@example.com", "role": "writer"},
        {"email": "b@example.com", "role": "root", "organisations": "*"},
        {"email": "c@example.com", "role": "reader", "organisations": ["A"], "password": "x"},
        {"id": "7", "role": "reader", "organisations": ["A"]},
        {"role": "reader", "organisations": ["A"]},
        7,
        {"id": "00000000-0000-4000-8000-000000000001", "status": "suspended"},
        {"email": "d@example.com", "role": "reader", "organisations": ["A"]},
    ]);
    let file = files.write("u.json", &rows.to_string());
    let ran = operated.ran(&["import", "users", &file, "--json"]).await;
    let report = valid("import", &ran.out);
    ran.refused();
    let errors: Vec<_> =
        report["rows"].as_array().unwrap().iter().map(|row| row["error"].as_str().unwrap_or("")).collect();
    let parts = [
        "organisations",
        "role",
        "password",
        "UUID",
        "one of them is needed",
        "An object",
        "last active administrator",
        "",
    ];
    for (error, part) in errors.iter().zip(parts) {
        assert!(error.contains(part) && error.is_empty() == part.is_empty(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_is_wrong_use() {
    let (operated, files) = (Operated::start().await, Files::new());
    for (name, text) in [
        ("a.txt", "id\nA\n"),
        ("a.json", "{\"id\": \"A\"}"),
        ("b.json", "[{]"),
        ("a.csv", "name\nA\n"),
        ("b.csv", "id;name\nA;B\n"),
    ] {
        let file = files.write(name, text);
        let reason = operated.ran(&["import", "organisations", &file]).await.wrong_use();
        assert!(reason.contains(name), "{reason}");
    }
    operated.ran(&["import", "users", "/no/such/file.csv"]).await.wrong_use();
    assert_eq!(operated.done(&["organisation", "list"]).await, "There are no organisations.\n");
}
