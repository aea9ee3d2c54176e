//! The choice of a language.

use crate::{
    failure::Failure,
    form::{Form, own_path},
    language::Language,
    reply::Reply,
    visit::Visit,
};

/// Keeps the choice and goes back.
///
/// # Errors
/// [`Failure::BadForm`] for a language that does not exist here.
pub(crate) fn submit(visit: &Visit<'_>, form: &Form) -> Result<Reply, Failure> {
    let language = Language::parse(form.get("language")).ok_or(Failure::BadForm)?;
    let back = own_path(form.get("back")).unwrap_or("/");
    Ok(Reply::see_other(back).keeping_language(visit.call, language))
}
