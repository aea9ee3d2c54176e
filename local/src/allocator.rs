//! The allocator of a release build.
//!
//! A list moves tens of thousands of small values between the threads of the functions and the one of the embedded
//! DynamoDB. The C library's allocator spends a third of the time of a list on that, and more as the tables grow. A
//! development build keeps the C library's: it returns memory sooner after a large export, which a test limits
//! (decision 14).

#[cfg(not(debug_assertions))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
