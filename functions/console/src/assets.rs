//! The files that the pages load, under addresses that contain a hash of them. So browsers keep them for a year, and a
//! new version has other addresses.

use std::sync::LazyLock;

use common::api::Call;
use sha2::{Digest, Sha256};

use crate::reply::{Reply, compressed};

/// Digits of the hash in an address.
const DIGITS: usize = 12;

/// A file.
pub(crate) struct Asset {
    content_type: &'static str,
    text: &'static [u8],
    gzip: Vec<u8>,
    /// Its address.
    pub(crate) address: String,
}

impl Asset {
    fn new(name: &'static str, content_type: &'static str, text: &'static [u8]) -> Self {
        let mut hash = hex::encode(Sha256::digest(text));
        hash.truncate(DIGITS);
        let gzip = compressed(text).unwrap_or_default();
        Self { content_type, text, gzip, address: format!("/console/static/{hash}/{name}") }
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The styles.
pub(crate) static STYLES: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console.css", "text/css; charset=utf-8", include_bytes!("../static/console.css")));

/// What browsers do beyond HTML: local times, the camera, copying.
pub(crate) static CONSOLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console.js", SCRIPT, include_bytes!("../static/console.js")));

/// htmx, as published (`static/htmx.min.js.md` says where it comes from).
pub(crate) static HTMX: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("htmx.min.js", SCRIPT, include_bytes!("../static/htmx.min.js")));

/// The icon of the pages.
pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon.svg", "image/svg+xml", include_bytes!("../static/icon.svg")));

/// The file at an address; `None` if there is none. An address of another version leads to nothing, as its file is
/// gone.
pub(crate) fn find(call: &Call) -> Option<Reply> {
    let assets: [&Asset; 4] = [&STYLES, &CONSOLE, &HTMX, &ICON];
    let asset = assets.into_iter().find(|asset| asset.address == call.path)?;
    Some(Reply::file(call, asset.content_type, asset.text, &asset.gzip))
}
