//! The pages for people, over HTTP as a browser without scripts uses them. `tests/console/run` uses a real browser.

mod every_index;
mod finding;
mod hosts;
mod kept;
mod oidc;
mod origin;
mod pages;
mod printing;
mod reserving;
mod sessions;

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::{Client, Method, header::HeaderMap, redirect::Policy};
use serde_json::json;

use crate::support::{
    api::encoded,
    harness::{Running, Setup},
};

/// A page.
#[derive(Debug)]
struct Page {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where the answer leads.
    fn leads_to(&self) -> &str {
        assert!(matches!(self.status, 302 | 303), "{self:?}");
        self.header("location")
    }

    /// `Set-Cookie` of a cookie.
    fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        cookies.filter(|cookie| cookie.starts_with(&format!("{name}="))).map(str::to_owned).next_back()
    }

    /// The value of a hidden field.
    fn field(&self, name: &str) -> String {
        let begin = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.text.split_once(&begin).unwrap_or_else(|| panic!("{name}: {}", self.text));
        text_of(rest.split('"').next().unwrap())
    }

    /// The value of a field that a person fills in.
    fn value(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("<input id=\"{name}\"")).unwrap_or_else(|| panic!("{name}"));
        let (_, rest) = rest.split('>').next().unwrap().split_once("value=\"").unwrap_or_else(|| panic!("{name}"));
        text_of(rest.split('"').next().unwrap())
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        assert!(self.text.contains(text), "{text} is not in {}: {}", self.status, self.text);
    }
}

/// A browser: it keeps cookies, and sends the origin of the page with forms. It does not follow redirects.
struct Browser {
    http: Client,
    url: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Browser {
    fn of(running: &Running) -> Self {
        let http = Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(60)).build().unwrap();
        let url = format!("http://{}", running.system.address().unwrap());
        Self { http, url, cookies: Mutex::default() }
    }

    /// A browser that is signed in.
    async fn signed_in(running: &Running, token: &str) -> Self {
        let browser = Self::of(running);
        let page = browser.post("/console/sign-in", &[("token", token)]).await;
        assert_eq!(page.leads_to(), "/", "{page:?}");
        browser
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Page {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        let kept: Vec<_> = self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !kept.is_empty() {
            request = request.header("cookie", kept.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        for cookie in headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            if attributes.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Page { status, headers, text: answer.text().await.unwrap() }
    }

    async fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, &[], None).await
    }

    /// Sends a form from a page of this site.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let origin = self.url.clone();
        self.post_from(&origin, path, fields).await
    }

    /// Sends a form from a page of an origin.
    async fn post_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(Method::POST, path, &[("origin", origin)], Some(form(fields))).await
    }

    fn session(&self) -> Option<String> {
        self.cookies.lock().unwrap().get("console_session").cloned()
    }
}

/// The text that markup stands for.
fn text_of(markup: &str) -> String {
    markup.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Fields as the body of a form.
fn form(fields: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", encoded(&json!(value)));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Markup that a person could try to put into a page.
const MARKUP: &str = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>";

const ADMIN: &str = "admin-token-of-the-pages";
const WRITER: &str = "writer-token-of-the-pages";
const READER: &str = "reader-token-of-the-pages";
const STRANGER: &str = "stranger-token-of-the-pages";
const ORGANISATION: &str = "/417/9312345000012";
const OTHER: &str = "/417/5555999200016";

/// The form that most tests send.
const FORM: [(&str, &str); 6] = [
    ("reserved_for", ORGANISATION),
    ("code_type", "sgtin"),
    ("product", "/01/19361758000003"),
    ("quantity", "100"),
    ("export_type", "csv"),
    ("reference_id", "BATCH-2024-001"),
];

/// The form with another value of a field.
fn with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    FORM.into_iter().filter(|(field, _)| *field != name).chain([(name, value)]).collect()
}

/// Changes the status of a user, as an operator does.
async fn set_status(running: &Running, user: &str, status: &str) {
    let context = running.context();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = context.dynamodb().update_item().table_name(&context.config().tables.directory);
    let update = update.key("kind", text("user")).key("id", text(user)).update_expression("SET #status = :status");
    let update = update.expression_attribute_names("#status", "status");
    update.expression_attribute_values(":status", text(status)).send().await.unwrap();
}

/// Users of every role and two organisations, one with a name of markup.
fn people() -> Setup {
    let user = |number: u32, role: &str, token: &str, organisations: serde_json::Value| {
        json!({ "id": format!("00000000-0000-4000-8000-00000000000{number}"), "first_name": role, "last_name": "Person",
            "email": format!("{role}{number}@example.com"), "role": role, "token": token, "organisations": organisations })
    };
    Setup::new().rows(&json!({
        "directus_users": [
            user(1, "admin", ADMIN, json!(null)),
            user(2, "writer", WRITER, json!([ORGANISATION])),
            user(3, "reader", READER, json!([ORGANISATION])),
            user(4, "writer", STRANGER, json!([OTHER])),
        ],
        "organisation": [
            { "id": ORGANISATION, "organisation_name": MARKUP, "organisation_company_prefix": "9361758", "city": MARKUP },
            { "id": OTHER, "organisation_name": "Other" },
        ],
    }))
}
