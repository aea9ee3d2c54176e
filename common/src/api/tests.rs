//! Tests of what is logged about a request and what the client gets.

use std::sync::Arc;

use lambda_http::{Request, RequestExt, http::HeaderValue};
use serde_json::{Value, json};
use tracing_subscriber::filter::Targets;

use super::{Answer, ApiError, request as request_of, serve};
use crate::{
    config::Config,
    context::Context,
    operations::OperationError,
    telemetry::{self, recorded::Log},
};

fn context() -> Arc<Context> {
    let sdk = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
    Context::new(Config::of_names(), &sdk)
}

fn request(gateway: &str, lambda: &str) -> Request {
    let event = json!({
        "version": "2.0",
        "routeKey": "GET /server/health",
        "requestContext": {"http": {"method": "GET"}, "requestId": gateway},
    });
    let mut of_lambda = lambda_http::Context::default();
    of_lambda.request_id = lambda.to_owned();
    request_of(event).unwrap().with_lambda_context(of_lambda)
}

#[tokio::test]
async fn every_line_about_a_request_and_its_answer_carry_the_gateways_id_whatever_is_logged() {
    const GATEWAY: &str = "JKJaXmPLvHcESHA=";
    for level in ["info", "warn", "error"] {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = telemetry::json_lines(level.parse::<Targets>().unwrap(), move || writer.clone());
        let guard = tracing::subscriber::set_default(subscriber);
        let context = context();
        let response = serve(&context, request(GATEWAY, "lambda-1"), |_, call| async move {
            tracing::warn!("a line from deep inside, without any id of its own");
            assert_eq!(call.request_id, GATEWAY);
            Err::<Answer, _>(ApiError::from(OperationError::Internal("a fault".to_owned())))
        })
        .await;
        drop(guard);
        assert_eq!(response.headers().get("x-request-id"), Some(&HeaderValue::from_static(GATEWAY)));
        let text = log.text();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected = match level {
            "info" => 3,
            "warn" => 2,
            _ => 1,
        };
        assert_eq!(lines.len(), expected, "{text}");
        for line in lines {
            assert_eq!(
                (&line["span"]["request_id"], &line["span"]["invocation"]),
                (&GATEWAY.into(), &"lambda-1".into())
            );
        }
    }
}
