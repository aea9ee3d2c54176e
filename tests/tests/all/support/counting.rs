//! Counts the reads of DynamoDB: an interceptor in the client of a second context over the stores of a running system.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, SharedInterceptor,
        interceptors::AfterDeserializationInterceptorContextRef,
    },
    operation::{batch_get_item::BatchGetItemOutput, get_item::GetItemOutput, query::QueryOutput},
};
use common::{config::Config, context::Context};
use local::system::{System, sdk_config};

/// The reads so far, by operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<Mutex<BTreeMap<&'static str, Reads>>>);

/// Calls of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// The number of calls.
    pub(crate) calls: usize,
    /// The number of items that DynamoDB evaluated.
    pub(crate) items: usize,
}

impl Counter {
    /// The reads since the last call, by operation.
    pub(crate) fn take(&self) -> BTreeMap<&'static str, Reads> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// The calls and items of all operations.
pub(crate) fn total(reads: &BTreeMap<&'static str, Reads>) -> Reads {
    reads
        .values()
        .fold(Reads::default(), |sum, one| Reads { calls: sum.calls + one.calls, items: sum.items + one.items })
}

impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "Counter"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let Ok(output) = context.output_or_error() else { return Ok(()) };
        let (operation, items) = if let Some(query) = output.downcast_ref::<QueryOutput>() {
            ("Query", query.scanned_count as usize)
        } else if let Some(get) = output.downcast_ref::<GetItemOutput>() {
            ("GetItem", usize::from(get.item.is_some()))
        } else if let Some(batch) = output.downcast_ref::<BatchGetItemOutput>() {
            ("BatchGetItem", batch.responses.iter().flatten().map(|(_, items)| items.len()).sum())
        } else {
            ("other", 0)
        };
        let mut known = self.0.lock().unwrap();
        let reads = known.entry(operation).or_default();
        *reads = Reads { calls: reads.calls + 1, items: reads.items + items };
        Ok(())
    }
}

/// A context over the stores of a system, whose reads are counted.
pub(crate) fn counted(system: &System, change: impl FnOnce(&mut Config)) -> (Arc<Context>, Counter) {
    let counter = Counter::default();
    let mut config = system.context().config().clone();
    change(&mut config);
    let observer = SharedInterceptor::new(counter.clone());
    (Context::observed(config, &sdk_config(system.s3()), observer), counter)
}
