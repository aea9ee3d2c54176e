//! What export files promise, over every type of code and every format.

mod files;
mod layouts;
mod policy;
mod samples;
mod windows;
