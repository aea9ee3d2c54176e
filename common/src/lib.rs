//! stub
pub mod code;
