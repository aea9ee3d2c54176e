//! Variables in filter values: `$NOW`, `$CURRENT_USER`, `$CURRENT_ROLE`, `$CURRENT_POLICIES`; what the filter is for; and
//! the budget that pays for expansions.

use super::purpose::Purpose;
use crate::query::access::Access;
use crate::query::budget::Budget;
use crate::query::dates::{exact_now_variable, format_instant, now_variable};
use crate::query::error::{QueryError, shown};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// The values of variables.
#[derive(Clone, Copy)]
pub(in crate::query) struct Variables<'a> {
    pub(in crate::query) access: &'a Access,
    pub(in crate::query) now: DateTime<Utc>,
    /// What the query is for.
    pub(in crate::query) purpose: Purpose,
    /// Pays for what parameters expand to, before they are expanded.
    pub(in crate::query) budget: &'a Budget,
}

impl Variables<'_> {
    /// The value that a text stands for: that of a variable, or the text itself. A variable that does not exist or has no
    /// value is null.
    ///
    /// # Errors
    /// `INVALID_QUERY` for such a variable in a write, and for `$NOW` with an offset that cannot be read exactly or
    /// leads into the future, which a read accepts.
    pub(super) fn resolve(self, text: &str) -> Result<Value, QueryError> {
        match self.value_of(text) {
            Value::Null if self.purpose == Purpose::Write => {
                let text = shown(text);
                let why = if text.starts_with("$NOW") {
                    "is no time up to now. Write $NOW or, for example, $NOW(-2 days); years to days take whole numbers"
                } else {
                    "does not exist or has no value"
                };
                Err(QueryError::invalid(format!("The variable \"{text}\" {why}")))
            }
            value => Ok(value),
        }
    }

    fn value_of(self, text: &str) -> Value {
        if text.starts_with("$NOW") {
            let at = match self.purpose {
                Purpose::Read => now_variable(text, self.now),
                Purpose::Write => exact_now_variable(text, self.now),
            };
            return at.map_or(Value::Null, |at| Value::String(format_instant(&at)));
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
