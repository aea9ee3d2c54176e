//! Reservations with export profiles, and the collection `export_profile`.

use common::{
    directory::{Organisation, Role},
    operations::directory::{Author, Effect, organisations::Organisations},
    reservation::Status,
};
use serde_json::{Value, json};

use crate::support::{
    api::{RESERVATIONS, id, sgtin, with},
    harness::{Running, Setup, TOKEN, completed},
    invariants::assert_settled,
    manual::{ManualSystem, NO_END},
    profiles::{add, lines, of_every_base, remove},
    rows::user,
};

const PROFILES: &str = "/items/export_profile";
const OWN: &str = "/417/9312345000012";
const OTHER: &str = "/417/5555999200016";

fn typed(export_type: &str) -> Value {
    with(&sgtin(3), json!({ "export_type": export_type }))
}

/// The text of a reservation's file.
async fn text(server: &Running, item: &Value) -> String {
    String::from_utf8(server.api.download(item["export_file"].as_str().unwrap()).await).unwrap()
}

async fn made(server: &Running, body: &Value) -> (Value, String) {
    let created = server.api.post(body).await;
    let item = completed(&server.api, id(&created)).await;
    let text = text(server, &item).await;
    (item, text)
}

/// The field and reason of the only refused member.
#[track_caller]
fn refused(reply: &crate::support::api::Reply) -> (String, String) {
    assert_eq!((reply.status, reply.code()), (400, "FAILED_VALIDATION".to_owned()), "{}", reply.text);
    let error = &reply.json()["errors"][0];
    let field = error["extensions"]["field"].as_str().unwrap().to_owned();
    (field, error["message"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_profile_is_an_export_type_and_names_the_file() {
    let server = Running::in_memory().await;
    add(server.context(), None, &lines("my-printer", "<{code}>{reference_id}")).await;
    let body = with(&typed("my-printer"), json!({ "reference_id": "REF-1" }));
    let (item, text) = made(&server, &body).await;
    assert_eq!(item["export_type"], "my-printer");
    assert_eq!(text.lines().count(), 3);
    assert!(text.lines().all(|line| line.starts_with('<') && line.ends_with(">REF-1")), "{text}");
    let file = server.api.send("GET", &format!("/files/{}", item["export_file"].as_str().unwrap())).await.data();
    let name = file["filename_download"].as_str().unwrap();
    assert!(name.starts_with("REF-1-") && name.ends_with(".txt"), "{file}");
    assert_eq!(file["type"], "text/plain; charset=utf-8");
    let (item, _) = {
        let created = server.api.post(&with(&body, json!({ "export_type": "my-printer.gz" }))).await;
        let item = completed(&server.api, id(&created)).await;
        let file = server.api.send("GET", &format!("/files/{}", item["export_file"].as_str().unwrap())).await.data();
        assert!(file["filename_download"].as_str().unwrap().ends_with(".txt.gz"), "{file}");
        assert_eq!(file["type"], "application/gzip");
        (item, ())
    };
    let filter = |value: &str| format!("{RESERVATIONS}?fields=id&filter[export_type][_eq]={value}");
    assert_eq!(server.api.send("GET", &filter("my-printer.gz")).await.data(), json!([{ "id": item["id"] }]));
    assert_eq!(server.api.send("GET", &filter("other")).await.data(), json!([]));
    assert_settled(server.context()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_base_and_built_in_profile_makes_a_file_that_equals_a_fresh_rendering() {
    let server = Running::in_memory().await;
    let store = server.store();
    let organisation = json!({ "id": OWN, "organisation_name": "Acme", "organisation_company_prefix": "9312345" });
    let organisation: Organisation = serde_json::from_value(organisation).unwrap();
    store.seed_organisation(&organisation).await.unwrap();
    let mut types: Vec<String> = common::reservation::BUILT_IN_PROFILES.map(str::to_owned).to_vec();
    for profile in of_every_base() {
        add(server.context(), None, &profile).await;
        types.push(profile["name"].as_str().unwrap().to_owned());
    }
    for export_type in &types {
        for gz in ["", ".gz"] {
            // A tag needs a product with a right check digit and the organisation's prefix.
            let own = json!({ "product": "/01/19312345000019" });
            let created = server.api.post(&with(&typed(&format!("{export_type}{gz}")), own)).await;
            completed(&server.api, id(&created)).await;
        }
    }
    assert_settled(server.context()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_is_refused_when_a_reservation_is_created_or_changed() {
    let server = Running::paused().await;
    let other: Organisation = serde_json::from_value(json!({ "id": OTHER, "organisation_name": "Other" })).unwrap();
    server.store().seed_organisation(&other).await.unwrap();
    add(server.context(), Some(OTHER), &lines("of-others", "{code}")).await;
    for unknown in ["xls", "my-printer", "my-printer.gz", "of-others", "excel-de", "CSV", "xlsx.gz", "csv.zip", ""] {
        let reply = server.api.send_json("POST", RESERVATIONS, &typed(unknown)).await;
        let (field, message) = refused(&reply);
        assert_eq!(field, "export_type", "{unknown}");
        assert!(message.contains("csv, txt, json") && message.contains("excel, "), "{message}");
    }
    let created = server.api.post(&typed("excel")).await;
    let path = format!("{RESERVATIONS}/{}", id(&created));
    let reply = server.api.send_json("PATCH", &path, &json!({ "export_type": "xls" })).await;
    assert_eq!(refused(&reply).0, "export_type");
    assert_eq!(server.api.get(id(&created)).await["export_type"], "excel");
    let reply = server.api.send_json("PATCH", &path, &json!({ "export_type": "zpl" })).await;
    assert_eq!(reply.data()["export_type"], "zpl");
    // A list names every bad row, and writes nothing.
    let rows = json!([typed("csv"), typed("xls"), typed("excel"), typed("of-others")]);
    let reply = server.api.send_json("POST", RESERVATIONS, &rows).await;
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    assert_eq!((reply.status, errors.len()), (400, 2), "{}", reply.text);
    assert_eq!(
        server.api.send("GET", &format!("{RESERVATIONS}?aggregate[count]=*")).await.data(),
        json!([{"count": "1"}])
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_profile_cannot_show_is_refused_by_the_member_that_is_the_reason() {
    let server = Running::paused().await;
    let latin = json!({ "name": "latin", "extension": "txt", "base": "lines", "line": "{code} {reference_id}",
        "encoding": "iso-8859-1" });
    for profile in [
        latin,
        lines("names", "{code} {organisation_name}"),
        lines("gtins", "{gtin} {serial}"),
        lines("prefixes", "{code} {company_prefix}"),
        lines("epcs", "{epc_uri}"),
        json!({ "name": "few", "extension": "txt", "base": "lines", "line": "{code}", "max_rows": 2 }),
    ] {
        add(server.context(), None, &profile).await;
    }
    let sscc = json!({ "reserved_for": OWN, "code_type": "sscc", "quantity": 3, "product": null });
    for (name, more, field, part) in [
        ("latin", json!({}), "reference_id", "the reservation has none"),
        ("latin", json!({ "reference_id": "5 €" }), "reference_id", "U+20AC"),
        ("names", json!({}), "reserved_for", "the organisation has none"),
        ("gtins", sscc.clone(), "export_type", "which codes of type sscc do not have"),
        ("zpl", json!({ "code_type": "short_code", "product": null }), "export_type", "which codes of type short_code"),
        ("prefixes", json!({}), "reserved_for", "company_prefix"),
        ("epcs", json!({}), "export_type", "epc_uri"),
        ("few", json!({}), "quantity", "at most 2 rows"),
        ("epcis", json!({ "quantity": 100_001 }), "quantity", "at most 100000 rows"),
    ] {
        let body = with(&typed(name), more);
        let reply = server.api.send_json("POST", RESERVATIONS, &body).await;
        let (found, message) = refused(&reply);
        assert_eq!(found, field, "{name}: {message}");
        assert!(message.contains(part), "{name}: {message}");
    }
    let good = server.api.post(&with(&typed("latin"), json!({ "reference_id": "Ä" }))).await;
    let path = format!("{RESERVATIONS}/{}", id(&good));
    for change in [json!({ "reference_id": "€" }), json!({ "reference_id": null }), json!({ "export_type": "few" })] {
        let reply = server.api.send_json("PATCH", &path, &change).await;
        assert_eq!(reply.status, 400, "{change}: {}", reply.text);
    }
    let reply = server.api.send_json("PATCH", &path, &json!({ "reference_id": null, "export_type": "csv" })).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_the_organisation_comes_before_one_of_the_deployment() {
    let server = Running::in_memory().await;
    let store = server.store();
    store.seed_organisation(&Organisation { id: OWN.to_owned(), ..Organisation::default() }).await.unwrap();
    add(server.context(), None, &lines("label", "all {code}")).await;
    let (_, text) = made(&server, &typed("label")).await;
    assert!(text.starts_with("all "), "{text}");
    add(server.context(), Some(OWN), &lines("label", "own {code}")).await;
    let (_, text) = made(&server, &typed("label")).await;
    assert!(text.starts_with("own "), "{text}");
    remove(server.context(), Some(OWN), "label").await;
    let (_, text) = made(&server, &typed("label")).await;
    assert!(text.starts_with("all "), "{text}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_never_changes_a_repeated_export() {
    let server = Running::in_memory().await;
    let context = server.context();
    let acme = serde_json::from_value(json!({ "id": OWN, "organisation_name": "Acme" })).unwrap();
    server.store().seed_organisation(&acme).await.unwrap();
    let first = lines("label", "1 {code} {reference_id} {organisation_name} {reserved_at}");
    assert_eq!(add(context, None, &first).await, Effect::Created);
    assert_eq!(add(context, None, &first).await, Effect::Unchanged);
    let body = with(&typed("label"), json!({ "reference_id": "A" }));
    let (item, before) = made(&server, &body).await;
    assert!(before.starts_with("1 ") && before.contains(" A Acme 20"), "{before}");

    // The profile, the reservation and the organisation change.
    assert_eq!(add(context, None, &lines("label", "2 {code} {reference_id}")).await, Effect::Changed);
    let author = Author { by: "local:test".to_owned(), now: context.now() };
    let renamed = json!({ "organisation_name": "Other" }).as_object().unwrap().clone();
    Organisations::new(context, &author).set(OWN, &renamed).await.unwrap();
    let again = |change: Value| {
        let server = &server;
        let id = id(&item).to_owned();
        async move {
            server.api.patch(&id, &change).await;
            let item = completed(&server.api, &id).await;
            text(server, &item).await
        }
    };
    assert_eq!(again(json!({ "status": "new", "reference_id": "B" })).await, before);
    // Even without the profile.
    remove(context, None, "label").await;
    assert_eq!(again(json!({ "status": "new" })).await, before);
    assert_settled(context).await;
    // Naming the type asks for what it stands for now.
    let path = format!("{RESERVATIONS}/{}", id(&item));
    let reply = server.api.send_json("PATCH", &path, &json!({ "status": "new", "export_type": "label" })).await;
    assert_eq!(refused(&reply).0, "export_type");
    add(context, None, &lines("label", "2 {code} {reference_id}")).await;
    let after = again(json!({ "status": "new", "export_type": "label" })).await;
    assert!(after.starts_with("2 ") && after.contains(" B\n"), "{after}");
    let codes = |text: &str| text.lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(codes(&after), codes(&before));
    // Another type, and back.
    let csv = again(json!({ "status": "new", "export_type": "csv" })).await;
    assert!(csv.starts_with("position,"), "{csv}");
    assert_eq!(again(json!({ "status": "new", "export_type": "label" })).await, after);
    assert_settled(context).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_export_does_not_depend_on_what_the_organisation_or_the_name_is_now() {
    let server = Running::in_memory().await;
    let context = server.context();
    let own = json!({ "id": OWN, "organisation_name": "Acme", "organisation_company_prefix": "0614141" });
    server.store().seed_organisation(&serde_json::from_value(own).unwrap()).await.unwrap();
    let shown = "{code} {company_prefix} {epc_uri} {digital_link}";
    let version = |text: &str| json!({ "name": "label", "extension": "txt", "base": "lines", "line": text });
    add(context, None, &version(shown)).await;
    let product = json!({ "product": "/01/00614141999996", "url_suffix": "?a=1" });
    let (item, before) = made(&server, &with(&typed("label"), product)).await;
    assert!(before.contains(" 0614141 urn:epc:id:sgtin:0614141.") && before.contains("?a=1\n"), "{before}");

    let author = Author { by: "local:test".to_owned(), now: context.now() };
    let path = format!("{RESERVATIONS}/{}", id(&item));
    for change in [
        json!({ "organisation_company_prefix": "06141419", "digital_link_domain": "https://other.example" }),
        json!({ "organisation_company_prefix": null }),
    ] {
        let members = change.as_object().unwrap().clone();
        Organisations::new(context, &author).set(OWN, &members).await.unwrap();
        for change in [json!({ "status": "new" }), json!({ "status": "new", "url_suffix": "?b=2" })] {
            server.api.patch(id(&item), &change).await;
            let item = completed(&server.api, id(&item)).await;
            assert_eq!(text(&server, &item).await, before, "{change}");
        }
    }
    // Naming the type asks for the present values, which lack what the profile shows.
    let named = json!({ "status": "new", "export_type": "label" });
    let reply = server.api.send_json("PATCH", &path, &named).await;
    assert_eq!(refused(&reply).0, "reserved_for");
    let row = server.api.send("GET", &path).await.data();
    assert_eq!(row["status"], "complete");
    assert_settled(context).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_suffix_that_does_not_fit_the_profile_is_refused_before_the_export_begins() {
    let server = Running::in_memory().await;
    let context = server.context();
    let columns = json!([{ "source": "digital_link", "width": 60 }]);
    add(context, None, &json!({ "name": "w60", "extension": "txt", "base": "fixed", "columns": columns })).await;
    let (item, before) = made(&server, &typed("w60")).await;
    let long = json!({ "status": "new", "export_type": "w60", "url_suffix": "?batch=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" });
    let path = format!("{RESERVATIONS}/{}", id(&item));
    let reply = server.api.send_json("PATCH", &path, &long).await;
    assert_eq!(refused(&reply).0, "url_suffix");
    let now = server.api.send("GET", &path).await.data();
    assert_eq!((&now["status"], &now["url_suffix"]), (&json!("complete"), &Value::Null));
    assert_eq!(text(&server, &now).await, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_without_names_of_columns_can_be_used_and_its_organisation_stays() {
    let server = Running::in_memory().await;
    let context = server.context();
    let own = Organisation { id: OWN.to_owned(), ..Organisation::default() };
    server.store().seed_organisation(&own).await.unwrap();
    let columns = json!([{ "source": "code" }, { "source": "position" }]);
    let nameless =
        json!({ "name": "bare", "extension": "csv", "base": "delimited", "header": false, "columns": columns });
    add(context, Some(OWN), &nameless).await;
    let (_, text) = made(&server, &typed("bare")).await;
    assert!(text.lines().next().unwrap().ends_with(",1"), "{text}");
    // Another organisation with this id would get the layout.
    let author = Author { by: "local:test".to_owned(), now: context.now() };
    let refused = Organisations::new(context, &author).remove(OWN).await.unwrap_err();
    assert!(refused.to_string().contains("has export profiles, for example bare"), "{refused}");
    remove(context, Some(OWN), "bare").await;
    assert_eq!(Organisations::new(context, &author).remove(OWN).await.unwrap(), Effect::Removed);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_is_removed_before_the_codes_are_reserved_ends_the_reservation_with_an_error() {
    let mut system = ManualSystem::new(NO_END).await;
    add(system.context(), None, &lines("label", "{code}")).await;
    let id = system.create_with(&typed("label")).await;
    remove(system.context(), None, "label").await;
    system.settle().await;
    let item = system.item(id).await;
    assert_eq!(item.status, Status::Error);
    assert!(item.error_message.as_deref().unwrap().contains("no export profile label"), "{item:?}");
    assert_eq!(system.patch(id, &json!({ "status": "new" })).await, 400);
    assert_eq!(system.patch(id, &json!({ "status": "new", "export_type": "csv" })).await, 200);
    system.settle().await;
    system.assert_exported(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_shown_to_those_who_may_see_them() {
    let server = Setup::new().paused().start().await;
    let store = server.store();
    for organisation in [OWN, OTHER] {
        let organisation = Organisation { id: organisation.to_owned(), ..Organisation::default() };
        store.seed_organisation(&organisation).await.unwrap();
    }
    for (token, role, own) in
        [("all", Role::Reader, None), ("own", Role::Writer, Some(&[OWN][..])), ("nobody", Role::None, None)]
    {
        store.seed_user(&user(role, own), Some(token)).await.unwrap();
    }
    add(server.context(), None, &lines("shared", "{code}")).await;
    add(server.context(), Some(OWN), &lines("label", "own {code}")).await;
    add(server.context(), Some(OTHER), &lines("label", "other {code}")).await;
    let path = format!("{PROFILES}?fields=name,organisation&sort=name,organisation&limit=-1");
    let names = |rows: &Value| -> Vec<String> {
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| format!("{} {}", row["name"].as_str().unwrap(), row["organisation"]))
            .collect()
    };
    let built_in = ["bartender", "epcis", "excel", "excel-semicolon"].map(|name| format!("{name} null"));
    let after = ["nicelabel", "pdf", "shared", "zpl", "zpl-qr", "zpl-rfid"].map(|name| format!("{name} null"));
    let labels = |own: &[&str]| own.iter().map(|own| format!("label {own:?}")).collect::<Vec<_>>();
    for (token, own) in [(TOKEN, &[OTHER, OWN][..]), ("all", &[OTHER, OWN]), ("own", &[OWN])] {
        let rows = server.get(&path, token).await.data();
        assert_eq!(names(&rows), [&built_in[..], &labels(own), &after[..]].concat(), "{token}");
        let counted = server.get(&format!("{PROFILES}?aggregate[count]=*"), token).await.data();
        assert_eq!(counted, json!([{ "count": (10 + own.len()).to_string() }]), "{token}");
    }
    assert_eq!(server.get(PROFILES, "nobody").await.status, 403);

    let found = format!("{PROFILES}?filter[name][_eq]=label&filter[organisation][_eq]={OTHER}");
    let other = server.get(&found, TOKEN).await.data()[0].clone();
    assert_eq!(
        other["profile"],
        json!({ "base": "lines", "extension": "txt", "line": "other {code}", "name": "label" })
    );
    assert_eq!(
        (other["base"].clone(), other["media_type"].clone()),
        (json!("lines"), json!("text/plain; charset=utf-8"))
    );
    assert_eq!(server.get(&found, "own").await.data(), json!([]));
    let one = format!("{PROFILES}/{}", other["id"].as_str().unwrap());
    assert_eq!(server.get(&one, TOKEN).await.data(), other);
    let strangers = server.get(&one, "own").await;
    let nothing = server.get(&format!("{PROFILES}/0b0e0000-0000-4000-8000-000000000009"), "own").await;
    assert_eq!((strangers.status, strangers.shape()), (403, nothing.shape()));
    let excel = server.get(&format!("{PROFILES}?filter[name][_eq]=excel"), "own").await.data()[0].clone();
    let one =
        server.get(&format!("{PROFILES}/{}?fields=name,sha256", excel["id"].as_str().unwrap()), "own").await.data();
    assert_eq!(one, json!({ "name": "excel", "sha256": excel["sha256"] }));
    for (method, path) in [("POST", PROFILES), ("PATCH", PROFILES), ("DELETE", PROFILES)] {
        let reply = server.json(method, path, TOKEN, &json!({})).await;
        assert!(matches!(reply.status, 403 | 404), "{method}: {}", reply.text);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphql_shows_the_same_profiles() {
    let server = Setup::new().paused().start().await;
    let store = server.store();
    store.seed_organisation(&Organisation { id: OTHER.to_owned(), ..Organisation::default() }).await.unwrap();
    store.seed_user(&user(Role::Writer, Some(&[OWN])), Some("own")).await.unwrap();
    add(server.context(), None, &lines("shared", "{code}")).await;
    add(server.context(), Some(OTHER), &lines("label", "{code}")).await;
    let query = |text: &str| json!({ "query": text });
    let list = query(
        "{ export_profile(sort: [\"name\"], filter: {base: {_eq: \"lines\"}}) { id name organisation profile } \
                      export_profile_aggregated { countAll } }",
    );
    let all = server.json("POST", "/graphql", TOKEN, &list).await.json()["data"].clone();
    assert_eq!(all["export_profile"][0]["name"], "label", "{all}");
    assert_eq!(all["export_profile"][0]["organisation"], OTHER);
    assert_eq!(all["export_profile_aggregated"][0]["countAll"], 11);
    let own = server.json("POST", "/graphql", "own", &list).await.json()["data"].clone();
    assert_eq!(
        (own["export_profile"].as_array().unwrap().len(), &own["export_profile"][0]["name"]),
        (1, &json!("shared"))
    );
    assert_eq!(own["export_profile_aggregated"][0]["countAll"], 10);
    let by_id = |row: &Value| query(&format!("{{ export_profile_by_id(id: {}) {{ name }} }}", row["id"]));
    let one = server.json("POST", "/graphql", "own", &by_id(&own["export_profile"][0])).await.json();
    assert_eq!(one["data"]["export_profile_by_id"]["name"], "shared", "{one}");
    let strangers = server.json("POST", "/graphql", "own", &by_id(&all["export_profile"][0])).await.json();
    assert_eq!(strangers["errors"][0]["extensions"]["code"], "FORBIDDEN", "{strangers}");
    server.stop().await;
}
