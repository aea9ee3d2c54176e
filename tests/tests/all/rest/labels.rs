//! Pictures of codes: who gets them, how they are cached, and which requests are refused.

use serde_json::{Value, json};

use crate::support::{
    api::{CODES, RESERVATIONS},
    harness::{Running, Setup, completed},
};

const ORGANISATION: &str = "/417/9506000111117";
const ADMIN: &str = "admin";
/// May read, of another organisation only.
const STRANGER: &str = "stranger";

async fn start() -> Running {
    let users = [(ADMIN, "admin", Value::Null), (STRANGER, "reader", json!(["/417/9506000222226"]))];
    let users: Vec<Value> = users
        .iter()
        .enumerate()
        .map(|(number, (token, role, organisations))| {
            json!({"id": format!("00000000-0000-4000-8000-00000000000{number}"), "status": "active", "role": role,
                "token": token, "organisations": organisations})
        })
        .collect();
    let organisation =
        json!({"id": ORGANISATION, "organisation_name": "Alpha", "organisation_company_prefix": "9506000"});
    Setup::new().rows(&json!({"directus_users": users, "organisation": [organisation]})).start().await
}

/// A code of this type.
async fn code(server: &Running, code_type: &str, product: Value) -> Value {
    let body = json!({"reserved_for": ORGANISATION, "code_type": code_type, "quantity": 1, "product": product});
    let made = server.json("POST", RESERVATIONS, ADMIN, &body).await.data();
    let id = made["id"].as_str().unwrap();
    completed(&server.api.with_token(Some(ADMIN)), id).await;
    let path = format!("{CODES}?filter[reservation][_eq]={id}&fields=*,epc_hex");
    server.get(&path, ADMIN).await.data()[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_drawn_in_both_formats_with_its_element_string() {
    let server = start().await;
    let code = code(&server, "sgtin", json!("/01/09506000134352")).await;
    let path = format!("{CODES}/{}/label", code["id"].as_str().unwrap());
    for symbol in ["", "&symbol=qr", "&symbol=datamatrix", "&symbol=gs1-qr"] {
        let svg = server.get(&format!("{path}.svg?size=8{symbol}"), ADMIN).await;
        assert_eq!((svg.status, svg.header("content-type")), (200, "image/svg+xml"), "{symbol}");
        // The text below a narrow symbol has several lines.
        let shown: String = svg.text.split("</text>").filter_map(|part| part.rsplit('>').next()).collect();
        assert!(svg.text.starts_with("<svg ") && shown.contains("(01)09506000134352"), "{}", svg.text);
        let without = server.get(&format!("{path}.svg?text=false{symbol}"), ADMIN).await;
        assert!(!without.text.contains("<text"));
        let png = server.get(&format!("{path}.png?size=8{symbol}"), ADMIN).await;
        assert_eq!((png.status, png.header("content-type")), (200, "image/png"), "{symbol}");
        assert!(png.text.starts_with("\u{fffd}PNG\r\n\u{1a}\n"), "the bytes arrive as they are");
        assert_eq!(png.header("x-content-type-options"), "nosniff");
        // A slash at the end does not change a path.
        let slash = server.get(&format!("{path}.png/?size=8{symbol}"), ADMIN).await;
        assert_eq!(slash.shape(), png.shape());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_has_the_rights_of_its_code_and_is_kept_until_it_changes() {
    let server = start().await;
    let code = code(&server, "sscc", Value::Null).await;
    let row = format!("{CODES}/{}", code["id"].as_str().unwrap());
    for extension in ["svg", "png"] {
        let path = format!("{row}/label.{extension}");
        let first = server.get(&path, ADMIN).await;
        let tag = first.header("etag").to_owned();
        assert_eq!(first.header("cache-control"), "private, no-cache");
        let again = server.send("GET", &path, Some(ADMIN), &[("if-none-match", &tag)], None).await;
        assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", tag.as_str()));
        let other = server.send("GET", &format!("{path}?size=5"), Some(ADMIN), &[("if-none-match", &tag)], None).await;
        assert_eq!(other.status, 200);
        let head = server.send("HEAD", &path, Some(ADMIN), &[], None).await;
        assert_eq!((head.status, head.text.as_str(), head.header("etag")), (200, "", tag.as_str()));
        for (token, status) in [(Some(STRANGER), 403), (Some("bad"), 401), (None, 403)] {
            let refused = server.send("GET", &path, token, &[("if-none-match", &tag)], None).await;
            let of_code = server.send("GET", &row, token, &[], None).await;
            assert_eq!(refused.status, status, "{token:?}");
            assert_eq!(refused.shape(), of_code.shape(), "{token:?}");
        }
    }
    for nothing in ["no-uuid", "0193aaaa-0000-8000-8000-00000000c0de"] {
        let picture = server.get(&format!("{CODES}/{nothing}/label.svg"), ADMIN).await;
        assert_eq!(picture.shape(), server.get(&format!("{CODES}/{nothing}"), ADMIN).await.shape());
        assert_eq!(picture.status, 403);
    }
    for path in ["label.gif", "label", "label.svg/more", "label.SVG"] {
        let reply = server.get(&format!("{row}/{path}"), ADMIN).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "ROUTE_NOT_FOUND"), "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_out_of_their_range_are_refused_before_the_code_is_looked_for() {
    let server = start().await;
    let unknown = format!("{CODES}/0193aaaa-0000-8000-8000-00000000c0de/label.png");
    for query in [
        "symbol=aztec",
        "symbol=QR",
        "symbol=",
        "symbol=qr&symbol=qr",
        "size=0",
        "size=33",
        "size=1e1",
        "size=%20 4",
        "size=-4",
        "size=99999999999999999999999",
        "quiet_zone=33",
        "quiet_zone=",
        "text=1",
        "text[]=true",
    ] {
        let reply = server.get(&format!("{unknown}?{}", query.replace(' ', "%20")), ADMIN).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_QUERY"), "{query}: {}", reply.text);
        let name = query.split(['=', '[']).next().unwrap();
        assert!(reply.reason().starts_with(&format!("\"{name}\" has to be ")), "{query}: {}", reply.reason());
    }
    server.stop().await;
}

/// The text of an SVG, its lines together.
fn text_of(svg: &str) -> String {
    let lines = svg.split("<text ").skip(1).filter_map(|line| line.split_once('>')?.1.split_once('<'));
    lines.map(|(line, _)| line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_shows_lot_and_dates_as_the_file_does() {
    let server = start().await;
    let body = json!({"reserved_for": ORGANISATION, "code_type": "sgtin", "quantity": 1,
        "product": "/01/09506000134352", "lot": "L/7", "expiry_date": "2027-12-31"});
    let made = server.json("POST", RESERVATIONS, ADMIN, &body).await.data();
    let item = completed(&server.api.with_token(Some(ADMIN)), made["id"].as_str().unwrap()).await;
    let file = server.api.with_token(Some(ADMIN)).download(item["export_file"].as_str().unwrap()).await;
    let file = String::from_utf8(file).unwrap();
    let row: Vec<&str> = file.lines().nth(1).unwrap().split(',').collect();
    assert!(row[3].contains("(17)271231(10)L/7(21)"), "{file}");
    let codes = format!("{CODES}?filter[reservation][_eq]={}&fields=id", made["id"].as_str().unwrap());
    let code = server.get(&codes, ADMIN).await.data()[0]["id"].as_str().unwrap().to_owned();
    for symbol in ["qr", "datamatrix", "gs1-qr"] {
        let svg = server.get(&format!("{CODES}/{code}/label.svg?size=8&symbol={symbol}"), ADMIN).await;
        assert_eq!((svg.status, text_of(&svg.text).as_str()), (200, row[3]), "{symbol}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_code_is_a_qr_code_only() {
    let server = start().await;
    let code = code(&server, "short_code", Value::Null).await;
    let path = format!("{CODES}/{}/label.svg", code["id"].as_str().unwrap());
    let qr = server.get(&path, ADMIN).await;
    assert_eq!(qr.status, 200);
    assert!(qr.text.contains(code["code"].as_str().unwrap()), "the text is the code");
    for symbol in ["datamatrix", "gs1-qr"] {
        let reply = server.get(&format!("{path}?symbol={symbol}"), ADMIN).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_QUERY"));
        assert!(reply.reason().contains("short code") && reply.reason().contains("\"qr\""), "{}", reply.reason());
    }
    server.stop().await;
}
