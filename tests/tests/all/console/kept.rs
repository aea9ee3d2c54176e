//! What was written in the form is there again after a session that ended, whatever a form may hold.

use reqwest::Method;

use super::{Browser, FORM, ORGANISATION, Page, WRITER, form, people};

/// A form with the longest values that it may hold: each character of the reference takes twelve in an address.
fn longest() -> Vec<(&'static str, String)> {
    let reference: String = (0..255).filter_map(|n| char::from_u32(0x2_0000 + n * 163)).collect();
    let suffix = format!("?campaign=%C3%A4{}", "&a%2B=!$*%F0%9F%8D%8E".repeat(11));
    assert!(suffix.len() <= 255 && suffix.len() > 230, "{}", suffix.len());
    [
        ("reserved_for", ORGANISATION),
        ("code_type", "sgtin"),
        ("product", "/01/19361758000003"),
        ("quantity", "100000"),
        ("export_type", "excel-semicolon"),
        ("reference_id", &reference),
        ("lot", "!\"%&'()*+,-./:;<=>?_"),
        ("expiry_date", "2027-12-31"),
        ("best_before", "2027-12-30"),
        ("production_date", "2027-01-01"),
        ("length", "20"),
        ("character_set", "alphanumeric"),
        ("url_suffix", &suffix),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

fn fields<'a>(values: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    values.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[track_caller]
fn holds(page: &Page, values: &[(&'static str, String)]) {
    assert_eq!(page.status, 200, "{page:?}");
    for (name, value) in values {
        if ["reserved_for", "code_type", "export_type", "character_set"].contains(name) {
            page.shows(&format!("<option value=\"{value}\" selected>"));
        } else {
            assert_eq!(&page.value(name), value, "{name}");
        }
    }
}

/// Signs in on a page, and gives the page to which that leads.
async fn signed_in_on(browser: &Browser, page: &Page) -> Page {
    let sent = browser.post("/console/sign-in", &[("token", WRITER), ("next", &page.field("next"))]).await;
    let to = sent.leads_to().to_owned();
    // A browser sends about a thousand bytes besides, and API Gateway takes 10,240.
    assert!(to.len() < 8_192, "{}", to.len());
    browser.get(&to).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_form_is_there_again_after_signing_in() {
    let running = people().paused().start().await;
    let values = longest();
    let fields = fields(&values);
    // It is a form that the service accepts.
    let writer = Browser::signed_in(&running, WRITER).await;
    let accepted = writer.post("/console/reserve", &fields).await;
    assert_eq!(accepted.status, 303, "{}", accepted.text);
    let origin = writer.url.clone();
    for (path, headers) in [
        ("/console/reserve", &[("origin", origin.as_str())][..]),
        ("/console/reserve/check", &[("origin", origin.as_str()), ("hx-request", "true")]),
    ] {
        let browser = Browser::of(&running);
        let sent = browser.send(Method::POST, path, headers, Some(form(&fields))).await;
        let to = if sent.status == 401 { sent.header("hx-redirect") } else { sent.leads_to() };
        assert!(to.len() < 4_096, "the address of the sign-in fits beside all else: {}", to.len());
        holds(&signed_in_on(&browser, &browser.get(to).await).await, &values);
    }
    // The address of the form, such as one of "reserve more like this", and an address that was kept as a bookmark.
    let browser = Browser::of(&running);
    let page = browser.get(&format!("/?{}", form(&fields))).await;
    assert_eq!(page.status, 200);
    holds(&signed_in_on(&browser, &page).await, &values);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_and_another_language_lose_nothing() {
    let running = people().paused().start().await;
    let browser = Browser::of(&running);
    let values = longest();
    let page = browser.get(&format!("/?{}", form(&fields(&values)))).await;
    let next = page.field("next");
    let wrong = browser.post("/console/sign-in", &[("token", "wrong"), ("next", &next)]).await;
    assert_eq!((wrong.status, wrong.field("next")), (401, next.clone()));
    for page in [&page, &wrong] {
        let changed = browser.post("/console/language", &[("language", "de"), ("back", &page.field("back"))]).await;
        let page = browser.get(changed.leads_to()).await;
        page.shows("<html lang=\"de\">");
        assert_eq!(page.field("next"), next);
    }
    // The sign-in in front of another page.
    let page = browser.get("/console/reservations?q=PO-1").await;
    let page = browser.get(page.leads_to()).await;
    let changed = browser.post("/console/language", &[("language", "en"), ("back", &page.field("back"))]).await;
    assert_eq!(changed.leads_to(), "/console/reservations?q=PO-1");
    // A form that was refused.
    let signed_in = Browser::signed_in(&running, WRITER).await;
    let mut values = values;
    values[3].1 = "0".to_owned();
    let refused = signed_in.post("/console/reserve", &fields(&values)).await;
    assert_eq!(refused.status, 400);
    let changed = signed_in.post("/console/language", &[("language", "de"), ("back", &refused.field("back"))]).await;
    holds(&signed_in.get(changed.leads_to()).await, &values);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_form_may_hold_is_left_out_and_the_rest_is_kept() {
    let running = people().paused().start().await;
    let browser = Browser::of(&running);
    let long = "é".repeat(4_000);
    let mut values: Vec<(&str, &str)> = FORM.to_vec();
    values.retain(|(name, _)| *name != "reference_id");
    let sent = browser.post("/console/reserve", &[values.clone(), vec![("reference_id", &long)]].concat()).await;
    let page = signed_in_on(&browser, &browser.get(sent.leads_to()).await).await;
    let kept: Vec<_> = values.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    for (name, value) in kept.iter().filter(|(name, _)| ["product", "quantity"].contains(name)) {
        assert_eq!(&page.value(name), value);
    }
    assert_eq!(page.value("reference_id"), "");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_whose_session_ended_leads_back_to_its_page() {
    let running = people().paused().start().await;
    let writer = Browser::signed_in(&running, WRITER).await;
    let path = writer.post("/console/reserve", &FORM).await.leads_to().to_owned();
    for button in ["again", "cancel", "delete"] {
        let browser = Browser::of(&running);
        let sent = browser.post(&format!("{path}/{button}"), &[]).await;
        let page = signed_in_on(&browser, &browser.get(sent.leads_to()).await).await;
        page.shows("BATCH-2024-001");
    }
    running.stop().await;
}
