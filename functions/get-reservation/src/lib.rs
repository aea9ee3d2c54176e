//! The handler.

use common::context::Context;
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(_context: &Context, _request: Request) -> Response<Body> {
    Response::new(Body::Empty)
}
