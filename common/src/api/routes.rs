//! The table of routes: what each request asks for and which right it needs.
//!
//! It serves and documents. A function asks [`Call::operation`](super::Call::operation) what to do, [`super::serve`]
//! checks the right before the function sees the request, `OPTIONS` answers the methods, and the OpenAPI document
//! (`functions/directory/src/openapi`) is written from it. `tests/tests/all/openapi/table.rs` holds it against
//! template.yaml. A new route is one line here, and one arm where the OpenAPI document describes its operation.
//!
//! Static data and its look-up. What an operation does must not come in.

use lambda_http::http::Method;

use crate::query::{Action, Collection};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Creates one reservation or several.
    CreateReservations,
    /// Lists reservations, with the query in the body.
    SearchReservations,
    /// Lists reservations.
    ListReservations,
    /// Updates several reservations.
    UpdateReservations,
    /// Deletes several reservations.
    DeleteReservations,
    /// Reads a reservation.
    GetReservation,
    /// Updates a reservation.
    UpdateReservation,
    /// Deletes a reservation.
    DeleteReservation,
    /// Lists codes.
    ListCodes,
    /// Reads a code.
    GetCode,
    /// Draws a code as SVG.
    GetLabelSvg,
    /// Draws a code as PNG.
    GetLabelPng,
    /// Creates one organisation or several.
    CreateOrganisations,
    /// Lists organisations.
    ListOrganisations,
    /// Updates several organisations.
    UpdateOrganisations,
    /// Deletes several organisations.
    DeleteOrganisations,
    /// Reads an organisation.
    GetOrganisation,
    /// Updates an organisation.
    UpdateOrganisation,
    /// Deletes an organisation.
    DeleteOrganisation,
    /// Lists export profiles.
    ListExportProfiles,
    /// Reads an export profile.
    GetExportProfile,
    /// Lists files of exports.
    ListFiles,
    /// Reads the row of a file.
    GetFile,
    /// Redirects to the bytes of a file.
    GetAsset,
    /// Redirects to the bytes of a file, with a name of the client's own.
    GetNamedAsset,
    /// Creates one user or several.
    CreateUsers,
    /// Lists users.
    ListUsers,
    /// Updates several users.
    UpdateUsers,
    /// Deletes several users.
    DeleteUsers,
    /// Reads the caller's own account.
    GetMe,
    /// Reads a user.
    GetUser,
    /// Updates a user.
    UpdateUser,
    /// Deletes a user.
    DeleteUser,
    /// Executes a GraphQL query of the query string.
    QueryGraphql,
    /// Executes a GraphQL document.
    ExecuteGraphql,
    /// Executes a GraphQL query of the query string on system collections.
    QuerySystemGraphql,
    /// Executes a GraphQL document on system collections.
    ExecuteSystemGraphql,
    /// Says that the API can be reached.
    Ping,
    /// Says whether the stores can be reached.
    Health,
    /// Describes the REST API.
    OpenApi,
    /// Describes the GraphQL API.
    GraphqlSchema,
    /// Describes the GraphQL API of system collections.
    SystemGraphqlSchema,
    /// Shows the first page for people.
    OpenConsole,
    /// Leads from the folder of the pages to the first one.
    FindConsole,
    /// Shows a page for people.
    ShowPage,
    /// Takes what a form of a page sends.
    SubmitPage,
}

/// What a caller needs, besides the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing. A token is not even looked at.
    Nothing,
    /// No token, or one that is valid.
    NoBadToken,
    /// A valid token.
    Account,
    /// A role with this right.
    Right(Action, Collection),
    /// What the function decides itself: a page for people, who sign in with a session of their own. No token is looked
    /// at, the answers are HTML, and the OpenAPI document leaves these routes out.
    Page,
}

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method. A route with GET has HEAD, too. `SEARCH` is `ANY` in the template, since API Gateway does not know
    /// it.
    pub method: &'static str,
    /// The path. A variable `{id+}` takes the rest of the path, slashes included.
    pub path: &'static str,
    /// The binary of the function that answers.
    pub function: &'static str,
    /// What a request of the route asks for.
    pub operation: Operation,
    /// What a caller needs.
    pub needs: Needs,
}

/// The variable with which the template takes the rest of a path, whatever its name here.
const REST: &str = "/{proxy+}";

const fn route(
    method: &'static str,
    path: &'static str,
    function: &'static str,
    operation: Operation,
    needs: Needs,
) -> Route {
    Route { method, path, function, operation, needs }
}

/// The path that is only a slash. It has no second route for a trailing one.
const ROOT: &str = "/";

const RESERVATIONS: &str = "/items/code_reservation";
const RESERVATION: &str = "/items/code_reservation/{id}";
const ORGANISATIONS: &str = "/items/organisation";
// An organisation's id contains slashes (`/417/…`), and API Gateway decodes encoded ones.
const ORGANISATION: &str = "/items/organisation/{id+}";

const fn to(action: Action, collection: Collection) -> Needs {
    Needs::Right(action, collection)
}

use Action::{Create, Delete, Read, Update};
use Collection::{CodeReservation, ExportProfile, Files, Organisation, UniqueCode, Users};
use Operation as O;

/// Every route. `OPTIONS` names the methods of a path in this order, which is that of Directus.
pub static ROUTES: [Route; 46] = [
    route("POST", RESERVATIONS, "create-reservations", O::CreateReservations, to(Create, CodeReservation)),
    route("SEARCH", RESERVATIONS, "list-reservations", O::SearchReservations, to(Read, CodeReservation)),
    route("GET", RESERVATIONS, "list-reservations", O::ListReservations, to(Read, CodeReservation)),
    route("PATCH", RESERVATIONS, "update-reservations", O::UpdateReservations, to(Update, CodeReservation)),
    route("DELETE", RESERVATIONS, "delete-reservations", O::DeleteReservations, to(Delete, CodeReservation)),
    route("GET", RESERVATION, "get-reservation", O::GetReservation, to(Read, CodeReservation)),
    route("PATCH", RESERVATION, "update-reservations", O::UpdateReservation, to(Update, CodeReservation)),
    route("DELETE", RESERVATION, "delete-reservations", O::DeleteReservation, to(Delete, CodeReservation)),
    route("GET", "/items/unique_code", "list-codes", O::ListCodes, to(Read, UniqueCode)),
    route("GET", "/items/unique_code/{id}", "list-codes", O::GetCode, to(Read, UniqueCode)),
    route("GET", "/items/unique_code/{id}/label.svg", "labels", O::GetLabelSvg, to(Read, UniqueCode)),
    route("GET", "/items/unique_code/{id}/label.png", "labels", O::GetLabelPng, to(Read, UniqueCode)),
    route("POST", ORGANISATIONS, "administration", O::CreateOrganisations, to(Create, Organisation)),
    route("GET", ORGANISATIONS, "directory", O::ListOrganisations, to(Read, Organisation)),
    route("PATCH", ORGANISATIONS, "administration", O::UpdateOrganisations, to(Update, Organisation)),
    route("DELETE", ORGANISATIONS, "administration", O::DeleteOrganisations, to(Delete, Organisation)),
    route("GET", ORGANISATION, "directory", O::GetOrganisation, to(Read, Organisation)),
    route("PATCH", ORGANISATION, "administration", O::UpdateOrganisation, to(Update, Organisation)),
    route("DELETE", ORGANISATION, "administration", O::DeleteOrganisation, to(Delete, Organisation)),
    route("GET", "/items/export_profile", "directory", O::ListExportProfiles, to(Read, ExportProfile)),
    route("GET", "/items/export_profile/{id}", "directory", O::GetExportProfile, to(Read, ExportProfile)),
    route("GET", "/files", "files", O::ListFiles, to(Read, Files)),
    route("GET", "/files/{id}", "files", O::GetFile, to(Read, Files)),
    route("GET", "/assets/{id}", "files", O::GetAsset, to(Read, Files)),
    route("GET", "/assets/{id}/{name}", "files", O::GetNamedAsset, to(Read, Files)),
    route("POST", "/users", "administration", O::CreateUsers, to(Create, Users)),
    route("GET", "/users", "directory", O::ListUsers, to(Read, Users)),
    route("PATCH", "/users", "administration", O::UpdateUsers, to(Update, Users)),
    route("DELETE", "/users", "administration", O::DeleteUsers, to(Delete, Users)),
    // Before `/users/{id}`, as the gateway prefers it.
    route("GET", "/users/me", "directory", O::GetMe, Needs::Account),
    route("GET", "/users/{id}", "directory", O::GetUser, to(Read, Users)),
    route("PATCH", "/users/{id}", "administration", O::UpdateUser, to(Update, Users)),
    route("DELETE", "/users/{id}", "administration", O::DeleteUser, to(Delete, Users)),
    // A root field needs its own right, which the function checks.
    route("GET", "/graphql", "graphql", O::QueryGraphql, Needs::NoBadToken),
    route("POST", "/graphql", "graphql", O::ExecuteGraphql, Needs::NoBadToken),
    route("GET", "/graphql/system", "graphql", O::QuerySystemGraphql, Needs::NoBadToken),
    route("POST", "/graphql/system", "graphql", O::ExecuteSystemGraphql, Needs::NoBadToken),
    route("GET", "/server/ping", "directory", O::Ping, Needs::Nothing),
    route("GET", "/server/health", "directory", O::Health, Needs::NoBadToken),
    route("GET", "/server/specs/oas", "directory", O::OpenApi, Needs::NoBadToken),
    route("GET", "/server/specs/graphql", "graphql", O::GraphqlSchema, Needs::NoBadToken),
    route("GET", "/server/specs/graphql/system", "graphql", O::SystemGraphqlSchema, Needs::NoBadToken),
    route("GET", ROOT, "console", O::OpenConsole, Needs::Page),
    route("GET", "/console", "console", O::FindConsole, Needs::Page),
    route("GET", "/console/{path+}", "console", O::ShowPage, Needs::Page),
    route("POST", "/console/{path+}", "console", O::SubmitPage, Needs::Page),
];

impl Route {
    /// The path before a variable that takes the rest.
    fn before_rest(&self) -> Option<&'static str> {
        let (before, variable) = self.path.rsplit_once('/')?;
        variable.ends_with("+}").then_some(before)
    }

    /// The path in the template.
    #[must_use]
    pub fn path_in_template(&self) -> String {
        self.before_rest().map_or_else(|| self.path.to_owned(), |before| format!("{before}{REST}"))
    }

    /// The keys of the route in the template: with HEAD for what can be read, and with a trailing slash, which only a
    /// variable for the rest matches.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let path = self.path_in_template();
        let slash = (self.before_rest().is_none() && path != ROOT).then(|| format!("{path}{REST}"));
        let paths = [Some(path), slash];
        // The template cannot name SEARCH.
        let methods = self.methods().map(|method| if method == "SEARCH" { "ANY" } else { method });
        let keys = methods.map(|method| paths.iter().flatten().map(move |path| format!("{method} {path}")));
        keys.flatten().collect()
    }

    /// The methods of the route, as `OPTIONS` names them.
    fn methods(&self) -> impl Iterator<Item = &'static str> {
        let head = (self.method == "GET").then_some("HEAD");
        [self.method].into_iter().chain(head)
    }

    /// Whether the gateway chose this route: `path` is that of the route key, `rest` what its variable took.
    fn is_chosen(&self, path: &str, rest: Option<&str>) -> bool {
        let has_rest = rest.is_some_and(|rest| !rest.is_empty());
        match self.before_rest() {
            Some(before) => has_rest && path.strip_prefix(before) == Some(REST),
            None => !has_rest && path.strip_suffix(REST).unwrap_or(path) == self.path,
        }
    }

    /// Whether a path is one of this route. A trailing slash does not change a path.
    fn matches(&self, path: &str) -> bool {
        if self.path == ROOT {
            return path == ROOT;
        }
        let mut segments = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path).split('/');
        for expected in self.path.split('/') {
            let Some(segment) = segments.next() else { return false };
            let is_variable = expected.starts_with('{');
            if expected.ends_with("+}") {
                return !segment.is_empty();
            }
            if is_variable && segment.is_empty() || !is_variable && segment != expected {
                return false;
            }
        }
        segments.next().is_none()
    }
}

/// The route of a request. The gateway has chosen one; `key` is its key, `rest` what its variable `{proxy+}` took. For
/// a request without a key, or with the one of no route (`$default`), the path decides: emulators of Lambda send no
/// other key.
pub(super) fn find(method: &Method, key: Option<&str>, path: &str, rest: Option<&str>) -> Option<&'static Route> {
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let mut routes = ROUTES.iter().filter(|route| route.method == method);
    match key.and_then(|key| key.split_once(' ')) {
        Some((_, chosen)) => routes.find(|route| route.is_chosen(chosen, rest)),
        None => routes.find(|route| route.matches(path)),
    }
}

/// The methods of a path, for the answer to `OPTIONS`; those of any list for a path that does not exist.
pub(super) fn methods(path: &str) -> String {
    let mut methods: Vec<&str> = Vec::new();
    // The first path that matches hides the later ones, as `/users/me` hides `/users/{id}`.
    if let Some(first) = ROUTES.iter().find(|route| route.matches(path)) {
        let routes = ROUTES.iter().filter(|route| route.path == first.path);
        methods.extend(routes.flat_map(Route::methods));
    }
    if methods.is_empty() { "GET,HEAD".to_owned() } else { methods.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, key: Option<&str>, path: &str, rest: Option<&str>) -> Option<Operation> {
        find(&method.parse().unwrap(), key, path, rest).map(|route| route.operation)
    }

    #[test]
    fn the_route_that_the_gateway_chose_counts() {
        for (method, key, rest, expected) in [
            ("GET", "GET /users", None, Some(O::ListUsers)),
            ("GET", "GET /users/{proxy+}", Some(""), Some(O::ListUsers)),
            ("GET", "GET /users/{proxy+}", Some("a/b"), None),
            ("HEAD", "HEAD /users/me", None, Some(O::GetMe)),
            ("GET", "GET /users/{id}", None, Some(O::GetUser)),
            ("GET", "GET /items/organisation", None, Some(O::ListOrganisations)),
            ("GET", "GET /items/organisation/{proxy+}", Some(""), Some(O::ListOrganisations)),
            ("GET", "GET /items/organisation/{proxy+}", Some("/417/1/"), Some(O::GetOrganisation)),
            ("DELETE", "DELETE /items/organisation/{proxy+}", Some(""), Some(O::DeleteOrganisations)),
            ("DELETE", "DELETE /items/organisation/{proxy+}", Some("/417/1"), Some(O::DeleteOrganisation)),
            ("PATCH", "PATCH /users/{id}", None, Some(O::UpdateUser)),
            ("PATCH", "PATCH /users/{id}/{proxy+}", Some("token"), None),
            ("SEARCH", "ANY /items/code_reservation", None, Some(O::SearchReservations)),
            ("SEARCH", "ANY /items/code_reservation/{proxy+}", Some("x"), None),
            ("PUT", "ANY /items/code_reservation", None, None),
            ("GET", "GET /", None, Some(O::OpenConsole)),
            ("GET", "GET /console/{proxy+}", Some(""), Some(O::FindConsole)),
            ("HEAD", "HEAD /console/{proxy+}", Some("static/a/b.css"), Some(O::ShowPage)),
            ("POST", "POST /console/{proxy+}", Some("reserve"), Some(O::SubmitPage)),
        ] {
            assert_eq!(found(method, Some(key), "/elsewhere", rest), expected, "{method} {key} {rest:?}");
        }
    }

    #[test]
    fn without_a_key_of_the_gateway_the_path_counts() {
        for (method, path, expected) in [
            ("GET", "/users/me/", Some(O::GetMe)),
            ("GET", "/users/x", Some(O::GetUser)),
            ("GET", "/users/x/y", None),
            ("GET", "/users//", None),
            ("GET", "/", Some(O::OpenConsole)),
            ("GET", "//", None),
            ("GET", "", None),
            ("GET", "/console", Some(O::FindConsole)),
            ("GET", "/console/", Some(O::FindConsole)),
            ("GET", "/console/reservations/x", Some(O::ShowPage)),
            ("POST", "/console", None),
            ("POST", "/", None),
            ("POST", "/graphql/system", Some(O::ExecuteSystemGraphql)),
            ("GET", "/items/organisation/417/1", Some(O::GetOrganisation)),
            ("GET", "/items/organisation/", Some(O::ListOrganisations)),
        ] {
            for key in [None, Some("$default")] {
                assert_eq!(found(method, key, path, None), expected, "{method} {path} {key:?}");
            }
        }
    }

    #[test]
    fn options_names_the_methods_in_the_order_of_the_table() {
        for (path, expected) in [
            ("/items/code_reservation", "POST,SEARCH,GET,HEAD,PATCH,DELETE"),
            ("/items/code_reservation/", "POST,SEARCH,GET,HEAD,PATCH,DELETE"),
            ("/items/code_reservation/x", "GET,HEAD,PATCH,DELETE"),
            ("/graphql/system", "GET,HEAD,POST"),
            ("/users", "POST,GET,HEAD,PATCH,DELETE"),
            ("/users/me", "GET,HEAD"),
            ("/users/x/", "GET,HEAD,PATCH,DELETE"),
            ("/items/organisation", "POST,GET,HEAD,PATCH,DELETE"),
            ("/items/organisation/417/1", "GET,HEAD,PATCH,DELETE"),
            ("/", "GET,HEAD"),
            ("/console/sign-in", "GET,HEAD,POST"),
            ("/nowhere/at/all", "GET,HEAD"),
        ] {
            assert_eq!(methods(path), expected, "{path}");
        }
    }
}
