//! Tests of export profiles.

mod canonical;
mod files;
mod mistakes;
mod naive;
mod reservations;
mod sheets;
mod tags;
