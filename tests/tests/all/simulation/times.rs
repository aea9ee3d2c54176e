//! When objects and uploads were written, in the time of the simulation. The stores know only the real time, which hardly
//! passes, and the sweep removes only what is old: so the times in their listings are replaced.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
    time::SystemTime,
};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use chrono::{DateTime, SecondsFormat, Utc};
use regex::{Captures, Regex};

use super::host::Clock;

/// The times of what a run wrote.
#[derive(Debug)]
pub(super) struct Times {
    clock: Arc<Clock>,
    start: SystemTime,
    written: Mutex<HashMap<(Kind, String), SystemTime>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Object,
    Upload,
}

/// What a request to S3 does, as far as the times matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Writes(String),
    Begins(String),
    Lists,
    Other,
}

impl Deed {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let uri = request.uri();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        // `http://host/bucket/key`
        let key = || path.splitn(5, '/').nth(4).unwrap_or_default().to_owned();
        let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        match request.method() {
            "PUT" if !has("partNumber") => Self::Writes(key()),
            "POST" if has("uploadId") => Self::Writes(key()),
            "POST" if has("uploads") => Self::Begins(key()),
            "GET" if has("list-type") || has("uploads") => Self::Lists,
            _ => Self::Other,
        }
    }
}

impl Times {
    pub(super) fn new(clock: &Arc<Clock>, start: SystemTime) -> Self {
        Self { clock: Arc::clone(clock), start, written: Mutex::default() }
    }

    /// Notes a request that succeeded.
    pub(super) fn note(&self, deed: &Deed) {
        let place = match deed {
            Deed::Writes(key) => (Kind::Object, key.clone()),
            Deed::Begins(key) => (Kind::Upload, key.clone()),
            Deed::Lists | Deed::Other => return,
        };
        self.written.lock().unwrap().insert(place, self.start + self.clock.now());
    }

    /// A listing with the times of the simulation.
    pub(super) fn dated(&self, listing: &str) -> String {
        static ENTRY: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"(?s)<(Contents|Upload)>.*?</(?:Contents|Upload)>").unwrap());
        static KEY: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<Key>([^<]*)</Key>").unwrap());
        static TIME: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"<(LastModified|Initiated)>[^<]*</(?:LastModified|Initiated)>").unwrap());
        let entry = |entry: &Captures<'_>| {
            let kind = if &entry[1] == "Contents" { Kind::Object } else { Kind::Upload };
            let key = KEY.captures(&entry[0]).map_or_else(String::new, |key| key[1].to_owned());
            let Some(time) = self.written.lock().unwrap().get(&(kind, key)).copied() else {
                return entry[0].to_owned();
            };
            let time = DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true);
            TIME.replace(&entry[0], |tag: &Captures<'_>| format!("<{0}>{time}</{0}>", &tag[1])).into_owned()
        };
        ENTRY.replace_all(listing, entry).into_owned()
    }
}

#[test]
fn a_listing_has_the_times_of_the_simulation() {
    let start = SystemTime::UNIX_EPOCH;
    let times = Times::new(&Arc::default(), start);
    times.note(&Deed::Writes("exports/a".to_owned()));
    let of =
        |key: &str, time: &str| format!("<Contents><Key>{key}</Key><LastModified>{time}</LastModified></Contents>");
    let (now, then) = ("2026-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z");
    let listing = format!("<R>{}{}</R>", of("exports/a", now), of("exports/b", now));
    assert_eq!(times.dated(&listing), format!("<R>{}{}</R>", of("exports/a", then), of("exports/b", now)));
    let mut request = HttpRequest::new(aws_smithy_types::body::SdkBody::empty());
    request.set_uri("http://127.0.0.1:1/bucket/exports/a/1.csv?x-id=PutObject").unwrap();
    request.set_method("PUT").unwrap();
    assert_eq!(Deed::of(&request), Deed::Writes("exports/a/1.csv".to_owned()));
}
