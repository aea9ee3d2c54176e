//! Presigned links, by which a client reads an object from S3 without this service.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;

use super::{Bucket, BucketError};

/// How long a link works.
const LINK_LIFETIME: Duration = Duration::from_secs(15 * 60);

impl Bucket<'_> {
    /// A link that reads an object for 15 minutes. The link is secret: it must not be logged. S3 tells caches not to
    /// keep what it answers.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when the client has no credentials to sign with.
    pub async fn link(&self, key: &str, content_type: &str, disposition: &str) -> Result<String, BucketError> {
        let config = PresigningConfig::expires_in(LINK_LIFETIME).map_err(|e| BucketError::Refused(e.to_string()))?;
        let request = self
            .links
            .get_object()
            .bucket(self.name)
            .key(key)
            .response_cache_control("no-store")
            .response_content_type(content_type)
            .response_content_disposition(disposition)
            .presigned(config)
            .await
            .map_err(|error| BucketError::Busy(format!("a link cannot be signed: {error}")))?;
        Ok(request.uri().to_owned())
    }
}
