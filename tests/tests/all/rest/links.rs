//! Finding codes by links and element strings of others: with qualifiers, in other forms, and of other keys.

use serde_json::{Value, json};

use crate::support::{
    api::{CODES, RESERVATIONS, encoded, id},
    harness::{Running, Setup, completed},
};

/// Organisations: one with a company prefix, and one with a domain of its own.
const PLAIN: &str = "/417/9506000000005";
const OWN_DOMAIN: &str = "/417/9506000000012";

async fn start(short_code_domain: &str) -> Running {
    let rows = json!({
        "directus_users": [{ "id": "8f4a5c3e-0000-4000-8000-000000000001", "role": "admin", "token": "local-token" }],
        "organisation": [
            { "id": PLAIN, "organisation_company_prefix": "9506000" },
            { "id": OWN_DOMAIN, "digital_link_domain": "https://codes.example.com/s" },
        ],
    });
    Setup::new().rows(&rows).parameter("ShortCodeDomain", short_code_domain).start().await
}

/// Reserves one code; gives its reservation and the code.
async fn one(server: &Running, body: Value) -> (String, Value) {
    let made = server.api.post(&body).await;
    completed(&server.api, id(&made)).await;
    let path = format!("{CODES}?filter[reservation][_eq]={}&fields=*", id(&made));
    (id(&made).to_owned(), server.api.send("GET", &path).await.data()[0].clone())
}

fn body(organisation: &str, code_type: &str, product: Value) -> Value {
    json!({ "reserved_for": organisation, "code_type": code_type, "quantity": 1, "product": product })
}

/// The reservations whose codes a filter finds, by both collections.
async fn found(server: &Running, filter: Value) -> Vec<String> {
    let codes = server.api.send("GET", &format!("{CODES}?filter={}&fields=reservation", encoded(&filter))).await.data();
    let some = json!({ "codes": { "_some": filter } });
    let items = server.api.send("GET", &format!("{RESERVATIONS}?filter={}&fields=id", encoded(&some))).await.data();
    let list = |rows: &Value, member: &str| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row[member].as_str().unwrap().to_owned()).collect()
    };
    let of_codes = list(&codes, "reservation");
    assert_eq!(of_codes, list(&items, "id"), "{filter}");
    of_codes
}

async fn by_link(server: &Running, link: &str) -> Vec<String> {
    found(server, json!({ "digital_link": { "_eq": link } })).await
}

async fn by_element_string(server: &Running, text: &str) -> Vec<String> {
    found(server, json!({ "epc_join_key": { "_eq": text } })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_with_qualifiers_finds_the_code_of_every_type() {
    let server = start("").await;
    for (code_type, product, forms) in [
        (
            "sgtin",
            json!("/01/09506000134352"),
            &[
                "/01/09506000134352/21/CODE",
                "/01/09506000134352/10/LOT/21/CODE",
                "/01/09506000134352/22/2A/10/LOT/21/CODE?17=271231",
                "/01/09506000134352/21/CODE/",
                "/01/9506000134352/21/CODE",
                "/gtin/09506000134352/lot/A%2F1/ser/CODE",
                "/shop/01/09506000134352/10/8003/21/CODE#top",
            ][..],
        ),
        (
            "itip",
            json!("/8006/095060001343520102"),
            &["/8006/095060001343520102/22/2A/10/LOT/21/CODE", "/itip/095060001343520102/ser/CODE"],
        ),
        (
            "cpi",
            json!("/8010/9506000AB#-12"),
            &["/8010/9506000AB%23-12/8011/CODE", "/cpid/9506000AB%23%2D12/cpsn/CODE"],
        ),
        ("grai", json!("/8003/09506000123455"), &["/8003/09506000123455CODE", "/grai/09506000123455CODE/"]),
        ("gdti", json!("/253/9506000654324"), &["/253/9506000654324CODE"]),
        ("sgcn", json!("/255/9506000777771"), &["/255/9506000777771CODE", "/gcn/9506000777771CODE?x=/00/1"]),
        ("sscc", Value::Null, &["/00/CODE", "/sscc/CODE"]),
        ("gsrn", Value::Null, &["/8018/CODE", "/8018/CODE/8019/12"]),
        ("giai", Value::Null, &["/8004/CODE", "/8004/CODE/7040/1ABC"]),
    ] {
        let (reservation, code) = one(&server, body(PLAIN, code_type, product)).await;
        for form in forms {
            let path = form.replace("CODE", code["code"].as_str().unwrap());
            for domain in ["https://id.gs1.org", "http://shop.example.com/de", "HTTPS://ID.GS1.ORG", ""] {
                assert_eq!(
                    by_link(&server, &format!("{domain}{path}")).await,
                    [reservation.as_str()],
                    "{domain}{path}"
                );
            }
        }
        let element_string = code["epc_join_key"].as_str().unwrap();
        for text in [
            element_string.to_owned(),
            format!("{element_string}(10)LOT(17)271231"),
            format!("(10)LOT(1){element_string}"),
        ] {
            assert_eq!(by_element_string(&server, &text).await, [reservation.as_str()], "{text}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_another_key_or_of_another_order_finds_nothing() {
    // Without a domain of short links nothing but the form of a link tells what it is.
    let server = start("").await;
    let (short, code) = one(&server, body(PLAIN, "short_code", Value::Null)).await;
    let (_, serial) = one(&server, body(PLAIN, "sgtin", json!("/01/09506000134352"))).await;
    let (code, serial) = (code["code"].as_str().unwrap(), serial["code"].as_str().unwrap());
    for link in ["https://go.example.com/CODE", "https://go.example.com/s/CODE/?x=1#y", "/CODE"] {
        assert_eq!(by_link(&server, &link.replace("CODE", code)).await, [short.as_str()], "{link}");
    }
    for path in [
        "/414/9312345000005/254/CODE",
        "/gln/9312345000005/glnx/CODE",
        "/417/9312345000005/7040/CODE",
        "/415/9312345000005/8020/CODE",
        "/8017/950600000000000006/8019/CODE",
        "/8013/CODE",
        "/401/CODE",
        "/402/CODE",
        "/01/09506000134352/10/CODE",
        "/01/09506000134352/235/CODE",
        "/01/09506000134352/CODE",
        "/21/CODE",
        "/01/09506000134352/21/SERIAL/10/LOT",
        "/01/09506000134352/254/X/21/SERIAL",
        "/01/09506000134352/10/LOT",
    ] {
        let path = path.replace("CODE", code).replace("SERIAL", serial);
        for link in [
            format!("https://id.gs1.org{path}"),
            format!("https://id.gs1.org{path}/"),
            format!("https://go.example.com/s{path}?x=1#y"),
            path.clone(),
        ] {
            assert_eq!(by_link(&server, &link).await, Vec::<String>::new(), "{link}");
        }
    }
    for text in ["(414)9312345000005(254)CODE", "(10)CODE", "(01)09506000134352(21)SERIAL(21)OTHER"] {
        let text = text.replace("CODE", code).replace("SERIAL", serial);
        assert_eq!(by_element_string(&server, &text).await, Vec::<String>::new(), "{text}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_link_is_found_on_the_domains_of_short_links_only() {
    let server = start("https://go.example.com").await;
    let (of_deployment, code) = one(&server, body(PLAIN, "short_code", Value::Null)).await;
    let (of_organisation, own) = one(&server, body(OWN_DOMAIN, "short_code", Value::Null)).await;
    let (code, own) = (&code["digital_link"], &own["digital_link"]);
    let (code, own) = (code.as_str().unwrap(), own.as_str().unwrap());
    for (link, domain, reservation) in
        [(code, "https://go.example.com", &of_deployment), (own, "https://codes.example.com/s", &of_organisation)]
    {
        let path = link.strip_prefix(domain).unwrap();
        let host = domain.replace("https://", "");
        for same in [
            link.to_owned(),
            format!("{link}/?utm=1#top"),
            format!("http://{host}{path}"),
            format!("HTTPS://{}{path}", host.replace("example.com", "EXAMPLE.COM")),
            format!("{host}{path}"),
        ] {
            assert_eq!(by_link(&server, &same).await, [reservation.as_str()], "{same}");
        }
        for other in [
            format!("https://other.example.com{path}"),
            format!("https://www.example.com/watch{path}"),
            format!("{domain}/x{path}"),
            format!("https://id.gs1.org{path}"),
        ] {
            assert_eq!(by_link(&server, &other).await, Vec::<String>::new(), "{other}");
        }
    }
    // The deployment's domain stands for all organisations, also after one has got a domain of its own.
    let moved = own.replace("https://codes.example.com/s", "https://go.example.com");
    assert_eq!(by_link(&server, &moved).await, [of_organisation.as_str()]);
    server.stop().await;
}
