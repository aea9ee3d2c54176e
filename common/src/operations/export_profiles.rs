//! Reads export profiles: the built-in ones, those of the deployment, and those of the organisations that the caller may
//! see. Only operators of the service create or change them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Caller, OperationError, Session,
    in_memory::{self, Items},
};
use crate::{
    context::Context,
    export::profile::{Profile, all_built_in},
    query::{Action, Answer, Collection, Query, RawQuery, Row},
    store::{ProfileRow, profile_id},
};

/// Lists profiles.
///
/// # Errors
/// `INVALID_QUERY` or `FORBIDDEN` for bad parameters; `INVALID_QUERY` beyond `MaxScan` items; `SERVICE_UNAVAILABLE`
/// when DynamoDB does not answer.
pub async fn list(context: &Context, session: Session<'_>, raw: &RawQuery) -> Result<(Query, Answer), OperationError> {
    let query = session.query(Collection::ExportProfile, raw)?;
    let answer = run(context, session, &query).await?;
    Ok((query, answer))
}

/// Runs a checked query of `export_profile`.
///
/// # Errors
/// As [`list`].
pub async fn run(context: &Context, session: Session<'_>, query: &Query) -> Result<Answer, OperationError> {
    let stored = context.store().profiles_that(|row| sees(session.caller, row)).await?;
    let shown = shown(context, stored).await?;
    in_memory::list(context, session, query, &Items(&shown, Clone::clone)).await
}

/// Reads one profile.
///
/// # Errors
/// `FORBIDDEN`, the same for a profile that does not exist and one that does not exist for the caller (RSV-6).
pub async fn one(
    context: &Context,
    session: Session<'_>,
    id: &str,
    raw: &RawQuery,
) -> Result<(Query, Value), OperationError> {
    let query = session.query(Collection::ExportProfile, raw)?;
    let Some(id) = crate::reservation::uuid(id).map(|id| id.to_string()) else { return Err(OperationError::no_row()) };
    let row = match built_in().find(|row| row["id"] == id.as_str()) {
        Some(row) => Some(row),
        None => {
            let stored = context.store().profile_by_id(&id).await?.filter(|row| sees(session.caller, row));
            shown(context, stored.into_iter().collect()).await?.into_iter().find(|row| row["id"] == id.as_str())
        }
    };
    let row = row.ok_or_else(OperationError::no_row)?;
    let value = in_memory::one(context, session, &query, row).await?;
    Ok((query, value))
}

/// A stored profile that the `export_type` of a reservation may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The name.
    pub name: String,
    /// What it is for, as its operator wrote it.
    pub description: Option<String>,
    /// Whether the organisation has it; otherwise the deployment.
    pub is_own: bool,
}

/// The profiles that a reservation for an organisation may name besides the built-in ones, by name: its own, and those
/// of the deployment whose name it did not take; `most` at most. Without an organisation, or for one that does not exist
/// for the caller, those of the deployment.
///
/// # Errors
/// `FORBIDDEN` without the right to read profiles; `INVALID_QUERY` beyond `MaxScan` profiles; `SERVICE_UNAVAILABLE` when
/// DynamoDB does not answer.
pub async fn choices(
    context: &Context,
    session: Session<'_>,
    organisation: Option<&str>,
    most: usize,
) -> Result<Vec<Choice>, OperationError> {
    session.caller.may(Action::Read, Collection::ExportProfile)?;
    let is_offered = |row: &ProfileRow| row.organisation.is_none() || row.organisation.as_deref() == organisation;
    let mut rows = context.store().profiles_that(|row| is_offered(row) && sees(session.caller, row)).await?;
    // An organisation's own profile comes before one of the deployment.
    rows.sort_by(|a, b| (&a.name, a.organisation.is_none()).cmp(&(&b.name, b.organisation.is_none())));
    rows.dedup_by(|later, first| later.name == first.name);
    rows.truncate(most);
    let profiles = versions(context, &rows).await?;
    let choice = |row: ProfileRow| Choice {
        description: profiles.get(&row.sha256).and_then(|profile| profile.description.clone()),
        is_own: row.organisation.is_some(),
        name: row.name,
    };
    Ok(rows.into_iter().map(choice).collect())
}

/// Whether a stored profile exists for the caller: every profile of the deployment does.
fn sees(caller: &Caller, row: &ProfileRow) -> bool {
    row.organisation.is_none() || caller.sees(row.organisation.as_deref())
}

/// The rows of stored profiles and of the built-in ones.
async fn shown(context: &Context, stored: Vec<ProfileRow>) -> Result<Vec<Row>, OperationError> {
    let profiles = versions(context, &stored).await?;
    let stored = stored.into_iter().map(|row| {
        let profile = profiles.get(&row.sha256);
        shown_row(&row, profile)
    });
    Ok(built_in().chain(stored).collect())
}

/// The versions of stored profiles by their hashes, without those that cannot be read.
async fn versions(context: &Context, stored: &[ProfileRow]) -> Result<BTreeMap<String, Profile>, OperationError> {
    let hashes: BTreeSet<String> = stored.iter().map(|row| row.sha256.clone()).collect();
    let versions = context.store().profile_versions(&hashes.into_iter().collect::<Vec<_>>()).await?;
    Ok(versions
        .into_iter()
        .filter_map(|(hash, text)| Profile::stored(&text).ok().map(|profile| (hash, profile)))
        .collect())
}

fn built_in() -> impl Iterator<Item = Row> {
    all_built_in().iter().map(|profile| {
        let row = ProfileRow {
            id: profile_id(None, profile.name).to_string(),
            name: profile.name.to_string(),
            organisation: None,
            sha256: profile.sha256(),
            date_updated: None,
        };
        shown_row(&row, Some(profile))
    })
}

/// A row. What a version that cannot be read would tell is null.
fn shown_row(row: &ProfileRow, profile: Option<&Profile>) -> Row {
    Row::from([
        ("id", json!(row.id)),
        ("name", json!(row.name)),
        ("organisation", json!(row.organisation)),
        ("description", json!(profile.and_then(|profile| profile.description.clone()))),
        ("base", json!(profile.map(Profile::base_name))),
        ("extension", json!(profile.map(|profile| profile.extension.clone()))),
        ("media_type", json!(profile.map(Profile::content_type))),
        ("sha256", json!(row.sha256)),
        ("profile", profile.map_or(Value::Null, Profile::to_value)),
        ("date_updated", json!(row.date_updated)),
    ])
}
