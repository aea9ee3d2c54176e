//! [`Failure`]: why a command failed, and its exit code.

use std::process::ExitCode;

use common::{
    bucket::BucketError,
    context::SecretError,
    operations::{OperationError, directory::DirectoryError},
    store::StoreError,
};
use serde_json::json;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It is done.
    Done = 0,
    /// It was refused: a rule, a missing row, a check that found a fault, a missing permission. Nothing was changed,
    /// unless the command reports rows one by one.
    Refused = 1,
    /// The arguments or a file cannot be used. Nothing was changed.
    WrongUse = 2,
    /// A store does not answer, or there are no credentials.
    NotReachable = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed. The text is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// [`Exit::Refused`].
    #[error("{0}")]
    Refused(String),
    /// [`Exit::WrongUse`].
    #[error("{0}")]
    WrongUse(String),
    /// [`Exit::NotReachable`].
    #[error("{0}")]
    NotReachable(String),
    /// The reader of the output has gone (`admin … | head`), which is no failure.
    #[error("nobody reads the output")]
    NobodyReads,
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::NobodyReads => Exit::Done,
            Self::Refused(_) => Exit::Refused,
            Self::WrongUse(_) => Exit::WrongUse,
            Self::NotReachable(_) => Exit::NotReachable,
        }
    }

    /// The line for standard error: a sentence, or an object with `error` and `message` for scripts.
    #[must_use]
    pub fn report(&self, as_json: bool) -> String {
        let kind = match self.exit() {
            Exit::Done => "none",
            Exit::Refused => "refused",
            Exit::WrongUse => "wrong_use",
            Exit::NotReachable => "not_reachable",
        };
        if as_json {
            json!({ "error": kind, "message": self.to_string() }).to_string()
        } else {
            format!("admin: {}", crate::output::plain_lines(&self.to_string()))
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        if error.is_transient() { Self::NotReachable(text) } else { Self::Refused(text) }
    }
}

impl From<BucketError> for Failure {
    fn from(error: BucketError) -> Self {
        match error {
            BucketError::Busy(_) => Self::NotReachable(error.to_string()),
            error => Self::Refused(error.to_string()),
        }
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Store(error) => error.into(),
            error => Self::Refused(error.to_string()),
        }
    }
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Other => Self::Refused(error.to_string()),
            SecretError::Store(error) => error.into(),
            SecretError::Unread(_) => Self::NotReachable(error.to_string()),
        }
    }
}

impl From<OperationError> for Failure {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Unavailable(text) => Self::NotReachable(text),
            error => Self::Refused(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Refused(format!("the output cannot be written: {error}")),
        }
    }
}
