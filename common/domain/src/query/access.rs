//! What a caller may read, collection by collection and member by member.
//!
//! Pure data, made from a role. Which *rows* a caller may read is not said here: the rights layer adds a filter with
//! [`Query::restrict`](crate::query::Query::restrict), in one place.

use crate::query::schema::{Collection, Field};
use crate::directory::Role;
use serde_json::{Map, Value};

/// What a caller wants to do with a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make rows.
    Create,
    /// Read rows.
    Read,
    /// Change rows.
    Update,
    /// Delete rows.
    Delete,
}

/// The table of rights: whether a role may do something with a collection at all. Which *rows* it may do it with is
/// decided where rows are read (RSV-6).
#[must_use]
pub fn may(role: Role, action: Action, collection: Collection) -> bool {
    let reads = action == Action::Read;
    match (role, collection) {
        (Role::None, _) => false,
        (Role::Admin | Role::Writer, Collection::CodeReservation) => true,
        (Role::Reader, Collection::CodeReservation) => reads,
        (_, Collection::UniqueCode | Collection::Files) => reads,
        (Role::Admin | Role::Writer, Collection::Users) => reads,
        (Role::Reader, Collection::Users) => false,
        (Role::Admin | Role::Reader, Collection::Organisation) => reads,
        (Role::Writer, Collection::Organisation) => false,
    }
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
        may(self.role, Action::Read, collection) || (self.own_account && collection == Collection::Users)
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
    pub(in crate::query) fn current_user(&self) -> Value {
        self.current_user_member("id")
    }

    /// A member of the caller's own row; null where there is none.
    pub(in crate::query) fn current_user_member(&self, name: &str) -> Value {
        self.user.as_ref().and_then(|u| u.get(name)).cloned().unwrap_or(Value::Null)
    }
}
