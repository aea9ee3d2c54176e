//! The global allocator of the process.
//!
//! A list moves tens of thousands of small values between the threads of the functions and the thread of the embedded
//! DynamoDB. With the C library's allocator this takes a third of the time of a list, and more as the tables grow.
//! mimalloc is built from a single C file.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
