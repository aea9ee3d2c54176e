//! The HTTP dialect: envelope, errors, authentication. Only this module turns a request into a [`Call`], and an
//! [`Answer`] or an [`ApiError`] into a response.

mod answer;
mod call;
mod cookies;
mod deadline;
mod error;
mod event;
mod exact_numbers;
mod ids;
mod page;
mod routes;
mod serve;
mod site;
mod start;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use call::{Call, SESSION_COOKIE, bearer};
pub use cookies::SeveralCookies;
pub use deadline::Deadline;
pub use error::ApiError;
pub use event::{UnsupportedEvent, answer_event, request};
pub use page::Page;
pub use routes::{Needs, Operation, ROUTES, Route};
pub use serve::{NO_STORE, SECURITY_HEADERS, serve};
pub use site::Site;
pub use start::run;
