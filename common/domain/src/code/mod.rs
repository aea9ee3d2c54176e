//! Codes: GS1 keys and check digits, namespaces and their capacity, the permutation that produces serials, rendering and
//! parsing.
//!
//! Codes are neither drawn at random nor stored. A reservation owns a range of indexes of a pool. A keyed permutation maps
//! each index to a serial, so codes are unique by construction, and both directions can be computed at any time.
//!
//! This module may use no other module of the crate. I/O, clocks, randomness, HTTP and storage must not come in.
//!
//! From a request to codes: [`PoolSpec::resolve`] → [`Secret::pool_key`] → [`Renderer::new`] → [`Renderer::fill`] or
//! [`Renderer::code`]. From a code to its index: [`by_code`], [`by_digital_link`], [`by_epc`] or [`by_join_key`]
//! → [`PoolSpec::from_pool`] → [`Permutation::index_of`].

mod alphabet;
mod canonical_link;
mod day;
mod digits;
mod elements;
mod epc;
mod epc_binary;
mod error;
pub mod ff1;
mod gs1_data;
mod id;
mod link;
mod link_domain;
mod lookup;
mod lot_and_dates;
mod namespace;
mod own_key;
mod permutation;
mod pool;
mod prefix;
mod primary_keys;
mod product;
mod render;
mod scanned;
mod secret;
mod template;
mod types;

#[cfg(test)]
mod tests;

pub use canonical_link::canonical_link;
pub use day::Day;
pub use digits::{check_digit, has_check_digit};
pub use elements::FNC1;
pub use epc::element_string_of_epc;
pub use epc_binary::{EpcColumn, EpcError, EpcScheme, EpcTag, HexDigits, MAX_FILTER};
pub use error::CodeError;
pub use gs1_data::{ElementPlace, element_strings};
pub use id::{IdKey, POOL_NUMBER_BITS, pool_number};
pub use link::is_short_link;
pub use link_domain::link_domain;
pub use lookup::{Candidate, by_code, by_digital_link, by_epc, by_join_key, join_key_contradicts, link_contradicts};
pub use lot_and_dates::{LotAndDates, LotError, check_lot, lot_pattern};
pub use namespace::{DEPLOYMENT_KEY, Namespace};
pub use own_key::is_own_key;
pub use permutation::Permutation;
pub use pool::{Audience, CodeRequest, GUESSING_FACTOR, PoolSpec, SerialDefaults, grouped, validate_request};
pub use prefix::{CompanyPrefix, MAX_PREFIX_LENGTH, MIN_PREFIX_LENGTH, prefix_beginnings, prefixes_conflict};
pub(crate) use primary_keys::is_short_name;
pub use product::{ProductKey, product_key, product_path, product_pattern};
pub use render::{Code, Field, RenderOptions, Renderer};
pub use scanned::{Scanned, scanned};
pub use secret::{MIN_SECRET_BYTES, PoolKey, Secret};
pub use template::Piece;
pub use types::{CharacterSet, CodeType, FIXED_KEY_LENGTH, MIN_SERIAL_LENGTH, UnknownCharacterSet, UnknownCodeType};
