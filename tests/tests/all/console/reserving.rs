//! The form: the same rules and messages as POST, nothing stored while a person types, samples, and forms sent twice.

use serde_json::{Value, json};

use super::{ADMIN, Browser, FORM, ORGANISATION, WRITER, people, with};
use crate::support::{
    api::{RESERVATIONS, id},
    harness::{Running, completed},
};

async fn reservations(running: &Running) -> Vec<Value> {
    let api = running.api.with_token(Some(ADMIN));
    api.send("GET", &format!("{RESERVATIONS}?limit=-1")).await.data().as_array().unwrap().clone()
}

/// The messages of a page about a member.
fn message(page: &super::Page, member: &str) -> String {
    let (_, rest) = page.text.split_once(&format!("id=\"error-{member}\"")).unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split('<').next().unwrap().replace("&quot;", "\"").replace("&amp;", "&")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_as_post_says_it_before_and_after_sending() {
    let running = people().paused().parameter("StrictCheckDigits", true).start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    let api = running.api.with_token(Some(WRITER));
    for (member, value) in [
        ("quantity", "0"),
        ("quantity", "-1"),
        ("quantity", "100000001"),
        ("quantity", "many"),
        ("quantity", "1.5"),
        ("code_type", "ean"),
        ("product", "/01/1"),
        ("product", "/8003/09506000134352"),
        ("product", "19361758000003"),
        ("export_type", "bmp"),
        ("url_suffix", "?a"),
        ("url_suffix", "?01=1"),
        ("reference_id", "a\u{1}b"),
        ("reference_id", &*"r".repeat(300)),
        ("length", "5"),
        ("length", "21"),
        ("length", "x"),
        ("character_set", "emoji"),
        ("character_set", "numeric"),
    ] {
        let fields = with(member, value);
        let input: serde_json::Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let refused = api.send_json("POST", RESERVATIONS, &Value::Object(input)).await;
        // The page accepts a bare GTIN as the product.
        if value == "19361758000003" {
            assert_eq!(refused.status, 400);
            let checked = browser.post("/console/reserve/check", &fields).await;
            assert_eq!(message(&checked, "product"), "The check digit of the product is 3, it should be 0.");
            continue;
        }
        let errors = refused.parsed()["errors"].as_array().unwrap().clone();
        assert_eq!(refused.status, 400, "{member} {value}");
        let sent = browser.post("/console/reserve", &fields).await;
        assert_eq!(sent.status, 400, "{member} {value}");
        sent.shows("This is not right yet");
        let checked = browser.post("/console/reserve/check", &fields).await;
        assert_eq!(checked.status, 200);
        for error in &errors {
            let field = error["extensions"]["field"].as_str().unwrap();
            let whole = error["message"].as_str().unwrap();
            let prefix = format!("Validation failed for field \"{field}\". ");
            let expected = whole.strip_prefix(&prefix).unwrap();
            assert_eq!(message(&sent, field), expected, "{member} {value}");
            assert_eq!(message(&checked, field), expected, "{member} {value}");
        }
        // What was written is kept.
        assert!(
            value.contains('\u{1}')
                || value == "ean"
                || value == "bmp"
                || value == "emoji"
                || sent.text.contains(value)
        );
    }
    assert_eq!(reservations(&running).await, Vec::<Value>::new());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_still_empty_is_not_wrong_while_typing_and_is_when_sent() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    for member in ["quantity", "product", "reserved_for"] {
        let fields = with(member, "");
        let checked = browser.post("/console/reserve/check", &fields).await;
        assert_eq!(message(&checked, member), "", "{member}");
        let sent = browser.post("/console/reserve", &fields).await;
        assert_eq!(sent.status, 400);
        assert_ne!(message(&sent, member), "", "{member}");
        sent.shows(&format!("href=\"#{member}\""));
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_reserves_once() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    let key = browser.get("/").await.field("key");
    let fields = with("key", &key);
    let (one, other) =
        tokio::join!(browser.post("/console/reserve", &fields), browser.post("/console/reserve", &fields));
    assert_eq!(one.leads_to(), other.leads_to());
    assert_eq!(browser.post("/console/reserve", &fields).await.leads_to(), one.leads_to());
    assert_eq!(reservations(&running).await.len(), 1);
    let changed: Vec<_> =
        fields.iter().map(|(name, value)| if *name == "quantity" { (*name, "5") } else { (*name, *value) }).collect();
    let page = browser.post("/console/reserve", &changed).await;
    assert_eq!(page.status, 422);
    page.shows("This form was sent already");
    page.shows("&amp;quantity=5&amp;");
    assert_eq!(reservations(&running).await.len(), 1);
    assert_ne!(browser.get("/").await.field("key"), key);
    // A form that was refused can be corrected under its key.
    let key = browser.get("/").await.field("key");
    let wrong = browser.post("/console/reserve", &[with("quantity", "0"), vec![("key", key.as_str())]].concat()).await;
    assert_eq!((wrong.status, wrong.field("key")), (400, key.clone()));
    let right = browser.post("/console/reserve", &with("key", &key)).await;
    assert_eq!(right.status, 303);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_no_form_has_is_explained_to_people_and_replaced() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    let long = "ü".repeat(256);
    for (language, says) in
        [("en", "This form did not arrive as this page made it"), ("de", "Dieses Formular kam nicht so an")]
    {
        let headers = [("origin", browser.url.as_str()), ("accept-language", language)];
        let page = browser
            .send(reqwest::Method::POST, "/console/reserve", &headers, Some(super::form(&with("key", &long))))
            .await;
        assert_eq!(page.status, 400);
        page.shows(says);
        for other in ["Idempotency", &long] {
            assert!(!page.text.contains(other), "{language}: {other}");
        }
        assert_eq!(page.value("reference_id"), "BATCH-2024-001");
        assert_eq!(reservations(&running).await.len(), 0);
        let key = page.field("key");
        assert!(uuid::Uuid::parse_str(&key).is_ok(), "{key}");
    }
    // The new key works, and the longest one does.
    for key in [browser.get("/").await.field("key"), "ü".repeat(255)] {
        assert_eq!(browser.post("/console/reserve", &with("key", &key)).await.status, 303);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_marked_differs_each_time_and_is_never_a_reserved_code() {
    let running = people().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    let link = |page: &super::Page| {
        page.text
            .split("<code>")
            .find(|part| part.starts_with("https://id.gs1.org/"))
            .unwrap()
            .split('<')
            .next()
            .unwrap()
            .to_owned()
    };
    let page = browser.post("/console/reserve/check", &FORM).await;
    page.shows("Example – not reserved");
    page.shows("(01)19361758000003(21)");
    let first = link(&page);
    assert!(first.starts_with("https://id.gs1.org/01/19361758000003/21/"), "{first}");
    assert_ne!(link(&browser.post("/console/reserve/check", &FORM).await), first);
    // Without a quantity too, and with what is added to links.
    let page = browser.post("/console/reserve/check", &with("quantity", "")).await;
    page.shows("Example – not reserved");
    let page = browser.post("/console/reserve/check", &with("url_suffix", "?a=b")).await;
    assert!(link(&page).ends_with("?a=b"));
    assert!(page.text.contains("is shown once your organisation has codes"), "{}", page.text);
    assert_eq!(reservations(&running).await.len(), 0, "nothing is stored");
    assert!(running.store().pool(&"sgtin#19361758000003#8".parse().unwrap()).await.unwrap().is_none());
    // How many are left is for those who may know: administrators, and the only organisation of its own key.
    let created = browser.post("/console/reserve", &FORM).await;
    completed(&running.api.with_token(Some(ADMIN)), created.leads_to().rsplit('/').next().unwrap()).await;
    let pool = running.store().pool(&"sgtin#19361758000003#8".parse().unwrap()).await.unwrap().unwrap();
    let left = common::code::grouped(pool.capacity - 100);
    browser.post("/console/reserve/check", &FORM).await.shows(&format!("{left} codes are left"));
    let other = running.api.with_token(Some(ADMIN));
    let body =
        json!({ "reserved_for": super::OTHER, "code_type": "sgtin", "product": "/01/19361758000003", "quantity": 1 });
    completed(&other, id(&other.post(&body).await)).await;
    let shared = browser.post("/console/reserve/check", &FORM).await;
    assert!(!shared.text.contains("codes are left for"), "what others have does not show: {}", shared.text);
    let admin = Browser::signed_in(&running, ADMIN).await;
    admin.post("/console/reserve/check", &FORM).await.shows("codes are left for");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fields_follow_the_type_of_code() {
    let running = people().paused().start().await;
    let browser = Browser::signed_in(&running, WRITER).await;
    for (code_type, product, length) in [
        ("sgtin", true, true),
        ("sscc", false, false),
        ("short_code", false, true),
        ("cpi", true, true),
        ("nonsense", true, true),
    ] {
        for path in [format!("/?code_type={code_type}"), format!("/console/reserve/fields?code_type={code_type}")] {
            let page = browser.get(&path).await;
            assert_eq!(page.text.contains("id=\"product\""), product, "{path}");
            assert_eq!(page.text.contains("id=\"length\""), length, "{path}");
        }
    }
    // A pallet needs no product, and what was written for another type does not count.
    let fields = with("code_type", "sscc");
    let page = browser.post("/console/reserve/check", &fields).await;
    page.shows("(00)");
    let sent = browser.post("/console/reserve", &fields).await;
    let api = running.api.with_token(Some(WRITER));
    let object = api.get(sent.leads_to().rsplit('/').next().unwrap()).await;
    assert_eq!((&object["product"], &object["reserved_for"]), (&Value::Null, &json!(ORGANISATION)));
    // One whose codes cannot be made is told why.
    let stranger = Browser::signed_in(&running, super::STRANGER).await;
    let fields = [("reserved_for", super::OTHER), ("code_type", "sscc"), ("quantity", "1")];
    stranger.post("/console/reserve/check", &fields).await.shows("GS1 Company Prefix, and it has none");
    running.stop().await;
}
