//! Variables in filter values: `$NOW`, `$CURRENT_USER`, `$CURRENT_ROLE`, `$CURRENT_POLICIES`; and the budget that pays
//! for expansions.

use crate::query::access::Access;
use crate::query::budget::Budget;
use crate::query::dates::{format_instant, now_variable};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// The values of variables.
#[derive(Clone, Copy)]
pub(in crate::query) struct Variables<'a> {
    pub(in crate::query) access: &'a Access,
    pub(in crate::query) now: DateTime<Utc>,
    /// Pays for what parameters expand to, before they are expanded.
    pub(in crate::query) budget: &'a Budget,
}

impl Variables<'_> {
    /// The value that a text stands for: that of a variable, or the text itself.
    pub(super) fn resolve(self, text: &str) -> Value {
        if let Some(at) = now_variable(text, self.now) {
            return Value::String(format_instant(&at));
        }
        let access = self.access;
        if let Some(rest) = text.strip_prefix("$CURRENT_USER") {
            return match rest.strip_prefix('.') {
                None if rest.is_empty() => access.current_user(),
                None => Value::Null,
                Some(member) => access.current_user_member(member),
            };
        }
        if let Some(rest) = text.strip_prefix("$CURRENT_ROLE") {
            // `$CURRENT_ROLES` is the list of inherited roles; a user of this service has exactly one role.
            return if rest.is_empty() || rest == "S" { access.current_user_member("role") } else { Value::Null };
        }
        if text.starts_with("$CURRENT_POLICIES") {
            return Value::Null;
        }
        Value::String(text.to_owned())
    }
}
