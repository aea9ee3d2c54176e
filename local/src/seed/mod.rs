//! The initial rows: those of `--seed FILE`, or one administrator.
//!
//! Reservations are loaded unchanged and marked `seeded`: they can be read but are never processed. Rows whose id
//! exists are skipped, so the same file can be given at every start.

mod file;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use common::{
    bucket::{BucketError, ObjectHead},
    code::{CompanyPrefix, Day, check_lot, prefix_beginnings},
    context::Context,
    directory::{Organisation, Role, User},
    reservation::{Reservation, Status, Timestamp},
    store::{Created, FileRow, StoreError},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Deserializer, de::Error};
use tokio::{sync::mpsc, task::spawn_blocking};
use uuid::Uuid;

use self::file::Source;

/// The id of the administrator that is created when there is no seed.
const ADMINISTRATOR: &str = "00000000-0000-4000-8000-000000000001";

/// Why a seed cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file cannot be read.
    #[error("the seed {path} cannot be read: {source}")]
    File {
        /// The path.
        path: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file is no valid seed.
    #[error("the seed {path} is not what is needed: {source}")]
    Form {
        /// The path.
        path: String,
        /// The JSON error with its position.
        source: serde_json::Error,
    },
    /// The task that reads the file ended with a panic, or the runtime stops.
    #[error("reading the seed was interrupted")]
    Interrupted,
    /// A table cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket cannot be written.
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

/// Reservations in one transaction.
const TOGETHER: usize = 50;
/// Transactions at the same time: while one is written, the next are prepared.
const CONCURRENT: usize = 4;

#[derive(Debug, Deserialize)]
struct SeedUser {
    id: String,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    status: Option<String>,
    token: Option<String>,
    role: Role,
    organisations: Option<Vec<String>>,
    external_identifier: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SeedFile {
    id: String,
    filename_download: String,
    title: Option<String>,
    #[serde(rename = "type")]
    media_type: String,
    uploaded_by: Option<String>,
    created_on: Option<Timestamp>,
    content: String,
}

#[derive(Debug, Deserialize)]
struct SeedReservation {
    id: Uuid,
    user_created: Option<String>,
    date_created: Option<Timestamp>,
    user_updated: Option<String>,
    date_updated: Option<Timestamp>,
    reserved_for: Option<String>,
    code_type: Option<String>,
    quantity: Option<i64>,
    status: Option<Status>,
    export_type: Option<String>,
    export_file: Option<String>,
    url_suffix: Option<String>,
    product: Option<String>,
    quantity_reserved: Option<i64>,
    error_message: Option<String>,
    reference_id: Option<String>,
    purchase_order: Option<String>,
    #[serde(default, deserialize_with = "lot")]
    lot: Option<String>,
    expiry_date: Option<Day>,
    production_date: Option<Day>,
    best_before: Option<Day>,
}

/// Reads a lot, which the codes of the reservation could have if a client makes it `new`.
fn lot<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let lot = Option::<String>::deserialize(deserializer)?;
    match lot.as_deref().map(check_lot) {
        Some(Err(error)) => Err(D::Error::custom(format_args!("the lot is refused: {error}"))),
        _ => Ok(lot),
    }
}

/// Loads a seed file. Gives the token of its first administrator; `None` if it has none.
///
/// # Errors
/// [`SeedError::File`] when the file cannot be read, [`SeedError::Form`] when it is no seed, [`SeedError::Store`] or
/// [`SeedError::Bucket`] when a row or a file cannot be written.
pub async fn load(context: &Context, path: &Path) -> Result<Option<String>, SeedError> {
    let path = path.to_owned();
    // The first pass finds every mistake before anything is written.
    let (rows, source) = blocking(move || {
        let mut source = Source::open(&path)?;
        Ok((source.read(|_| true)?, source))
    })
    .await?;
    let store = context.store();
    warn_of_conflicts(&rows.organisations);
    for organisation in &rows.organisations {
        store.seed_organisation(organisation).await?;
    }
    let mut administrator = None;
    for user in rows.users {
        let (user, token) = user.into_parts();
        store.seed_user(&user, token.as_deref()).await?;
        if user.role == Role::Admin && administrator.is_none() {
            administrator = token;
        }
    }
    // The organisation of the first reservation that references a file decides who may read it.
    let files = rows.files.iter().map(|file| (file.id.clone(), None)).collect();
    let mut organisations = load_reservations(context, source, files).await?;
    for file in rows.files {
        let organisation = organisations.remove(&file.id).flatten().flatten();
        load_file(context, file, organisation).await?;
    }
    Ok(administrator)
}

/// Starts a task that reads a file. Gives its result.
async fn blocking<T: Send + 'static>(
    task: impl FnOnce() -> Result<T, SeedError> + Send + 'static,
) -> Result<T, SeedError> {
    spawn_blocking(task).await.map_err(|_| SeedError::Interrupted)?
}

/// The organisation of the first reservation that references a file, by the id of the file.
type OrganisationsOfFiles = HashMap<String, Option<Option<String>>>;

/// Writes the reservations of a seed. Few of them are in memory at a time.
async fn load_reservations(
    context: &Context,
    mut source: Source,
    mut files: OrganisationsOfFiles,
) -> Result<OrganisationsOfFiles, SeedError> {
    let (sender, mut rows) = mpsc::channel(TOGETHER);
    let reading = spawn_blocking(move || {
        source.read(|row: SeedReservation| {
            if let Some(organisation @ None) = row.export_file.as_ref().and_then(|file| files.get_mut(file)) {
                *organisation = Some(row.reserved_for.clone());
            }
            sender.blocking_send(row).is_ok()
        })?;
        Ok(files)
    });
    let store = context.store();
    let written: Result<(), StoreError> = stream::poll_fn(|task| rows.poll_recv(task))
        .map(SeedReservation::into_reservation)
        .chunks(TOGETHER)
        .map(Ok)
        .try_for_each_concurrent(CONCURRENT, |rows| {
            let store = &store;
            async move {
                if matches!(store.create(&rows, None).await, Ok(Created::Done)) {
                    return Ok(());
                }
                // One of them exists, or they are too long for one transaction.
                for row in &rows {
                    store.seed_reservation(row).await?;
                }
                Ok(())
            }
        })
        .await;
    // Ends the reading when a row could not be written.
    drop(rows);
    let read = reading.await.map_err(|_| SeedError::Interrupted)?;
    written?;
    read
}

/// Warns of organisations whose company prefixes begin one another. The seed is loaded nevertheless, because clients
/// are shown its rows as they are. Of two such organisations, the first that reserves codes with its prefix keeps the
/// other from it (RSV-11).
fn warn_of_conflicts(organisations: &[Organisation]) {
    for [one, other] in conflicts(organisations) {
        let (one, other) = (&one.id, &other.id);
        tracing::warn!(
            "the company prefix of organisation {one} in the seed begins that of {other}: only the first of them to \
             reserve sscc, gsrn or giai codes can have any"
        );
    }
}

/// Organisations of which the prefix of the first begins that of the second.
fn conflicts(organisations: &[Organisation]) -> Vec<[&Organisation; 2]> {
    let prefix = |one: &Organisation| {
        let prefix = CompanyPrefix::parse(one.organisation_company_prefix.as_deref()?).ok()?;
        Some(prefix.as_str().to_owned())
    };
    let by_prefix: BTreeMap<String, &Organisation> =
        organisations.iter().filter_map(|one| Some((prefix(one)?, one))).collect();
    by_prefix
        .iter()
        .flat_map(|(prefix, other)| {
            prefix_beginnings(prefix).filter_map(|start| Some([*by_prefix.get(start)?, *other]))
        })
        .collect()
}

/// Creates the administrator of a system without a seed. Revokes all its tokens but this one.
///
/// # Errors
/// [`SeedError::Store`] when the directory table cannot be written.
pub async fn administrator(context: &Context, token: &str) -> Result<(), SeedError> {
    let user = User {
        first_name: Some("Local".to_owned()),
        last_name: Some("Administrator".to_owned()),
        has_token: true,
        ..User::administrator(ADMINISTRATOR.to_owned())
    };
    let store = context.store();
    store.seed_user(&user, Some(token)).await?;
    Ok(store.revoke_other_tokens(ADMINISTRATOR, token).await?)
}

async fn load_file(context: &Context, file: SeedFile, organisation: Option<String>) -> Result<(), SeedError> {
    // Functions may read below `exports/`. The sweep ignores this key, because it has not the form of an export's key.
    let s3_key = format!("exports/seed/{}", file.id);
    let row = FileRow {
        id: file.id,
        s3_key: s3_key.clone(),
        filename_download: file.filename_download,
        title: file.title,
        media_type: file.media_type.clone(),
        filesize: file.content.len() as u64,
        uploaded_by: file.uploaded_by,
        created_on: file.created_on,
        reservation: None,
        incarnation: None,
        organisation,
    };
    let head = ObjectHead {
        key: &s3_key,
        content_type: &file.media_type,
        reservation: String::new(),
        rows: file.content.lines().count() as u64,
        contents: String::new(),
        origin: String::new(),
    };
    context.bucket().put(&head, file.content.into_bytes()).await?;
    Ok(context.store().seed_file(&row).await?)
}

impl SeedUser {
    fn into_parts(self) -> (User, Option<String>) {
        let user = User {
            id: self.id,
            first_name: self.first_name,
            last_name: self.last_name,
            email: self.email,
            status: self.status.unwrap_or_else(|| "active".to_owned()),
            role: self.role,
            organisations: self.organisations.into(),
            external_identifier: self.external_identifier,
            has_token: self.token.is_some(),
        };
        (user, self.token)
    }
}

impl SeedReservation {
    fn into_reservation(self) -> Reservation {
        Reservation {
            id: self.id,
            user_created: self.user_created,
            date_created: self.date_created,
            user_updated: self.user_updated,
            date_updated: self.date_updated,
            reserved_for: self.reserved_for,
            code_type: self.code_type,
            quantity: self.quantity,
            status: self.status.unwrap_or(Status::New),
            export_type: self.export_type,
            export_file: self.export_file,
            url_suffix: self.url_suffix,
            product: self.product,
            quantity_reserved: self.quantity_reserved,
            error_message: self.error_message,
            reference_id: self.reference_id,
            purchase_order: self.purchase_order,
            length: None,
            character_set: None,
            lot: self.lot,
            expiry_date: self.expiry_date,
            production_date: self.production_date,
            best_before: self.best_before,
            incarnation: Uuid::new_v4(),
            generation: 0,
            version: 1,
            range: None,
            render: None,
            export: None,
            attempts: 0,
            woken: false,
            progress_at: None,
            seeded: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_that_begin_one_another_are_found_and_equal_ones_are_not() {
        let organisation = |(id, prefix): (&str, &str)| Organisation {
            id: id.to_owned(),
            organisation_company_prefix: Some(prefix.to_owned()),
            ..Organisation::default()
        };
        let found = |rows: &[(&str, &str)]| {
            let organisations: Vec<_> = rows.iter().copied().map(organisation).collect();
            conflicts(&organisations).iter().map(|[a, b]| format!("{} {}", a.id, b.id)).collect::<Vec<_>>()
        };
        assert_eq!(found(&[("a", "0614141"), ("b", "06141412"), ("c", "0614141"), ("d", "9506000")]), ["c b"]);
        assert_eq!(found(&[("a", "06141412"), ("b", "0614"), ("c", "061414")]), ["b c", "b a", "c a"]);
        assert_eq!(found(&[("a", "061"), ("b", "0614141"), ("c", "0614141 "), ("d", "0614142")]), [""; 0]);
    }
}
