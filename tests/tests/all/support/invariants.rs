//! Reads all tables and the whole bucket with the AWS SDK and checks the invariants RSV-1 … RSV-5 and RSV-7 … RSV-9 and
//! RSV-11.

use std::io::Read;

use common::{
    context::Context,
    export::ExportType,
    operations::export_file,
    reservation::{
        Container, ExportKey, Reservation,
        invariants::{
            Breach, ClaimState, CountState, Exports, FileState, PoolState, RangeState, State, export_breaches,
        },
    },
    store::{FileRow, SECRET_ROW},
};
use flate2::bufread::GzDecoder;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use super::harness::wait_until;

/// Everything that is stored about reservations.
pub(crate) struct Stored {
    pub(crate) state: State,
    pub(crate) files: Vec<FileRow>,
    pub(crate) exports: Exports,
}

#[derive(Deserialize)]
struct PoolItem {
    namespace: String,
    entry: String,
    next: Option<u64>,
    count: Option<u64>,
    reservation: Option<Uuid>,
    incarnation: Option<Uuid>,
    organisation: Option<String>,
    at: Option<String>,
    only_organisation: Option<String>,
    only_next: Option<u64>,
    #[serde(default)]
    claimed: bool,
    #[serde(default)]
    continued: bool,
}

/// Every item of a table.
pub(crate) async fn items<T: DeserializeOwned>(context: &Context, table: &str) -> Vec<T> {
    let (mut all, mut start) = (Vec::new(), None);
    loop {
        let scan = context.dynamodb().scan().table_name(table).consistent_read(true).set_exclusive_start_key(start);
        let answer = scan.send().await.unwrap();
        all.extend(answer.items.unwrap_or_default().into_iter().map(|item| serde_dynamo::from_item(item).unwrap()));
        start = answer.last_evaluated_key;
        if start.is_none() {
            return all;
        }
    }
}

/// All items of all tables as sorted text. If two calls return the same, nothing was written between them.
pub(crate) async fn everything(context: &Context) -> Vec<String> {
    let tables = &context.config().tables;
    let mut all = Vec::new();
    for table in [&tables.reservations, &tables.pools, &tables.files, &tables.directory, &tables.requests] {
        for item in items::<Value>(context, table).await {
            all.push(format!("{table} {}", sorted(&item)));
        }
    }
    all.sort();
    all
}

/// A value as text, with the members of every object sorted.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.iter().map(|(name, value)| format!("{name}: {}", sorted(value))).collect();
            members.sort();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

/// Reads the tables and lists the bucket.
pub(crate) async fn stored(context: &Context) -> Stored {
    let tables = &context.config().tables;
    let mut state = State { reservations: items(context, &tables.reservations).await, ..State::default() };
    for item in items::<PoolItem>(context, &tables.pools).await {
        let PoolItem { namespace, entry, next, count, reservation, incarnation, organisation, at, .. } = item;
        let PoolItem { only_organisation, only_next, claimed, continued, .. } = item;
        match entry.strip_prefix("range#") {
            Some(start) => {
                let (start, count) = (start.parse().unwrap(), count.unwrap());
                let day = at.map(|at| at[..10].to_owned());
                state.ranges.push(RangeState { namespace, start, count, reservation, incarnation, organisation, day });
            }
            None if namespace.starts_with("number#")
                || namespace.starts_with("completion#")
                || namespace == SECRET_ROW => {}
            None if let Some(prefix) = namespace.strip_prefix("prefix#") => {
                state.claims.push(ClaimState { prefix: prefix.to_owned(), claimed, continued });
            }
            None => {
                let next = next.unwrap();
                state.pools.push(PoolState { namespace, next, only_organisation, only_next, claimed });
            }
        }
    }
    for item in items::<Value>(context, &tables.requests).await {
        // `codes#2026-01-31#/417/9312345000012`; the keys of remembered requests are hexadecimal.
        if let Some((day, organisation)) =
            item["key"].as_str().and_then(|key| key.strip_prefix("codes#")?.split_once('#'))
        {
            let codes = item["codes"].as_u64().unwrap();
            state.counts.push(CountState { organisation: organisation.to_owned(), day: day.to_owned(), codes });
        }
    }
    let files: Vec<FileRow> = items(context, &tables.files).await;
    let bucket = context.bucket();
    let exports = Exports {
        files: files
            .iter()
            .map(|file| FileState {
                id: file.id.clone(),
                key: file.s3_key.clone(),
                reservation: file.reservation,
                incarnation: file.incarnation,
            })
            .collect(),
        objects: bucket.objects(ExportKey::PREFIX).await.unwrap().into_iter().map(|object| object.key).collect(),
        uploads: bucket.open_uploads(ExportKey::PREFIX).await.unwrap().into_iter().map(|upload| upload.key).collect(),
    };
    Stored { state, files, exports }
}

/// Reads everything, and finds the breaches of RSV-1, RSV-2, RSV-3, RSV-8, RSV-9 and RSV-11 of the tables and of RSV-4 of
/// every export.
pub(crate) async fn breaches(context: &Context) -> (Stored, Vec<Breach>) {
    let stored = stored(context).await;
    let mut breaches = stored.state.breaches();
    for item in stored.state.exported() {
        breaches.extend(export_breaches_of(context, &stored, item).await);
    }
    (stored, breaches)
}

/// Asserts that there are no [`breaches`]. Returns what was read.
pub(crate) async fn assert_consistent(context: &Context) -> Stored {
    let (stored, breaches) = breaches(context).await;
    assert_eq!(breaches, [], "{} breaches", breaches.len());
    stored
}

/// Asserts RSV-1 … RSV-5: [`assert_consistent`], no open reservation, and nothing in the bucket or in Files that no
/// reservation refers to.
pub(crate) async fn assert_finished(context: &Context) -> Stored {
    let stored = assert_consistent(context).await;
    assert_eq!(stored.state.leftovers(&stored.exports), []);
    stored
}

/// Waits until nothing is left over, then asserts RSV-1 … RSV-5. Tidying runs one stream record after the end of a
/// reservation, so a running system needs a moment.
pub(crate) async fn assert_settled(context: &Context) -> Stored {
    let leftovers = || async {
        let stored = stored(context).await;
        stored.state.leftovers(&stored.exports).is_empty().then_some(())
    };
    wait_until("nothing is left over (RSV-5)", leftovers).await;
    assert_consistent(context).await
}

/// RSV-4: downloads an export and compares it with a fresh rendering.
async fn export_breaches_of(context: &Context, stored: &Stored, item: &Reservation) -> Vec<Breach> {
    let breach = |found: &str| vec![Breach { id: "RSV-4", found: format!("reservation {}: {found}", item.id) }];
    let row = stored.files.iter().find(|row| Some(&row.id) == item.export_file.as_ref());
    let Some(row) = row else { return breach("no file row") };
    let object = context.s3().get_object().bucket(&context.config().bucket).key(&row.s3_key).send().await;
    let Ok(object) = object else { return breach("no object") };
    let bytes = object.body.collect().await.unwrap().into_bytes();
    if row.filesize != bytes.len() as u64 {
        return breach(&format!("the row says {} bytes, the object has {}", row.filesize, bytes.len()));
    }
    let export_type: ExportType = item.render.as_ref().unwrap().export_type.parse().unwrap();
    let plain = plain(export_type, &bytes);
    let (secret, policy) = (context.secret().await.unwrap(), &context.config().part_policy);
    let file = export_file(context.store(), secret, item, policy).await.unwrap();
    let mut fresh = Vec::new();
    file.write_plain(&mut fresh).unwrap();
    export_breaches(item, export_type.format(), &plain, &fresh)
}

/// The rows in the bytes of an export.
pub(crate) fn plain(export_type: ExportType, bytes: &[u8]) -> Vec<u8> {
    match export_type.container() {
        None => bytes.to_vec(),
        Some(Container::Gzip) => unzipped(bytes),
        Some(Container::Zip) => admin::evidence::plain("xlsx", bytes, u64::MAX),
    }
}

/// The contents of a gzip file that is one member and nothing else.
pub(crate) fn unzipped(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = GzDecoder::new(bytes);
    let mut plain = Vec::new();
    decoder.read_to_end(&mut plain).unwrap();
    assert!(decoder.into_inner().is_empty(), "bytes behind the gzip member");
    plain
}
