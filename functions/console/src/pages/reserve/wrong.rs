//! [`Wrong`]: what is wrong with a form, by its members.

use std::collections::BTreeMap;

use common::operations::OperationError;
use maud::{Markup, html};

use super::input::MEMBERS;
use crate::{failure::Failure, form::Form, layout::notice, said::Said, visit::Visit};

/// What is wrong with a form.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    /// The messages by member.
    members: BTreeMap<&'static str, Said>,
    /// Those that concern no member of the form.
    others: Vec<Said>,
}

impl Wrong {
    /// A message that concerns no member of the form.
    pub(super) fn other(message: Said) -> Self {
        Self { members: BTreeMap::new(), others: vec![message] }
    }

    /// What an error says about the members of the form.
    ///
    /// # Errors
    /// The error itself if it is none about what was written.
    pub(super) fn of(visit: &Visit<'_>, form: &Form, error: OperationError) -> Result<Self, Failure> {
        let mut wrong = Self::default();
        match error {
            OperationError::FailedValidation(errors) => {
                for error in errors {
                    let message = Said::of_rule(visit, &error, Some(form));
                    match MEMBERS.into_iter().find(|member| *member == error.field) {
                        Some(member) => drop(wrong.members.insert(member, message)),
                        None => wrong.others.push(message),
                    }
                }
            }
            // The organisation does not exist for this person, whether or not there is one.
            OperationError::Forbidden(None) => {
                wrong.members.insert("reserved_for", Said::own(visit.texts.forbidden_lead));
            }
            error @ (OperationError::InvalidPayload(_) | OperationError::InvalidQuery(_)) => {
                wrong.others = Said::of_error(visit, error);
            }
            error => return Err(Failure::Operation(error)),
        }
        Ok(wrong)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.others.is_empty()
    }

    /// The message about a member.
    pub(super) fn about(&self, member: &str) -> Option<&Said> {
        self.members.get(member)
    }

    /// All messages.
    pub(super) fn into_messages(self) -> Vec<Said> {
        self.members.into_values().chain(self.others).collect()
    }

    /// The value of `aria-invalid` of a field.
    pub(super) fn invalid(&self, member: &str) -> Option<&'static str> {
        self.members.contains_key(member).then_some("true")
    }

    /// What is wrong, with a link to each field.
    pub(super) fn summary(&self, visit: &Visit<'_>) -> Markup {
        notice(
            "bad",
            visit.texts.errors_title,
            &html! {
                ul {
                    @for member in MEMBERS {
                        @if let Some(message) = self.about(member) {
                            li { a href={ "#" (member) } { (visit.texts.member(member)) ": " (message) } }
                        }
                    }
                    @for message in &self.others { li { (message) } }
                }
            },
        )
    }

    /// The messages that concern no member of the form.
    pub(super) fn other_messages(&self) -> Markup {
        html! { @for message in &self.others { p.error { (message) } } }
    }
}
