//! The ids and the route of a request, as API Gateway and Lambda name them. None of them contains text from the client.

use lambda_http::{Request, RequestExt};

use super::{event::Raw, routes::ROUTES};

/// The route of a request that did not come through an HTTP API.
const NO_ROUTE: &str = "none";

/// The names of a request in logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ids {
    /// The request's id, in the access log, in every line of the function's log, and in `x-request-id`: the gateway's
    /// `requestContext.requestId`; without a gateway Lambda's id of the invocation; without both a random one.
    pub(super) request: String,
    /// Lambda's id of the invocation. Lambda's own log lines and X-Ray contain it.
    pub(super) invocation: String,
    /// The method and path of a route of the template. HEAD counts as GET, and a route that only matches a trailing
    /// slash counts as the route without it.
    pub(super) route: String,
}

impl Ids {
    pub(super) fn of(request: &Request) -> Self {
        let invocation = request.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default();
        let (id, key) = Raw::of(request).map(|raw| (raw.request_id.clone(), raw.route_key.clone())).unwrap_or_default();
        let id = id.filter(|id| !id.is_empty()).or_else(|| Some(invocation.clone()).filter(|id| !id.is_empty()));
        Self {
            request: id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
            invocation,
            route: key.as_deref().map_or_else(|| NO_ROUTE.to_owned(), route),
        }
    }
}

/// Converts a route key (`HEAD /files/{proxy+}`) to the route under which it is counted (`GET /files`).
fn route(key: &str) -> String {
    let key = match key.strip_prefix("HEAD ") {
        Some(path) => format!("GET {path}"),
        None => key.to_owned(),
    };
    // A variable for the rest may also be a route of its own, as in `OPTIONS /{proxy+}` and `POST /console/{proxy+}`.
    let is_route = |method: &str, path: &str| {
        ROUTES.iter().any(|route| route.path == path && (route.method == method || method == "ANY"))
    };
    match key.strip_suffix("/{proxy+}") {
        Some(rest) if rest.split_once(' ').is_some_and(|(method, path)| is_route(method, path)) => rest.to_owned(),
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::{Context as LambdaContext, http};

    use super::*;

    fn request(gateway: Option<&str>, lambda: Option<&str>, key: &str) -> Request {
        let mut request: Request = http::Request::new(lambda_http::Body::Empty);
        if let Some(id) = lambda {
            let mut context = LambdaContext::default();
            context.request_id = id.to_owned();
            request = request.with_lambda_context(context);
        }
        if let Some(id) = gateway {
            let (request_id, route_key) = (Some(id.to_owned()), Some(key.to_owned()));
            request.extensions_mut().insert(Raw { request_id, route_key, ..Raw::default() });
        }
        request
    }

    #[test]
    fn the_id_is_the_gateways_then_lambdas_then_a_fresh_one() {
        let ids = Ids::of(&request(Some("JKJaXmPLvHcESHA="), Some("lambda"), "GET /files"));
        assert_eq!((ids.request.as_str(), ids.invocation.as_str()), ("JKJaXmPLvHcESHA=", "lambda"));
        assert_eq!(Ids::of(&request(Some(""), Some("lambda"), "GET /files")).request, "lambda");
        assert_eq!(Ids::of(&request(None, Some("lambda"), "")).request, "lambda");
        let fresh = Ids::of(&request(None, None, ""));
        assert!(uuid::Uuid::try_parse(&fresh.request).is_ok() && fresh.invocation.is_empty());
    }

    #[test]
    fn a_route_is_counted_once_with_and_without_a_trailing_slash_and_under_head() {
        for (key, expected) in [
            ("GET /files", "GET /files"),
            ("GET /files/{proxy+}", "GET /files"),
            ("HEAD /files/{id}/{proxy+}", "GET /files/{id}"),
            ("GET /items/organisation/{proxy+}", "GET /items/organisation"),
            ("OPTIONS /{proxy+}", "OPTIONS /{proxy+}"),
            ("HEAD /console/{proxy+}", "GET /console"),
            ("POST /console/{proxy+}", "POST /console/{proxy+}"),
            ("ANY /items/code_reservation/{proxy+}", "ANY /items/code_reservation"),
            ("$default", "$default"),
        ] {
            assert_eq!(route(key), expected);
        }
        assert_eq!(Ids::of(&request(None, None, "")).route, "none");
    }
}
