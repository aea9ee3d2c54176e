//! Tests of the embedded stores and the stream reader through the AWS SDK.

#[cfg(test)]
mod clients;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod file_reads;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod seed;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod system;
#[cfg(test)]
mod writes;
