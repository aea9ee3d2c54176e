//! The status of a reservation, and the transitions that a client may request.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The status of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted. No codes are reserved yet.
    New,
    /// The codes are reserved and the export is being written.
    InProgress,
    /// The export exists, or a client closed the reservation before codes were reserved.
    Complete,
    /// The reservation failed permanently, or a client stopped it. `error_message` gives the reason of a failure.
    Error,
}

impl Status {
    /// All values, in the order of the specification.
    pub const ALL: [Self; 4] = [Self::New, Self::InProgress, Self::Complete, Self::Error];

    /// The value in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InProgress => "in_progress",
            Self::Complete => "complete",
            Self::Error => "error",
        }
    }

    /// Parses a value of the API.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the service still has work to do.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::InProgress)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The effect of a client's change of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The status does not change.
    Stay,
    /// The reservation ends without codes (`complete` or `error` without a range).
    Close,
    /// A closed or failed reservation without a range becomes new again.
    Reopen,
    /// The export is made again, with the same codes (architecture, step 5).
    Again,
    /// A running export is stopped.
    Stop,
}

impl Step {
    /// The step that leads from `current` to `wanted`.
    ///
    /// # Errors
    /// If the contract does not allow the transition: the allowed values, the current one first.
    pub fn of(current: Status, wanted: Status, has_range: bool) -> Result<Self, Vec<Status>> {
        use Status::{Complete, Error, InProgress, New};
        if current == wanted {
            return Ok(Self::Stay);
        }
        match (has_range, current, wanted) {
            (false, _, Complete | Error) => Ok(Self::Close),
            (false, _, New) => Ok(Self::Reopen),
            (true, Complete | Error, New) => Ok(Self::Again),
            (true, InProgress, Error) => Ok(Self::Stop),
            _ => Err(Self::allowed(current, has_range)),
        }
    }

    fn allowed(current: Status, has_range: bool) -> Vec<Status> {
        let others = Status::ALL.into_iter().filter(|next| *next != current && Self::legal(current, *next, has_range));
        std::iter::once(current).chain(others).collect()
    }

    fn legal(current: Status, wanted: Status, has_range: bool) -> bool {
        match wanted {
            Status::InProgress => false,
            Status::New => !has_range || current != Status::InProgress,
            Status::Complete => !has_range,
            Status::Error => !has_range || current == Status::InProgress,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_the_one_that_the_contract_names_or_refused() {
        use Status::{Complete, Error, InProgress, New};
        for has_range in [false, true] {
            for current in Status::ALL {
                for wanted in Status::ALL {
                    let expected = match (has_range, current, wanted) {
                        _ if current == wanted => Some(Step::Stay),
                        (_, _, InProgress) => None,
                        (false, _, Complete | Error) => Some(Step::Close),
                        (false, _, New) => Some(Step::Reopen),
                        (true, Error | Complete, New) => Some(Step::Again),
                        (true, InProgress, Error) => Some(Step::Stop),
                        (true, ..) => None,
                    };
                    let step = Step::of(current, wanted, has_range);
                    assert_eq!(step.clone().ok(), expected, "{current} to {wanted}, range {has_range}");
                    if let Err(allowed) = step {
                        let others = Status::ALL.into_iter().filter(|next| *next != current);
                        let others = others.filter(|next| Step::of(current, *next, has_range).is_ok());
                        assert_eq!(allowed, [vec![current], others.collect()].concat(), "from {current}");
                        assert!(!allowed.contains(&wanted));
                    }
                }
            }
        }
    }

    #[test]
    fn a_value_is_written_as_the_specification_has_it_and_read_back() {
        for (status, text) in Status::ALL.into_iter().zip(["new", "in_progress", "complete", "error"]) {
            assert_eq!((status.to_string().as_str(), Status::parse(text)), (text, Some(status)));
        }
        assert_eq!(Status::parse("New"), None);
    }
}
