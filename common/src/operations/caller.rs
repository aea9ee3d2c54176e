//! The caller of a request and their rights. The right to a collection is checked before any row is read.

use super::OperationError;
use crate::{
    directory::{Organisations, Role, User},
    query::{self, Action, Collection},
    reservation::Reservation,
};

/// The caller of a request: a user, or nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(Option<User>);

impl Caller {
    /// A user whose token was found and who is active.
    #[must_use]
    pub fn user(user: User) -> Self {
        Self(Some(user))
    }

    /// The caller of a request without a token.
    #[must_use]
    pub fn nobody() -> Self {
        Self(None)
    }

    /// The user; `None` for nobody.
    #[must_use]
    pub fn get(&self) -> Option<&User> {
        self.0.as_ref()
    }

    /// The user's id, for the audit members.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.0.as_ref().map(|user| user.id.as_str())
    }

    /// The role; [`Role::None`] for nobody.
    #[must_use]
    pub fn role(&self) -> Role {
        self.0.as_ref().map_or(Role::None, |user| user.role)
    }

    /// Checks that the caller's role allows an action on a collection. Users and organisations are written by
    /// administrators of all organisations alone.
    ///
    /// # Errors
    /// `FORBIDDEN`, with the collection in the reason, if it does not.
    pub fn may(&self, action: Action, collection: Collection) -> Result<(), OperationError> {
        let allowed = query::may(self.role(), self.organisations().is_some(), action, collection);
        if allowed { Ok(()) } else { Err(OperationError::no_collection(collection.name())) }
    }

    /// The organisations whose rows the caller may see. `None` means all; an empty list means that no row exists for
    /// them.
    #[must_use]
    pub fn organisations(&self) -> Option<&[String]> {
        match &self.0 {
            None => Some(&[]),
            Some(user) => user.organisations.limit(),
        }
    }

    /// Whether the rows of an organisation exist for the caller (RSV-6). A row without an organisation exists only for
    /// callers who may see all rows.
    #[must_use]
    pub fn sees(&self, organisation: Option<&str>) -> bool {
        match self.organisations() {
            None => true,
            Some(own) => organisation.is_some_and(|organisation| own.iter().any(|one| one == organisation)),
        }
    }

    /// Whether the caller may know what is in every pool: an administrator of all organisations. A pool may contain codes of
    /// several.
    #[must_use]
    pub fn sees_pools(&self) -> bool {
        self.role() == Role::Admin && self.organisations().is_none()
    }

    /// Whether a user with these organisations exists for the caller: everyone for a caller who may see all rows, otherwise users whose
    /// rows name one of the caller's organisations. A user of all organisations is a member of none.
    #[must_use]
    pub fn sees_user(&self, theirs: &Organisations) -> bool {
        match (self.organisations(), theirs) {
            (None, _) => true,
            (Some(_), Organisations::Only(theirs)) => theirs.iter().any(|one| self.sees(Some(one))),
            (Some(_), Organisations::All | Organisations::Unsaid) => false,
        }
    }

    /// The reservation, if it exists for the caller (RSV-6).
    ///
    /// # Errors
    /// `FORBIDDEN`, the same for a row that does not exist and one of another organisation.
    pub fn own(&self, reservation: Option<Reservation>) -> Result<Reservation, OperationError> {
        reservation.filter(|item| self.sees(item.reserved_for.as_deref())).ok_or_else(OperationError::no_row)
    }
}
