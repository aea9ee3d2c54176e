//! [`Audit`]: what an operator changed.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// One change by an operator: who did what, and when. It is written in the transaction of the change and never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Primary key, a UUID of version 7: the ids sort by time.
    pub id: Uuid,
    /// When it was done (RFC 3339, UTC, milliseconds).
    pub at: String,
    /// Who did it: the ARN of an IAM principal, `local:` and a name on a laptop, or `user:` and the id of a user of the
    /// API.
    pub by: String,
    /// What was done, for example `organisation.add`.
    pub action: String,
    /// To what: the kind and the id, for example `user 0b0e0000-0000-4000-8000-000000000001`.
    pub object: String,
    /// The changed members as they were; none when something was created. No secrets.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub before: Map<String, Value>,
    /// The changed members as they are now; none when something was removed. No secrets.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub after: Map<String, Value>,
    /// When DynamoDB removes the row (seconds since 1970).
    pub expires_at: i64,
}

/// How long an audit row is kept: three years.
const KEPT: TimeDelta = TimeDelta::days(1_096);

impl Audit {
    /// A change without members.
    #[must_use]
    pub fn new(id: Uuid, now: DateTime<Utc>, by: &str, action: &str, object: String) -> Self {
        Self {
            id,
            at: now.to_rfc3339_opts(SecondsFormat::Millis, true),
            by: by.to_owned(),
            action: action.to_owned(),
            object,
            before: Map::new(),
            after: Map::new(),
            expires_at: now.timestamp().saturating_add(KEPT.num_seconds()),
        }
    }

    /// Adds a member that changed. A value of `None` says that there was none, or is none.
    #[must_use]
    pub fn with(mut self, member: &str, before: Option<Value>, after: Option<Value>) -> Self {
        self.before.extend(before.map(|value| (member.to_owned(), value)));
        self.after.extend(after.map(|value| (member.to_owned(), value)));
        self
    }
}
