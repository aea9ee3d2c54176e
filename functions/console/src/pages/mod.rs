//! The pages, one file each: what is read or done, and how it is shown.

mod export_types;
pub(crate) mod failed;
pub(crate) mod find;
pub(crate) mod language;
mod offered;
pub(crate) mod oidc;
pub(crate) mod once;
pub(crate) mod people;
pub(crate) mod pools;
pub(crate) mod reservation;
pub(crate) mod reservations;
pub(crate) mod reserve;
pub(crate) mod sign_in;
