//! Helpers of the tests. No test is in here.

pub(crate) mod api;
pub(crate) mod counting;
pub(crate) mod fault_proxy;
pub(crate) mod faults;
pub(crate) mod home;
pub(crate) mod invariants;
pub(crate) mod repository;
pub(crate) mod rows;
pub(crate) mod stream_events;
pub(crate) mod system;
