//! The name of an export: the same in the row of the file and in the header of the download, and one that a browser can
//! save.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ADMIN, seeded};
use crate::support::{
    api::id_in_names,
    harness::{Running, Setup, TOKEN},
    manual::{ManualSystem, NO_END, body},
};

/// The header `Content-Disposition` behind a link to a file.
async fn disposition(running: &Running, path: &str, token: &str) -> String {
    let reply = running.get(path, token).await;
    assert_eq!(reply.status, 302, "{path}");
    let answer = reqwest::get(reply.header("location")).await.unwrap();
    answer.headers()["content-disposition"].to_str().unwrap().to_owned()
}

/// The name that a client reads in the header: the extended one if there is one (RFC 6266, section 4.3).
fn name_in(disposition: &str) -> String {
    if let Some((_, extended)) = disposition.split_once("filename*=UTF-8''") {
        return percent_decode_str(extended).decode_utf8().unwrap().into_owned();
    }
    let (_, name) = disposition.split_once("filename=\"").unwrap();
    name.strip_suffix('"').unwrap().to_owned()
}

async fn create(system: &ManualSystem, reference: Option<&str>, export_type: &str) -> Uuid {
    let mut body = body(export_type, 2);
    body["reference_id"] = json!(reference);
    system.create_with(&body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_reservations_of_one_reference_have_two_names() {
    let mut system = ManualSystem::new(NO_END).await;
    let ids = [create(&system, Some("PO 7"), "csv").await, create(&system, Some("PO 7"), "csv").await];
    system.settle().await;
    let mut names = Vec::new();
    for id in ids {
        let file = system.file(&system.item(id).await).await;
        assert_eq!(file.filename_download, format!("PO 7-{}.csv", id_in_names(&id)));
        names.push(file.filename_download);
    }
    assert_ne!(names[0], names[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_row_and_the_header_name_an_export_alike_and_a_browser_can_save_it() {
    let mut system = ManualSystem::new(NO_END).await;
    let long = "漢".repeat(120);
    let longest = "\u{1f469}\u{1f3fd}".repeat(127);
    let references = [
        None,
        Some("BATCH-2024-001"),
        Some(long.as_str()),
        Some(longest.as_str()),
        Some("CON"),
        Some("com1.x"),
        Some("../../etc/passwd"),
        Some(".hidden. "),
        Some("gpj.\u{202e}sv"),
        Some("100% \"of\" a;b,c='d'"),
        Some("Los 12 – Zürich \u{1f4e6}"),
        Some("..."),
    ];
    let mut made = Vec::new();
    for (reference, export_type) in references.into_iter().zip(["csv", "csv.gz", "ndjson.gz"].into_iter().cycle()) {
        made.push((create(&system, reference, export_type).await, reference, export_type));
    }
    system.settle().await;
    for (id, reference, export_type) in made {
        let file = system.file(&system.item(id).await).await;
        let name = &file.filename_download;
        let last = id_in_names(&id);
        let stem = name.strip_suffix(&format!("-{last}.{export_type}")).unwrap_or_else(|| panic!("{name}"));
        assert!(name.len() <= 200 && !stem.is_empty() && !stem.starts_with('.'), "{name}");
        let is_forbidden = |c: char| c.is_control() || r#"/\:*?"<>|"#.contains(c) || c == '\u{202e}';
        assert!(!name.contains(is_forbidden), "{name:?}");
        assert!(!["con", "com1"].contains(&name.split('.').next().unwrap().to_lowercase().as_str()), "{name}");
        assert_eq!(file.title.as_deref(), Some(format!("{stem}-{last}").as_str()));
        for path in [format!("/assets/{}", file.id), format!("/assets/{}?download", file.id)] {
            let header = disposition(&system.running, &path, TOKEN).await;
            assert_eq!(&name_in(&header), name, "{reference:?}");
            assert!(header.is_ascii());
        }
        let row = system.running.get(&format!("/files/{}", file.id), TOKEN).await.data();
        assert_eq!(row["filename_download"], json!(name));
        let query = json!({"query": format!("{{ files_by_id(id: \"{}\") {{ filename_download }} }}", file.id)});
        let answer = system.running.json("POST", "/graphql/system", TOKEN, &query).await.parsed();
        assert_eq!(answer["data"]["files_by_id"]["filename_download"], json!(name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_the_path_is_made_safe_and_keeps_its_extension() {
    let server = seeded().start().await;
    let asset = "/assets/f11e0000-0000-4000-8000-000000000001";
    let long = "%E6%BC%A2".repeat(120);
    for (path, name) in [
        ("/codes.csv.gz".to_owned(), "codes.csv.gz".to_owned()),
        ("/a%2Fb%5Cc%3Ad.csv".to_owned(), "a_b_c_d.csv".to_owned()),
        ("/NUL.csv".to_owned(), "_NUL.csv".to_owned()),
        ("/lpt%C2%B9".to_owned(), "_lpt¹".to_owned()),
        ("/%2Ehtaccess".to_owned(), "htaccess".to_owned()),
        ("/x.csv%20.".to_owned(), "x.csv".to_owned()),
        ("/a%E2%80%AEb.csv".to_owned(), "a_b.csv".to_owned()),
        (format!("/{long}.csv.gz"), format!("{}.csv.gz", "漢".repeat(64))),
        // Nothing of it can be part of a name, so the file keeps its own one.
        ("/%20%20".to_owned(), "codes-RG-Cot-Items.csv".to_owned()),
        (String::new(), "codes-RG-Cot-Items.csv".to_owned()),
    ] {
        for query in ["", "?download"] {
            let header = disposition(&server, &format!("{asset}{path}{query}"), ADMIN).await;
            assert_eq!(name_in(&header), name, "{path}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_file_keeps_the_name_of_its_row_and_is_saved_under_a_safe_one() {
    let names = ["BATCH-2024-001.csv".to_owned(), format!("{}.csv", "漢".repeat(120)), "CON.csv".to_owned()];
    let file = |(number, name): (usize, &String)| {
        json!({"id": format!("f11e0000-0000-4000-8000-00000000010{number}"), "filename_download": name, "title": null,
            "type": "text/csv", "uploaded_by": null, "created_on": null, "content": "x\n"})
    };
    let files: Vec<Value> = names.iter().enumerate().map(file).collect();
    let user =
        json!({"id": "a11ce000-0000-4000-8000-000000000001", "token": TOKEN, "role": "admin", "status": "active"});
    let rows = json!({"directus_users": [user], "directus_files": files});
    let running = Setup::new().paused().rows(&rows).start().await;
    let saved = [names[0].clone(), format!("{}.csv", "漢".repeat(65)), "_CON.csv".to_owned()];
    for ((row, name), saved) in files.iter().zip(&names).zip(saved) {
        let id = row["id"].as_str().unwrap();
        let shown = running.get(&format!("/files/{id}"), TOKEN).await.data();
        assert_eq!(shown["filename_download"], json!(name));
        assert_eq!(name_in(&disposition(&running, &format!("/assets/{id}?download"), TOKEN).await), saved);
    }
    running.stop().await;
}
