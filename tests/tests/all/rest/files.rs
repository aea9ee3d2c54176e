//! `/files` and `/assets`: who may read the file of an export, under which name, and through which link. RSV-6 holds
//! for files too.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    api::{Reply, id_in_names},
    harness::{Setup, TOKEN},
    manual::{ManualSystem, NO_END, body},
};

/// Two organisations.
const ORGANISATION: &str = "/417/9312345000012";
const OTHER: &str = "/417/5555999200016";

/// A system with an administrator, a writer of each of two organisations, a reader, and a user without rights.
async fn system() -> ManualSystem {
    let user = |number: u32, token: &str, role: &str, organisations: Value| {
        json!({"id": format!("00000000-0000-4000-8000-{number:012}"), "first_name": token, "last_name": null,
            "email": null, "status": "active", "token": token, "role": role, "organisations": organisations,
            "external_identifier": null})
    };
    let rows = json!({"directus_users": [
        user(1, TOKEN, "admin", Value::Null),
        user(2, "writer", "writer", json!([ORGANISATION])),
        user(3, "other", "writer", json!([OTHER])),
        user(4, "reader", "reader", json!([ORGANISATION])),
        user(5, "nobody", "none", json!([])),
    ]});
    ManualSystem::with(Setup::new().rows(&rows), NO_END).await
}

async fn get(system: &ManualSystem, path: &str, token: &str) -> (u16, Value) {
    let reply = send(system, "GET", path, token).await;
    (reply.status, reply.parsed())
}

/// Sends a request; an empty token is none.
async fn send(system: &ManualSystem, method: &str, path: &str, token: &str) -> Reply {
    system.running.send(method, path, Some(token).filter(|token| !token.is_empty()), &[], None).await
}

async fn create(system: &ManualSystem, reference: &str, export_type: &str, organisation: &str) -> Uuid {
    let mut body = body(export_type, 12);
    (body["reference_id"], body["reserved_for"]) = (json!(reference), json!(organisation));
    system.create_with(&body).await
}

/// Follows the link of an asset. Returns the media type, the disposition and the bytes.
async fn download(system: &ManualSystem, path: &str, token: &str) -> (String, String, Vec<u8>) {
    let reply = send(system, "GET", path, token).await;
    assert_eq!(reply.status, 302, "{path}");
    assert_eq!(reply.header("cache-control"), "no-store");
    let link = reply.header("location").to_owned();
    assert!(link.contains("X-Amz-Expires=900"), "{link}");
    assert_eq!(reply.text, "");
    // The link works without a token.
    let answer = reqwest::get(link).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers().get("content-encoding"), None);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let (kind, disposition) = (header("content-type"), header("content-disposition"));
    (kind, disposition, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_has_the_members_of_a_directus_file() {
    let mut system = system().await;
    let id = create(&system, "BATCH/7", "csv", ORGANISATION).await;
    system.settle().await;
    let file = system.item(id).await.export_file.unwrap();
    let (status, answer) = get(&system, &format!("/files/{file}"), TOKEN).await;
    assert_eq!(status, 200, "{answer}");
    let data = &answer["data"];
    assert_eq!(data["id"], json!(file));
    assert_eq!(data["storage"], "s3");
    let title = format!("BATCH_7-{}", id_in_names(&id));
    assert_eq!(data["filename_download"], json!(format!("{title}.csv")));
    assert_eq!(data["title"], json!(title));
    assert_eq!(data["type"], "text/csv; charset=utf-8");
    let bytes = system.assert_exported(id).await;
    assert_eq!(data["filesize"].to_string().trim_matches('"'), bytes.len().to_string());
    assert_eq!(data["width"], Value::Null);
    assert!(data["created_on"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        get(&system, &format!("/files/{file}?fields=id,type"), TOKEN).await.1,
        json!({"data": {"id": file, "type": "text/csv; charset=utf-8"}})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_listed_with_the_query_parameters_of_every_collection() {
    let mut system = system().await;
    let mut ends = Vec::new();
    for (number, export_type) in ["csv", "json", "xml", "csv.gz"].iter().enumerate() {
        ends.push(id_in_names(&create(&system, &format!("R{number}"), export_type, ORGANISATION).await));
    }
    system.settle().await;
    let (status, answer) =
        get(&system, "/files?sort=-filename_download&fields=filename_download&limit=2&meta=*", TOKEN).await;
    assert_eq!(status, 200, "{answer}");
    let names = [format!("R3-{}.csv.gz", ends[3]), format!("R2-{}.xml", ends[2])];
    assert_eq!(answer["data"], json!([{"filename_download": names[0]}, {"filename_download": names[1]}]));
    assert_eq!(answer["meta"], json!({"total_count": 4, "filter_count": 4}));
    let filter = "filter[type][_eq]=application/json&fields[]=title";
    let title = format!("R1-{}", ends[1]);
    assert_eq!(get(&system, &format!("/files?{filter}"), TOKEN).await.1, json!({"data": [{"title": title}]}));
    let (_, answer) = get(&system, "/files?aggregate[count]=*", TOKEN).await;
    assert_eq!(answer["data"][0]["count"].to_string().trim_matches('"'), "4");
    let (status, answer) = get(&system, "/files?filter[nope][_eq]=1", TOKEN).await;
    assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (403, &json!("FORBIDDEN")));
    let csv = send(&system, "GET", "/files?export=csv&fields=title&sort=title", TOKEN).await;
    assert!(csv.header("content-disposition").starts_with("attachment"));
    assert_eq!(csv.text.lines().count(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_exists_for_those_who_may_see_its_reservation() {
    let mut system = system().await;
    let own = create(&system, "own", "csv", ORGANISATION).await;
    let other = create(&system, "other", "csv", OTHER).await;
    system.settle().await;
    let (own, other) = (system.item(own).await.export_file.unwrap(), system.item(other).await.export_file.unwrap());
    let unknown = Uuid::from_u128(7).to_string();
    for (token, sees) in
        [(TOKEN, vec![&own, &other]), ("writer", vec![&own]), ("reader", vec![&own]), ("other", vec![&other])]
    {
        let (status, answer) = get(&system, "/files?fields=id&sort=filename_download", token).await;
        assert_eq!(status, 200, "{token} {answer}");
        let mut listed: Vec<&str> =
            answer["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
        let mut expected: Vec<&str> = sees.iter().map(|id| id.as_str()).collect();
        listed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(listed, expected, "{token}");
        // The answer is the same for an id that others may see, an unknown id, and an invalid id.
        let mut refusals = Vec::new();
        for id in [&own, &other, &unknown, &"no-id".to_owned()] {
            for path in ["/files/", "/assets/"] {
                let reply = send(&system, "GET", &format!("{path}{id}"), token).await;
                let status = reply.status;
                if sees.contains(&id) {
                    assert_eq!(status, if path == "/files/" { 200 } else { 302 }, "{token} {path}");
                } else {
                    refusals.push((status, reply.text));
                }
            }
        }
        assert!(refusals.len() >= 4 && refusals.iter().all(|refusal| *refusal == refusals[0]), "{token} {refusals:?}");
        assert_eq!(refusals[0].0, 403);
    }
    for token in ["nobody", ""] {
        for path in ["/files".to_owned(), format!("/files/{own}"), format!("/assets/{own}")] {
            let (status, answer) = get(&system, &path, token).await;
            assert_eq!(
                (status, &answer["errors"][0]["extensions"]["code"]),
                (403, &json!("FORBIDDEN")),
                "{token} {path}"
            );
        }
    }
    let (status, _) = get(&system, &format!("/assets/{own}"), "wrong").await;
    assert_eq!(status, 401);
    // A token in the query string, as in a link for a browser.
    download(&system, &format!("/assets/{own}?access_token=writer&download"), "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_asset_is_a_link_that_names_type_and_name_whatever_the_alphabet() {
    let mut system = system().await;
    let id = create(&system, "Los 12 – Zürich \u{1f4e6}", "csv.gz", ORGANISATION).await;
    system.settle().await;
    let file = system.item(id).await.export_file.unwrap();
    let bytes = system.assert_exported(id).await;
    let end = id_in_names(&id);
    let named = format!(
        "filename=\"Los 12 _ Z_rich _-{end}.csv.gz\"; \
         filename*=UTF-8''Los%2012%20%E2%80%93%20Z%C3%BCrich%20%F0%9F%93%A6-{end}.csv.gz"
    );
    let (kind, disposition, body) = download(&system, &format!("/assets/{file}?download"), TOKEN).await;
    assert_eq!((kind.as_str(), disposition), ("application/gzip", format!("attachment; {named}")));
    assert!(body == bytes, "stored and served as it is");
    let (_, disposition, _) = download(&system, &format!("/assets/{file}"), TOKEN).await;
    assert_eq!(disposition, format!("inline; {named}"));
    let (_, disposition, body) = download(&system, &format!("/assets/{file}/codes.csv.gz?download=true"), TOKEN).await;
    assert_eq!(disposition, "attachment; filename=\"codes.csv.gz\"");
    assert!(body == bytes);
    let hostile = format!("/assets/{file}/a%22%0D%0Ab..%5Cc?download=");
    let (_, disposition, _) = download(&system, &hostile, TOKEN).await;
    assert_eq!(disposition, "attachment; filename=\"a___b.._c\"");
    let head = send(&system, "HEAD", &format!("/assets/{file}"), TOKEN).await;
    assert_eq!(head.status, 302);
    // A range of the file, as a client that resumes a download requests it.
    let reply = send(&system, "GET", &format!("/assets/{file}"), TOKEN).await;
    let part =
        reqwest::Client::new().get(reply.header("location")).header("range", "bytes=10-19").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.bytes().await.unwrap().to_vec()), (206, bytes[10..20].to_vec()));
}
