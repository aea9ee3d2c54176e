//! [`Domain`]: the values that a field can have, as far as they are known, and which fields always have one.
//!
//! A write must not be selected by a condition that every value fulfils: `month(date_created) _neq 13`,
//! `date_created _lt 2062-01-01`, `status _contains "e"`.

use crate::code::{CharacterSet, CodeType, Day};
use crate::directory::Role;
use crate::query::functions::Function;
use crate::query::javascript::MAX_SAFE_INTEGER;
use crate::query::plan::{FieldPath, Scalar, Test};
use crate::query::schema::{Collection, FieldType, Relation};
use crate::reservation::{BUILT_IN_PROFILES, ExportType, Status};
use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};

/// The words of Directus for the status of a user.
const USER_STATUS: [&str; 6] = ["draft", "invited", "unverified", "active", "suspended", "archived"];

/// The values that a field can have.
#[derive(Debug)]
pub(super) enum Domain {
    /// One of these texts.
    Texts(Vec<&'static str>),
    /// A built-in export type, or the name of a profile. Which profiles there are is not known here.
    ExportTypes,
    /// A number from the first to the second one.
    Numbers(f64, f64),
    /// An instant from the first to the second one.
    Instants(DateTime<Utc>, DateTime<Utc>),
    /// True or false.
    Truth,
    /// Too many to know, or not known.
    Any,
}

impl Domain {
    /// The values of a field at the time of a write. Every timestamp is one of the past; a day is added, because
    /// clients write the end of the day, in their own zone, for "until today".
    pub(super) fn of(path: &FieldPath, now: DateTime<Utc>) -> Self {
        let most = f64::from(i32::MAX);
        if let Some(function) = path.function {
            return match function {
                Function::Year => Self::Numbers(1970.0, 9999.0),
                Function::Month => Self::Numbers(1.0, 12.0),
                Function::Week => Self::Numbers(1.0, 53.0),
                Function::Day => Self::Numbers(1.0, 31.0),
                Function::Weekday => Self::Numbers(0.0, 6.0),
                Function::Hour => Self::Numbers(0.0, 23.0),
                Function::Minute => Self::Numbers(0.0, 59.0),
                Function::Second => Self::Numbers(0.0, 59.999_999),
                Function::Count => Self::Numbers(0.0, most),
            };
        }
        match (collection_of(path), path.field.name) {
            (Collection::CodeReservation, "status") => Self::Texts(Status::ALL.map(Status::as_str).to_vec()),
            (Collection::CodeReservation, "code_type") => Self::Texts(CodeType::ALL.map(CodeType::as_str).to_vec()),
            (Collection::CodeReservation, "export_type") => Self::ExportTypes,
            (Collection::CodeReservation, "character_set") => {
                Self::Texts(CharacterSet::ALL.map(CharacterSet::as_str).to_vec())
            }
            (Collection::Roles, "name") => Self::Texts(Role::NAMED.map(|(_, name)| name).to_vec()),
            (Collection::Users, "status") => Self::Texts(USER_STATUS.to_vec()),
            _ => match path.field.kind {
                FieldType::Integer => Self::Numbers(0.0, most),
                FieldType::BigInteger => Self::Numbers(0.0, MAX_SAFE_INTEGER),
                FieldType::Timestamp => {
                    let millisecond = Duration::milliseconds(1);
                    // An instant that is not set is the first one of a clock.
                    let first = DateTime::UNIX_EPOCH + millisecond;
                    Self::Instants(first, now + Duration::days(1) - millisecond)
                }
                FieldType::Date => days(),
                FieldType::Boolean => Self::Truth,
                _ => Self::Any,
            },
        }
    }

    /// Whether a number can be a value.
    pub(super) fn has_number(&self, number: f64) -> bool {
        if let Self::Numbers(least, most) = self { (*least..=*most).contains(&number) } else { true }
    }

    /// Whether every value passes.
    pub(super) fn passes(&self, test: &Test) -> bool {
        match self {
            Self::Texts(all) => all.iter().all(|text| test.passes_scalar(&Scalar::Text((*text).to_owned()))),
            // Every profile that the test does not name passes as the others do, so those that it names decide.
            Self::ExportTypes => {
                let known = ExportType::NAMES.into_iter().chain(BUILT_IN_PROFILES).map(str::to_owned);
                let named = operands(test).into_iter().filter_map(|scalar| match scalar {
                    Scalar::Text(text) if text.parse::<ExportType>().is_ok() => Some(text.clone()),
                    _ => None,
                });
                known.chain(named).all(|text| test.passes_scalar(&Scalar::Text(text)))
            }
            Self::Truth => [true, false].into_iter().all(|truth| test.passes_scalar(&Scalar::Bool(truth))),
            // Between the operands and their neighbours nothing changes.
            Self::Numbers(least, most) => {
                let operands = operands(test).into_iter().filter_map(|scalar| match scalar {
                    Scalar::Number(number) => Some(*number),
                    _ => None,
                });
                let near = operands.flat_map(|number| [number - 1.0, number, number + 1.0]);
                let mut points = near.filter(|number| self.has_number(*number)).chain([*least, *most]);
                points.all(|number| test.passes_scalar(&Scalar::Number(number)))
            }
            Self::Instants(first, last) => {
                let operands = operands(test).into_iter().filter_map(|scalar| match scalar {
                    Scalar::Instant(at) => Some(*at),
                    _ => None,
                });
                let millisecond = Duration::milliseconds(1);
                let near = operands
                    .flat_map(|at| [at.checked_sub_signed(millisecond), Some(at), at.checked_add_signed(millisecond)]);
                let mut points = near.flatten().filter(|at| (*first..=*last).contains(at)).chain([*first, *last]);
                points.all(|at| test.passes_scalar(&Scalar::Instant(at)))
            }
            Self::Any => false,
        }
    }
}

/// The days that a date of goods can be, as their midnights.
fn days() -> Domain {
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    let [first, last] = [day(Day::FIRST_YEAR, 1, 1), day(Day::LAST_YEAR, 12, 31)];
    Domain::Instants(first.and_time(NaiveTime::MIN).and_utc(), last.and_time(NaiveTime::MIN).and_utc())
}

/// The operands of a comparison.
fn operands(test: &Test) -> Vec<&Scalar> {
    match test {
        Test::Equal(one)
        | Test::NotEqual(one)
        | Test::Less(one)
        | Test::LessOrEqual(one)
        | Test::Greater(one)
        | Test::GreaterOrEqual(one) => vec![one],
        Test::Between(low, high) | Test::NotBetween(low, high) => vec![low, high],
        Test::In(list) | Test::NotIn(list) => list.iter().collect(),
        Test::Null | Test::NotNull | Test::Empty | Test::NotEmpty | Test::Text { .. } => Vec::new(),
    }
}

/// The collection that a field belongs to, at the end of its relations.
pub(super) fn collection_of(path: &FieldPath) -> Collection {
    path.relations.iter().fold(path.root, |collection, relation| match relation.relation {
        Relation::One(next) => next,
        _ => collection,
    })
}

/// The members that every row has which this service made.
fn always(collection: Collection) -> &'static [&'static str] {
    match collection {
        Collection::CodeReservation => {
            &["id", "status", "user_created", "date_created", "reserved_for", "code_type", "quantity", "export_type"]
        }
        Collection::Users => &["id", "password", "status", "role", "provider", "email_notifications", "text_direction"],
        Collection::Files => &[
            "id",
            "storage",
            "filename_disk",
            "filename_download",
            "title",
            "type",
            "uploaded_by",
            "created_on",
            "uploaded_on",
            "filesize",
        ],
        Collection::ExportProfile => &["id", "name", "sha256"],
        Collection::Roles => &["id", "name"],
        Collection::UniqueCode | Collection::Organisation => &["id"],
    }
}

/// Whether every row has a value here: the field, and every relation that leads to it.
pub(super) fn is_always_set(path: &FieldPath) -> bool {
    let mut collection = path.root;
    for relation in &path.relations {
        let Relation::One(next) = relation.relation else { return false };
        if !always(collection).contains(&relation.name) {
            return false;
        }
        collection = next;
    }
    path.function.is_some() || always(collection).contains(&path.field.name)
}
