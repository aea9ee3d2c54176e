//! Tests of the features of S3 on which the functions rely, with the embedded S3.

mod links;
mod objects;
mod uploads;
mod versions;

use std::path::Path;

use aws_sdk_s3::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use local::{s3::S3, system::sdk_config, template::Bucket};
use tempfile::TempDir;

const BUCKET: &str = "exports";
const MIB: usize = 1024 * 1024;

struct Home {
    folder: TempDir,
    s3: Option<S3>,
}

impl Home {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let s3 = Some(start(folder.path()).await);
        Self { folder, s3 }
    }

    fn client(&self) -> Client {
        client(self.s3.as_ref().unwrap())
    }

    /// Stops and opens the same files again, as after a kill: nothing is written at the end.
    async fn restart(&mut self) {
        self.s3 = None;
        self.s3 = Some(start(self.folder.path()).await);
    }

    fn files(&self) -> usize {
        fn count(path: &Path) -> usize {
            let entries = std::fs::read_dir(path).unwrap();
            entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
        }
        count(self.folder.path())
    }
}

async fn start(path: &Path) -> S3 {
    S3::start(path, &[Bucket::plain(BUCKET)], true).await.unwrap()
}

fn config(s3: &S3) -> Builder {
    Builder::from(&sdk_config(s3)).endpoint_url(s3.endpoint()).force_path_style(true)
}

fn client(s3: &S3) -> Client {
    Client::from_conf(config(s3).build())
}

fn code<E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(error: &SdkError<E, R>) -> String {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default().to_owned()
}

async fn put(client: &Client, key: &str, body: &[u8]) {
    client.put_object().bucket(BUCKET).key(key).body(ByteStream::from(body.to_vec())).send().await.unwrap();
}

async fn get(client: &Client, key: &str) -> Vec<u8> {
    let answer = client.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    answer.body.collect().await.unwrap().to_vec()
}

async fn keys(client: &Client) -> Vec<String> {
    let answer = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    answer.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
}

async fn create(client: &Client, key: &str) -> String {
    let answer = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .content_type("text/csv")
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .metadata("rows", "3")
        .send()
        .await
        .unwrap();
    answer.upload_id().unwrap().to_owned()
}

async fn part(client: &Client, key: &str, id: &str, number: i32, body: &[u8]) -> CompletedPart {
    let answer = client
        .upload_part()
        .bucket(BUCKET)
        .key(key)
        .upload_id(id)
        .part_number(number)
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .body(ByteStream::from(body.to_vec()))
        .send()
        .await
        .unwrap();
    assert!(answer.checksum_crc64_nvme().is_some());
    CompletedPart::builder().part_number(number).e_tag(answer.e_tag().unwrap()).build()
}

fn completed(parts: &[CompletedPart]) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec())).build()
}
