//! `admin --stack`, as a process of its own.

#[cfg(test)]
mod process;
