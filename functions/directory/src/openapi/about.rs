//! What is said about each operation: texts, parameters, what an answer is, and which refusals there are besides the
//! common ones. A new operation needs an arm of [`about`].

use common::{api::Operation, query::Collection};

/// What an answer to a success is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Good {
    /// A list of rows.
    List(Collection),
    /// One row.
    One(Collection),
    /// The caller's own account.
    Account,
    /// The rows of a collection that were written, or the row; none if the parameters exclude it.
    Written(Collection),
    /// Nothing.
    NoContent,
    /// A redirect to a link, or the link.
    Link,
    /// The answer of GraphQL.
    Graphql,
    /// A text of this media type.
    Text(&'static str),
    /// A picture of this media type.
    Picture(&'static str),
    /// JSON with the schema of this name.
    Json(&'static str),
}

/// What is said about an operation.
pub(super) struct About {
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) text: &'static str,
    pub(super) parameters: &'static [&'static str],
    pub(super) good: Good,
    /// Refusals besides [`ALWAYS`].
    pub(super) refusals: &'static [u16],
}

/// Refusals of every route that looks at the caller.
pub(super) const ALWAYS: [u16; 7] = [400, 401, 404, 429, 431, 500, 503];

/// Refusals of a route that looks at nothing.
pub(super) const OF_NOTHING: [u16; 4] = [429, 431, 500, 503];

const LIST: &[&str] = &[
    "filter",
    "search",
    "fields",
    "sort",
    "limit",
    "offset",
    "page",
    "aggregate",
    "groupBy",
    "deep",
    "alias",
    "meta",
    "export",
    "version",
    "IfNoneMatch",
];
const ONE: &[&str] = &["fields", "filter", "search", "deep", "alias", "export", "version", "IfNoneMatch"];
const CREATE: &[&str] = &["fields", "deep", "alias", "export", "IdempotencyKey"];
const UPDATE: &[&str] = &["fields", "deep", "alias", "export"];
const ASSET: &[&str] = &["download", "redirect"];
const PICTURE: &[&str] = &["symbol", "size", "quiet_zone", "text", "IfNoneMatch"];
const GRAPHQL: &[&str] = &["query", "variables", "operationName", "IfNoneMatch"];
const CONDITIONAL: &[&str] = &["IfNoneMatch"];

const BODY_REFUSALS: &[u16] = &[403, 413];
const ROW_REFUSALS: &[u16] = &[403];
/// Of writes that the state of other rows can forbid.
const NEEDED_ROW_REFUSALS: &[u16] = &[403, 422];
const NEEDED_REFUSALS: &[u16] = &[403, 413, 422];

pub(super) fn about(operation: Operation) -> About {
    use Collection::{CodeReservation, ExportProfile, Files, Organisation, UniqueCode, Users};
    use Operation as O;
    let of = |tag, summary, parameters, good, refusals| About { tag, summary, text: "", parameters, good, refusals };
    let with = |text, about: About| About { text, ..about };
    let reservations = |summary, parameters, good, refusals| of("Reservations", summary, parameters, good, refusals);
    let organisations = |summary, parameters, good, refusals| of("Organisations", summary, parameters, good, refusals);
    let users = |summary, parameters, good, refusals| of("Users", summary, parameters, good, refusals);
    match operation {
        O::CreateReservations => with(
            "An object creates one reservation, an array up to 100, all or none. The export is made after the answer: \
             read the reservation until its `status` is `complete` or `error`.",
            reservations("Reserve codes", CREATE, Good::Written(CodeReservation), &[403, 413, 422]),
        ),
        O::SearchReservations => with(
            "The parameters stand in the body, for queries that are too long for a query string. Without `query` in \
             the body, those of the query string count. With `keys`, only these rows are listed.",
            reservations(
                "List reservations, with the query in the body",
                LIST,
                Good::List(CodeReservation),
                BODY_REFUSALS,
            ),
        ),
        O::ListReservations => reservations("List reservations", LIST, Good::List(CodeReservation), ROW_REFUSALS),
        O::UpdateReservations => with(
            "Up to 100 reservations, all or none: by `keys` or `query` with the same change, or each with its own.",
            reservations("Change several reservations", UPDATE, Good::Written(CodeReservation), BODY_REFUSALS),
        ),
        O::DeleteReservations => with(
            "Up to 100 reservations, all or none: by their ids, or by a query. Their codes are never issued again.",
            reservations("Delete several reservations", &[], Good::NoContent, BODY_REFUSALS),
        ),
        O::GetReservation => reservations("Read a reservation", ONE, Good::One(CodeReservation), ROW_REFUSALS),
        O::UpdateReservation => with(
            "`status` is `new` to write the file of a finished reservation again, `error` to stop a running one. \
             Members that determine the codes are fixed once codes are reserved.",
            reservations("Change a reservation", UPDATE, Good::Written(CodeReservation), BODY_REFUSALS),
        ),
        O::DeleteReservation => with(
            "Its file is deleted; its codes are never issued again.",
            reservations("Delete a reservation", &[], Good::NoContent, ROW_REFUSALS),
        ),
        O::ListCodes => with(
            "Of one reservation, or found by the code, its link or its element string. Codes are computed, so a query \
             names the reservation or the code.",
            of("Codes", "List codes", LIST, Good::List(UniqueCode), ROW_REFUSALS),
        ),
        O::GetCode => of("Codes", "Read a code", ONE, Good::One(UniqueCode), ROW_REFUSALS),
        O::GetLabelSvg => with(
            "As QR code of its link, or as GS1 DataMatrix or GS1 QR code of its barcode data.",
            of("Codes", "Draw a code as SVG", PICTURE, Good::Picture("image/svg+xml"), ROW_REFUSALS),
        ),
        O::GetLabelPng => with(
            "As QR code of its link, or as GS1 DataMatrix or GS1 QR code of its barcode data.",
            of("Codes", "Draw a code as PNG", PICTURE, Good::Picture("image/png"), ROW_REFUSALS),
        ),
        O::CreateOrganisations => with(
            "An object creates one organisation, an array several, all or none. A company prefix that begins another \
             one's, or continues it, is refused. For administrators of all organisations, as every write of users and \
             organisations.",
            organisations("Create organisations", UPDATE, Good::Written(Organisation), BODY_REFUSALS),
        ),
        O::UpdateOrganisation => {
            organisations("Change an organisation", UPDATE, Good::Written(Organisation), BODY_REFUSALS)
        }
        O::UpdateOrganisations => with(
            "All or none: by `keys` or `query` with the same change, or each with its own.",
            organisations("Change several organisations", UPDATE, Good::Written(Organisation), BODY_REFUSALS),
        ),
        O::DeleteOrganisation => with(
            "Refused while it has open reservations, or users who may sign in. Reservations and codes stay.",
            organisations("Delete an organisation", &[], Good::NoContent, NEEDED_ROW_REFUSALS),
        ),
        O::DeleteOrganisations => with(
            "All or none: by their ids, or by a query.",
            organisations("Delete several organisations", &[], Good::NoContent, NEEDED_REFUSALS),
        ),
        O::ListOrganisations => of("Organisations", "List organisations", LIST, Good::List(Organisation), ROW_REFUSALS),
        O::GetOrganisation => with(
            "The slashes of the id are encoded: `%2F417%2F9312345000012`.",
            of("Organisations", "Read an organisation", ONE, Good::One(Organisation), ROW_REFUSALS),
        ),
        O::ListExportProfiles => with(
            "The built-in profiles, those of the deployment, and those of the caller's organisations. The `name` of a \
             profile is an `export_type`.",
            of("Export profiles", "List export profiles", LIST, Good::List(ExportProfile), ROW_REFUSALS),
        ),
        O::GetExportProfile => {
            of("Export profiles", "Read an export profile", ONE, Good::One(ExportProfile), ROW_REFUSALS)
        }
        O::ListFiles => of("Files", "List files", LIST, Good::List(Files), ROW_REFUSALS),
        O::GetFile => of("Files", "Read the row of a file", ONE, Good::One(Files), ROW_REFUSALS),
        O::GetAsset => of("Files", "Get a link to the bytes of a file", ASSET, Good::Link, ROW_REFUSALS),
        O::GetNamedAsset => with(
            "The name in the path is the one that the file is saved under; it is made safe.",
            of("Files", "Get a link to the bytes of a file, under a name", ASSET, Good::Link, ROW_REFUSALS),
        ),
        O::CreateUsers => with(
            "An object creates one user, an array several, all or none. `token` is a static token that the client \
             chooses; it is stored as a hash.",
            users("Create users", UPDATE, Good::Written(Users), BODY_REFUSALS),
        ),
        O::UpdateUser => with(
            "A `token` takes the place of all tokens of the user, which end with their next request. The last \
             administrator of all organisations stays one.",
            users("Change a user", UPDATE, Good::Written(Users), NEEDED_REFUSALS),
        ),
        O::UpdateUsers => with(
            "All or none: by `keys` or `query` with the same change, or each with its own.",
            users("Change several users", UPDATE, Good::Written(Users), NEEDED_REFUSALS),
        ),
        O::DeleteUser => with(
            "With all tokens. The last administrator of all organisations cannot be deleted.",
            users("Delete a user", &[], Good::NoContent, NEEDED_ROW_REFUSALS),
        ),
        O::DeleteUsers => with(
            "All or none: by their ids, or by a query.",
            users("Delete several users", &[], Good::NoContent, NEEDED_REFUSALS),
        ),
        O::ListUsers => of("Users", "List users", LIST, Good::List(Users), ROW_REFUSALS),
        O::GetMe => with(
            "A caller who may not read users is shown the `id`, whatever is asked for.",
            of("Users", "Read the caller's own account", ONE, Good::Account, ROW_REFUSALS),
        ),
        O::GetUser => of("Users", "Read a user", ONE, Good::One(Users), ROW_REFUSALS),
        O::QueryGraphql => of("GraphQL", "Run a GraphQL query", GRAPHQL, Good::Graphql, &[405]),
        O::ExecuteGraphql => with(
            "An Idempotency-Key covers a whole document.",
            of("GraphQL", "Run a GraphQL document", &["IdempotencyKey"], Good::Graphql, &[403, 413]),
        ),
        O::QuerySystemGraphql => {
            of("GraphQL", "Run a GraphQL query on files and the own account", GRAPHQL, Good::Graphql, &[405])
        }
        O::ExecuteSystemGraphql => {
            of("GraphQL", "Run a GraphQL document on files and the own account", &[], Good::Graphql, &[403, 413])
        }
        O::Ping => of("Server", "Reach the API", CONDITIONAL, Good::Text("text/html"), &[]),
        O::Health => with(
            "503 when a store does not answer. A result is used for 10 seconds.",
            of("Server", "Reach the stores", CONDITIONAL, Good::Json("Health"), &[]),
        ),
        O::OpenApi => of("Server", "This document", CONDITIONAL, Good::Json("OpenApi"), &[]),
        O::GraphqlSchema => of("Server", "The schema of `/graphql`", CONDITIONAL, Good::Text("text/plain"), &[]),
        O::OpenConsole | O::FindConsole | O::ShowPage | O::SubmitPage => {
            of("Pages", "A page for people", &[], Good::Text("text/html"), &[])
        }
        O::SystemGraphqlSchema => {
            of("Server", "The schema of `/graphql/system`", CONDITIONAL, Good::Text("text/plain"), &[])
        }
    }
}
