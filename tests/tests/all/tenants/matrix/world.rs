//! The world of the matrix: two organisations with a finished reservation, a file, codes and users each, and everybody
//! who may call.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use common::{directory::Role, reservation::ProfileName, store::profile_id};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    rest::oidc::Issuer,
    support::{
        api::{CODES, RESERVATIONS, Reply},
        harness::{Running, Setup, completed},
        profiles::{add, lines},
    },
};

/// The subject of the administrator who signs in with a JWT.
const SUBJECT: &str = "auth0|matrix";

/// A row that a request is about, with all that leads to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    /// The organisation, which has no row of its own where nothing exists.
    pub(super) organisation: String,
    pub(super) organisation_name: String,
    /// Its export profile.
    pub(super) profile: String,
    /// The reservation.
    pub(super) id: String,
    pub(super) product: String,
    pub(super) reference: String,
    /// The file of its export.
    pub(super) file: String,
    pub(super) file_name: String,
    /// Its first code.
    pub(super) code_id: String,
    pub(super) code: String,
    pub(super) link: String,
    pub(super) join_key: String,
    /// The user who created it.
    pub(super) user: String,
    pub(super) first_name: String,
    pub(super) email: String,
}

impl Target {
    /// All texts that belong to it, each with its name.
    fn texts(&self) -> [(&'static str, &str); 15] {
        [
            ("link", &self.link),
            ("join key", &self.join_key),
            ("organisation name", &self.organisation_name),
            ("organisation", &self.organisation),
            ("profile", &self.profile),
            ("id", &self.id),
            ("product", &self.product),
            ("reference", &self.reference),
            ("file name", &self.file_name),
            ("file", &self.file),
            ("code id", &self.code_id),
            ("code", &self.code),
            ("user", &self.user),
            ("e-mail", &self.email),
            ("first name", &self.first_name),
        ]
    }

    /// A text in which each of its texts is replaced by the name.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        self.texts().into_iter().fold(text.to_owned(), |text, (name, own)| text.replace(own, &format!("<{name}>")))
    }

    /// The name of a text of this target that another text contains.
    pub(super) fn found_in(&self, text: &str) -> Option<&'static str> {
        self.texts().into_iter().find(|(_, own)| text.contains(own)).map(|(name, _)| name)
    }
}

/// Somebody who calls.
pub(super) struct Caller {
    pub(super) name: &'static str,
    pub(super) token: Option<String>,
    /// `None`: the token is refused.
    pub(super) role: Option<Role>,
    /// The organisations whose rows exist for them; `None` means all.
    pub(super) own: Option<Vec<String>>,
}

impl Caller {
    pub(super) fn sees(&self, organisation: &str) -> bool {
        self.own.as_ref().is_none_or(|own| own.iter().any(|one| one == organisation))
    }
}

/// A user, for what lists of users have to show.
pub(super) struct Person {
    pub(super) first_name: String,
    pub(super) own: Option<Vec<String>>,
}

pub(super) struct World {
    pub(super) server: Running,
    pub(super) callers: Vec<Caller>,
    pub(super) people: Vec<Person>,
    /// The row of A, the row of B, and no row.
    pub(super) targets: [Target; 3],
    _folder: TempDir,
}

/// The tables' items, by table and key.
pub(super) type Dump = BTreeMap<(String, String), Stored>;

/// An item of a table.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    key: &'static [&'static str],
    item: HashMap<String, AttributeValue>,
    /// The item in a form that can be compared.
    text: Value,
}

impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl World {
    /// Builds the world: a first system reserves the codes, a second one over the same data does nothing on its own, so
    /// that whatever changes was changed by a request.
    pub(super) async fn new() -> Self {
        let issuer = Issuer::start().await;
        let folder = TempDir::new().unwrap();
        let (mut seed, people) = seed();
        seed["directus_users"].as_array_mut().unwrap().push(json!({
            "id": user_id(90), "first_name": "Jot", "email": "jot@ops.example", "role": "admin",
            "external_identifier": SUBJECT,
        }));
        let setup = Setup::new()
            .rows(&seed)
            .data_dir(&folder.path().join("data"))
            .parameter("OidcIssuer", &issuer.address)
            .parameter("OidcAudience", "codes");
        let server = setup.clone().start().await;
        let targets =
            [made(&server, "alpha", "09521234543213").await, made(&server, "beta", "09506000134352").await, nothing()];
        server.stop().await;
        let server = setup.paused().start().await;
        forget_organisations(&server, &user_id(7)).await;

        let own = |names: &[&str]| Some(names.iter().map(|name| organisation(name)).collect());
        let expired = |claims: &mut Value| claims["exp"] = json!(chrono::Utc::now().timestamp() - 3_600);
        let jwt = |change: &dyn Fn(&mut Value)| {
            issuer.token("k1", |claims| {
                claims["sub"] = json!(SUBJECT);
                change(claims);
            })
        };
        let caller = |name, token: &str, role, own| Caller { name, token: Some(token.to_owned()), role, own };
        let callers = vec![
            Caller { name: "no token", token: None, role: Some(Role::None), own: own(&[]) },
            caller("bad token", "no-such-token", None, own(&[])),
            caller("expired JWT", &jwt(&expired), None, own(&[])),
            caller("JWT of another audience", &jwt(&|claims| claims["aud"] = json!("other")), None, own(&[])),
            caller("user without organisations", "unsaid", None, own(&[])),
            caller("suspended user", "suspended", None, own(&[])),
            caller("role none", "none", Some(Role::None), None),
            caller("reader", "reader", Some(Role::Reader), None),
            caller("reader of A", "reader-a", Some(Role::Reader), own(&["alpha"])),
            caller("writer of A", "writer-alpha", Some(Role::Writer), own(&["alpha"])),
            caller("writer of B", "writer-beta", Some(Role::Writer), own(&["beta"])),
            caller("writer of nothing", "writer-of-nothing", Some(Role::Writer), own(&[])),
            caller("admin of A", "admin-a", Some(Role::Admin), own(&["alpha"])),
            caller("admin", "admin-token", Some(Role::Admin), None),
            caller("admin with a JWT", &jwt(&|_| ()), Some(Role::Admin), None),
        ];
        Self { server, callers, people, targets, _folder: folder }
    }

    /// The targets whose rows exist for a caller.
    pub(super) fn seen_by(&self, caller: &Caller) -> Vec<&Target> {
        self.targets[..2].iter().filter(|target| caller.sees(&target.organisation)).collect()
    }

    pub(super) async fn send(&self, caller: &Caller, method: &str, path: &str, body: &Value) -> Reply {
        let bytes = (!body.is_null()).then(|| body.to_string().into_bytes());
        let json = [("content-type", "application/json")];
        self.server.send(method, path, caller.token.as_deref(), &json, bytes).await
    }

    /// Every item of every table.
    pub(super) async fn dump(&self) -> Dump {
        let mut dump = Dump::new();
        for (table, keys) in self.tables() {
            let scan = self.server.system.context().dynamodb().scan().table_name(&table).consistent_read(true);
            let answer = scan.send().await.unwrap();
            assert!(answer.last_evaluated_key.is_none(), "the table {table} is one page");
            for item in answer.items.unwrap_or_default() {
                let key = keys.iter().map(|key| ((*key).to_owned(), item[*key].clone())).collect();
                let text = plain(&AttributeValue::M(item.clone()));
                dump.insert(
                    (table.clone(), plain(&AttributeValue::M(key)).to_string()),
                    Stored { key: keys, item, text },
                );
            }
        }
        dump
    }

    /// Makes the tables what they were.
    pub(super) async fn restore(&self, before: &Dump) {
        let dynamodb = self.server.system.context().dynamodb();
        let now = self.dump().await;
        for (key, stored) in now.iter().filter(|(key, _)| !before.contains_key(*key)) {
            let item = stored.key.iter().map(|name| ((*name).to_owned(), stored.item[*name].clone())).collect();
            dynamodb.delete_item().table_name(&key.0).set_key(Some(item)).send().await.unwrap();
        }
        for (key, stored) in before.iter().filter(|(key, stored)| now.get(*key) != Some(*stored)) {
            let item = Some(stored.item.clone());
            dynamodb.put_item().table_name(&key.0).set_item(item).send().await.unwrap();
        }
    }

    fn tables(&self) -> [(String, &'static [&'static str]); 5] {
        let tables = self.server.system.context().config().tables.clone();
        [
            (tables.reservations, &["id"]),
            (tables.pools, &["namespace", "entry"]),
            (tables.files, &["id"]),
            (tables.directory, &["kind", "id"]),
            (tables.requests, &["key"]),
        ]
    }
}

fn organisation(name: &str) -> String {
    format!("org-{name}")
}

fn user_id(number: u32) -> String {
    format!("0b0e0000-0000-4000-8000-{number:012}")
}

/// The users and organisations, as a seed.
fn seed() -> (Value, Vec<Person>) {
    /// Number, first name, token, role, organisations; without a list, all.
    type Row = (u32, &'static str, &'static str, &'static str, Option<&'static [&'static str]>);
    let all: &[Row] = &[
        (1, "Ada", "admin-token", "admin", None),
        (2, "Rita", "reader", "reader", None),
        (3, "Nemo", "none", "none", None),
        (4, "Anna", "writer-alpha", "writer", Some(&["alpha"])),
        (5, "Boris", "writer-beta", "writer", Some(&["beta"])),
        (6, "Adele", "admin-a", "admin", Some(&["alpha"])),
        (7, "Una", "unsaid", "admin", None),
        (8, "Susi", "suspended", "admin", None),
        (9, "Rosa", "reader-a", "reader", Some(&["alpha"])),
        (10, "Nobu", "writer-of-nothing", "writer", Some(&[])),
    ];
    let mut users = Vec::new();
    let mut people = vec![Person { first_name: "Jot".to_owned(), own: None }];
    for (number, first_name, token, role, own) in all {
        let own: Option<Vec<_>> = own.map(|own| own.iter().map(|name| organisation(name)).collect());
        let mut user = json!({"id": user_id(*number), "first_name": first_name, "token": token, "role": role,
            "last_name": "Matrix", "email": format!("{token}@people.example"),
            "status": if *token == "suspended" { "suspended" } else { "active" }});
        if let Some(own) = &own {
            user["organisations"] = json!(own);
        }
        users.push(user);
        // The row of this one loses its organisations, which leaves it a member of none.
        people.push(Person { first_name: (*first_name).to_owned(), own });
    }
    let organisations = ["alpha", "beta"].map(
        |name| json!({"id": organisation(name), "organisation_name": format!("Mills of {name}"), "city": "Bergen"}),
    );
    (json!({"directus_users": users, "organisation": organisations}), people)
}

/// The name of a profile of each organisation.
const PROFILE: &str = "labels";

/// The id of an organisation's profile.
fn profile(organisation: &str) -> String {
    profile_id(Some(organisation), ProfileName::parse(PROFILE).unwrap()).to_string()
}

/// Adds a profile, reserves codes as the writer of an organisation, and waits until they are there.
async fn made(server: &Running, name: &str, gtin: &str) -> Target {
    let token = format!("writer-{name}");
    add(server.system.context(), Some(&organisation(name)), &lines(PROFILE, "{code}")).await;
    let input = json!({"reserved_for": organisation(name), "code_type": "sgtin", "quantity": 3,
        "product": format!("/01/{gtin}"), "reference_id": format!("ref-{name}")});
    let id = server.json("POST", RESERVATIONS, &token, &input).await.data()["id"].as_str().unwrap().to_owned();
    let item = completed(&server.api.with_token(Some(&token)), &id).await;
    let file = item["export_file"].as_str().unwrap().to_owned();
    let code = server.get(&format!("{CODES}?filter[reservation][_eq]={id}&limit=1"), &token).await.data()[0].clone();
    let file_row = server.get(&format!("/files/{file}"), &token).await.data();
    let user = server.get("/users/me", &token).await.data();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Target {
        organisation: organisation(name),
        organisation_name: format!("Mills of {name}"),
        profile: profile(&organisation(name)),
        product: format!("/01/{gtin}"),
        reference: format!("ref-{name}"),
        file_name: text(&file_row["filename_download"]),
        code_id: text(&code["id"]),
        code: text(&code["code"]),
        link: text(&code["digital_link"]),
        join_key: text(&code["epc_join_key"]),
        user: text(&user["id"]),
        first_name: text(&user["first_name"]),
        email: text(&user["email"]),
        id,
        file,
    }
}

/// What exists nowhere, in the same forms.
fn nothing() -> Target {
    let text = str::to_owned;
    Target {
        organisation: text("org-gamma"),
        organisation_name: text("Mills of gamma"),
        profile: profile("org-gamma"),
        id: text("0193aaaa-0000-7000-8000-00000000dead"),
        product: text("/01/19361758000003"),
        reference: text("ref-gamma"),
        file: text("0193aaaa-0000-4000-8000-0000000000ff"),
        file_name: text("gamma.csv"),
        code_id: text("0193aaaa-0000-8000-8000-00000000c0de"),
        code: text("zzzzzzzz"),
        link: text("https://id.gs1.org/01/19361758000003/21/zzzzzzzz"),
        join_key: text("urn:epc:id:sgtin:1936175.800000.zzzzzzzz"),
        user: user_id(99),
        first_name: text("Gustav"),
        email: text("gamma@people.example"),
    }
}

/// Takes the attribute `organisations` from a user's row, and adds one that is misspelt.
async fn forget_organisations(server: &Running, user: &str) {
    let context = server.system.context();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = context.dynamodb().update_item().table_name(&context.config().tables.directory);
    let update = update.key("kind", text("user")).key("id", text(user));
    let update = update.update_expression("REMOVE organisations SET organizations = :all");
    update.expression_attribute_values(":all", text("*")).send().await.unwrap();
}

/// An attribute as JSON, which has an order.
fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(truth) => json!(truth),
        AttributeValue::L(items) => items.iter().map(plain).collect(),
        AttributeValue::M(members) => {
            let sorted: BTreeMap<_, _> = members.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
            json!(sorted)
        }
        other => json!(format!("{other:?}")),
    }
}
