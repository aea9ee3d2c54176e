//! Users, their roles, and organisations: what the `Directory` table holds, as values.
//!
//! What a role may do with which collection is decided by [`crate::query::may`].

mod audit;

pub use audit::Audit;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};

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

impl Role {
    /// The roles that have a row, with the name in it. The administrator's is the one that Directus gives.
    pub const NAMED: [(Self, &'static str); 3] =
        [(Self::Admin, "Administrator"), (Self::Writer, "Writer"), (Self::Reader, "Reader")];
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
    /// The organisations whose rows the user sees.
    #[serde(default)]
    pub organisations: Organisations,
    /// The `sub` claim of the user's JWTs (RFC 7519, section 4.1.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_identifier: Option<String>,
    /// Whether a static token exists. Only its SHA-256 is stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_token: bool,
}

impl User {
    /// An active administrator of all organisations, with nothing but an id.
    #[must_use]
    pub fn administrator(id: String) -> Self {
        Self {
            id,
            first_name: None,
            last_name: None,
            email: None,
            status: "active".to_owned(),
            role: Role::Admin,
            organisations: Organisations::All,
            external_identifier: None,
            has_token: false,
        }
    }

    /// Whether the user may sign in: the status is `active`, and the row says for which organisations.
    #[must_use]
    pub fn may_sign_in(&self) -> bool {
        self.status == "active" && self.organisations != Organisations::Unsaid
    }
}

/// The organisations of a user, as the attribute `organisations` of the row has them.
///
/// All organisations must be said. A row without the attribute, with a misspelt one, or with one of another form gives
/// [`Organisations::Unsaid`], and such a user is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Organisations {
    /// All: the text `"*"`.
    All,
    /// These: a list or a set of texts. With none, no row exists for the user.
    Only(Vec<String>),
    /// Anything else. No row exists for the user.
    #[default]
    Unsaid,
}

impl Organisations {
    /// The text that stands for all organisations.
    const ALL: &'static str = "*";

    /// The organisations to which the user is limited; `None` means all.
    #[must_use]
    pub fn limit(&self) -> Option<&[String]> {
        match self {
            Self::All => None,
            Self::Only(own) => Some(own),
            Self::Unsaid => Some(&[]),
        }
    }
}

/// The organisations of a `--seed` file, where a missing list means all.
impl From<Option<Vec<String>>> for Organisations {
    fn from(own: Option<Vec<String>>) -> Self {
        own.map_or(Self::All, Self::Only)
    }
}

impl Serialize for Organisations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str(Self::ALL),
            Self::Only(own) => own.serialize(serializer),
            Self::Unsaid => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Organisations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// The forms of the attribute. One that cannot be used must not hide the whole row.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Stored {
            Text(String),
            List(Vec<String>),
            Other(IgnoredAny),
        }
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Text(text) if text == Self::ALL => Self::All,
            Stored::List(own) => Self::Only(own),
            Stored::Text(_) | Stored::Other(_) => Self::Unsaid,
        })
    }
}

/// An organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Primary key, a key path such as `/417/9312345000012`.
    pub id: String,
    /// Its GS1 Company Prefix; needed for SSCC, GSRN and GIAI, and for EPC URIs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_company_prefix: Option<String>,
    /// Its own domain for Digital Links, and for short links unless they have their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digital_link_domain: Option<String>,
    /// Its own domain for short links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_code_domain: Option<String>,
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
    use serde_json::{Value, json};

    use super::*;

    fn row(organisations: Option<Value>) -> User {
        let mut row = json!({"id": "u", "status": "active", "role": "writer", "unknown": [1]});
        row.as_object_mut().unwrap().extend(organisations.map(|value| ("organisations".to_owned(), value)));
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn all_organisations_must_be_said() {
        assert_eq!(row(Some(json!("*"))).organisations.limit(), None);
        assert_eq!(row(Some(json!(["A"]))).organisations, Organisations::Only(vec!["A".to_owned()]));
        let forms = [
            None,
            Some(Value::Null),
            Some(json!("")),
            Some(json!("A")),
            Some(json!("**")),
            Some(json!(true)),
            Some(json!({"*": true})),
            Some(json!(["A", 1])),
        ];
        for form in forms {
            let user = row(form.clone());
            assert_eq!(user.organisations, Organisations::Unsaid, "{form:?}");
            assert_eq!(user.organisations.limit(), Some(&[][..]), "{form:?}");
        }
        // In a list, the asterisk is an organisation of that name.
        assert_eq!(row(Some(json!(["*"]))).organisations, Organisations::Only(vec!["*".to_owned()]));
        let misspelt = json!({"id": "u", "status": "active", "role": "admin", "organizations": "*"});
        assert_eq!(serde_json::from_value::<User>(misspelt).unwrap().organisations, Organisations::Unsaid);
    }

    #[test]
    fn a_user_is_read_as_written() {
        for organisations in [Organisations::All, Organisations::Only(vec![]), Organisations::Unsaid] {
            let user = User { organisations, ..row(None) };
            assert_eq!(serde_json::from_value::<User>(serde_json::to_value(&user).unwrap()).unwrap(), user);
        }
    }

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
