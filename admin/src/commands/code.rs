//! `admin code`: whether a code was issued.

use clap::Subcommand;
use common::{
    code::Day,
    operations::TracedCode,
    reservation::{Status, Timestamp},
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    connection::Connection,
    failure::Failure,
    issued::trace,
    output::{Output, fields},
};

/// What to do with codes.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say whether a code was issued: when, for whom, in which reservation and position
    Verify {
        /// The code as it is printed, its Digital Link or short link, its element string, what a scanner types of its
        /// symbol, its EPC URI, or the hexadecimal digits or the URI of its RFID tag
        code: String,
        /// The product of a serial number, as a key path such as /01/09506000134352
        #[arg(long, value_name = "PATH")]
        product: Option<String>,
    },
}

/// A code that was found.
#[derive(Debug, Serialize)]
struct Issued {
    namespace: String,
    /// The index in the pool.
    index: u64,
    /// The place among the codes of the reservation, from 1; null in a burned range.
    position: Option<u64>,
    issued_at: Option<Timestamp>,
    organisation: Option<String>,
    reservation: Option<Uuid>,
    /// The status of the reservation; null if it was deleted.
    status: Option<Status>,
    product: Option<String>,
    reference_id: Option<String>,
    lot: Option<String>,
    expiry_date: Option<Day>,
    production_date: Option<Day>,
    best_before: Option<Day>,
    /// Whether the code is in a range that an operator gave up: it may have been issued before a restore, or by another
    /// system.
    burned: bool,
}

impl From<TracedCode> for Issued {
    fn from(traced: TracedCode) -> Self {
        let TracedCode { namespace, index, range, reservation } = traced;
        let burned = range.reservation.is_none();
        let member = |of: fn(&common::reservation::Reservation) -> Option<String>| reservation.as_ref().and_then(of);
        let known = reservation.as_ref().map(common::reservation::Reservation::lot_and_dates).unwrap_or_default();
        Self {
            namespace: namespace.to_string(),
            index,
            position: (!burned).then(|| index.saturating_sub(range.start).saturating_add(1)),
            issued_at: range.at,
            organisation: range.organisation,
            reservation: range.reservation,
            status: reservation.as_ref().map(|item| item.status),
            product: member(|item| item.product.clone()),
            reference_id: member(|item| item.reference_id.clone()),
            lot: known.lot,
            expiry_date: known.expiry_date,
            production_date: known.production_date,
            best_before: known.best_before,
            burned,
        }
    }
}

/// The answer.
#[derive(Debug, Serialize)]
struct Verdict {
    code: String,
    issued: bool,
    found: Vec<Issued>,
}

/// Runs a command of this group.
///
/// # Errors
/// [`Failure::Refused`] when the code was not issued; otherwise [`Failure`] with the reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let Command::Verify { code, product } = command;
    let traced = trace(connection.context(), &code, product.as_deref()).await?;
    let found: Vec<Issued> = traced.into_iter().map(Issued::from).collect();
    let issued = found.iter().any(|one| !one.burned);
    let verdict = Verdict { code, issued, found };
    output.show(&verdict, |verdict| match verdict.found.as_slice() {
        [] => format!("{} was not issued by this deployment.", verdict.code),
        found => found.iter().map(described).collect::<Vec<_>>().join("\n\n"),
    })?;
    if issued { Ok(()) } else { Err(Failure::Refused("The code was not issued.".to_owned())) }
}

fn described(issued: &Issued) -> String {
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let at = text(issued.issued_at.map(|at| at.to_string()));
    if issued.burned {
        return fields(&[
            (
                "issued",
                "no: the index was given up, so the code may be one of before a restore or of another system".into(),
            ),
            ("pool", issued.namespace.clone()),
            ("index", issued.index.to_string()),
            ("given up at", at),
        ]);
    }
    let status = issued.status.map_or_else(|| "deleted".to_owned(), |status| status.to_string());
    let day = |day: Option<Day>| day.map(|day| day.to_string());
    let known = [
        ("lot", issued.lot.clone()),
        ("expires on", day(issued.expiry_date)),
        ("produced on", day(issued.production_date)),
        ("best before", day(issued.best_before)),
    ];
    let mut rows = vec![
        ("issued", at),
        ("for", text(issued.organisation.clone())),
        ("reservation", text(issued.reservation.map(|id| id.to_string()))),
        ("status", status),
        ("position", text(issued.position.map(|position| position.to_string()))),
        ("product", text(issued.product.clone())),
        ("reference", text(issued.reference_id.clone())),
        ("pool", issued.namespace.clone()),
        ("index", issued.index.to_string()),
    ];
    rows.extend(known.into_iter().filter_map(|(name, value)| Some((name, value?))));
    fields(&rows)
}
