//! The allocator of the whole process.
//!
//! A list moves tens of thousands of small values between the threads of the functions and the one of the embedded DynamoDB.
//! The C library's allocator spends a third of the time of a list on that, and more as the tables grow. This one is built from
//! a single C file.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
