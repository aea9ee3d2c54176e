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
    /// Its own quota of codes for a day; 0 for none. Without it, the deployment's quota applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_codes_per_day: Option<serde_json::Value>,
    /// Every other member, as it was given.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// The quota in an organisation's row is not a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("max_codes_per_day of the organisation is not a whole number; ask the operator to correct it")]
pub struct UnreadableQuota;

impl Organisation {
    /// Maximum number of codes that the organisation gets on one day (UTC): its own quota, or `default`. `None` means
    /// no quota, which a row or a default of 0 says.
    ///
    /// # Errors
    /// [`UnreadableQuota`] if its own quota is not a whole number of at least 0. Ignoring it would lift the quota.
    pub fn codes_per_day(&self, default: u64) -> Result<Option<u64>, UnreadableQuota> {
        let quota = match &self.max_codes_per_day {
            None | Some(serde_json::Value::Null) => default,
            Some(own) => own.as_u64().ok_or(UnreadableQuota)?,
        };
        Ok(Some(quota).filter(|quota| *quota > 0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_organisations_own_quota_replaces_the_deployments_and_zero_means_none() {
        let quota = |row: serde_json::Value, default| {
            serde_json::from_value::<Organisation>(row).unwrap().codes_per_day(default)
        };
        assert_eq!(quota(json!({"id": "A"}), 0), Ok(None));
        assert_eq!(quota(json!({"id": "A"}), 5), Ok(Some(5)));
        assert_eq!(quota(json!({"id": "A", "max_codes_per_day": null}), 5), Ok(Some(5)));
        assert_eq!(quota(json!({"id": "A", "max_codes_per_day": 0}), 5), Ok(None));
        assert_eq!(quota(json!({"id": "A", "max_codes_per_day": 7}), 5), Ok(Some(7)));
        assert_eq!(quota(json!({"id": "A", "max_codes_per_day": 7}), 0), Ok(Some(7)));
        for wrong in [json!("7"), json!(-1), json!(1.5), json!(true), json!([7])] {
            assert_eq!(quota(json!({"id": "A", "max_codes_per_day": wrong}), 0), Err(UnreadableQuota), "{wrong}");
        }
    }
}
