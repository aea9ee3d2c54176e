//! Users, their roles, and organisations: what the `Directory` table holds, as values.
//!
//! What a role may do with which collection is decided by [`crate::query::may`].

use serde::{Deserialize, Serialize};

/// What a user may do; the table of rights is [`crate::query::may`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Create, read, update and delete reservations; read codes, files and users; an organisation only as a key.
    Writer,
    /// Read reservations, codes, files and organisations; a user only as a key.
    Reader,
    /// Nothing. A request without a token has this role.
    None,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Primary key (a UUID).
    pub id: String,
    /// Given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `active`, or another word for a user who may not sign in.
    pub status: String,
    /// What the user may do.
    pub role: Role,
    /// The organisations whose rows the user sees; `None` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisations: Option<Vec<String>>,
    /// The `sub` claim of the user's JWTs (RFC 7519, section 4.1.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_identifier: Option<String>,
    /// Whether a static token exists. Only its SHA-256 is stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_token: bool,
}

/// An organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Primary key, a key path such as `/417/9312345000012`.
    pub id: String,
    /// Its GS1 Company Prefix; needed for SSCC, GSRN and GIAI, and for EPC URIs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_company_prefix: Option<String>,
    /// Its own domain for Digital Links and short links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digital_link_domain: Option<String>,
    /// Every other member, as it was given.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}
