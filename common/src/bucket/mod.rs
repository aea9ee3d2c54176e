//! The bucket: every S3 call that exports need, each with the client's timeouts and retries.
//!
//! Parts travel as an unsigned payload over TLS with a CRC-64/NVME checksum: the checksum is verified by S3 end to end, and
//! costs a small part of what a SHA-256 of every part does.

mod error;
mod links;
mod listing;
mod objects;
mod uploads;

pub use error::BucketError;
pub use listing::{Listed, OpenUpload};
pub use objects::{ObjectHead, Stored};
pub use uploads::Part;

use aws_sdk_s3::Client;

use crate::clients::{CALL_SECONDS, TRY_SECONDS, timeouts};
use error::classify;

/// Pages of a listing that are read before it counts as broken: 1,000 entries each.
const MAX_PAGES: usize = 100_000;

/// The bucket of the exports.
#[derive(Clone, Copy)]
pub struct Bucket<'a> {
    client: &'a Client,
    /// Signs links, and sends nothing.
    links: &'a Client,
    name: &'a str,
}

impl<'a> Bucket<'a> {
    /// A bucket by its client and name, with the client that signs links: a signature covers the host, which a browser may
    /// name otherwise than this process does.
    #[must_use]
    pub fn new(client: &'a Client, links: &'a Client, name: &'a str) -> Self {
        Self { client, links, name }
    }

    /// Whether the bucket can be reached; the one call of a request to S3, with the bounds of the others.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer; [`BucketError::Refused`] when it refuses.
    pub async fn ping(&self) -> Result<(), BucketError> {
        let bounds = aws_sdk_s3::config::Builder::new().timeout_config(timeouts(TRY_SECONDS, CALL_SECONDS));
        let asked = self.client.head_bucket().bucket(self.name).customize().config_override(bounds).send().await;
        asked.map(drop).map_err(classify)
    }
}
