//! What the person at the label printer needs: layouts of files, lot and dates, both symbols, and a code found by whatever
//! is on the label or in its tag.

use serde_json::{Value, json};

use super::{ADMIN, Browser, FORM, MARKUP, ORGANISATION, OTHER, Page, STRANGER, WRITER, people, with};
use crate::support::{
    api::{RESERVATIONS, encoded},
    harness::{Running, Setup, completed},
    profiles::{add, lines},
};

/// A layout with a description.
fn described(name: &str, description: &str) -> Value {
    let mut profile = lines(name, "{code}");
    profile["description"] = json!(description);
    profile
}

/// A system in which the deployment, the writer's organisation and another one have layouts.
async fn with_layouts() -> Running {
    let running = people().start().await;
    let context = running.context();
    add(context, None, &described("everyone", "Labels of the house")).await;
    add(context, None, &described("shared-name", "That of the deployment")).await;
    add(context, Some(ORGANISATION), &described("shared-name", "That of the organisation")).await;
    add(context, Some(ORGANISATION), &described("own-layout", MARKUP)).await;
    add(context, Some(OTHER), &described("foreign-layout", "Of others")).await;
    running
}

/// Whether a page has an option with this value.
fn offers(page: &Page, value: &str) -> bool {
    page.text.contains(&format!("<option value=\"{value}\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_offers_the_layouts_of_the_organisation_and_of_the_deployment() {
    let running = with_layouts().await;
    let writer = Browser::signed_in(&running, WRITER).await;
    let formats =
        |organisation: &str| format!("/console/reserve/formats?reserved_for={}", encoded(&json!(organisation)));
    let pages = [writer.get("/").await, writer.get(&formats(ORGANISATION)).await];
    for page in &pages {
        for name in ["csv", "xlsx", "zpl", "everyone", "own-layout", "shared-name"] {
            assert!(offers(page, name), "{name}: {}", page.text);
        }
        assert!(!offers(page, "foreign-layout"));
        assert_eq!(page.text.matches("<option value=\"shared-name\"").count(), 1);
        page.shows("That of the organisation");
        page.shows("Labels of the house");
        page.shows("&lt;script&gt;alert(1)&lt;/script&gt;");
        assert!(!page.text.contains("<script>alert") && !page.text.contains("That of the deployment"));
    }
    // What is chosen stays chosen, also one that does not exist.
    for name in ["own-layout", "own-layout.gz", "gone"] {
        let page = writer.get(&format!("/?export_type={name}")).await;
        page.shows(&format!("<option value=\"{name}\" selected>"));
    }
    // Of another organisation a person sees nothing, not even that it has layouts.
    let foreign = writer.get(&formats(OTHER)).await;
    assert_eq!(foreign.text, writer.get(&formats("/417/0")).await.text);
    assert!(offers(&foreign, "everyone") && !offers(&foreign, "foreign-layout") && !offers(&foreign, "own-layout"));
    let stranger = Browser::signed_in(&running, STRANGER).await;
    assert!(offers(&stranger.get("/").await, "foreign-layout"));
    // An administrator sees those of the organisation that is chosen.
    let admin = Browser::signed_in(&running, ADMIN).await;
    assert!(!offers(&admin.get("/").await, "own-layout"));
    assert!(offers(&admin.get(&formats(OTHER)).await, "foreign-layout"));
    let path = writer.post("/console/reserve", &with("export_type", "own-layout")).await.leads_to().to_owned();
    let id = path.rsplit('/').next().unwrap();
    let item = completed(&running.api.with_token(Some(ADMIN)), id).await;
    assert_eq!(item["export_type"], "own-layout");
    let page = writer.get(&path).await;
    page.shows("<dd>own-layout</dd>");
    assert!(offers(&page, "everyone") && offers(&page, "shared-name") && !offers(&page, "foreign-layout"));
    assert_eq!(writer.post("/console/reserve", &with("export_type", "foreign-layout")).await.status, 400);
    let nobody = Browser::of(&running).get(&formats(ORGANISATION)).await;
    assert!(nobody.leads_to().starts_with("/console/sign-in"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_layouts_that_are_offered_is_bounded() {
    let running = people().paused().start().await;
    for number in 0..103 {
        add(running.context(), None, &lines(&format!("layout-{number:03}"), "{code}")).await;
    }
    let page = Browser::signed_in(&running, WRITER).await.get("/").await;
    assert_eq!(page.text.matches("<option value=\"layout-").count(), 100);
    running.stop().await;
    let running = people().paused().parameter("MaxScan", 1_000).start().await;
    assert!(offers(&Browser::signed_in(&running, WRITER).await.get("/").await, "zpl"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lot_and_dates_are_fields_of_the_types_that_have_them_and_are_shown() {
    let running = people().start().await;
    let writer = Browser::signed_in(&running, WRITER).await;
    for (code_type, has) in [("sgtin", true), ("itip", true), ("sscc", false), ("grai", false), ("short_code", false)] {
        for path in [format!("/?code_type={code_type}"), format!("/console/reserve/fields?code_type={code_type}")] {
            let page = writer.get(&path).await;
            for member in ["lot", "expiry_date", "best_before", "production_date"] {
                assert_eq!(page.text.contains(&format!("<input id=\"{member}\"")), has, "{path} {member}");
                assert!(page.text.contains(&format!("id=\"error-{member}\"")), "the check says something about all");
            }
        }
    }
    let goods = [
        ("lot", "L-7/A"),
        ("expiry_date", "2027-12-31"),
        ("best_before", "2027-11-30"),
        ("production_date", "2026-05-01"),
    ];
    let fields = [&FORM[..], &goods[..]].concat();
    writer.post("/console/reserve/check", &fields).await.shows("(17)271231(10)L-7/A(21)");
    let path = writer.post("/console/reserve", &fields).await.leads_to().to_owned();
    let (api, id) = (running.api.with_token(Some(ADMIN)), path.rsplit('/').next().unwrap());
    completed(&api, id).await;
    let named = "fields=lot,expiry_date,best_before,production_date";
    let stored = async |id: &str| api.send("GET", &format!("{RESERVATIONS}/{id}?{named}")).await.data();
    let item = stored(id).await;
    for (member, value) in goods {
        assert_eq!(item[member], value);
    }
    let page = writer.get(&path).await;
    // More of the same, without its reference.
    let more = page.text.split('"').find(|part| part.starts_with("/?reserved_for=")).unwrap().replace("&amp;", "&");
    let form = writer.get(&more).await;
    for text in ["value=\"L-7/A\"", "value=\"2027-12-31\"", "value=\"100\"", "name=\"reference_id\" value=\"\""] {
        form.shows(text);
    }
    for text in ["<dd>L-7/A</dd>", "<dd>31 Dec 2027</dd>", "<dd>30 Nov 2027</dd>", "<dd>1 May 2026</dd>"] {
        page.shows(text);
    }
    // A type without them leaves out what was written for another one.
    let fields = [with("code_type", "sscc"), goods.to_vec()].concat();
    let path = writer.post("/console/reserve", &fields).await.leads_to().to_owned();
    let item = stored(path.rsplit('/').next().unwrap()).await;
    assert_eq!((&item["lot"], &item["expiry_date"]), (&Value::Null, &Value::Null));
    // What is wrong is kept, shown and said beside its field, and the fields are open.
    let wrong =
        writer.post("/console/reserve", &[&FORM[..], &[("lot", "ü"), ("expiry_date", "2027-02-30")]].concat()).await;
    assert_eq!(wrong.status, 400);
    wrong.shows("<details class=\"more\" open>");
    wrong.shows("href=\"#expiry_date\"");
    wrong.shows("value=\"ü\"");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_shown_as_a_qr_code_of_its_link_and_as_a_gs1_data_matrix() {
    let running = people().start().await;
    let writer = Browser::signed_in(&running, WRITER).await;
    let symbols = |page: &Page| {
        let count = |name: &str| page.text.matches(&format!("aria-label=\"{name}: ")).count();
        (count("QR code with the link"), count("GS1 DataMatrix"))
    };
    assert_eq!(symbols(&writer.post("/console/reserve/check", &FORM).await), (1, 1));
    let path = writer.post("/console/reserve", &with("quantity", "3")).await.leads_to().to_owned();
    completed(&running.api.with_token(Some(ADMIN)), path.rsplit('/').next().unwrap()).await;
    assert_eq!(symbols(&writer.get(&path).await), (3, 3));
    // A short code has no barcode data, and without a domain no link: there is nothing to draw.
    let short = [with("code_type", "short_code")].concat();
    let page = writer.post("/console/reserve/check", &short).await;
    page.shows("Example – not reserved");
    assert_eq!(symbols(&page), (0, 0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_found_by_everything_that_is_on_a_label_or_in_a_tag() {
    let running = people().start().await;
    let writer = Browser::signed_in(&running, WRITER).await;
    let api = running.api.with_token(Some(WRITER));
    // An EPC exists for a product whose check digit is right.
    let fields = [with("product", "19361758000000"), vec![("character_set", "rfid96"), ("lot", "L7")]].concat();
    let path = writer.post("/console/reserve", &fields).await.leads_to().to_owned();
    let id = path.rsplit('/').next().unwrap();
    completed(&running.api.with_token(Some(ADMIN)), id).await;
    let query = format!("/items/unique_code?filter[reservation][_eq]={id}&limit=1&offset=6&fields=*,epc_hex");
    let row = api.send("GET", &query).await.data()[0].clone();
    let member = |name: &str| row[name].as_str().unwrap_or_else(|| panic!("{name}: {row}")).to_owned();
    let (code, link, tag) = (member("code"), member("digital_link"), member("epc_hex"));
    let elements = format!("(01)19361758000000(10)L7(21){code}");
    let data = format!("011936175800000010L7\u{1d}21{code}");
    let uri = common::code::EpcTag::from_hex(&tag).unwrap().uri();
    let pure = format!("urn:epc:id:sgtin:9361758.100000.{code}");
    let spaced = tag.as_bytes().chunks(4).map(|part| std::str::from_utf8(part).unwrap()).collect::<Vec<_>>().join(" ");
    for text in [
        link.clone(),
        link.replace("https://", ""),
        elements.clone(),
        elements.replace(")", ") ").replace('(', " ("),
        data.clone(),
        format!("]d2{data}"),
        format!("]C1{data}"),
        format!("\u{1d}{data}"),
        pure,
        uri.clone(),
        tag.clone(),
        tag.to_ascii_lowercase(),
        spaced,
        format!("urn:epc:raw:96.x{tag}"),
    ] {
        let page = writer.get(&format!("/console/find?code={}", encoded(&json!(text)))).await;
        assert!(page.text.contains("It is code 7 of 100 of this reservation."), "{text:?}: {}", page.text);
        page.shows(&format!("href=\"{path}\""));
        page.shows("GS1 DataMatrix: ");
    }
    let with_product = format!("/console/find?code={code}&product=19361758000000");
    writer.get(&with_product).await.shows("It is code 7 of 100 of this reservation.");
    // Another lot is on another item, or it is forged.
    let forged = elements.replace("L7", "L8");
    writer
        .get(&format!("/console/find?code={}", encoded(&json!(forged))))
        .await
        .shows("This code was not reserved here");
    let stranger = Browser::signed_in(&running, STRANGER).await;
    stranger.get(&format!("/console/find?code={tag}")).await.shows("This code was not reserved here");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_german_page_says_in_german_what_it_can_and_marks_the_rest() {
    let running = people().paused().parameter("StrictCheckDigits", true).start().await;
    let writer = Browser::signed_in(&running, WRITER).await;
    writer.post("/console/language", &[("language", "de")]).await;
    for (member, value, said) in [
        ("quantity", "0", "Mindestens 1."),
        ("quantity", "viele", "Bitte eine ganze Zahl schreiben."),
        ("product", "123", "Das ist kein Produkt dieser Art. Die GTIN, etwa 09506000134352."),
        (
            "product",
            "19361758000004",
            "Die Prüfziffer ist 4, richtig wäre 0. Vergleichen Sie die Nummer mit Ihrem Etikett.",
        ),
        ("reference_id", "a\u{1}b", "Nur sichtbare Zeichen."),
        ("lot", "Größe", "1 bis 20 Zeichen: Buchstaben ohne Umlaute, Ziffern und Zeichen wie - . / _"),
        ("expiry_date", "31.12.2027", "Bitte ein Tag des Kalenders, in den Jahren 2000 bis 2075."),
        ("best_before", "1999-01-01", "Bitte ein Tag des Kalenders, in den Jahren 2000 bis 2075."),
        ("reserved_for", "", "Bitte ausfüllen."),
    ] {
        let page = writer.post("/console/reserve", &with(member, value)).await;
        assert_eq!(page.status, 400, "{member} {value}");
        page.shows(&format!("{said}</p>"));
        assert!(!page.text.contains("lang=\"en\">V"), "{member} {value}: {}", page.text);
    }
    let both = [with("production_date", "2027-01-02"), vec![("expiry_date", "2027-01-01")]].concat();
    writer.post("/console/reserve/check", &both).await.shows("Frühestens der 02.01.2027.");
    let short = [with("length", "6"), vec![("character_set", "rfid96")]].concat();
    let page = writer.post("/console/reserve/check", &short).await;
    assert!(!page.text.contains("lang=\"en\"") || page.text.contains("Der Dienst sagt:"), "{}", page.text);
    // What only the service can say is marked as English.
    let page = writer.post("/console/reserve", &with("url_suffix", "?01=1")).await;
    page.shows("Der Dienst sagt: <span lang=\"en\">A key must not be a GS1 application identifier.</span>");
    let stranger = Browser::signed_in(&running, STRANGER).await;
    stranger.post("/console/language", &[("language", "de")]).await;
    let fields = [("reserved_for", OTHER), ("code_type", "sscc"), ("quantity", "1")];
    stranger.post("/console/reserve/check", &fields).await.shows("Sie hat keine brauchbare");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_refused_says_why_in_the_language_of_the_page() {
    let running = people().start().await;
    let writer = Browser::signed_in(&running, WRITER).await;
    let path = writer.post("/console/reserve", &FORM).await.leads_to().to_owned();
    completed(&running.api.with_token(Some(ADMIN)), path.rsplit('/').next().unwrap()).await;
    writer.post("/console/language", &[("language", "de")]).await;
    let page = writer.post(&format!("{path}/cancel"), &[]).await;
    assert_eq!(page.status, 400);
    page.shows("Das geht nicht mehr, weil die Reservierung inzwischen einen anderen Stand hat.");
    let page = writer.post(&format!("{path}/again"), &[("export_type", "no-such-layout")]).await;
    assert_eq!(page.status, 400);
    page.shows("Möglich sind: csv, ");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_in_the_list_is_found_by_its_bare_number() {
    let running = people().paused().start().await;
    let writer = Browser::signed_in(&running, WRITER).await;
    let path = writer.post("/console/reserve", &FORM).await.leads_to().to_owned();
    for product in ["19361758000003", "%2F01%2F19361758000003"] {
        writer.get(&format!("/console/reservations?product={product}")).await.shows(&path);
    }
    writer.get("/console/reservations?product=9361758000003").await.shows("No reservation matches");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_survives_a_session_that_ends_before_the_form_is_sent() {
    let running = people().paused().start().await;
    let writer = Browser::signed_in(&running, WRITER).await;
    writer.post("/console/sign-out", &[]).await;
    let page = writer.post("/console/reserve", &[&FORM[..], &[("lot", "L 7&/")]].concat()).await;
    let to = page.leads_to().to_owned();
    assert!(to.starts_with("/console/sign-in?next="), "{to}");
    let next = writer.get(&to).await.field("next").replace("&amp;", "&");
    let page = writer.post("/console/sign-in", &[("token", WRITER), ("next", &next)]).await;
    let form = writer.get(page.leads_to()).await;
    form.shows("value=\"BATCH-2024-001\"");
    form.shows("value=\"L 7&amp;/\"");
    let api = running.api.with_token(Some(ADMIN));
    assert_eq!(api.send("GET", "/items/code_reservation?limit=-1").await.data(), json!([]), "nothing was reserved");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_answer_while_the_service_has_no_organisations_or_layouts() {
    let running = Setup::new().paused().start().await;
    let browser = Browser::signed_in(&running, crate::support::harness::TOKEN).await;
    assert!(offers(&browser.get("/").await, "csv"));
    running.stop().await;
}
