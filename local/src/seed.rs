//! Rows to start with: read from a file, checked, and handed to a [`Sink`] in an order in which each row finds what it
//! refers to. Rows whose id is there already are skipped, so a seed can be given at every start.
//!
//! The file is a JSON object of collections, any of which may be absent: `directus_users`, `organisation`,
//! `directus_files` and `code_reservation`. Collections that this service does not keep are ignored.

use std::{collections::HashMap, future::Future, path::Path};

use aws_sdk_s3::{error::DisplayErrorContext, primitives::ByteStream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The rows of a seed.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Seed {
    /// Users, with their tokens.
    #[serde(default, rename = "directus_users")]
    pub users: Vec<SeedUser>,
    /// Organisations.
    #[serde(default, rename = "organisation")]
    pub organisations: Vec<SeedOrganisation>,
    /// Files, with their content.
    #[serde(default, rename = "directus_files")]
    pub files: Vec<SeedFile>,
    /// Reservations, member by member as they are to be shown.
    #[serde(default, rename = "code_reservation")]
    pub reservations: Vec<Map<String, Value>>,
}

/// A user of a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedUser {
    /// Primary key (a UUID).
    pub id: Uuid,
    /// The static token, as the user sends it.
    #[serde(default, skip_serializing)]
    pub token: Option<String>,
    /// `admin`, `writer`, `reader` or `none`.
    pub role: SeedRole,
    /// Keys of the organisations whose rows the user sees; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisations: Option<Vec<String>>,
    /// Given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `active`, or another word for a user who may not sign in.
    #[serde(default = "active")]
    pub status: String,
    /// The `sub` of the user's JWTs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_identifier: Option<String>,
}

fn active() -> String {
    "active".to_owned()
}

/// What a user of a seed may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedRole {
    /// Everything.
    Admin,
    /// Create, read, update, delete.
    Writer,
    /// Read.
    Reader,
    /// Nothing.
    None,
}

/// An organisation of a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedOrganisation {
    /// Primary key, such as `/417/9312345000012`.
    pub id: String,
    /// Its GS1 company prefix, 4…12 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_company_prefix: Option<String>,
    /// Its domain for links, with scheme and without a trailing slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digital_link_domain: Option<String>,
    /// Every other member, as given.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A file of a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedFile {
    /// Primary key (a UUID).
    pub id: Uuid,
    /// The name that a download gets.
    pub filename_download: String,
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The media type.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Key of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded_by: Option<String>,
    /// When it was made (ISO 8601).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_on: Option<String>,
    /// What is in it.
    #[serde(skip_serializing)]
    pub content: String,
    /// The organisation of the reservation that names it as its export: who may read it.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
}

impl SeedFile {
    /// Where its content lies in the bucket; no export has such a key.
    #[must_use]
    pub fn s3_key(&self) -> String {
        format!("seed/{}", self.id)
    }
}

/// Where rows go. Each call skips a row whose id is there already.
pub trait Sink: Sync {
    /// Takes a user; the token is stored as a hash only.
    fn user(&self, user: &SeedUser) -> impl Future<Output = Result<(), SeedError>> + Send;
    /// Takes an organisation.
    fn organisation(&self, organisation: &SeedOrganisation) -> impl Future<Output = Result<(), SeedError>> + Send;
    /// Takes the row of a file, whose content lies under [`SeedFile::s3_key`].
    fn file(&self, file: &SeedFile) -> impl Future<Output = Result<(), SeedError>> + Send;
    /// Takes a reservation, with the member `seeded` set.
    fn reservation(&self, reservation: &Map<String, Value>) -> impl Future<Output = Result<(), SeedError>> + Send;
}

/// A seed that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file.
    #[error("the seed {path} cannot be read: {reason}")]
    File {
        /// Its path.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A row.
    #[error("the seed's {collection} {id}: {reason}")]
    Row {
        /// The collection.
        collection: &'static str,
        /// The row's id, as far as there is one.
        id: String,
        /// What is wrong.
        reason: String,
    },
}

impl SeedError {
    /// A row that the store refused.
    pub fn row(collection: &'static str, id: impl ToString, reason: impl ToString) -> Self {
        Self::Row { collection, id: id.to_string(), reason: reason.to_string() }
    }
}

impl Seed {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is no such JSON, or a row lacks what it needs.
    pub fn read(path: &Path) -> Result<Self, SeedError> {
        let failed = |reason: String| SeedError::File { path: path.display().to_string(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        Self::parse(&text).map_err(|error| match error {
            SeedError::File { reason, .. } => failed(reason),
            row @ SeedError::Row { .. } => row,
        })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`Seed::read`].
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        let failed = |reason: String| SeedError::File { path: String::new(), reason };
        let mut seed: Self = serde_json::from_str(text).map_err(|error| failed(error.to_string()))?;
        let mut organisations: HashMap<String, String> = HashMap::new();
        for row in &mut seed.reservations {
            let id = row.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            if Uuid::parse_str(&id).is_err() {
                return Err(SeedError::row("code_reservation", id, "a UUID is needed as id"));
            }
            if !row.get("status").is_some_and(Value::is_string) {
                return Err(SeedError::row("code_reservation", id, "a status is needed"));
            }
            let text = |member: &str| row.get(member).and_then(Value::as_str).map(str::to_owned);
            if let (Some(file), Some(organisation)) = (text("export_file"), text("reserved_for")) {
                organisations.insert(file, organisation);
            }
            row.insert("seeded".to_owned(), json!(true));
        }
        for file in &mut seed.files {
            file.organisation = organisations.get(&file.id.to_string()).cloned();
        }
        Ok(seed)
    }

    /// The one administrator that exists without a seed.
    #[must_use]
    pub fn administrator(token: &str) -> Self {
        let administrator = SeedUser {
            id: Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001),
            token: Some(token.to_owned()),
            role: SeedRole::Admin,
            organisations: None,
            first_name: Some("Local".to_owned()),
            last_name: Some("Administrator".to_owned()),
            email: None,
            status: active(),
            external_identifier: None,
        };
        Self { users: vec![administrator], ..Self::default() }
    }

    /// Hands every row to `sink`, and the content of files to the bucket.
    ///
    /// # Errors
    /// The first row that was refused; the rows before it are there.
    pub async fn load(&self, sink: &impl Sink, s3: &aws_sdk_s3::Client, bucket: &str) -> Result<(), SeedError> {
        for organisation in &self.organisations {
            sink.organisation(organisation).await?;
        }
        for user in &self.users {
            sink.user(user).await?;
        }
        for file in &self.files {
            let body = ByteStream::from(file.content.clone().into_bytes());
            let put = s3.put_object().bucket(bucket).key(file.s3_key()).content_type(&file.media_type).body(body);
            put.send().await.map_err(|error| SeedError::row("directus_files", file.id, DisplayErrorContext(&error)))?;
            sink.file(file).await?;
        }
        for reservation in &self.reservations {
            sink.reservation(reservation).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
        "directus_users": [
            {"id": "a11ce000-0000-4000-8000-000000000001", "token": "t", "role": "admin", "first_name": "Ann"},
            {"id": "a11ce000-0000-4000-8000-000000000002", "role": "reader", "organisations": ["/417/1"], "status": "draft"}
        ],
        "organisation": [{"id": "/417/1", "organisation_company_prefix": "9312345", "city": "Berlin"}],
        "directus_files": [{"id": "f11e0000-0000-4000-8000-000000000001", "filename_download": "é.csv", "type": "text/csv", "content": "code\n1\n"}],
        "product": [{"id": "/01/1"}],
        "code_reservation": [{"id": "03343178-982f-4b83-8dcb-916595070e51", "status": "complete", "quantity": 50,
            "reserved_for": "/417/1", "export_file": "f11e0000-0000-4000-8000-000000000001", "date_created": "2024-03-01T08:00:00.000Z"}]
    }"#;

    #[test]
    fn rows_are_read_as_given_and_marked() {
        let seed = Seed::parse(TEXT).unwrap();
        assert_eq!(seed.users[0].token.as_deref(), Some("t"));
        assert_eq!((seed.users[0].role, &seed.users[0].organisations), (SeedRole::Admin, &None));
        assert_eq!(seed.users[1].organisations, Some(vec!["/417/1".to_owned()]));
        assert_eq!(seed.users[1].status, "draft");
        assert_eq!(seed.organisations[0].other["city"], "Berlin");
        assert_eq!(seed.files[0].organisation.as_deref(), Some("/417/1"));
        assert_eq!(seed.files[0].s3_key(), "seed/f11e0000-0000-4000-8000-000000000001");
        let row = &seed.reservations[0];
        assert_eq!((&row["seeded"], &row["quantity"]), (&json!(true), &json!(50)));
        assert_eq!(row["date_created"], "2024-03-01T08:00:00.000Z");
    }

    #[test]
    fn any_collection_may_be_absent() {
        let seed = Seed::parse("{}").unwrap();
        assert!(seed.users.is_empty() && seed.files.is_empty() && seed.reservations.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, word) in [
            ("[", "EOF"),
            (r#"{"directus_users": [{"id": "x", "role": "admin"}]}"#, "UUID"),
            (r#"{"directus_users": [{"id": "a11ce000-0000-4000-8000-000000000001", "role": "king"}]}"#, "king"),
            (r#"{"code_reservation": [{"id": "7", "status": "new"}]}"#, "code_reservation 7"),
            (r#"{"code_reservation": [{"id": "03343178-982f-4b83-8dcb-916595070e51"}]}"#, "status"),
        ] {
            let error = Seed::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn a_token_is_never_written_with_its_user() {
        let seed = Seed::administrator("secret-token");
        assert!(!serde_json::to_string(&seed.users[0]).unwrap().contains("secret-token"));
    }
}
