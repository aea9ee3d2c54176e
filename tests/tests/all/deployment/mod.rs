//! What is deployed and what operators see: template.yaml, the events of `events/`, IAM permissions, metrics, alarms
//! and costs.

mod costs;
mod events;
mod link_lengths;
mod metrics;
mod repository;
mod rights;
mod secrets_in_logs;
mod tables;
mod template;
mod watching;
