//! Changes of export profiles.

use serde_json::{Value, json};

use super::{Author, DirectoryError, Effect, MAX_TRIES, Members, contended, organisations};
use crate::{
    backoff::pause,
    context::Context,
    export::profile::{Profile, check_own_name},
    reservation::ProfileName,
    store::{Changed, DirectoryWrite, Kind, ProfileRow, profile_id},
};

/// What a profile is called in messages and in the audit: `my-printer`, or `my-printer of /417/9312345000012`.
#[must_use]
pub fn label(organisation: Option<&str>, name: ProfileName) -> String {
    organisation.map_or_else(|| name.to_string(), |organisation| format!("{name} of {organisation}"))
}

/// Gives a name a version of a profile: of an organisation, or of the deployment. The name is that in the profile. A version
/// stays stored when the name gets another one, because exports may have been begun with it.
///
/// # Errors
/// [`DirectoryError::Refused`] for the name of a built-in profile; [`DirectoryError::NoSuch`] when there is no such
/// organisation.
pub async fn add(
    context: &Context,
    author: &Author,
    organisation: Option<&str>,
    profile: &Profile,
) -> Result<(Effect, ProfileRow), DirectoryError> {
    check_own_name(profile.name).map_err(|mistake| DirectoryError::Refused(mistake.to_string()))?;
    if let Some(organisation) = organisation {
        organisations::one(context, organisation).await?;
    }
    let store = context.store();
    let id = profile_id(organisation, profile.name).to_string();
    let (canonical, sha256) = (profile.canonical(), profile.sha256());
    let new = ProfileRow {
        id: id.clone(),
        name: profile.name.to_string(),
        organisation: organisation.map(str::to_owned),
        sha256: sha256.clone(),
        date_updated: Some(author.now),
    };
    let version = Members::from_iter([("profile".to_owned(), json!(canonical))]);
    for attempt in 1..=MAX_TRIES {
        let row = store.directory_row(Kind::Profile, &id).await?;
        let old = row.as_ref().and_then(|row| row.member("sha256"));
        if old == Some(json!(sha256)) {
            let row = store.profile_by_id(&id).await?;
            return Ok((Effect::Unchanged, row.unwrap_or(new)));
        }
        let audit = author.audit("profile.add", "profile", &label(organisation, profile.name));
        let audit = audit.with("sha256", old, Some(json!(sha256)));
        let changes =
            Members::from_iter([("sha256".to_owned(), json!(sha256)), ("date_updated".to_owned(), json!(author.now))]);
        let mut writes = vec![match &row {
            Some(row) => DirectoryWrite::Change(row.clone(), changes, Vec::new()),
            None => DirectoryWrite::Create(Kind::Profile, id.clone(), members_of(&new)),
        }];
        if store.profile_version(&sha256).await?.is_none() {
            writes.push(DirectoryWrite::Create(Kind::ProfileVersion, sha256.clone(), version.clone()));
        }
        match store.change_directory(&writes, &[audit]).await? {
            Changed::Done => return Ok((if row.is_some() { Effect::Changed } else { Effect::Created }, new)),
            Changed::Failed(_) => pause(attempt).await,
        }
    }
    Err(contended())
}

/// The members of a row, without its id.
fn members_of(row: &ProfileRow) -> Members {
    let mut members = match serde_json::to_value(row) {
        Ok(Value::Object(members)) => members,
        _ => Members::new(),
    };
    members.remove("id");
    members
}

/// Removes a name. Its versions stay, so running and complete exports can be written again.
///
/// # Errors
/// [`DirectoryError::NoSuch`] when there is no such profile.
pub async fn remove(
    context: &Context,
    author: &Author,
    organisation: Option<&str>,
    name: ProfileName,
) -> Result<Effect, DirectoryError> {
    let store = context.store();
    let id = profile_id(organisation, name).to_string();
    for attempt in 1..=MAX_TRIES {
        let row = store.directory_row(Kind::Profile, &id).await?;
        let row = row.ok_or_else(|| DirectoryError::NoSuch { what: "profile", id: label(organisation, name) })?;
        let audit = author.audit("profile.remove", "profile", &label(organisation, name));
        let audit = audit.with("sha256", row.member("sha256"), None);
        match store.change_directory(&[DirectoryWrite::Delete(row, vec!["sha256".to_owned()])], &[audit]).await? {
            Changed::Done => return Ok(Effect::Removed),
            Changed::Failed(_) => pause(attempt).await,
        }
    }
    Err(contended())
}

/// Reads all names (consistent).
///
/// # Errors
/// [`DirectoryError::Store`] when DynamoDB does not answer, or a row cannot be read.
pub async fn all(context: &Context) -> Result<Vec<ProfileRow>, DirectoryError> {
    let rows = context.store().directory_rows(Kind::Profile, |_| true).await?;
    let mut rows: Vec<ProfileRow> = rows.iter().map(|row| row.read()).collect::<Result<_, _>>()?;
    rows.sort_by(|a, b| (&a.organisation, &a.name).cmp(&(&b.organisation, &b.name)));
    Ok(rows)
}
