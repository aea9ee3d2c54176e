//! Export profiles in the `Directory` table: a row for each name, and an immutable row for each version.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Store, StoreError,
    directory::{Consistency, key},
    directory_kind::Kind,
    items,
};
use crate::reservation::{ProfileName, Timestamp};

const PROFILE: &str = Kind::Profile.name();
const VERSION: &str = Kind::ProfileVersion.name();

/// Which version a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRow {
    /// Primary key: [`profile_id`].
    pub id: String,
    /// The name.
    pub name: String,
    /// The organisation that has the profile; `None` for a profile of the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The SHA-256 of the canonical form of the version.
    pub sha256: String,
    /// When the name was given this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_updated: Option<Timestamp>,
}

/// A version: what is stored under its SHA-256.
#[derive(Deserialize)]
struct Version {
    id: String,
    profile: String,
}

/// The id of the profile with a name: of an organisation, or of the deployment. A UUID of version 5, so that a name has one
/// row.
#[must_use]
pub fn profile_id(organisation: Option<&str>, name: ProfileName) -> Uuid {
    let text = format!("export_profile:{name}:{}", organisation.unwrap_or_default());
    Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes())
}

impl Store<'_> {
    /// Reads the row of a name (consistent).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when the item cannot be read.
    pub async fn profile(
        &self,
        organisation: Option<&str>,
        name: ProfileName,
    ) -> Result<Option<ProfileRow>, StoreError> {
        self.profile_by_id(&profile_id(organisation, name).to_string()).await
    }

    /// Reads a row by its id (consistent).
    ///
    /// # Errors
    /// As [`Store::profile`].
    pub async fn profile_by_id(&self, id: &str) -> Result<Option<ProfileRow>, StoreError> {
        let item = self.directory_item(PROFILE, id).await?;
        item.map(|item| items::read(&self.config.tables.directory, item)).transpose()
    }

    /// Reads the rows that pass a test.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than `MaxScan` such rows; otherwise as [`Store::profile`].
    pub async fn profiles_that(&self, test: impl Fn(&ProfileRow) -> bool) -> Result<Vec<ProfileRow>, StoreError> {
        let table = &self.config.tables.directory;
        let read = |item| items::read::<ProfileRow>(table, item).map(|row| Some(row).filter(|row| test(row)));
        self.all_of(PROFILE, Consistency::Eventual, read).await
    }

    /// The canonical form of a version (consistent); `None` if it is not stored.
    ///
    /// # Errors
    /// As [`Store::profile`].
    pub async fn profile_version(&self, sha256: &str) -> Result<Option<String>, StoreError> {
        let item = self.directory_item(VERSION, sha256).await?;
        let read = |item| items::read::<Version>(&self.config.tables.directory, item);
        Ok(item.map(read).transpose()?.map(|version| version.profile))
    }

    /// The canonical forms of versions, each with its SHA-256. Those that do not exist are left out.
    ///
    /// # Errors
    /// As [`Store::profile`].
    pub async fn profile_versions(&self, hashes: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        let table = &self.config.tables.directory;
        let keys = hashes.iter().filter(|hash| !hash.is_empty()).map(|hash| key(VERSION, hash)).collect();
        let items = self.batch_get(table, keys).await?;
        let read = |item| items::read::<Version>(table, item).map(|version| (version.id, version.profile));
        items.into_iter().map(read).collect()
    }
}
