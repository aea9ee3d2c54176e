//! Exports, whatever happens to who writes them: the same bytes in the end, and nothing left over.

mod again;
mod edits;
mod files;
mod home;
mod kills;
mod progress;
mod sweep;
mod uploads;
mod wire;
