//! `POST` and `GET /graphql` and `/graphql/system`: the operations of REST in GraphQL (specification of October 2021),
//! with the same queries and rights. `GET /server/specs/graphql` and `/server/specs/graphql/system`: their schemas.
//!
//! The steps of a request: bound the text (`scan`), count the cost (`limits`), validate (`schema`), coerce variables
//! (`input`), resolve the selection (`selection`), turn each root field into one query (`lower`) and execute it
//! (`execute`), write the answer (`complete`).

mod complete;
mod execute;
mod http;
mod input;
mod limits;
mod lower;
mod model;
mod positions;
mod scan;
mod schema;
mod selection;

use std::time::Duration;

use async_graphql::{
    Request as Validated, ServerError, Variables,
    dynamic::TypeRef,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
    },
};
use common::{
    api::{Answer, ApiError, Call, Operation, serve},
    context::Context,
    operations::OperationError,
    reservation::{Disposition, content_disposition},
};
use lambda_http::{Body, Request, Response};
use serde_json::{Map, Value as Json, json};

use complete::{Writer, location};
use execute::Execution;
use http::{Failure, Parameters};
use model::{MUTATION, Output, QUERY, Root, Source, Viewer};
use schema::{Api, Endpoint};
use selection::{Selected, What};

/// Time reserved before a request's deadline. A root field that times out becomes an error next to the data of the
/// earlier ones, so that the client learns which mutations were executed. Later ones are not started.
const REPORT: Duration = Duration::from_millis(500);

/// Maximum number of errors that are reported of one kind.
const MAX_ERRORS: usize = 100;

/// Builds the schemas in advance, so that the first request does not have to.
///
/// # Errors
/// `ApiError` (500) when the types contradict each other, which is a bug in this crate.
pub fn prepare() -> Result<(), ApiError> {
    Endpoint::Items.api()?;
    Endpoint::System.api()?;
    Ok(())
}

/// The schema of `/graphql` or `/graphql/system` in the schema definition language, as an administrator of all
/// organisations sees it.
///
/// # Errors
/// As [`prepare`].
pub fn definition(is_system: bool) -> Result<String, ApiError> {
    let endpoint = if is_system { Endpoint::System } else { Endpoint::Items };
    Ok(endpoint.view(Viewer::ADMINISTRATOR)?.sdl())
}

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    let endpoint = match call.operation() {
        Some(Operation::QueryGraphql | Operation::ExecuteGraphql) => Endpoint::Items,
        Some(Operation::QuerySystemGraphql | Operation::ExecuteSystemGraphql) => Endpoint::System,
        Some(Operation::GraphqlSchema) => return specification(&call, Endpoint::Items, "code-reservation"),
        Some(Operation::SystemGraphqlSchema) => {
            return specification(&call, Endpoint::System, "code-reservation-system");
        }
        _ => return Err(call.no_route()),
    };
    match document(context, &call, endpoint).await {
        Ok(body) => Ok(Answer::Json(body)),
        Err(failure) => failure.into_answer(),
    }
}

/// The schema definition of what the caller may use, as a file.
fn specification(call: &Call, endpoint: Endpoint, name: &str) -> Result<Answer, ApiError> {
    // Named as the files of lists are.
    let name = format!("{name} {}.graphql", call.now.time().format("%Y%m%d-%H%M%S"));
    Ok(Answer::Attachment {
        content_type: "text/plain; charset=utf-8",
        disposition: content_disposition(Disposition::Attachment, &name),
        body: endpoint.view(Viewer::of(&call.session()))?.sdl(),
    })
}

/// The answer to a document.
async fn document(context: &Context, call: &Call, endpoint: Endpoint) -> Result<Json, Failure> {
    let api = endpoint.api()?;
    let parameters = Parameters::read(call)?;
    let document = parse(&parameters)?;
    let operation = operation(&document, parameters.operation_name.as_deref());
    if Parameters::reads_only(call) && !operation.as_ref().is_ok_and(|operation| operation.ty == OperationType::Query) {
        return Err(ApiError::MethodNotAllowed { current: call.method.to_string(), allowed: &["POST"] }.into());
    }
    // Rights and sizes come before anything is put in for variables.
    if let Ok(operation) = &operation {
        check_rights(call, api, &document, operation)?;
    }
    limits::check(&document, &parameters.variables).map_err(|refused| invalid(&refused.message, &[refused.pos]))?;
    let variables =
        operation.as_ref().ok().map(|operation| input::variables(&api.model, operation, &parameters.variables));
    let known = variables.as_ref().and_then(|variables| variables.as_ref().ok()).cloned().unwrap_or_default();
    let request = request(&document, parameters.operation_name.as_deref(), known);
    let is_valid = validate(api, request()).await?;

    let operation = operation.map_err(Failure::Request)?;
    let variables = match variables {
        Some(Err(wrong)) => return Err(Failure::Request(request_error(&wrong.message, Some(location(wrong.pos))))),
        Some(Ok(variables)) => variables,
        None => Variables::default(),
    };
    let Some(root) = root_type(api, operation.ty) else {
        return Err(invalid(&format!("Schema is not configured to execute {} operation.", operation.ty), &[]));
    };
    let selected = selection::open(&api.model, &document, operation, &variables, root)
        .map_err(|unsound| invalid(&unsound.message, &[unsound.pos]))?;
    let asks_for_types = selected.iter().any(|selected| matches!(selected.what, What::Introspection));
    if asks_for_types && !is_valid {
        let message = "Introspection cannot be in one document with variables of lists that cannot be null.";
        return Err(invalid(message, &[operation.selection_set.pos]));
    }
    let key = idempotency_key(call, &selected)?;
    let introspection = if asks_for_types {
        let view = endpoint.view(Viewer::of(&call.session()))?;
        view.execute(request()).await.data.into_json().unwrap_or_default()
    } else {
        Json::Null
    };
    Ok(execute(context, call, api, operation.ty, &selected, &introspection, key).await)
}

/// The root fields that create.
fn creations<'s, 'd>(selected: &'s [Selected<'d>]) -> Vec<&'s Selected<'d>> {
    let creates = |selected: &&Selected<'_>| is_root(selected, &[Root::CreateItem, Root::CreateItems]);
    selected.iter().filter(creates).collect()
}

fn is_root(selected: &Selected<'_>, roots: &[Root]) -> bool {
    matches!(selected.what, What::Member(field) if matches!(field.source, Source::Root(root) if roots.contains(&root)))
}

/// The Idempotency-Key of a document that creates. It stands for the whole document, which is done as a whole or not at
/// all. So such a document does nothing else.
fn idempotency_key<'c>(call: &'c Call, selected: &[Selected<'_>]) -> Result<Option<&'c str>, ApiError> {
    if creations(selected).is_empty() {
        return Ok(None);
    }
    let key = call.text_header("idempotency-key")?.filter(|key| !key.is_empty());
    let changes = [Root::UpdateItem, Root::UpdateItems, Root::UpdateBatch, Root::DeleteItem, Root::DeleteItems];
    if key.is_some() && selected.iter().any(|selected| is_root(selected, &changes)) {
        let message = "A document with an Idempotency-Key that creates may not update or delete. Send two documents";
        return Err(ApiError::invalid_payload(message.to_owned()));
    }
    Ok(key)
}

/// Parses a document after its text and the size of its variables were checked.
fn parse(parameters: &Parameters) -> Result<ExecutableDocument, Failure> {
    let text = scan::scan(&parameters.query).map_err(|message| invalid(&message, &[]))?;
    parse_query(text).map_err(|error| {
        let places: Vec<_> = error.positions().collect();
        invalid(&format!("Syntax Error: {error}"), &places)
    })
}

/// The operation that a request names, or the only one.
fn operation<'d>(document: &'d ExecutableDocument, name: Option<&str>) -> Result<&'d OperationDefinition, Json> {
    let unknown = |name: &str| request_error(&format!("Unknown operation named \"{name}\"."), None);
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Single(_), Some(name)) => Err(unknown(name)),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name).map(|operation| &operation.node).ok_or_else(|| unknown(name))
        }
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            match (all.next(), all.next()) {
                (Some(operation), None) => Ok(&operation.node),
                _ => Err(request_error("Must provide operation name if query contains multiple operations.", None)),
            }
        }
    }
}

/// Makes requests to the library: they are validated, and of their members only `__schema` and `__type` are executed.
fn request(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: Variables,
) -> impl Fn() -> Validated {
    move || {
        let mut request = Validated::new("").variables(variables.clone()).only_introspection();
        request.operation_name = operation_name.map(str::to_owned);
        request.set_parsed_query(document.clone());
        request
    }
}

/// Validates a document against the whole schema. Gives whether the library finds no error, not even one that is judged
/// elsewhere.
async fn validate(api: &Api, request: Validated) -> Result<bool, Failure> {
    let response = api.schema.execute(request).await;
    // The operation was chosen before, so only errors of the document are reported here.
    let judged_elsewhere =
        |error: &ServerError| is_about_the_operation(&error.message) || is_about_a_place(&error.message);
    let errors: Vec<&ServerError> = response.errors.iter().filter(|error| !judged_elsewhere(error)).collect();
    if errors.is_empty() {
        return Ok(response.errors.is_empty());
    }
    let entry = |error: &&ServerError| json!({ "message": error.message, "locations": error.locations.iter().copied().map(location).collect::<Json>() });
    Err(Failure::Document(errors.iter().take(MAX_ERRORS).map(entry).collect()))
}

fn is_about_the_operation(message: &str) -> bool {
    message.starts_with("Unknown operation named") || message.starts_with("Operation name required")
}

/// An error about the position of a variable. `positions` replaces this rule of the library.
fn is_about_a_place(message: &str) -> bool {
    message.starts_with("Variable ") && message.contains("used in position expecting type")
}

fn root_type(api: &'static Api, ty: OperationType) -> Option<&'static Output> {
    match ty {
        OperationType::Query => api.model.output(QUERY),
        OperationType::Mutation => api.model.output(MUTATION),
        OperationType::Subscription => None,
    }
}

/// Refuses root fields for which the caller's role has no right, as if they did not exist; a schema of Directus does
/// the same. This happens before variables are looked at, and before any row is read.
fn check_rights(
    call: &Call,
    api: &'static Api,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
) -> Result<(), Failure> {
    let Some(root) = root_type(api, operation.ty) else { return Ok(()) };
    let viewer = Viewer::of(&call.session());
    let is_hidden = |name: &str| match root.field(name).map(|field| field.source) {
        Some(Source::Root(root)) => !viewer.sees_root(&api.model, root),
        _ => false,
    };
    let hidden = selection::root_names(document, operation).into_iter().filter(|(name, _)| is_hidden(name));
    let entries: Vec<Json> = hidden
        .take(MAX_ERRORS)
        .map(|(name, pos)| {
            json!({
                "message": format!("Cannot query field \"{name}\" on type \"{}\".", root.name),
                "locations": [location(pos)],
            })
        })
        .collect();
    if entries.is_empty() { Ok(()) } else { Err(Failure::Document(entries)) }
}

/// Executes the root fields one after the other. Gives `{data, errors}`.
async fn execute(
    context: &Context,
    call: &Call,
    api: &'static Api,
    ty: OperationType,
    selected: &[Selected<'_>],
    introspection: &Json,
    key: Option<&str>,
) -> Json {
    let mut execution = Execution::new(context, call, &api.model, key);
    let mut writer = Writer::new(&api.model);
    let mut data = Some(Map::new());
    let creations = if key.is_some() { creations(selected) } else { Vec::new() };
    if let Err((position, error)) = create_all(&mut execution, &creations, call).await {
        report(call, creations.get(position).map_or("", |selected| &selected.key), &error);
        let errors = creations.get(position).map(|selected| entries(selected, error)).unwrap_or_default();
        return json!({ "data": null, "errors": errors });
    }
    for selected in selected {
        let (root, field) = match selected.what {
            What::TypeName(name) => {
                set(&mut data, selected, json!(name));
                continue;
            }
            What::Introspection => {
                set(&mut data, selected, introspection.get(&selected.key).cloned().unwrap_or_default());
                continue;
            }
            What::Member(field) => match field.source {
                Source::Root(root) => (root, field),
                _ => continue,
            },
        };
        let result = match run(&mut execution, root, selected, call).await {
            Ok(value) => {
                let written = writer.root(selected, &field.ty, &value);
                writer.check().map(|()| written).map_err(|error| entries(selected, error.into()))
            }
            Err(errors) => Err(errors),
        };
        match result {
            Ok(written) => set(&mut data, selected, written),
            Err(errors) => {
                writer.errors.extend(errors);
                let is_full = writer.check().is_err();
                if !matches!(field.ty, TypeRef::NonNull(_)) {
                    set(&mut data, selected, Json::Null);
                    if is_full {
                        break;
                    }
                    continue;
                }
                data = None;
                // A non-null field failed, so there is no `data`. Later mutations are not executed.
                if ty == OperationType::Mutation {
                    break;
                }
            }
        }
    }
    let mut body = Map::new();
    if let Some(data) = data {
        body.insert("data".to_owned(), Json::Object(data));
    }
    if !writer.errors.is_empty() {
        body.insert("errors".to_owned(), Json::Array(writer.errors));
    }
    Json::Object(body)
}

fn set(data: &mut Option<Map<String, Json>>, selected: &Selected<'_>, value: Json) {
    if let Some(data) = data {
        data.insert(selected.key.clone(), value);
    }
}

/// The data of a root field, or its entries of `errors`.
async fn run(
    execution: &mut Execution<'_>,
    root: Root,
    selected: &Selected<'_>,
    call: &Call,
) -> Result<Json, Vec<Json>> {
    let host = execution.host();
    call.deadline.earlier(REPORT).bound(host, execution.root(root, selected)).await.map_err(|error| {
        let error = ApiError::from(error);
        report(call, &selected.key, &error);
        entries(selected, error)
    })
}

/// Makes all creations of a document with a key, until the deadline. The error has the position of its creation.
async fn create_all(
    execution: &mut Execution<'_>,
    creations: &[&Selected<'_>],
    call: &Call,
) -> Result<(), (usize, ApiError)> {
    if creations.is_empty() {
        return Ok(());
    }
    let host = execution.host();
    let work = async { Ok::<_, OperationError>(execution.create_all(creations).await) };
    match call.deadline.earlier(REPORT).bound(host, work).await {
        Ok(done) => done.map_err(|(position, error)| (position, ApiError::from(error))),
        Err(error) => Err((0, error.into())),
    }
}

/// Logs an error that is a fault of this service.
fn report(call: &Call, key: &str, error: &ApiError) {
    if error.is_fault() {
        let request_id = &call.request_id;
        tracing::error!(request_id, %error, "request {request_id}: \"{key}\" failed");
    }
}

/// The entries of `errors` for a root field that failed.
fn entries(selected: &Selected<'_>, error: ApiError) -> Vec<Json> {
    let place = |mut entry: Json| {
        if let Some(members) = entry.as_object_mut() {
            members.insert("locations".to_owned(), json!([location(selected.pos)]));
            members.insert("path".to_owned(), json!([selected.key]));
        }
        entry
    };
    error.entries().into_iter().map(place).collect()
}

fn invalid(message: &str, places: &[async_graphql::Pos]) -> Failure {
    let mut entry = json!({ "message": message });
    if let (false, Some(members)) = (places.is_empty(), entry.as_object_mut()) {
        members.insert("locations".to_owned(), places.iter().copied().map(location).collect());
    }
    Failure::Document(vec![entry])
}

/// The error of a valid document that cannot be executed with this request. Directus gives errors of graphql-js this
/// code.
fn request_error(message: &str, place: Option<Json>) -> Json {
    let mut entry = json!({ "message": message, "extensions": { "code": "INTERNAL_SERVER_ERROR" } });
    if let (Some(place), Some(members)) = (place, entry.as_object_mut()) {
        members.insert("locations".to_owned(), json!([place]));
    }
    entry
}
