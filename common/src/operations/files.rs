//! Files: the `directus_files` objects of exports, and links to their bytes.

use serde_json::Value;

use super::{
    OperationError, Session,
    in_memory::{self, Items},
    rows,
};
use crate::{
    bucket::{BucketError, Link, LinkMethod},
    context::Context,
    query::{Action, Answer, Collection, Filter, Meta, Query, RawQuery},
    reservation::{Disposition, content_disposition, safe_file_name},
    store::FileRow,
};

/// Lists the files that exist for the caller (RSV-6).
///
/// # Errors
/// `INVALID_QUERY` or `FORBIDDEN` for bad parameters; `INVALID_QUERY` beyond `MaxScan` items; `SERVICE_UNAVAILABLE`
/// when DynamoDB does not answer.
pub async fn list(context: &Context, session: Session<'_>, raw: &RawQuery) -> Result<(Query, Answer), OperationError> {
    let query = session.query(Collection::Files, raw)?;
    let answer = run(context, session, &query).await?;
    Ok((query, answer))
}

/// Runs a checked query of `directus_files`.
///
/// # Errors
/// As [`list`].
pub async fn run(context: &Context, session: Session<'_>, query: &Query) -> Result<Answer, OperationError> {
    let store = context.store();
    let filter = query.conditions();
    let equalities = filter.as_ref().map(Filter::required_equalities).unwrap_or_default();
    // `total_count` needs the number of all files, so then all are read. Clients rarely ask for it.
    let named = equalities.iter().find(|(field, _)| *field == "id" && !query.meta.contains(&Meta::TotalCount));
    let mut files = match named {
        Some((_, ids)) => {
            let ids = ids.iter().filter_map(|id| crate::reservation::uuid(id)).map(|id| id.to_string());
            store.files(&ids.collect::<Vec<_>>()).await?
        }
        None => store.files_of(session.caller.organisations()).await?,
    };
    files.retain(|file| session.caller.sees(file.organisation.as_deref()));
    in_memory::list(context, session, query, &Items(&files, rows::file)).await
}

/// Reads one file.
///
/// # Errors
/// `FORBIDDEN` for a file that does not exist for the caller.
pub async fn one(
    context: &Context,
    session: Session<'_>,
    id: &str,
    raw: &RawQuery,
) -> Result<(Query, Value), OperationError> {
    let query = session.query(Collection::Files, raw)?;
    let row = rows::file(&own(context, session, id).await?);
    let value = in_memory::one(context, session, &query, row).await?;
    Ok((query, value))
}

/// How a client wants to read a file's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Download<'a> {
    /// The method with which it follows the link.
    pub method: LinkMethod,
    /// Whether it saves the file or shows it.
    pub disposition: Disposition,
    /// The name of the saved file, instead of the file's own one.
    pub name: Option<&'a str>,
}

/// A link to a file's bytes that works for 15 minutes.
///
/// # Errors
/// `FORBIDDEN` for a file that does not exist for the caller; `SERVICE_UNAVAILABLE` when the link cannot be signed.
pub async fn link(
    context: &Context,
    session: Session<'_>,
    id: &str,
    download: Download<'_>,
) -> Result<Link, OperationError> {
    session.caller.may(Action::Read, Collection::Files)?;
    let file = own(context, session, id).await?;
    let name = download.name.filter(|name| safe_file_name(name).is_some()).unwrap_or(&file.filename_download);
    let disposition = content_disposition(download.disposition, name);
    let link = context.bucket().link(download.method, &file.s3_key, &file.media_type, &disposition).await;
    link.map_err(|error| match error {
        BucketError::Busy(text) => OperationError::Unavailable(text),
        other => OperationError::Internal(other.to_string()),
    })
}

/// The file, if it exists for the caller (RSV-6).
async fn own(context: &Context, session: Session<'_>, id: &str) -> Result<FileRow, OperationError> {
    let Some(id) = crate::reservation::uuid(id) else { return Err(OperationError::no_row()) };
    let file = context.store().file(&id.to_string()).await?;
    file.filter(|file| session.caller.sees(file.organisation.as_deref())).ok_or_else(OperationError::no_row)
}
