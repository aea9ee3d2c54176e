//! Presigned links, by which a client reads an object from S3 without this service.

use std::{fmt, time::Duration};

use aws_sdk_s3::presigning::PresigningConfig;
use chrono::{DateTime, SubsecRound as _, Utc};

use super::{Bucket, BucketError};

/// How long a link works.
const LINK_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// `Cache-Control` of what S3 answers.
const NO_STORE: &str = "no-store";

/// The method of a request. A signature covers it, so a link for one method is refused for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkMethod {
    /// Reads an object.
    Get,
    /// Reads its headers only.
    Head,
}

/// A presigned link. It is secret: whoever has it can read the object, so it must not be logged. `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// The link.
    pub url: String,
    /// When S3 begins to refuse it.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Bucket<'_> {
    /// A link that reads an object for 15 minutes. S3 tells caches not to keep what it answers.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when the client has no credentials to sign with.
    pub async fn link(
        &self,
        method: LinkMethod,
        key: &str,
        content_type: &str,
        disposition: &str,
    ) -> Result<Link, BucketError> {
        // A signature has the time in whole seconds.
        let begin = Utc::now().trunc_subsecs(0);
        let config = PresigningConfig::builder().start_time(begin.into()).expires_in(LINK_LIFETIME).build();
        let config = config.map_err(|error| BucketError::Refused(error.to_string()))?;
        let request = match method {
            LinkMethod::Get => {
                let request = self.links.get_object().bucket(self.name).key(key);
                let request = request.response_cache_control(NO_STORE).response_content_type(content_type);
                request.response_content_disposition(disposition).presigned(config).await.map_err(unsigned)?
            }
            LinkMethod::Head => {
                let request = self.links.head_object().bucket(self.name).key(key);
                let request = request.response_cache_control(NO_STORE).response_content_type(content_type);
                request.response_content_disposition(disposition).presigned(config).await.map_err(unsigned)?
            }
        };
        Ok(Link { url: request.uri().to_owned(), expires_at: begin + LINK_LIFETIME })
    }
}

fn unsigned(error: impl fmt::Display) -> BucketError {
    BucketError::Busy(format!("a link cannot be signed: {error}"))
}
