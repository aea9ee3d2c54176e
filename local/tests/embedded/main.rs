//! The embedded stores and the stream reader, seen through the AWS SDK.

mod s3;
mod stream;
mod system;
