//! What the pages show to whom: rights, markup in what people write, headers, and languages.

use reqwest::Method;
use serde_json::json;

use super::{ADMIN, Browser, FORM, MARKUP, OTHER, Page, READER, STRANGER, WRITER, people, with};
use crate::support::{
    api::{RESERVATIONS, sgtin},
    harness::{Running, Setup, TOKEN, completed, ended},
    rows::{reservation, store},
};

/// The pages that are read.
const PAGES: [&str; 7] = [
    "/",
    "/console/reservations",
    "/console/reservations?q=x&status=complete&reserved_for=%2F417%2F9312345000012&product=%2F01%2F1&reference_id=r&page=2",
    "/console/find",
    "/console/pools",
    "/console/users",
    "/console/organisations",
];

/// The page of a new reservation.
async fn reserved(browser: &Browser, fields: &[(&str, &str)]) -> String {
    browser.post("/console/reserve", fields).await.leads_to().to_owned()
}

/// The page of a reservation once it is complete.
async fn completed_page(running: &Running, browser: &Browser, path: &str) -> Page {
    let id = path.rsplit('/').next().unwrap();
    completed(&running.api.with_token(Some(ADMIN)), id).await;
    browser.get(path).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sees_its_pages() {
    let running = people().paused().start().await;
    for (token, statuses) in [
        (ADMIN, [200, 200, 200, 200, 200, 200, 200]),
        (WRITER, [200, 200, 200, 200, 403, 403, 403]),
        (READER, [200, 200, 200, 200, 403, 403, 403]),
    ] {
        let browser = Browser::signed_in(&running, token).await;
        for (path, status) in PAGES.into_iter().zip(statuses) {
            let page = browser.get(path).await;
            assert_eq!(page.status, status, "{token} {path}: {}", page.text);
            let head = browser.send(Method::HEAD, path, &[], None).await;
            assert_eq!((head.status, head.text.as_str()), (status, ""), "{token} {path}");
        }
    }
    let nobody = Browser::of(&running);
    for path in &PAGES[1..] {
        assert!(nobody.get(path).await.leads_to().starts_with("/console/sign-in?next="), "{path}");
    }
    assert_eq!(nobody.get("/console/").await.leads_to(), "/");
    for path in
        ["/console/nothing", "/console/reservations/a/b/c", "/console/static/0/console.css", "/console/static/x"]
    {
        let page = nobody.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        page.shows("There is no such page");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_kept_by_nobody_and_load_nothing_from_elsewhere() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, ADMIN).await;
    let path = reserved(&browser, &FORM).await;
    for path in PAGES.into_iter().chain([path.as_str(), "/console/nothing"]) {
        let page = browser.get(path).await;
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        let policy = page.header("content-security-policy");
        for rule in
            ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("access-control-allow-origin"), "");
        for inline in [" style=", " onclick=", " onload=", "<style", "<script>", "javascript:", " hx-on"] {
            assert!(!page.text.contains(inline), "{path} has {inline}");
        }
        for (at, _) in
            page.text.match_indices("src=\"").chain(page.text.match_indices("<link rel=\"stylesheet\" href=\""))
        {
            let address = page.text[at..].split('"').find(|part| part.starts_with('/'));
            assert!(address.is_some_and(|address| address.starts_with("/console/static/")), "{path}");
        }
    }
    // Its files are kept by everyone, and compressed.
    let page = browser.get("/").await;
    let mut bytes = page.text.len();
    for address in page.text.split('"').filter(|part| part.starts_with("/console/static/")) {
        let file = browser.send(Method::GET, address, &[("accept-encoding", "gzip")], None).await;
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable", "{address}");
        assert_eq!(file.header("content-encoding"), "gzip");
        bytes += file.header("content-length").parse::<usize>().unwrap();
        let plain = browser.send(Method::GET, address, &[("accept-encoding", "gzip;q=0, br")], None).await;
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""));
    }
    assert!(bytes < 60_000, "{bytes} bytes on first load, the page itself uncompressed");
    let page = browser.send(Method::GET, "/", &[("accept-encoding", "br, gzip")], None).await;
    assert_eq!(page.header("content-encoding"), "gzip");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_that_people_write_is_shown_and_never_run() {
    let running = people().start().await;
    let browser = Browser::signed_in(&running, ADMIN).await;
    let path = reserved(&browser, &with("reference_id", MARKUP)).await;
    let page = completed_page(&running, &browser, &path).await;
    page.shows("&lt;script&gt;alert(1)&lt;/script&gt;");
    let query = crate::support::api::encoded(&json!(MARKUP));
    let id = path.rsplit('/').next().unwrap();
    let api = running.api.with_token(Some(ADMIN));
    // A reservation that failed, with a message of somebody.
    let few = vec![("length", "6"), ("character_set", "numeric")];
    let failed = reserved(&browser, &[with("quantity", "5000"), few].concat()).await;
    let failed_id = failed.rsplit('/').next().unwrap();
    assert_eq!(ended(&api, failed_id).await["status"], "error");
    api.patch(failed_id, &json!({ "error_message": MARKUP })).await;
    browser.get(&failed).await.shows("&lt;script&gt;alert(1)&lt;/script&gt;");
    for path in [
        failed.clone(),
        path.clone(),
        format!("{path}/delete"),
        format!("{path}/progress"),
        "/".to_owned(),
        format!("/?reference_id={query}&product={query}&reserved_for={query}&url_suffix={query}"),
        format!("/console/reservations?q={query}&product={query}&reference_id={query}"),
        "/console/reservations".to_owned(),
        format!("/console/reservations/progress?ids={id},{query}&asked={query}"),
        format!("/console/find?code={query}&product={query}"),
        "/console/users".to_owned(),
        "/console/organisations".to_owned(),
        format!("/console/{query}"),
    ] {
        let page = browser.get(&path).await;
        assert!(page.status < 500 && page.status != 303, "{path}: {page:?}");
        for run in ["<script>alert", "<img", "onerror=alert(1)>"] {
            assert!(!page.text.contains(run), "{path} has {run}: {}", page.text);
        }
    }
    for (path, fields) in [
        ("/console/reserve", with("quantity", MARKUP)),
        ("/console/reserve/check", with("quantity", MARKUP)),
        ("/console/reserve", with("key", MARKUP)),
        ("/console/sign-in/once", vec![("key", MARKUP)]),
        (&*format!("{path}/again"), vec![("export_type", MARKUP)]),
    ] {
        let page = browser.post(path, &fields).await;
        assert!(!page.text.contains("<script>alert") && !page.text.contains("<img"), "{path}: {}", page.text);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_organisation_does_not_exist() {
    let running = people().start().await;
    let writer = Browser::signed_in(&running, WRITER).await;
    let path = reserved(&writer, &FORM).await;
    let page = completed_page(&running, &writer, &path).await;
    let file = page.text.split('"').find(|part| part.starts_with("/console/files/")).unwrap().to_owned();
    assert_eq!(writer.get(&file).await.status, 302);
    let link = page.text.split("class=\"small-link\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let find = format!("/console/find?code={}", crate::support::api::encoded(&json!(link)));
    writer.get(&find).await.shows("It is code 1 of 100 of this reservation.");
    let stranger = Browser::signed_in(&running, STRANGER).await;
    let none = "/console/reservations/00000000-0000-4000-8000-00000000dead";
    for rest in ["", "/progress", "/delete"] {
        let (theirs, nothing) =
            (stranger.get(&format!("{path}{rest}")).await, stranger.get(&format!("{none}{rest}")).await);
        assert_eq!((theirs.status, nothing.status), (403, 403), "{rest}");
        let shape = |page: &Page, path: &str| page.text.replace(path, "");
        assert_eq!(shape(&theirs, &path), shape(&nothing, none), "{rest}");
    }
    for rest in ["/again", "/cancel", "/delete"] {
        assert_eq!(stranger.post(&format!("{path}{rest}"), &[]).await.status, 403, "{rest}");
    }
    assert_eq!(stranger.get(&file).await.status, 403);
    stranger.get(&find).await.shows("This code was not reserved here");
    stranger.get("/console/reservations").await.shows("Nothing reserved yet");
    let id = path.rsplit('/').next().unwrap();
    let progress = stranger.get(&format!("/console/reservations/progress?ids={id}")).await;
    assert!(progress.status == 200 && !progress.text.contains("row-title"), "{progress:?}");
    // Their organisation cannot be chosen, and looks like one that does not exist.
    let foreign = writer.post("/console/reserve", &with("reserved_for", OTHER)).await;
    let unknown = writer.post("/console/reserve", &with("reserved_for", "/417/0")).await;
    assert_eq!((foreign.status, unknown.status), (400, 400));
    let without = |page: &Page, key: &str| page.text.replace(key, "").replace(&key.replace('/', "%2F"), "");
    assert_eq!(without(&foreign, OTHER), without(&unknown, "/417/0"));
    assert_eq!(writer.get(&path).await.status, 200, "nothing changed");
    // A reader looks and changes nothing.
    let reader = Browser::signed_in(&running, READER).await;
    let page = reader.get(&path).await;
    assert!(page.status == 200 && !page.text.contains("/again") && !page.text.contains("/delete"));
    for rest in ["/again", "/cancel", "/delete"] {
        assert_eq!(reader.post(&format!("{path}{rest}"), &[]).await.status, 403, "{rest}");
    }
    assert_eq!(reader.post("/console/reserve", &FORM).await.status, 403);
    reader.get("/").await.shows("You may look at reservations");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_is_watched_stopped_written_again_and_deleted() {
    let running = people().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    let path = reserved(&browser, &FORM).await;
    let page = completed_page(&running, &browser, &path).await;
    for text in [
        "The file is ready",
        "BATCH-2024-001",
        "Codes reserved",
        "File written",
        "Codes 1 to 6 of 100",
        "id.gs1.org/01/19361758000003/21/",
    ] {
        page.shows(text);
    }
    assert!(!page.text.contains("/progress"), "what has ended asks no more");
    let progress = browser.get(&format!("{path}/progress")).await;
    assert_eq!(progress.header("hx-retarget"), "#reservation");
    // The file of the page is that of the API.
    let file = page.text.split('"').find(|part| part.starts_with("/console/files/")).unwrap();
    let link = browser.get(file).await.leads_to().to_owned();
    let own = reqwest::get(&link).await.unwrap().text().await.unwrap();
    let api = running.api.with_token(Some(WRITER));
    let id = path.rsplit('/').next().unwrap();
    let object = api.get(id).await;
    let theirs = api.download(object["export_file"].as_str().unwrap()).await;
    assert_eq!(own.as_bytes(), theirs);
    assert_eq!(own.lines().count(), 101);
    // In another format, with the same codes.
    let again = browser.post(&format!("{path}/again"), &[("export_type", "json")]).await;
    assert_eq!(again.leads_to(), format!("{path}?said=again"));
    let page = completed_page(&running, &browser, &path).await;
    page.shows("JSON");
    assert_eq!(browser.post(&format!("{path}/again"), &[("export_type", "bmp")]).await.status, 400);
    let cancelled = browser.post(&format!("{path}/cancel"), &[]).await;
    assert_eq!(cancelled.status, 400, "a file that is ready cannot be stopped: {}", cancelled.text);
    browser.get(&format!("{path}/delete")).await.shows("Its codes are never given out again");
    let deleted = browser.post(&format!("{path}/delete"), &[]).await;
    browser.get(deleted.leads_to()).await.shows("The reservation was deleted.");
    assert_eq!(browser.get(&path).await.status, 403);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ended_asks_for_itself_and_can_be_stopped() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    let path = reserved(&browser, &FORM).await;
    let page = browser.get(&path).await;
    page.shows(&format!("hx-get=\"{path}/progress?asked=0\" hx-trigger=\"load delay:1s,"));
    browser.get(&format!("{path}/progress?asked=400")).await.shows("load delay:10s");
    let list = browser.get("/console/reservations").await;
    let id = path.rsplit('/').next().unwrap();
    list.shows(&format!("/console/reservations/progress?ids={id}&amp;asked=0"));
    let progress = browser.get(&format!("/console/reservations/progress?ids={id}&asked=0")).await;
    progress.shows("hx-swap-oob=\"true\"");
    let stopped = browser.post(&format!("{path}/cancel"), &[]).await;
    browser.get(stopped.leads_to()).await.shows("The reservation was stopped.");
    let progress = browser.get(&format!("/console/reservations/progress?ids={id}&asked=1")).await;
    assert!(!progress.text.contains("hx-trigger"), "{}", progress.text);
    progress.shows("Stopped");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_list_are_linked_and_filters_are_kept() {
    let running = people().paused().start().await;
    let api = running.api.with_token(Some(WRITER));
    for number in 0..27 {
        let reference = if number == 3 { "special" } else { "usual" };
        let row = crate::support::api::with(&sgtin(1), json!({ "reference_id": reference }));
        api.post(&row).await;
    }
    let browser = Browser::signed_in(&running, WRITER).await;
    let rows = |page: &Page| page.text.matches("class=\"row-title\"").count();
    let first = browser.get("/console/reservations?status=new").await;
    assert_eq!(rows(&first), 25);
    first.shows("/console/reservations?status=new&amp;page=2");
    let second = browser.get("/console/reservations?status=new&page=2").await;
    assert_eq!(rows(&second), 2);
    second.shows("/console/reservations?status=new&amp;page=1");
    for filter in
        ["q=peci", "reference_id=special", "status=new&q=special", "reserved_for=%2F417%2F9312345000012&q=special"]
    {
        let found = browser.get(&format!("/console/reservations?{filter}")).await;
        assert_eq!(rows(&found), 1, "{filter}: {}", found.text);
    }
    for filter in ["status=complete", "reference_id=none", "product=%2F01%2F1", "q=nothing"] {
        let found = browser.get(&format!("/console/reservations?{filter}")).await;
        assert_eq!(rows(&found), 0, "{filter}");
        found.shows("No reservation matches");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_beyond_the_end_says_so_and_leads_to_the_first() {
    let running = people().start().await;
    let admin = Browser::signed_in(&running, ADMIN).await;
    // The first page of an empty list is no page beyond the end.
    admin.get("/console/reservations?page=1").await.shows("Nothing reserved yet");
    admin.get("/console/pools").await.shows("No codes were reserved yet");
    let path = reserved(&admin, &FORM).await;
    completed_page(&running, &admin, &path).await;
    for (path, first) in [
        ("/console/reservations?page=2", "/console/reservations?page=1"),
        ("/console/reservations?page=400", "/console/reservations?page=1"),
        ("/console/reservations?status=complete&page=9", "/console/reservations?status=complete&amp;page=1"),
        ("/console/users?page=2", "/console/users?page=1"),
        ("/console/organisations?page=10000", "/console/organisations?page=1"),
        ("/console/pools?after=sscc%239999999%2318", "/console/pools"),
    ] {
        let page = admin.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains("The list ends before this page"), "{path}");
        page.shows(&format!("href=\"{first}\">To the first page</a>"));
        for other in
            ["No reservation matches", "Nothing reserved yet", "There are none.", "No codes were", "rel=\"prev\""]
        {
            assert!(!page.text.contains(other), "{path} has {other}");
        }
        assert_eq!(admin.get(&super::text_of(first)).await.status, 200);
    }
    // What is no page is the first one.
    for page in ["0", "-1", "x", ""] {
        admin.get(&format!("/console/reservations?page={page}")).await.shows("BATCH-2024-001");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_page_that_is_counted_says_how_older_ones_are_found() {
    let running = Setup::new().paused().start().await;
    let rows: Vec<_> = (0..10_010).map(|_| reservation(&sgtin(1))).collect();
    store(running.context(), &rows).await;
    let browser = Browser::signed_in(&running, TOKEN).await;
    for (number, has_next) in [("399", true), ("400", false), ("4000", false)] {
        let page = browser.get(&format!("/console/reservations?page={number}")).await;
        assert_eq!((page.status, page.text.contains("rel=\"next\"")), (200, has_next), "{number}");
        assert_eq!(page.text.contains("Older ones are found with the filters."), !has_next, "{number}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_through_too_many_rows_is_explained() {
    let running = Setup::new().paused().parameter("MaxScan", 1_000).start().await;
    let rows: Vec<_> = (0..1_100).map(|_| reservation(&sgtin(1))).collect();
    store(running.context(), &rows).await;
    let browser = Browser::signed_in(&running, TOKEN).await;
    let page = browser.get("/console/reservations?q=nothing-like-this").await;
    assert_eq!(page.status, 400);
    page.shows("There are too many reservations for this search.");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_is_that_of_the_browser_or_the_one_that_was_chosen() {
    let running = people().paused().start().await;
    let browser = Browser::of(&running);
    let german = [("accept-language", "de-DE,de;q=0.9,en;q=0.5")];
    browser.send(Method::GET, "/", &german, None).await.shows("<html lang=\"de\">");
    browser.get("/").await.shows("<html lang=\"en\">");
    let chosen = browser.post("/console/language", &[("language", "de"), ("back", "/console/sign-in")]).await;
    assert_eq!(chosen.leads_to(), "/");
    browser.get("/").await.shows("Anmelden");
    let page = browser.post("/console/sign-in", &[("token", WRITER)]).await;
    assert_eq!(page.status, 303);
    let page = browser.post("/console/reserve", &with("quantity", "0")).await;
    page.shows("Mindestens 1.");
    browser.get("/").await.shows("1 bis 100.000.000");
    assert_eq!(browser.post("/console/language", &[("language", "xx")]).await.status, 400);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_how_full_pools_are() {
    let running = people().start().await;
    let browser = Browser::signed_in(&running, ADMIN).await;
    browser.get("/console/pools").await.shows("No codes were reserved yet");
    let path = reserved(&browser, &FORM).await;
    completed_page(&running, &browser, &path).await;
    let page = browser.get("/console/pools").await;
    for text in ["/01/19361758000003", "8 characters, Digits and letters", "<svg class=\"chart\"", " left</p>"] {
        page.shows(text);
    }
    browser.get("/console/users").await.shows("reader3@example.com");
    browser.get("/console/organisations").await.shows(OTHER);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_too_large_or_none_does_nothing() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    let large = "x".repeat(40_000);
    assert_eq!(browser.post("/console/reserve", &with("reference_id", &large)).await.status, 400);
    let many: Vec<(&str, &str)> = std::iter::repeat_n(("a", "b"), 500).collect();
    assert_eq!(browser.post("/console/reserve", &many).await.status, 400);
    let headers = [("origin", browser.url.as_str()), ("content-type", "application/json")];
    let json = browser.http.post(format!("{}/console/reserve", browser.url)).body("{}");
    let json = headers.iter().fold(json, |request, (name, value)| request.header(*name, *value));
    assert_eq!(json.send().await.unwrap().status().as_u16(), 400);
    assert_eq!(browser.get(&format!("/?reference_id={}", "x".repeat(7_000))).await.status, 200);
    let api = running.api.with_token(Some(ADMIN));
    assert_eq!(api.send("GET", RESERVATIONS).await.data(), json!([]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_another_site_leads_to_the_page_for_those_who_are_signed_in() {
    let running = people().paused().start().await;
    let nobody = Browser::of(&running);
    // The browser keeps the Strict cookie back, whether or not there is one.
    let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    let page = nobody.send(Method::GET, "/console/find?code=a", &headers, None).await;
    assert_eq!(page.status, 200);
    page.shows("http-equiv=\"refresh\" content=\"0;url=/console/find?code=a\"");
    let page = nobody.send(Method::GET, "/console/find?code=a", &[("sec-fetch-site", "same-origin")], None).await;
    assert_eq!(page.status, 303);
    running.stop().await;
}
