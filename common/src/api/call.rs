//! A request in the form that the operations receive: the caller is authenticated (of a list perhaps assumed, decision
//! 81), and the size of the body is limited.

use std::{io::Read, sync::Arc};

use lambda_http::{
    Body, Request,
    http::{HeaderMap, Method, header},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    ApiError, Deadline, Needs, Operation, Route, Site, cookies, cookies::SeveralCookies, event::Raw, exact_numbers,
    ids::Ids, routes,
};
use crate::{
    context::Context,
    directory::{Organisations, User},
    operations::{Caller, OperationError, Session},
    query::{Budget, json_values},
    reservation::{Timestamp, uuid},
    store::{AssumedUser, ReadAhead},
};

/// Maximum size of a request body after decompression (bytes), as in Directus.
pub(super) const MAX_BODY: usize = 1_000_000;

/// Maximum number of names and values in a JSON body. A value takes up to seventy bytes of memory, so a body of one
/// megabyte could otherwise take a hundred times its size.
const MAX_BODY_VALUES: usize = 50_000;

/// The variable that takes the rest of a path.
const REST: &str = "proxy";

/// The cookie in which Directus keeps a session's token.
pub const SESSION_COOKIE: &str = "directus_session_token";

/// A request whose caller is known.
#[derive(Debug)]
pub struct Call {
    /// The caller; of a list perhaps the one that the token had before, whose answer is shown only if that is still so.
    pub caller: Caller,
    /// The method.
    pub method: Method,
    /// The path, as the client wrote it.
    pub path: String,
    /// The raw query string, without the question mark.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The time of the request.
    pub now: Timestamp,
    /// The request's id. It is in the response, in the access log and in the function's log.
    pub request_id: String,
    /// The time at which the work on the request must end.
    pub deadline: Deadline,
    /// What it may still compute and hold.
    pub budget: Budget,
    /// The site that the request was sent to.
    pub site: Site,
    cookies: Vec<String>,
    parameters: Vec<(String, String)>,
    route: Option<&'static Route>,
    body: Vec<u8>,
    ahead: Option<ReadAhead>,
    assumed: Option<Arc<AssumedUser>>,
}

/// A request whose caller is not yet known.
#[derive(Clone)]
pub(super) struct Incoming {
    pub(super) method: Method,
    pub(super) path: String,
    query: String,
    headers: HeaderMap,
    cookies: Vec<String>,
    parameters: Vec<(String, String)>,
    route: Option<&'static Route>,
    body: Vec<u8>,
}

impl Incoming {
    pub(super) fn new(request: Request) -> Self {
        let (mut parts, body) = request.into_parts();
        let Raw { path, query, cookies, parameters, route_key, .. } = parts.extensions.remove().unwrap_or_default();
        let rest = parameters.iter().find(|(name, _)| name == REST).map(|(_, value)| value.as_str());
        let route = routes::find(&parts.method, route_key.as_deref(), &path, rest);
        let body = match body {
            Body::Text(text) => text.into_bytes(),
            Body::Binary(bytes) => bytes,
            _ => Vec::new(),
        };
        Self { method: parts.method, path, query, headers: parts.headers, cookies, parameters, route, body }
    }

    pub(super) fn origin(&self) -> Option<String> {
        self.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned)
    }

    pub(super) fn if_none_match(&self) -> Option<String> {
        self.headers.get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok()).map(str::to_owned)
    }

    /// Authenticates the caller and checks the right that the route needs. Without a token the caller is nobody, and so
    /// is the caller of a route that needs nothing.
    ///
    /// # Errors
    /// `FORBIDDEN` when the caller's role lacks the right, and for a write with a cookie that another site sent
    /// ([`Site::check_sender`]); `INVALID_CREDENTIALS` when the route needs an account;
    /// `INVALID_PAYLOAD` for a token in both the query string and the header; `INVALID_CREDENTIALS` for a token that is
    /// not valid or whose user is not active; `SERVICE_UNAVAILABLE` when DynamoDB or the issuer does not answer.
    pub(super) async fn authenticate(
        self,
        context: &Context,
        now: Timestamp,
        ids: &Ids,
        deadline: Deadline,
    ) -> Result<Call, ApiError> {
        let needs = self.route.map_or(Needs::NoBadToken, |route| route.needs);
        let site = Site::of(&self.headers, context.config());
        let token = if matches!(needs, Needs::Nothing | Needs::Page) { None } else { self.token()? };
        let mut ahead = None;
        let caller = match token {
            None => Caller::nobody(),
            Some((token, carrier)) => {
                if carrier == Carrier::Cookie && self.may_write() {
                    site.check_sender(&context.config().cors_origins)?;
                }
                let (store, row) = (context.store(), self.only_row());
                let (user, read) = context.identity().user_and_row(store, &token, row, now).await?;
                ahead = read;
                Caller::user(user.filter(may_sign_in).ok_or(OperationError::InvalidCredentials)?)
            }
        };
        match needs {
            Needs::Nothing | Needs::NoBadToken | Needs::Page => {}
            Needs::Account => drop(caller.get().ok_or(OperationError::InvalidCredentials)?),
            Needs::Right(action, collection) => caller.may(action, collection)?,
        }
        Ok(Call { ahead, ..self.call(context, caller, site, now, ids, deadline) })
    }

    /// A call for the user whose the token was at its last request, if the request only lists reservations and this user had
    /// the right. Its answer may leave the process only when [`Store::confirm`] says that the token is still theirs.
    pub(super) fn assume(
        &self,
        context: &Context,
        now: Timestamp,
        ids: &Ids,
        deadline: Deadline,
    ) -> Option<(Call, Arc<AssumedUser>)> {
        let route = self.route.filter(|route| route.operation == Operation::ListReservations && !self.may_write())?;
        let (token, _) = self.token().ok()??;
        let assumed = Arc::new(context.identity().assume(&token, now)?);
        let caller = Caller::user(assumed.user().clone());
        match route.needs {
            Needs::Right(action, collection) => caller.may(action, collection).ok()?,
            _ => return None,
        }
        let site = Site::of(&self.headers, context.config());
        let call = self.clone().call(context, caller, site, now, ids, deadline);
        Some((Call { assumed: Some(Arc::clone(&assumed)), ..call }, assumed))
    }

    fn call(
        self,
        context: &Context,
        caller: Caller,
        site: Site,
        now: Timestamp,
        ids: &Ids,
        deadline: Deadline,
    ) -> Call {
        let Self { method, path, query, headers, cookies, parameters, route, body } = self;
        let request_id = ids.request.clone();
        let budget = Budget::of_rows(context.config().max_scan);
        Call {
            caller,
            method,
            path,
            query,
            headers,
            now,
            request_id,
            deadline,
            budget,
            site,
            cookies,
            parameters,
            route,
            body,
            ahead: None,
            assumed: None,
        }
    }

    /// The reservation that is all that the request reads beside its caller.
    fn only_row(&self) -> Option<Uuid> {
        self.route.filter(|route| route.operation == Operation::GetReservation)?;
        parameter(&self.parameters, "id").and_then(uuid)
    }

    /// Whether the method is one of those that may write.
    fn may_write(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "SEARCH")
    }

    /// The access token from `?access_token=`, from `Authorization: Bearer`, or from the session cookie. A request with
    /// both of the first two is refused.
    fn token(&self) -> Result<Option<(String, Carrier)>, ApiError> {
        let from_query = query_values(&self.query, "access_token").next().filter(|token| !token.is_empty());
        // A token that is not plain ASCII is one that no user has, which is not the same as no token.
        let header = self.headers.get(header::AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let from_header = header.as_deref().and_then(bearer);
        match (from_query, from_header) {
            (Some(_), Some(_)) => Err(ApiError::invalid_payload(
                "The request uses more than one method for including an access token".to_owned(),
            )),
            (Some(token), None) => Ok(Some((token, Carrier::Request))),
            (None, Some(token)) => Ok(Some((token.to_owned(), Carrier::Request))),
            (None, None) => Ok(cookies::find(&self.cookies, SESSION_COOKIE).map(|token| (token, Carrier::Cookie))),
        }
    }
}

/// What carries the token of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    /// The query string or a header: the page that sends the request knows the token.
    Request,
    /// A cookie, which the browser adds whatever page sends the request.
    Cookie,
}

/// Whether a user may sign in: the status is `active`, and the row says for which organisations.
fn may_sign_in(user: &User) -> bool {
    if user.status == "active" && user.organisations == Organisations::Unsaid {
        let id = &user.id;
        tracing::warn!(
            user = id,
            "user {id} is refused: the row in the Directory table needs \"organisations\", a list or \"*\" for all"
        );
    }
    user.may_sign_in()
}

/// The token `T` of the value `Bearer T`. Any other value counts as no token, as in Directus.
#[must_use]
pub fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ')).then_some(token)
}

/// A parameter of the path, decoded.
fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The decoded values of one key of a query string.
fn query_values<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    query.split('&').filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| {
            let value = value.replace('+', " ");
            percent_encoding::percent_decode_str(&value).decode_utf8_lossy().into_owned()
        })
    })
}

impl Call {
    /// The session of the operation: the caller and the time of the request.
    #[must_use]
    pub fn session(&self) -> Session<'_> {
        let assumed = self.assumed.as_deref();
        Session { assumed, ..Session::new(&self.caller, self.now, &self.budget) }
    }

    /// A parameter of the path, decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameter(&self.parameters, name)
    }

    /// The reservation of the path, if it was read together with the caller. It is given once.
    pub fn take_row(&mut self) -> Option<ReadAhead> {
        self.ahead.take()
    }

    /// What the request asks for; `None` for a request of no route of [`super::ROUTES`]. A path below a route is none
    /// of it, although a route `/path/{proxy+}`, which exists to match `/path/`, also matches `/path/more`.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        self.route.map(|route| route.operation)
    }

    /// The error for a request that asks for nothing that its function does.
    #[must_use]
    pub fn no_route(&self) -> ApiError {
        ApiError::RouteNotFound(self.path.clone())
    }

    /// The rest of the path that a route with a variable for it takes, without a trailing slash.
    #[must_use]
    pub fn rest(&self) -> &str {
        let rest = self.parameter(REST).unwrap_or_default();
        rest.strip_suffix('/').unwrap_or(rest)
    }

    /// The id in the path.
    ///
    /// # Errors
    /// `FORBIDDEN` for an id that is not a UUID, the same as for one that does not exist.
    pub fn id(&self) -> Result<Uuid, ApiError> {
        self.parameter("id").and_then(uuid).ok_or_else(|| OperationError::no_row().into())
    }

    /// The value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        cookies::find(&self.cookies, name)
    }

    /// The value of a cookie that decides who a person is.
    ///
    /// # Errors
    /// [`SeveralCookies`] for cookies of this name with different values.
    pub fn only_cookie(&self, name: &str) -> Result<Option<String>, SeveralCookies> {
        cookies::only(&self.cookies, name)
    }

    /// The value of a header; `None` if the header is missing or contains anything but visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The value of a header that changes what the request does. Such a header must not be ignored if it cannot be
    /// read.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` for a value that contains anything but visible ASCII.
    pub fn text_header(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.transpose().map_err(|_| ApiError::invalid_payload(format!("The header {name} has to be plain ASCII")))
    }

    /// The body's bytes.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON: an object or an array. An empty body, or one of another media type than `application/json`,
    /// counts as an empty object.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` for a body that is too large, that has an unknown encoding or charset, or that is not a JSON
    /// object or array.
    pub fn json(&self) -> Result<Value, ApiError> {
        Ok(self.parsed()?.0)
    }

    /// The body as JSON, for rows that are written: numbers in members that are texts are the texts of these numbers,
    /// exactly as they were sent.
    ///
    /// # Errors
    /// As [`Call::json`].
    pub fn rows(&self) -> Result<Value, ApiError> {
        let (mut value, body) = self.parsed()?;
        exact_numbers::keep(&mut value, &body);
        Ok(value)
    }

    /// The body as JSON, and the text of it after decompression.
    fn parsed(&self) -> Result<(Value, Vec<u8>), ApiError> {
        let nothing = || Ok((Value::Object(serde_json::Map::new()), Vec::new()));
        let refuse = |reason: String| Err(ApiError::invalid_payload(reason));
        let content_type = self.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let mut parts = content_type.split(';').map(str::trim);
        if parts.next() != Some("application/json") || self.body.is_empty() {
            return nothing();
        }
        let charset = parts.find_map(|part| part.strip_prefix("charset=")).map(|name| name.trim_matches('"'));
        if let Some(charset) = charset.filter(|charset| !matches!(*charset, "utf-8" | "utf8")) {
            return refuse(format!("unsupported charset \"{}\"", charset.to_ascii_uppercase()));
        }
        let body = self.decoded_body()?;
        if body.len() > MAX_BODY {
            return refuse("request entity too large".to_owned());
        }
        // White space alone says nothing, as an empty body.
        if body.iter().all(u8::is_ascii_whitespace) {
            return nothing();
        }
        if json_values(&body) > MAX_BODY_VALUES {
            return refuse(format!("The body has more than {MAX_BODY_VALUES} names and values"));
        }
        match serde_json::from_slice::<Value>(&body) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok((value, body)),
            Ok(_) => refuse("An object or an array is needed as JSON".to_owned()),
            Err(error) => refuse(format!("The body is not valid JSON: {error}")),
        }
    }

    fn decoded_body(&self) -> Result<Vec<u8>, ApiError> {
        // Reads one byte more than the limit, to detect a body that is too large without decompressing all of it.
        let limit = MAX_BODY as u64 + 1;
        let mut out = Vec::new();
        let result = match self.header("content-encoding").map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "identity") => return Ok(self.body.clone()),
            Some("gzip" | "x-gzip") => flate2::read::MultiGzDecoder::new(&*self.body).take(limit).read_to_end(&mut out),
            Some("deflate") => flate2::read::ZlibDecoder::new(&*self.body).take(limit).read_to_end(&mut out),
            Some(other) => {
                return Err(ApiError::invalid_payload(format!("unsupported content encoding \"{other}\"")));
            }
        };
        result.map_err(|_| ApiError::invalid_payload("incorrect header check".to_owned()))?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_word_after_bearer_is_a_token() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer abc"), Some("abc"));
        for other in ["Bearer", "Bearer ", "Bearer  abc", "Bearer a b", "Basic YTpi", "abc"] {
            assert_eq!(bearer(other), None, "{other}");
        }
    }

    #[test]
    fn a_token_in_the_query_is_decoded() {
        assert_eq!(query_values("a=1&access_token=x%2By&b", "access_token").collect::<Vec<_>>(), ["x+y"]);
        assert_eq!(query_values("xaccess_token=1", "access_token").count(), 0);
    }
}
