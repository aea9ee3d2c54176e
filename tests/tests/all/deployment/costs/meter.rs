//! Counts what AWS would bill: an interceptor that requests the consumed units of every call to DynamoDB, including
//! those of indexes, and counts the requests to S3.

use std::{
    ops::{Add, Mul, Sub},
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut},
    },
    operation::{
        batch_get_item::{BatchGetItemInput, BatchGetItemOutput},
        delete_item::{DeleteItemInput, DeleteItemOutput},
        get_item::{GetItemInput, GetItemOutput},
        put_item::{PutItemInput, PutItemOutput},
        query::{QueryInput, QueryOutput},
        scan::{ScanInput, ScanOutput},
        transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput},
        update_item::{UpdateItemInput, UpdateItemOutput},
    },
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use common::store::SECRET_ROW;

type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Usage of DynamoDB and S3.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// Read request units of DynamoDB: 4 KB consistently, or 8 KB of an index.
    pub(super) reads: f64,
    /// Write request units of DynamoDB: 1 KB of a table or of an index, twice that in a transaction.
    pub(super) writes: f64,
    /// Requests to S3 at the price of PUT, COPY, POST and LIST.
    pub(super) puts: f64,
    /// How many of them were UploadPart.
    pub(super) parts: f64,
    /// Requests to S3 at the price of GET and SELECT. Deleting and aborting are free.
    pub(super) gets: f64,
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            writes: self.writes + other.writes,
            puts: self.puts + other.puts,
            parts: self.parts + other.parts,
            gets: self.gets + other.gets,
        }
    }
}

impl Mul<f64> for Usage {
    type Output = Self;

    fn mul(self, times: f64) -> Self {
        Self {
            reads: self.reads * times,
            writes: self.writes * times,
            puts: self.puts * times,
            parts: self.parts * times,
            gets: self.gets * times,
        }
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + other * -1.0
    }
}

/// Adds up the usage of the clients that it observes.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<Mutex<Usage>>);

impl Meter {
    /// The usage since the last call.
    pub(super) fn take(&self) -> Usage {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Done {
        let input = context.input_mut();
        macro_rules! ask {
            ($($kind:ty),+) => {
                $(if let Some(input) = input.downcast_mut::<$kind>() {
                    input.return_consumed_capacity = Some(ReturnConsumedCapacity::Indexes);
                })+
            };
        }
        ask!(GetItemInput, BatchGetItemInput, QueryInput, PutItemInput, UpdateItemInput, DeleteItemInput);
        ask!(TransactWriteItemsInput, ScanInput);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Done {
        let known = settings.load::<Metadata>().ok_or("a call without a name")?;
        let Ok(output) = context.output_or_error() else { return Ok(()) };
        // Each process reads the row of the secret once. Here it may be each request, because recorded functions have
        // clients of their own.
        if output.downcast_ref().is_some_and(is_of_the_secret) {
            return Ok(());
        }
        let mut used = Usage::default();
        let units = |one: &ConsumedCapacity| one.capacity_units.unwrap();
        macro_rules! sum {
            ($member:ident: $($kind:ty),+) => {
                $(if let Some(output) = output.downcast_ref::<$kind>() {
                    used.$member = output.consumed_capacity.iter().map(units).sum();
                })+
            };
            ($member:ident of each: $($kind:ty),+) => {
                $(if let Some(output) = output.downcast_ref::<$kind>() {
                    used.$member = output.consumed_capacity.iter().flatten().map(units).sum();
                })+
            };
        }
        match (known.service(), known.name()) {
            ("DynamoDB", _) => {
                sum!(reads: GetItemOutput, QueryOutput, ScanOutput);
                sum!(reads of each: BatchGetItemOutput);
                sum!(writes: PutItemOutput, UpdateItemOutput, DeleteItemOutput);
                sum!(writes of each: TransactWriteItemsOutput);
                if used.reads + used.writes <= 0.0 {
                    return Err(format!("{} reports no units", known.name()).into());
                }
            }
            (_, "GetObject" | "HeadObject" | "HeadBucket") => used.gets = 1.0,
            (_, "DeleteObjects" | "AbortMultipartUpload") => {}
            (_, "UploadPart") => (used.puts, used.parts) = (1.0, 1.0),
            // PutObject, CreateMultipartUpload, CompleteMultipartUpload, lists.
            ("S3", _) => used.puts = 1.0,
            // Once per process; with RECORD_CALLS only.
            (_, "GetSecretValue") => {}
            (service, name) => return Err(format!("{service} {name} has no price").into()),
        }
        let mut sum = self.0.lock().unwrap();
        *sum = *sum + used;
        Ok(())
    }
}

/// Whether the answer is the row with the check value of the secret.
fn is_of_the_secret(output: &BatchGetItemOutput) -> bool {
    let mut items = output.responses.iter().flat_map(|tables| tables.values()).flatten();
    items.any(|item| item.get("namespace").and_then(|name| name.as_s().ok()).is_some_and(|name| name == SECRET_ROW))
}
