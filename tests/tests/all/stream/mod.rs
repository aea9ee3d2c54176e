//! What the functions behind the stream and the schedules do: how a reservation ends, how a large export advances slice
//! by slice, and what the sweep repairs.

mod again;
mod domains;
mod ends;
mod index_keys;
mod lost_records;
mod million;
mod progress;
mod sweep;
mod tallies;
mod tallies_left;
mod tidy_stops;
mod two_readers;
mod uploads;
mod workbooks;
