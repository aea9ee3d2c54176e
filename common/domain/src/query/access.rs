//! Rights: what a role may do with a collection, and which collections and fields a caller may read.
//!
//! Pure data, derived from the role and from whether the caller is limited to organisations. Which *rows* a caller may
//! read is not decided here: the operations add a filter with [`Query::restrict`](crate::query::Query::restrict).

use std::sync::Arc;

use crate::directory::Role;
use crate::query::row::Row;
use crate::query::schema::{Collection, Field};
use serde_json::Value;

/// What a caller wants to do with a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create rows.
    Create,
    /// Read rows.
    Read,
    /// Change rows.
    Update,
    /// Delete rows.
    Delete,
}

/// The table of rights: whether a role may take an action on a collection. Which *rows* the action may affect is decided
/// where rows are read (RSV-6). `is_limited` says that the caller is limited to organisations: only administrators of all
/// organisations write users and organisations, so nobody raises their own rights.
#[must_use]
pub fn may(role: Role, is_limited: bool, action: Action, collection: Collection) -> bool {
    let reads = action == Action::Read;
    match (role, collection) {
        (Role::None, _) => false,
        (Role::Admin | Role::Writer, Collection::CodeReservation) => true,
        (Role::Reader, Collection::CodeReservation) => reads,
        (_, Collection::UniqueCode | Collection::Files | Collection::ExportProfile) => reads,
        (Role::Admin, Collection::Users | Collection::Organisation) => reads || !is_limited,
        (Role::Writer, Collection::Users) => reads,
        (Role::Reader, Collection::Users) => false,
        (Role::Reader, Collection::Organisation) => reads,
        (Role::Writer, Collection::Organisation) => false,
        // A writer has a role as a key, as in Directus.
        (Role::Admin, Collection::Roles) => reads,
        (Role::Writer | Role::Reader, Collection::Roles) => false,
    }
}

/// The members of other users that a caller who is limited to organisations may read. E-mail, status, role and the
/// presence of a token or of an identity of the issuer are for those who may see all rows.
const OF_COLLEAGUES: [&str; 3] = ["id", "first_name", "last_name"];

/// Whether a member is for administrators of all organisations, who write it: the organisations of a user, and what is
/// agreed with an organisation. A user may read it of their own account, unless they may read no more than their id.
fn is_of_operators(collection: Collection, name: &str) -> bool {
    match collection {
        Collection::Users => name == "organisations",
        Collection::Organisation => OF_CONTRACT.contains(&name),
        _ => false,
    }
}

/// The members of an organisation that decide which codes and links it gets.
const OF_CONTRACT: [&str; 4] =
    ["organisation_company_prefix", "digital_link_domain", "short_code_domain", "max_codes_per_day"];

/// The read rights of one caller.
#[derive(Debug, Clone)]
pub struct Access {
    role: Role,
    limited: bool,
    own_account: bool,
    user: Option<Arc<Row>>,
}

impl Access {
    /// The rights of a user with this role. `user` is the caller's own `directus_users` row, for `$CURRENT_USER`,
    /// `$CURRENT_USER.email` and `$CURRENT_ROLE` (its `role` member); `None` for a request without a token.
    pub fn new(role: Role, user: Option<Row>) -> Self {
        Self { role, limited: false, own_account: false, user: user.map(Arc::new) }
    }

    /// The rights of a request without a token.
    pub fn public() -> Self {
        Self::new(Role::None, None)
    }

    /// The rights of the same caller if they may see the rows of some organisations only.
    #[must_use]
    pub fn limited_to_organisations(self) -> Self {
        Self { limited: true, ..self }
    }

    /// The rights of the same caller for `/users/me`: a caller who may not read users can still read their own `id`.
    #[must_use]
    pub fn for_own_account(mut self) -> Self {
        self.own_account = true;
        self
    }

    /// The rights for the rows that the relations of the first row lead to. They are never the caller's own account.
    #[must_use]
    pub(in crate::query) fn of_related(&self) -> Self {
        Self { own_account: false, ..self.clone() }
    }

    /// Whether the role allows an action on a collection ([`may`]).
    #[must_use]
    pub fn may(&self, action: Action, collection: Collection) -> bool {
        may(self.role, self.limited, action, collection)
    }

    /// The caller's role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether any field of the collection may be read.
    pub fn can_read(&self, collection: Collection) -> bool {
        may(self.role, self.limited, Action::Read, collection) || (self.own_account && collection == Collection::Users)
    }

    /// Whether the rows of a system collection of Directus that this service does not have may be read. There are none,
    /// so a relation to them is null or an empty list.
    pub(in crate::query) fn can_read_foreign(&self, collection: &str) -> bool {
        self.role == Role::Admin && collection.starts_with("directus_")
    }

    /// Whether this field may be read.
    pub fn can_read_field(&self, collection: Collection, field: &Field) -> bool {
        if !self.can_read(collection) {
            return false;
        }
        if is_of_operators(collection, field.name) {
            let owns = self.own_account && matches!(self.role, Role::Admin | Role::Writer);
            return owns || (self.role == Role::Admin && !self.limited);
        }
        match (self.role, collection) {
            (Role::Admin | Role::Writer, Collection::Users) if self.limited && !self.own_account => {
                OF_COLLEAGUES.contains(&field.name)
            }
            (Role::Writer, Collection::Users) => field.name != "policies",
            (Role::Reader | Role::None, Collection::Users) => field.name == "id",
            _ => true,
        }
    }

    /// The caller's id.
    pub(in crate::query) fn current_user(&self) -> Value {
        self.current_user_member("id")
    }

    /// A field of the caller's own row; null if there is no such field or no caller.
    pub(in crate::query) fn current_user_member(&self, name: &str) -> Value {
        self.user.as_ref().and_then(|u| u.get(name)).cloned().unwrap_or(Value::Null)
    }
}
