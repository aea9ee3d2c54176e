//! The metadata files: descriptions of objects, uploads and parts. They are replaced atomically, so a kill leaves
//! either the old or the new one.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::SystemTime,
};

use s3s::dto;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::durability::Durability;

/// An object without its bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) key: String,
    /// The folder of its data files.
    pub(super) data: String,
    /// The data files, in order.
    pub(super) parts: Vec<Piece>,
    pub(super) etag: String,
    pub(super) modified: SystemTime,
    pub(super) checksums: Checksums,
    pub(super) attributes: Attributes,
    pub(super) multipart: bool,
}

/// A data file of an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Piece {
    pub(super) file: String,
    pub(super) size: u64,
}

/// An open multipart upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) initiated: SystemTime,
    pub(super) attributes: Attributes,
    pub(super) checksum_algorithm: Option<String>,
    pub(super) checksum_type: Option<String>,
}

/// A part of an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) file: String,
    pub(super) size: u64,
    /// MD5 of its bytes, in hex.
    pub(super) etag: String,
    pub(super) modified: SystemTime,
    pub(super) checksums: Checksums,
}

/// Checksums in base64, as in S3's headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Checksums {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crc32: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crc32c: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crc64nvme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
}

/// Metadata that a client may attach to an object.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: BTreeMap<String, String>,
}

impl Object {
    pub(super) fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }

    pub(super) fn etag(&self) -> dto::ETag {
        dto::ETag::Strong(self.etag.clone())
    }
}

impl Attributes {
    pub(super) fn metadata(&self) -> Option<dto::Metadata> {
        Some(self.metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    pub(super) fn read_metadata(metadata: Option<dto::Metadata>) -> BTreeMap<String, String> {
        metadata.into_iter().flatten().collect()
    }
}

/// Writes a description to a temporary file and renames it over the old one.
pub(super) fn write<T: Serialize>(path: &Path, value: &T, durability: &Durability) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", uuid::Uuid::new_v4().simple()));
    let bytes = serde_json::to_vec(value).map_err(io::Error::other)?;
    let mut file = File::create(&temporary)?;
    file.write_all(&bytes)?;
    durability.description(&file, path)?;
    drop(file);
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |folder| durability.folder(folder))
}

pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)
}
