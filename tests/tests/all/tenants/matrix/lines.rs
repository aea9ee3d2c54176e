//! The lines of the matrix: each is a request that is about one row, with the right that it needs and with what it
//! answers to a caller who has the right but not the row.

use common::directory::Role;
use serde_json::{Value, json};

use super::world::Target;
use crate::support::api::{CODES, RESERVATIONS, encoded};

/// What a caller needs besides the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing, and the token is not even looked at.
    Nothing,
    /// No token, or one that is valid.
    NoBadToken,
    /// A valid token.
    Token,
    /// To read reservations, codes or files.
    Read,
    /// To change reservations.
    Write,
    /// To read users.
    Users,
    /// To read organisations.
    Organisations,
    /// To change users and organisations: an administrator of all organisations.
    Administration,
}

impl Needs {
    /// The table of rights, written a second time: a change of the first must be meant.
    pub(super) fn are_met_by(self, role: Role, has_token: bool, is_limited: bool) -> bool {
        use Role::{Admin, Reader, Writer};
        match self {
            Self::Nothing | Self::NoBadToken => true,
            Self::Token => has_token,
            Self::Read => matches!(role, Admin | Writer | Reader),
            Self::Write | Self::Users => matches!(role, Admin | Writer),
            Self::Organisations => matches!(role, Admin | Reader),
            Self::Administration => role == Admin && !is_limited,
        }
    }
}

/// The answer for a row that does not exist for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// 403 without a reason.
    Forbidden,
    /// 200, as if nothing matched.
    NoMatch,
    /// 204, and nothing is changed.
    NoContent,
    /// GraphQL: an error `FORBIDDEN` beside `null`.
    Null,
    /// The request is about no row: whoever has the right gets this status.
    Status(u16),
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Value,
}

/// A line.
pub(super) struct Line {
    /// The route of the template that answers.
    pub(super) route: &'static str,
    /// The root field, if the route is one of GraphQL.
    pub(super) root: &'static str,
    /// What a row is asked or told.
    pub(super) what: &'static str,
    pub(super) needs: Needs,
    pub(super) hidden: Hidden,
    /// Whether it makes rows: then the organisation need not have one.
    pub(super) creates: bool,
    pub(super) ask: fn(&Target) -> Ask,
}

impl Line {
    pub(super) fn is_graphql(&self) -> bool {
        self.route.contains("/graphql")
    }
}

fn ask(method: &'static str, path: impl Into<String>, body: Value) -> Ask {
    Ask { method, path: path.into(), body }
}

fn get(path: impl Into<String>) -> Ask {
    ask("GET", path, Value::Null)
}

/// A list with a filter, and with other parameters.
fn list(path: &str, filter: &Value, more: &str) -> Ask {
    get(format!("{path}?filter={}{more}", encoded(filter)))
}

fn line(route: &'static str, what: &'static str, needs: Needs, hidden: Hidden, ask: fn(&Target) -> Ask) -> Line {
    Line { route, root: "", what, needs, hidden, creates: false, ask }
}

/// All lines. The first of each route is also sent with a trailing slash and as HEAD, where the template has the route.
pub(super) fn lines() -> Vec<Line> {
    [reading(), relations(), codes(), files(), directory(), administration(), writing(), graphql(), elsewhere()]
        .into_iter()
        .flatten()
        .collect()
}

fn reading() -> Vec<Line> {
    const ONE: &str = "GET /items/code_reservation/{id}";
    const MANY: &str = "GET /items/code_reservation";
    const SEARCH: &str = "SEARCH /items/code_reservation";
    let read = |route, what, hidden, ask| line(route, what, Needs::Read, hidden, ask);
    use Hidden::{Forbidden, NoMatch};
    vec![
        read(ONE, "the row", Forbidden, |t| get(format!("{RESERVATIONS}/{}", t.id))),
        read(ONE, "its codes", Forbidden, |t| get(format!("{RESERVATIONS}/{}?fields=codes.*", t.id))),
        read(ONE, "a filter of it", Forbidden, |t| get(format!("{RESERVATIONS}/{}?filter[quantity][_gt]=1", t.id))),
        read(MANY, "by id", NoMatch, |t| list(RESERVATIONS, &json!({"id": {"_eq": t.id}}), "")),
        read(MANY, "by ids", NoMatch, |t| {
            list(RESERVATIONS, &json!({"id": {"_in": [t.id, "0193aaaa-0000-7000-8000-000000000bad"]}}), "")
        }),
        read(MANY, "by product", NoMatch, |t| list(RESERVATIONS, &json!({"product": {"_eq": t.product}}), "")),
        read(MANY, "by product, counted", NoMatch, |t| {
            list(RESERVATIONS, &json!({"product": {"_eq": t.product}}), "&aggregate[count]=*")
        }),
        read(MANY, "by product, counted beside", NoMatch, |t| {
            list(RESERVATIONS, &json!({"product": {"_eq": t.product}}), "&limit=0&meta=filter_count")
        }),
        read(MANY, "by reference", NoMatch, |t| {
            list(RESERVATIONS, &json!({"reference_id": {"_eq": t.reference}}), "&fields=id")
        }),
        read(MANY, "by reference, backwards", NoMatch, |t| {
            list(RESERVATIONS, &json!({"reference_id": {"_in": [t.reference, "none"]}}), "&sort=-id")
        }),
        read(MANY, "by organisation", NoMatch, |t| {
            list(RESERVATIONS, &json!({"reserved_for": {"_eq": t.organisation}}), "")
        }),
        read(MANY, "by organisation, counted", NoMatch, |t| {
            list(RESERVATIONS, &json!({"reserved_for": {"_eq": t.organisation}}), "&aggregate[count]=*")
        }),
        read(MANY, "one of two", NoMatch, |t| {
            list(RESERVATIONS, &json!({"_or": [{"id": {"_eq": t.id}}, {"reference_id": {"_eq": t.reference}}]}), "")
        }),
        read(MANY, "by user", NoMatch, |t| list(RESERVATIONS, &json!({"user_created": {"_eq": t.user}}), "")),
        read(MANY, "by file", NoMatch, |t| list(RESERVATIONS, &json!({"export_file": {"_eq": t.file}}), "")),
        read(MANY, "by code", NoMatch, |t| {
            list(
                RESERVATIONS,
                &json!({"codes": {"_some": {"code": {"_eq": t.code}, "product": {"_eq": t.product}}}}),
                "",
            )
        }),
        read(MANY, "by link", NoMatch, |t| {
            list(RESERVATIONS, &json!({"codes": {"_some": {"digital_link": {"_eq": t.link}}}}), "")
        }),
        read(MANY, "search", NoMatch, |t| get(format!("{RESERVATIONS}?search={}", t.reference))),
        read(MANY, "search, counted", NoMatch, |t| {
            get(format!("{RESERVATIONS}?search={}&aggregate[count]=*", t.reference))
        }),
        read(MANY, "groups", NoMatch, |t| {
            list(
                RESERVATIONS,
                &json!({"product": {"_eq": t.product}}),
                "&groupBy[]=reserved_for&groupBy[]=status&aggregate[sum]=quantity",
            )
        }),
        read(MANY, "export", NoMatch, |t| {
            list(RESERVATIONS, &json!({"product": {"_eq": t.product}}), "&export=csv&fields=reference_id")
        }),
        read(SEARCH, "by keys", NoMatch, |t| ask("SEARCH", RESERVATIONS, json!({"keys": [t.id]}))),
        read(SEARCH, "by product", NoMatch, |t| {
            ask("SEARCH", RESERVATIONS, json!({"query": {"filter": {"product": {"_eq": t.product}}}}))
        }),
    ]
}

/// Rows of other collections, reached over the reservation, and conditions on them.
fn relations() -> Vec<Line> {
    const MANY: &str = "GET /items/code_reservation";
    let read = |what, ask| line(MANY, what, Needs::Read, Hidden::NoMatch, ask);
    let users = |what, ask| line(MANY, what, Needs::Users, Hidden::NoMatch, ask);
    vec![
        read("by file name", |t| {
            list(RESERVATIONS, &json!({"export_file": {"filename_download": {"_eq": t.file_name}}}), "")
        }),
        read("sorted by file name", |t| {
            list(
                RESERVATIONS,
                &json!({"id": {"_eq": t.id}}),
                "&sort=export_file.filename_download&fields=id,export_file.*",
            )
        }),
        users("by the user's name", |t| {
            list(RESERVATIONS, &json!({"user_created": {"first_name": {"_eq": t.first_name}}}), "")
        }),
        users("sorted by the user's name", |t| {
            list(RESERVATIONS, &json!({"id": {"_eq": t.id}}), "&sort=user_created.first_name&fields=id,user_created.*")
        }),
        read("grouped by user", |t| {
            list(RESERVATIONS, &json!({"id": {"_eq": t.id}}), "&groupBy[]=user_created&aggregate[count]=*")
        }),
        line(MANY, "with the organisation", Needs::Organisations, Hidden::NoMatch, |t| {
            list(
                RESERVATIONS,
                &json!({"id": {"_eq": t.id}}),
                "&fields=id,reserved_for.*&sort=reserved_for.organisation_name",
            )
        }),
    ]
}

fn codes() -> Vec<Line> {
    const ONE: &str = "GET /items/unique_code/{id}";
    const MANY: &str = "GET /items/unique_code";
    let many = |what, ask| line(MANY, what, Needs::Read, Hidden::NoMatch, ask);
    vec![
        line(ONE, "the code", Needs::Read, Hidden::Forbidden, |t| get(format!("{CODES}/{}", t.code_id))),
        line(ONE, "its reservation", Needs::Read, Hidden::Forbidden, |t| {
            get(format!("{CODES}/{}?fields=reservation.*", t.code_id))
        }),
        line("GET /items/unique_code/{id}/label.svg", "its picture", Needs::Read, Hidden::Forbidden, |t| {
            get(format!("{CODES}/{}/label.svg", t.code_id))
        }),
        line("GET /items/unique_code/{id}/label.png", "its picture", Needs::Read, Hidden::Forbidden, |t| {
            get(format!("{CODES}/{}/label.png?text=false", t.code_id))
        }),
        many("of a reservation", |t| list(CODES, &json!({"reservation": {"_eq": t.id}}), "")),
        many("of a reservation, counted", |t| {
            list(CODES, &json!({"reservation": {"_eq": t.id}}), "&aggregate[count]=*")
        }),
        many("of a reservation, counted beside", |t| {
            list(CODES, &json!({"reservation": {"_in": [t.id]}}), "&limit=0&meta=*")
        }),
        many("by id", |t| list(CODES, &json!({"id": {"_eq": t.code_id}}), "")),
        many("by code", |t| list(CODES, &json!({"code": {"_eq": t.code}, "product": {"_eq": t.product}}), "")),
        many("by link", |t| list(CODES, &json!({"digital_link": {"_eq": t.link}}), "")),
        many("by join key", |t| list(CODES, &json!({"epc_join_key": {"_eq": t.join_key}}), "")),
        many("searched", |t| list(CODES, &json!({"reservation": {"_eq": t.id}}), &format!("&search={}", t.code))),
        many("grouped", |t| {
            list(CODES, &json!({"reservation": {"_eq": t.id}}), "&groupBy[]=product&aggregate[count]=id")
        }),
    ]
}

fn files() -> Vec<Line> {
    use Hidden::{Forbidden, NoMatch};
    let read = |route, what, hidden, ask| line(route, what, Needs::Read, hidden, ask);
    vec![
        read("GET /files/{id}", "the file", Forbidden, |t| get(format!("/files/{}", t.file))),
        read("GET /files", "by id", NoMatch, |t| list("/files", &json!({"id": {"_eq": t.file}}), "")),
        read("GET /files", "by name", NoMatch, |t| {
            list("/files", &json!({"filename_download": {"_eq": t.file_name}}), "")
        }),
        read("GET /files", "by name, counted", NoMatch, |t| {
            list("/files", &json!({"filename_download": {"_eq": t.file_name}}), "&aggregate[count]=*")
        }),
        read("GET /files", "search", NoMatch, |t| get(format!("/files?search={}&meta=filter_count", t.file_name))),
        read("GET /files", "grouped", NoMatch, |t| {
            list("/files", &json!({"id": {"_eq": t.file}}), "&groupBy[]=filename_download")
        }),
        read("GET /assets/{id}", "its bytes", Forbidden, |t| get(format!("/assets/{}", t.file))),
        read("GET /assets/{id}", "its bytes, to keep", Forbidden, |t| get(format!("/assets/{}?download", t.file))),
        read("GET /assets/{id}/{name}", "its bytes by name", Forbidden, |t| get(format!("/assets/{}/x.csv", t.file))),
    ]
}

fn directory() -> Vec<Line> {
    use Hidden::{Forbidden, NoMatch, Status};
    const USERS: &str = "GET /users";
    const ORGANISATION: &str = "GET /items/organisation/{proxy+}";
    const ORGANISATIONS: &str = "GET /items/organisation";
    const PROFILES: &str = "GET /items/export_profile";
    let users = |what, ask| line(USERS, what, Needs::Users, NoMatch, ask);
    let organisations = |what, ask| line(ORGANISATIONS, what, Needs::Organisations, NoMatch, ask);
    vec![
        line("GET /users/{id}", "the user", Needs::Users, Forbidden, |t| get(format!("/users/{}", t.user))),
        line("GET /users/{id}", "the name", Needs::Users, Forbidden, |t| {
            get(format!("/users/{}?fields=first_name", t.user))
        }),
        users("by id", |t| list("/users", &json!({"id": {"_eq": t.user}}), "")),
        users("by name", |t| list("/users", &json!({"first_name": {"_eq": t.first_name}}), "&fields=id")),
        users("by name, counted", |t| {
            list("/users", &json!({"first_name": {"_eq": t.first_name}}), "&aggregate[count]=*")
        }),
        users("search", |t| get(format!("/users?search={}&meta=filter_count", t.first_name))),
        users("grouped", |t| {
            list("/users", &json!({"id": {"_eq": t.user}}), "&groupBy[]=last_name&aggregate[count]=id")
        }),
        users("export", |t| list("/users", &json!({"id": {"_eq": t.user}}), "&export=json")),
        line("GET /users/me", "oneself", Needs::Token, Status(200), |_| get("/users/me?fields=id")),
        line(ORGANISATION, "the organisation", Needs::Organisations, Forbidden, |t| {
            get(format!("/items/organisation/{}", t.organisation))
        }),
        organisations("by id", |t| list("/items/organisation", &json!({"id": {"_eq": t.organisation}}), "")),
        organisations("by name, counted", |t| {
            list(
                "/items/organisation",
                &json!({"organisation_name": {"_eq": t.organisation_name}}),
                "&aggregate[count]=*",
            )
        }),
        organisations("search", |t| {
            get(format!("/items/organisation?search={}&meta=filter_count", encoded(&json!(t.organisation_name))))
        }),
        line("GET /items/export_profile/{id}", "the profile", Needs::Read, Forbidden, |t| {
            get(format!("/items/export_profile/{}", t.profile))
        }),
        line(PROFILES, "by id", Needs::Read, NoMatch, |t| {
            list("/items/export_profile", &json!({"id": {"_eq": t.profile}}), "")
        }),
        line(PROFILES, "by organisation, counted", Needs::Read, NoMatch, |t| {
            list("/items/export_profile", &json!({"organisation": {"_eq": t.organisation}}), "&aggregate[count]=*")
        }),
    ]
}

/// Writes of users and organisations.
fn administration() -> Vec<Line> {
    use Hidden::{Forbidden, NoContent, NoMatch, Status};
    const USERS: &str = "/users";
    const ORGANISATIONS: &str = "/items/organisation";
    const ORGANISATION: &str = "PATCH /items/organisation/{proxy+}";
    let to = |route, what, hidden, ask| line(route, what, Needs::Administration, hidden, ask);
    let create = |route, what, ask| Line { creates: true, ..to(route, what, Forbidden, ask) };
    fn user(t: &Target) -> Value {
        json!({"email": format!("new-{}", t.email), "role": "reader", "organisations": [t.organisation]})
    }
    fn named(t: &Target) -> Value {
        json!({"filter": {"first_name": {"_eq": t.first_name}}})
    }
    vec![
        create("POST /users", "one", |t| ask("POST", USERS, user(t))),
        create("POST /users", "several", |t| ask("POST", USERS, json!([user(t)]))),
        to("PATCH /users/{id}", "a member", Forbidden, |t| {
            ask("PATCH", format!("/users/{}", t.user), json!({"last_name": "Changed"}))
        }),
        to("PATCH /users/{id}", "the role", Forbidden, |t| {
            ask("PATCH", format!("/users/{}", t.user), json!({"role": "admin", "organisations": "*"}))
        }),
        to("PATCH /users", "keys", Forbidden, |t| {
            ask("PATCH", USERS, json!({"keys": [t.user], "data": {"last_name": "Changed"}}))
        }),
        to("PATCH /users", "rows", Forbidden, |t| ask("PATCH", USERS, json!([{"id": t.user, "role": "admin"}]))),
        to("PATCH /users", "by name", NoMatch, |t| {
            ask("PATCH", USERS, json!({"query": named(t), "data": {"last_name": "Changed"}}))
        }),
        to("DELETE /users/{id}", "the user", Forbidden, |t| ask("DELETE", format!("/users/{}", t.user), Value::Null)),
        to("DELETE /users", "ids", Forbidden, |t| ask("DELETE", USERS, json!([t.user]))),
        to("DELETE /users", "by name", NoContent, |t| ask("DELETE", USERS, json!({ "query": named(t) }))),
        create("POST /items/organisation", "one", |t| {
            ask("POST", ORGANISATIONS, json!({"id": format!("{}-new", t.organisation)}))
        }),
        to(ORGANISATION, "a member", Forbidden, |t| {
            ask("PATCH", format!("{ORGANISATIONS}/{}", t.organisation), json!({"city": "Changed"}))
        }),
        to("PATCH /items/organisation", "keys", Forbidden, |t| {
            ask("PATCH", ORGANISATIONS, json!({"keys": [t.organisation], "data": {"city": "Changed"}}))
        }),
        to("PATCH /items/organisation", "by name", NoMatch, |t| {
            let query = json!({"filter": {"organisation_name": {"_eq": t.organisation_name}}});
            ask("PATCH", ORGANISATIONS, json!({"query": query, "data": {"city": "Changed"}}))
        }),
        // An organisation whose users may sign in stays.
        to("DELETE /items/organisation/{proxy+}", "one in use", Status(422), |_| {
            ask("DELETE", format!("{ORGANISATIONS}/org-alpha"), Value::Null)
        }),
        to("DELETE /items/organisation", "one in use", Status(422), |_| {
            ask("DELETE", ORGANISATIONS, json!(["org-alpha"]))
        }),
    ]
}

fn writing() -> Vec<Line> {
    use Hidden::{Forbidden, NoContent, NoMatch};
    const CREATE: &str = "POST /items/code_reservation";
    const UPDATE: &str = "PATCH /items/code_reservation/{id}";
    const UPDATE_MANY: &str = "PATCH /items/code_reservation";
    const DELETE: &str = "DELETE /items/code_reservation/{id}";
    const DELETE_MANY: &str = "DELETE /items/code_reservation";
    let write = |route, what, hidden, ask| line(route, what, Needs::Write, hidden, ask);
    let create = |what, ask| Line { creates: true, ..line(CREATE, what, Needs::Write, Forbidden, ask) };
    fn new(t: &Target) -> Value {
        json!({"reserved_for": t.organisation, "code_type": "short_code", "quantity": 1})
    }
    fn change() -> Value {
        json!({"purchase_order": "changed"})
    }
    vec![
        create("one", |t| ask("POST", RESERVATIONS, new(t))),
        create("one, with little shown", |t| ask("POST", format!("{RESERVATIONS}?fields=status"), new(t))),
        create("several", |t| ask("POST", RESERVATIONS, json!([new(t), new(t)]))),
        write(UPDATE, "a member", Forbidden, |t| ask("PATCH", format!("{RESERVATIONS}/{}", t.id), change())),
        write(UPDATE_MANY, "keys", Forbidden, |t| {
            ask("PATCH", RESERVATIONS, json!({"keys": [t.id], "data": change()}))
        }),
        write(UPDATE_MANY, "rows", Forbidden, |t| {
            ask("PATCH", RESERVATIONS, json!([{"id": t.id, "purchase_order": "changed"}]))
        }),
        write(UPDATE_MANY, "by id", NoMatch, |t| {
            ask("PATCH", RESERVATIONS, json!({"query": {"filter": {"id": {"_eq": t.id}}}, "data": change()}))
        }),
        write(UPDATE_MANY, "by product", NoMatch, |t| {
            ask("PATCH", RESERVATIONS, json!({"query": {"filter": {"product": {"_eq": t.product}}}, "data": change()}))
        }),
        write(DELETE, "the row", Forbidden, |t| ask("DELETE", format!("{RESERVATIONS}/{}", t.id), Value::Null)),
        write(DELETE_MANY, "ids", Forbidden, |t| ask("DELETE", RESERVATIONS, json!([t.id]))),
        write(DELETE_MANY, "keys", Forbidden, |t| ask("DELETE", RESERVATIONS, json!({"keys": [t.id]}))),
        write(DELETE_MANY, "by reference", NoContent, |t| {
            ask("DELETE", RESERVATIONS, json!({"query": {"filter": {"reference_id": {"_eq": t.reference}}}}))
        }),
    ]
}

/// A root field in which `<id>` and the like stand for the texts of the row.
fn filled(t: &Target, text: &str) -> String {
    let texts = [
        ("<id>", &t.id),
        ("<product>", &t.product),
        ("<reference>", &t.reference),
        ("<organisation>", &t.organisation),
        ("<profile>", &t.profile),
        ("<file>", &t.file),
        ("<file_name>", &t.file_name),
        ("<code_id>", &t.code_id),
        ("<first_name>", &t.first_name),
    ];
    texts.into_iter().fold(text.to_owned(), |text, (name, own)| text.replace(name, own))
}

fn items(t: &Target, root: &str) -> Ask {
    ask("POST", "/graphql", json!({ "query": format!("{{ x: {} }}", filled(t, root)) }))
}

fn change(t: &Target, root: &str) -> Ask {
    ask("POST", "/graphql", json!({ "query": format!("mutation {{ x: {} }}", filled(t, root)) }))
}

fn system(t: &Target, root: &str) -> Ask {
    ask("POST", "/graphql/system", json!({ "query": format!("{{ x: {} }}", filled(t, root)) }))
}

fn by_get(t: &Target, path: &str, root: &str) -> Ask {
    get(format!("{path}?query={}", encoded(&json!(format!("{{ x: {} }}", filled(t, root))))))
}

fn graphql() -> Vec<Line> {
    use Hidden::{NoMatch, Null, Status};
    use Needs::{Read, Token, Users, Write};
    const ITEMS: &str = "POST /graphql";
    const SYSTEM: &str = "POST /graphql/system";
    let of = |route, root, what, needs, hidden, ask| Line { root, ..line(route, what, needs, hidden, ask) };
    let creates = |root, what, ask| Line { creates: true, ..of(ITEMS, root, what, Write, Null, ask) };
    vec![
        of(ITEMS, "code_reservation", "by id", Read, NoMatch, |t| {
            items(t, r#"code_reservation(filter: {id: {_eq: "<id>"}}) { id reference_id }"#)
        }),
        of(ITEMS, "code_reservation", "by product", Read, NoMatch, |t| {
            items(t, r#"code_reservation(filter: {product: {_eq: "<product>"}}) { id reference_id codes { code } }"#)
        }),
        of(ITEMS, "code_reservation", "by the user's name", Users, NoMatch, |t| {
            items(
                t,
                r#"code_reservation(
                    filter: {user_created: {first_name: {_eq: "<first_name>"}}}, sort: "user_created.first_name"
                ) {
                    id user_created { id first_name last_name } }"#,
            )
        }),
        of(ITEMS, "code_reservation", "search", Read, NoMatch, |t| {
            items(t, r#"code_reservation(search: "<reference>") { id export_file { filename_download } }"#)
        }),
        of(ITEMS, "code_reservation_by_id", "the row", Read, Null, |t| {
            items(t, r#"code_reservation_by_id(id: "<id>") { id status }"#)
        }),
        of(ITEMS, "code_reservation_aggregated", "by product", Read, NoMatch, |t| {
            items(
                t,
                r#"code_reservation_aggregated(filter: {product: {_eq: "<product>"}}) { countAll sum { quantity } }"#,
            )
        }),
        of(ITEMS, "code_reservation_aggregated", "groups", Read, NoMatch, |t| {
            items(
                t,
                r#"code_reservation_aggregated(groupBy: ["reserved_for"], filter: {product: {_eq: "<product>"}}) {
                    group countAll
                }"#,
            )
        }),
        of(ITEMS, "unique_code", "of a reservation", Read, NoMatch, |t| {
            items(t, r#"unique_code(filter: {reservation: {id: {_eq: "<id>"}}}) { id code }"#)
        }),
        of(ITEMS, "unique_code_by_id", "the code", Read, Null, |t| {
            items(t, r#"unique_code_by_id(id: "<code_id>") { id code reservation { reference_id } }"#)
        }),
        of(ITEMS, "unique_code_aggregated", "of a reservation", Read, NoMatch, |t| {
            items(t, r#"unique_code_aggregated(filter: {reservation: {id: {_eq: "<id>"}}}) { countAll }"#)
        }),
        of(ITEMS, "export_profile", "by id", Read, NoMatch, |t| {
            items(t, r#"export_profile(filter: {id: {_eq: "<profile>"}}) { id name profile }"#)
        }),
        of(ITEMS, "export_profile_by_id", "the profile", Read, Null, |t| {
            items(t, r#"export_profile_by_id(id: "<profile>") { id name }"#)
        }),
        of(ITEMS, "export_profile_aggregated", "by id", Read, NoMatch, |t| {
            items(t, r#"export_profile_aggregated(filter: {id: {_eq: "<profile>"}}) { countAll }"#)
        }),
        creates("create_code_reservation_item", "one", |t| {
            change(
                t,
                r#"create_code_reservation_item(data: {
                    reserved_for: "<organisation>", code_type: "short_code", quantity: 1}) { status }"#,
            )
        }),
        creates("create_code_reservation_items", "several", |t| {
            change(
                t,
                r#"create_code_reservation_items(data: [{
                    reserved_for: "<organisation>", code_type: "short_code", quantity: 1}]) { status }"#,
            )
        }),
        of(ITEMS, "update_code_reservation_item", "a member", Write, Null, |t| {
            change(t, r#"update_code_reservation_item(id: "<id>", data: {purchase_order: "changed"}) { id }"#)
        }),
        of(ITEMS, "update_code_reservation_items", "ids", Write, Null, |t| {
            change(t, r#"update_code_reservation_items(ids: ["<id>"], data: {purchase_order: "changed"}) { id }"#)
        }),
        of(ITEMS, "update_code_reservation_batch", "rows", Write, Null, |t| {
            change(t, r#"update_code_reservation_batch(data: [{id: "<id>", purchase_order: "changed"}]) { id }"#)
        }),
        of(ITEMS, "delete_code_reservation_item", "the row", Write, Null, |t| {
            change(t, r#"delete_code_reservation_item(id: "<id>") { id }"#)
        }),
        of(ITEMS, "delete_code_reservation_items", "ids", Write, Null, |t| {
            change(t, r#"delete_code_reservation_items(ids: ["<id>"]) { ids }"#)
        }),
        of(SYSTEM, "files", "by name", Read, NoMatch, |t| {
            system(t, r#"files(filter: {filename_download: {_eq: "<file_name>"}}) { id title }"#)
        }),
        of(SYSTEM, "files_by_id", "the file", Read, Null, |t| system(t, r#"files_by_id(id: "<file>") { id title }"#)),
        of(SYSTEM, "users_me", "oneself", Token, Status(200), |t| system(t, "users_me { id }")),
        of("GET /graphql", "code_reservation_by_id", "the row", Read, Null, |t| {
            by_get(t, "/graphql", r#"code_reservation_by_id(id: "<id>") { id }"#)
        }),
        of("GET /graphql/system", "files_by_id", "the file", Read, Null, |t| {
            by_get(t, "/graphql/system", r#"files_by_id(id: "<file>") { id }"#)
        }),
    ]
}

fn elsewhere() -> Vec<Line> {
    const ANY: &str = "ANY /items/code_reservation";
    use Hidden::Status;
    vec![
        line("GET /server/ping", "ping", Needs::Nothing, Status(200), |_| get("/server/ping")),
        line("GET /server/health", "health", Needs::NoBadToken, Status(200), |_| get("/server/health")),
        line("GET /server/specs/oas", "the OpenAPI document", Needs::NoBadToken, Status(200), |_| {
            get("/server/specs/oas")
        }),
        line("GET /server/specs/graphql", "the schema", Needs::NoBadToken, Status(200), |_| {
            get("/server/specs/graphql")
        }),
        line("GET /server/specs/graphql/system", "the other schema", Needs::NoBadToken, Status(200), |_| {
            get("/server/specs/graphql/system")
        }),
        line("OPTIONS /{proxy+}", "preflight", Needs::Nothing, Status(200), |t| {
            ask("OPTIONS", format!("/files/{}", t.file), Value::Null)
        }),
        line(ANY, "preflight", Needs::Nothing, Status(200), |t| {
            ask("OPTIONS", format!("{RESERVATIONS}/{}", t.id), Value::Null)
        }),
        line(ANY, "search of one", Needs::NoBadToken, Status(404), |t| {
            ask("SEARCH", format!("{RESERVATIONS}/{}", t.id), json!({"keys": [t.id]}))
        }),
        line(ANY, "no such method", Needs::NoBadToken, Status(404), |t| {
            ask("PUT", format!("{RESERVATIONS}/{}", t.id), json!({"quantity": 1}))
        }),
        line("$default", "no such path", Needs::NoBadToken, Status(404), |t| get(format!("/nothing/{}", t.id))),
        line("$default", "no such method", Needs::NoBadToken, Status(404), |t| {
            ask("PUT", format!("/files/{}", t.file), json!({"title": "x"}))
        }),
        line("$default", "another collection", Needs::NoBadToken, Status(403), |t| {
            get(format!("/items/product/{}", t.id))
        }),
        line("$default", "users as items", Needs::NoBadToken, Status(403), |t| {
            get(format!("/items/directus_users/{}", t.user))
        }),
        line("$default", "writing a code", Needs::NoBadToken, Status(403), |t| {
            ask("DELETE", format!("{CODES}/{}", t.code_id), Value::Null)
        }),
        line("$default", "writing a file", Needs::NoBadToken, Status(404), |t| {
            ask("DELETE", format!("/files/{}", t.file), Value::Null)
        }),
    ]
}
