//! Checksums and digests of bodies, and their comparison with the values that the client sent in headers or trailers.

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use s3s::{
    S3Error, S3Result, TrailingHeaders,
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256},
    s3_error,
};

use super::description::Checksums;

/// The checksums that the client announced for a body.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) checksums: Checksums,
    pub(super) content_md5: Option<String>,
    /// Names of the checksums that follow the body as trailers (`x-amz-trailer`).
    trailing: Vec<String>,
}

impl Expected {
    pub(super) fn new(checksums: Checksums, content_md5: Option<String>, headers: &HeaderMap) -> Self {
        let trailing = headers
            .get_all("x-amz-trailer")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().strip_prefix("x-amz-checksum-").map(str::to_owned))
            .collect();
        Self { checksums, content_md5, trailing }
    }

    fn wants(&self, name: &str, header: &Option<String>) -> bool {
        header.is_some() || self.trailing.iter().any(|trailing| trailing == name)
    }

    /// Hashers for the announced checksums, and always for CRC-64/NVME, as in S3.
    pub(super) fn hasher(&self) -> Hasher {
        let sent = &self.checksums;
        let mut checksums = ChecksumHasher { crc64nvme: Some(Crc64Nvme::default()), ..Default::default() };
        checksums.crc32 = self.wants("crc32", &sent.crc32).then(Crc32::default);
        checksums.crc32c = self.wants("crc32c", &sent.crc32c).then(Crc32c::default);
        checksums.sha1 = self.wants("sha1", &sent.sha1).then(Sha1::default);
        checksums.sha256 = self.wants("sha256", &sent.sha256).then(Sha256::default);
        Hasher { md5: Md5::new(), checksums, size: 0 }
    }

    /// Adds the checksums from the trailers.
    fn add_trailers(&mut self, trailers: Option<&TrailingHeaders>) -> S3Result<()> {
        let Some(trailers) = trailers.and_then(TrailingHeaders::take) else {
            return if self.trailing.is_empty() { Ok(()) } else { Err(s3_error!(IncompleteBody)) };
        };
        let read = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let sent = &mut self.checksums;
        for (name, slot) in [
            ("x-amz-checksum-crc32", &mut sent.crc32),
            ("x-amz-checksum-crc32c", &mut sent.crc32c),
            ("x-amz-checksum-crc64nvme", &mut sent.crc64nvme),
            ("x-amz-checksum-sha1", &mut sent.sha1),
            ("x-amz-checksum-sha256", &mut sent.sha256),
        ] {
            if let Some(value) = read(name) {
                *slot = Some(value);
            }
        }
        Ok(())
    }

    /// Compares the computed checksums with the announced ones.
    pub(super) fn verify(mut self, digest: &Digest, trailers: Option<&TrailingHeaders>) -> S3Result<()> {
        self.add_trailers(trailers)?;
        if let Some(md5) = &self.content_md5 {
            let sent = BASE64.decode(md5).map_err(|_| s3_error!(InvalidDigest))?;
            if sent.len() != 16 {
                return Err(s3_error!(InvalidDigest));
            }
            if hex::encode(&sent) != digest.md5 {
                return Err(bad_digest("Content-MD5"));
            }
        }
        let (sent, found) = (&self.checksums, &digest.checksums);
        for (name, sent, found) in [
            ("CRC32", &sent.crc32, &found.crc32),
            ("CRC32C", &sent.crc32c, &found.crc32c),
            ("CRC64NVME", &sent.crc64nvme, &found.crc64nvme),
            ("SHA1", &sent.sha1, &found.sha1),
            ("SHA256", &sent.sha256, &found.sha256),
        ] {
            if sent.is_some() && sent != found {
                return Err(bad_digest(name));
            }
        }
        Ok(())
    }
}

pub(super) fn bad_digest(name: &str) -> S3Error {
    s3_error!(BadDigest, "The {name} you specified did not match the calculated checksum.")
}

/// Computes checksums while a body is streamed.
pub(super) struct Hasher {
    md5: Md5,
    checksums: ChecksumHasher,
    size: u64,
}

/// Digests of a body.
#[derive(Debug)]
pub(super) struct Digest {
    /// In hex.
    pub(super) md5: String,
    pub(super) checksums: Checksums,
    pub(super) size: u64,
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.checksums.update(bytes);
        self.size += bytes.len() as u64;
    }

    pub(super) fn finish(self) -> Digest {
        let sums = self.checksums.finalize();
        Digest {
            md5: hex::encode(self.md5.finalize()),
            checksums: Checksums {
                crc32: sums.checksum_crc32,
                crc32c: sums.checksum_crc32c,
                crc64nvme: sums.checksum_crc64nvme,
                sha1: sums.checksum_sha1,
                sha256: sums.checksum_sha256,
            },
            size: self.size,
        }
    }
}

/// The entity tag of a multipart object: the MD5 of the parts' MD5s, and the number of parts.
pub(super) fn multipart_etag<'a>(parts: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = parts.len();
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&hex::decode(part).unwrap_or_default());
    }
    format!("{}-{count}", hex::encode(md5.finalize()))
}

/// The CRC-64/NVME of an object, computed from those of its parts (base64) and their sizes.
pub(super) fn combine_crc64nvme<'a>(parts: impl Iterator<Item = (Option<&'a str>, u64)>) -> Option<String> {
    let mut whole: Option<u64> = None;
    for (checksum, size) in parts {
        let bytes: [u8; 8] = BASE64.decode(checksum?).ok()?.try_into().ok()?;
        let part = u64::from_be_bytes(bytes);
        whole = Some(match whole {
            None => part,
            Some(before) => crc_fast::checksum_combine(crc_fast::CrcAlgorithm::Crc64Nvme, before, part, size),
        });
    }
    whole.map(|whole| BASE64.encode(whole.to_be_bytes()))
}
