//! The codes of a reservation as rows of `unique_code`. Only the requested window is computed, and nothing is stored.

use std::ops::Range;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{OperationError, renderer};
use crate::{
    code::{Code, IdKey, Renderer, Secret},
    context::Context,
    query::{Members, Row, Window},
    reservation::{self, Reservation},
};

/// Maximum number of codes in one answer.
pub(super) const MAX_CODES: usize = 10_000;

/// Units of evaluation that rendering one code costs.
pub(super) const UNITS_PER_CODE: usize = 20;

/// Renders the codes of reservations as `unique_code` rows.
pub(super) struct CodeRows<'a> {
    secret: &'a Secret,
    ids: IdKey,
}

impl<'a> CodeRows<'a> {
    /// Fetches the secret, once per process.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` when the secret cannot be fetched.
    pub(super) async fn open(context: &'a Context) -> Result<Self, OperationError> {
        let secret = context.secret().await?;
        Ok(Self { secret, ids: secret.id_key() })
    }

    /// The rows of a window of a reservation's codes, by position, with the members that are shown. The time does not
    /// depend on the offset.
    ///
    /// # Errors
    /// `INTERNAL_SERVER_ERROR` when the stored range cannot be rendered.
    pub(super) fn window(
        &self,
        item: &Reservation,
        window: Window,
        descending: bool,
        shown: &Members,
    ) -> Result<Vec<Row>, OperationError> {
        let Some(mut rendered) = self.rendered(item)? else { return Ok(Vec::new()) };
        rendered.row = shown.of(rendered.row);
        let from_end = |offset| if descending { rendered.count() - 1 - offset } else { offset };
        offsets(item, window).map(|offset| self.row(&rendered, from_end(offset))).collect()
    }

    /// The ids of a window of a reservation's codes, without the rest of the rows.
    #[must_use]
    pub(super) fn keys(&self, item: &Reservation, window: Window) -> Vec<Uuid> {
        let Some(range) = &item.range else { return Vec::new() };
        let offsets = offsets(item, window);
        let index = |offset| range.start.saturating_add(offset);
        self.ids.encode_range(range.pool_number, index(offsets.start)..index(offsets.end))
    }

    /// The row of the code at an index of the pool, if the reservation owns it.
    ///
    /// # Errors
    /// `INTERNAL_SERVER_ERROR` when the stored range cannot be rendered.
    pub(super) fn at(&self, item: &Reservation, index: u64) -> Result<Option<Row>, OperationError> {
        let Some((rendered, offset)) = self.owned(item, index)? else { return Ok(None) };
        self.row(&rendered, offset).map(Some)
    }

    /// The forms of the code at an index of the pool, if the reservation owns it.
    ///
    /// # Errors
    /// `INTERNAL_SERVER_ERROR` when the stored range cannot be rendered.
    pub(super) fn code(&self, item: &Reservation, index: u64) -> Result<Option<Code>, OperationError> {
        let Some((rendered, offset)) = self.owned(item, index)? else { return Ok(None) };
        rendered.code(offset).map(Some)
    }

    /// The renderer and the offset of an index of the pool, if the reservation owns it.
    fn owned<'r>(&self, item: &'r Reservation, index: u64) -> Result<Option<(Rendered<'r>, u64)>, OperationError> {
        let Some(offset) = item.range.as_ref().and_then(|range| offset_of(index, range.start, range.count)) else {
            return Ok(None);
        };
        Ok(self.rendered(item)?.map(|rendered| (rendered, offset)))
    }

    /// A reservation with the renderer of its codes; `None` before it has codes.
    ///
    /// # Errors
    /// `INTERNAL_SERVER_ERROR` when the stored range cannot be rendered.
    pub(super) fn rendered<'r>(&self, item: &'r Reservation) -> Result<Option<Rendered<'r>>, OperationError> {
        match (&item.range, &item.render) {
            (Some(range), Some(render)) => {
                Ok(Some(Rendered { row: of_every_code(item), range, renderer: renderer(self.secret, range, render)? }))
            }
            _ => Ok(None),
        }
    }

    /// The forms of the codes at offsets (from 0); those beyond the reservation's count are left out.
    ///
    /// # Errors
    /// `INTERNAL_SERVER_ERROR` when the stored range cannot be rendered.
    pub(super) fn forms(&self, item: &Reservation, offsets: Range<u64>) -> Result<Vec<Code>, OperationError> {
        let Some(rendered) = self.rendered(item)? else { return Ok(Vec::new()) };
        (offsets.start..offsets.end.min(rendered.count())).map(|offset| rendered.code(offset)).collect()
    }

    /// The row of the code at an offset (from 0) below the reservation's count.
    ///
    /// # Errors
    /// `INTERNAL_SERVER_ERROR` when the code cannot be rendered.
    pub(super) fn row(&self, rendered: &Rendered<'_>, offset: u64) -> Result<Row, OperationError> {
        let code = rendered.code(offset)?;
        let Rendered { row, range, renderer } = rendered;
        let index = range.start + offset;
        let mut row = row.clone();
        row.replace("id", || json!(self.ids.encode(range.pool_number, index)));
        row.replace("digital_link", || json!(code.digital_link));
        row.replace("code", || json!(code.code));
        row.replace("epc_join_key", || json!(code.epc_join_key));
        row.replace("position", || json!(offset + 1));
        // Null for codes that have no certain EPC.
        row.replace("epc_hex", || {
            let column = renderer.epc_column(None, None).ok();
            let varying = renderer.permutation().varying(index);
            json!(column.zip(varying).map(|(column, varying)| column.hex(&varying)))
        });
        Ok(row)
    }
}

/// What the rows of all codes of a reservation have in common; the members that differ are null.
fn of_every_code(item: &Reservation) -> Row {
    Row::from([
        ("id", Value::Null),
        ("user_created", json!(item.user_created)),
        ("date_created", json!(item.date_created)),
        ("user_updated", json!(item.user_updated)),
        ("date_updated", json!(item.date_updated)),
        ("digital_link", Value::Null),
        ("code", Value::Null),
        ("product", json!(item.product)),
        ("epc_join_key", Value::Null),
        ("status", json!("reserved")),
        ("reservation", json!(item.id)),
        ("type", json!(item.code_type)),
        ("identifier_job", Value::Null),
        ("custom_id", Value::Null),
        ("position", Value::Null),
        ("epc_hex", Value::Null),
    ])
}

/// A reservation that has codes, and what renders them.
pub(super) struct Rendered<'r> {
    /// What the rows of all its codes have in common.
    row: Row,
    range: &'r reservation::Range,
    renderer: Renderer,
}

impl Rendered<'_> {
    /// The number of codes.
    pub(super) fn count(&self) -> u64 {
        self.range.count
    }

    /// The forms of the code at an offset (from 0) below the count.
    ///
    /// # Errors
    /// `INTERNAL_SERVER_ERROR` when the code cannot be rendered.
    fn code(&self, offset: u64) -> Result<Code, OperationError> {
        self.renderer.code(self.range.start + offset).map_err(|error| OperationError::Internal(error.to_string()))
    }
}

/// The offsets (from 0) of the reservation's codes that a window contains.
pub(super) fn offsets(item: &Reservation, window: Window) -> Range<u64> {
    let count = item.range.as_ref().map_or(0, |range| range.count);
    let start = count.min(window.skip() as u64);
    start..window.take().map_or(count, |take| count.min(start.saturating_add(take as u64)))
}

fn offset_of(index: u64, start: u64, count: u64) -> Option<u64> {
    index.checked_sub(start).filter(|offset| *offset < count)
}
