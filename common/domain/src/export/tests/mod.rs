//! Tests of export files for every type of code and every format.

mod files;
mod gzip;
mod layouts;
mod policy;
pub(super) mod samples;
mod windows;
mod xlsx;
