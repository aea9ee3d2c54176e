//! The bucket: every S3 call that exports need, each with the client's timeouts and retries.
//!
//! Parts are sent over TLS as an unsigned payload with a CRC-64/NVME checksum, which S3 verifies. That costs a small
//! part of computing a SHA-256 of every part.

mod error;
mod links;
mod listing;
mod objects;
mod uploads;

pub use error::BucketError;
pub use links::{Link, LinkMethod};
pub use listing::{Listed, OpenUpload, Version, VersionPlace};
pub use objects::{ObjectHead, Stored, Summed};
pub use uploads::Part;

use aws_sdk_s3::Client;

use crate::clients::{CALL_SECONDS, TRY_SECONDS, timeouts};
use error::classify;

/// Maximum number of pages of a listing, 1,000 entries each. A listing with more pages fails.
const MAX_PAGES: usize = 100_000;

/// The bucket of the exports.
#[derive(Clone, Copy)]
pub struct Bucket<'a> {
    client: &'a Client,
    /// Only signs links. It sends no requests.
    links: &'a Client,
    name: &'a str,
}

impl<'a> Bucket<'a> {
    /// The bucket `name`. `client` sends requests and `links` signs links: a signature covers the host, and a browser
    /// may reach S3 under another host name than this process does.
    #[must_use]
    pub fn new(client: &'a Client, links: &'a Client, name: &'a str) -> Self {
        Self { client, links, name }
    }

    /// Checks that the bucket can be reached. A client waits for this call, so it has the shorter time-outs of DynamoDB
    /// calls.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer; [`BucketError::Refused`] when it refuses.
    pub async fn ping(&self) -> Result<(), BucketError> {
        let bounds = aws_sdk_s3::config::Builder::new().timeout_config(timeouts(TRY_SECONDS, CALL_SECONDS));
        let asked = self.client.head_bucket().bucket(self.name).customize().config_override(bounds).send().await;
        asked.map(drop).map_err(classify)
    }
}
