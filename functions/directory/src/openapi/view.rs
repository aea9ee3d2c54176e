//! What one caller may use: the routes, the collections, and the members of rows.

use common::{
    api::Needs,
    directory::Role,
    operations::Session,
    query::{
        Access, Collection,
        schema::{Field, Relation},
    },
};

/// The rights of a caller.
#[derive(Clone, Debug)]
pub struct View {
    access: Access,
    has_account: bool,
}

/// The form in which an answer can show a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Its value.
    Value,
    /// The key of a row, or the row.
    Row(Collection),
    /// The keys of rows, or the rows.
    Rows(Collection),
    /// A list that is always empty: relations to collections that do not exist here.
    Nothing,
}

impl View {
    /// The rights of a session's caller.
    #[must_use]
    pub fn of(session: &Session<'_>) -> Self {
        Self { access: session.access(), has_account: session.caller.get().is_some() }
    }

    /// The rights of a user with this role, who is limited to organisations or not.
    #[must_use]
    pub fn of_role(role: Role, is_limited: bool) -> Self {
        let access = Access::new(role, None);
        Self { access: if is_limited { access.limited_to_organisations() } else { access }, has_account: true }
    }

    /// The rights of a request without a token.
    #[must_use]
    pub fn public() -> Self {
        Self { access: Access::public(), has_account: false }
    }

    /// Whether the caller has what a route needs.
    #[must_use]
    pub fn may(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing | Needs::NoBadToken => true,
            Needs::Account => self.has_account,
            // Pages for people are no part of the API: they answer HTML, and sign people in by themselves.
            Needs::Page => false,
            Needs::Right(action, collection) => self.access.may(action, collection),
        }
    }

    pub(super) fn can_read(&self, collection: Collection) -> bool {
        self.access.can_read(collection)
    }

    /// The members of a collection that the caller may read. With `is_own`, those of the caller's own account.
    pub(super) fn members(&self, collection: Collection, is_own: bool) -> impl Iterator<Item = (&'static Field, Form)> {
        let access = if is_own { self.access.clone().for_own_account() } else { self.access.clone() };
        let members = collection.fields().iter().filter(move |field| access.can_read_field(collection, field));
        members.map(|field| (field, self.form(field)))
    }

    fn form(&self, field: &Field) -> Form {
        match field.relation {
            Relation::One(collection) if self.can_read(collection) => Form::Row(collection),
            Relation::Many(collection) if self.can_read(collection) => Form::Rows(collection),
            Relation::Foreign(_) if field.kind == common::query::schema::FieldType::Alias => Form::Nothing,
            _ => Form::Value,
        }
    }
}
