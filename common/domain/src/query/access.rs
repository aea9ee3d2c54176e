//! What a caller may read, collection by collection and member by member.
//!
//! Pure data, made from a role. Which *rows* a caller may read is not said here: the rights layer adds a filter with
//! [`Query::restrict`](super::Query::restrict), in one place.

use super::schema::{Collection, Field};
use serde_json::{Map, Value};

/// The role of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Admin,
    /// Reservations, codes, files and users; an organisation only as a key.
    Writer,
    /// Reservations, codes, files and organisations; a user only as a key.
    Reader,
    /// Nothing, or nobody: a request without a token.
    None,
}

/// The read rights of one caller.
#[derive(Debug, Clone)]
pub struct Access {
    role: Role,
    own_account: bool,
    user: Option<Map<String, Value>>,
}

impl Access {
    /// The rights of a user with this role. `user` is the caller's own `directus_users` row, for `$CURRENT_USER`,
    /// `$CURRENT_USER.email` and `$CURRENT_ROLE` (its `role` member); `None` where nobody is logged in.
    pub fn new(role: Role, user: Option<Map<String, Value>>) -> Self {
        Self { role, own_account: false, user }
    }

    /// The rights of nobody.
    pub fn public() -> Self {
        Self::new(Role::None, None)
    }

    /// The same caller looking at the own account (`/users/me`): whoever may not read users still sees the own `id`.
    #[must_use]
    pub fn for_own_account(mut self) -> Self {
        self.own_account = true;
        self
    }

    /// The caller's role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether any member of the collection may be read.
    pub fn can_read(&self, collection: Collection) -> bool {
        match self.role {
            Role::Admin => true,
            Role::Writer => collection != Collection::Organisation,
            Role::Reader if collection == Collection::Users => self.own_account,
            Role::Reader => true,
            Role::None => collection == Collection::Users && self.own_account,
        }
    }

    /// Whether this member may be read.
    pub fn can_read_field(&self, collection: Collection, field: &Field) -> bool {
        if !self.can_read(collection) {
            return false;
        }
        match (self.role, collection) {
            (Role::Writer, Collection::Users) => field.name != "policies",
            (Role::Reader | Role::None, Collection::Users) => field.name == "id",
            _ => true,
        }
    }

    /// The caller's id.
    pub(super) fn current_user(&self) -> Value {
        self.current_user_member("id")
    }

    /// A member of the caller's own row; null where there is none.
    pub(super) fn current_user_member(&self, name: &str) -> Value {
        self.user.as_ref().and_then(|u| u.get(name)).cloned().unwrap_or(Value::Null)
    }
}
