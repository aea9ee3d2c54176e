//! The HTTP dialect: envelope, errors, authentication. One place turns a request into a [`Call`] and an [`Answer`] or an
//! [`ApiError`] into a response.

mod answer;
mod call;
mod error;
mod serve;
mod start;

pub use answer::Answer;
pub use call::Call;
pub use error::ApiError;
pub use serve::{serve, serve_anyone};
pub use start::run;
