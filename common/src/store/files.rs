//! The `Files` table: the `directus_files` objects of exports.

use aws_sdk_dynamodb::types::Put;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Store, StoreError,
    error::{classify, unless_condition_failed},
    index::shard,
    items::{self, Item, id_key, key, text},
};
use crate::reservation::Timestamp;

/// A file row: the members that clients see, and the key of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// Primary key (a UUID).
    pub id: String,
    /// The object's key in the bucket.
    pub s3_key: String,
    /// The file name of a download.
    pub filename_download: String,
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The media type.
    #[serde(rename = "type")]
    pub media_type: String,
    /// The size of the object (bytes).
    pub filesize: u64,
    /// The user who created the reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded_by: Option<String>,
    /// When it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_on: Option<Timestamp>,
    /// The reservation whose codes the file contains; `None` for a file of a seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Uuid>,
    /// The incarnation of that reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Uuid>,
    /// The organisation of that reservation, which determines who may read the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
}

impl Store<'_> {
    /// Reads a file row (consistent).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when the item cannot be read.
    pub async fn file(&self, id: &str) -> Result<Option<FileRow>, StoreError> {
        let table = &self.config.tables.files;
        let answer = self.get(table, id_key(id)).send().await.map_err(classify)?;
        answer.item.map(|item| items::read(table, item)).transpose()
    }

    /// File rows of one shard after that of an id, in the order of ids (one page of 1 MB, eventually consistent), and
    /// the id after which the next page begins, if there is one.
    ///
    /// # Errors
    /// As [`Store::file`].
    pub async fn files_of_shard(
        &self,
        shard: u32,
        after: Option<&str>,
    ) -> Result<(Vec<FileRow>, Option<String>), StoreError> {
        let table = &self.config.tables.files;
        let start = after.map(|id| Item::from([key("id", id), key("shard", shard)]));
        let answer = self
            .client
            .query()
            .table_name(table)
            .index_name("by_shard")
            .key_condition_expression("#shard = :shard")
            .expression_attribute_names("#shard", "shard")
            .expression_attribute_values(":shard", text(shard.to_string()))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(classify)?;
        let next = answer.last_evaluated_key.as_ref().and_then(|key| items::get_text(key, "id")).map(str::to_owned);
        let rows = answer.items.unwrap_or_default().into_iter().map(|item| items::read(table, item));
        Ok((rows.collect::<Result<_, _>>()?, next))
    }

    /// Reads file rows by id; those that do not exist are left out.
    ///
    /// # Errors
    /// As [`Store::file`].
    pub async fn files(&self, ids: &[String]) -> Result<Vec<FileRow>, StoreError> {
        let table = &self.config.tables.files;
        // DynamoDB refuses empty keys, so nothing is stored under one.
        let ids = ids.iter().filter(|id| !id.is_empty());
        let keys = ids.map(id_key).collect();
        self.batch_get(table, keys).await?.into_iter().map(|item| items::read(table, item)).collect()
    }

    /// All files of some organisations, or of all. They are read from an index, page by page.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than `MaxScan` files; otherwise as [`Store::file`].
    pub async fn files_of(&self, organisations: Option<&[String]>) -> Result<Vec<FileRow>, StoreError> {
        let partitions: Vec<(&str, &str, String)> = match organisations {
            Some(own) => own
                .iter()
                .filter(|id| !id.is_empty())
                .map(|id| ("by_organisation", "organisation_key", id.clone()))
                .collect(),
            None => (0..self.config.shards).map(|shard| ("by_shard", "shard", shard.to_string())).collect(),
        };
        let mut files = Vec::new();
        for (index, attribute, value) in partitions {
            let mut start = None;
            loop {
                let answer = self
                    .client
                    .query()
                    .table_name(&self.config.tables.files)
                    .index_name(index)
                    .key_condition_expression("#k = :k")
                    .expression_attribute_names("#k", attribute)
                    .expression_attribute_values(":k", text(&value))
                    .set_exclusive_start_key(start)
                    .send()
                    .await
                    .map_err(classify)?;
                for item in answer.items.unwrap_or_default() {
                    files.push(items::read(&self.config.tables.files, item)?);
                }
                if files.len() > self.config.max_scan {
                    return Err(StoreError::TooMany(self.config.max_scan));
                }
                start = answer.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(files)
    }

    /// Writes a file row of a seed unless its id exists.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn seed_file(&self, file: &FileRow) -> Result<(), StoreError> {
        self.put_unless_exists(&self.config.tables.files, self.file_item(file)?, "id").await
    }

    /// Deletes a file row of a reservation that is gone.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn delete_file(&self, id: &str, incarnation: Uuid) -> Result<(), StoreError> {
        let result = self
            .client
            .delete_item()
            .table_name(&self.config.tables.files)
            .key("id", text(id))
            .condition_expression("incarnation = :incarnation")
            .expression_attribute_values(":incarnation", text(incarnation.to_string()))
            .send()
            .await;
        // The row was deleted before, or it belongs to another incarnation. In both cases there is nothing to do.
        unless_condition_failed(result)
    }

    pub(super) fn file_put(&self, file: &FileRow) -> Result<Put, StoreError> {
        Put::builder()
            .table_name(&self.config.tables.files)
            .set_item(Some(self.file_item(file)?))
            .build()
            .map_err(StoreError::from)
    }

    fn file_item(&self, file: &FileRow) -> Result<Item, StoreError> {
        let mut item = items::write(&self.config.tables.files, file)?;
        if let Some(organisation) = file.organisation.as_deref().filter(|organisation| !organisation.is_empty()) {
            item.insert("organisation_key".to_owned(), text(organisation));
        }
        let shard = Uuid::try_parse(&file.id).map_or(0, |id| shard(id, self.config.shards));
        item.insert("shard".to_owned(), text(shard.to_string()));
        Ok(item)
    }
}
