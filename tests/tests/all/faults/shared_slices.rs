//! Large exports in one batch share the time of one slice, so that whoever waits behind them does not wait for one slice
//! each.

use std::time::Duration;

use crate::support::{
    faults::{Fault, Network},
    manual::{End, ManualSystem, five_parts, invoke},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_export_that_is_slow_leaves_the_others_of_its_batch_one_part_each() {
    let slice = Duration::from_secs(2);
    let mut system = ManualSystem::new(slice).await;
    let mut large = Vec::new();
    for _ in 0..3 {
        large.push(system.create("csv", five_parts("csv")).await);
    }
    let small = system.create("csv", 5).await;
    // The first part takes longer than the slice of a batch.
    let network = Network::failing("UploadPart", Fault::Delay(2 * slice));
    let records = system.records().await;
    assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Done);
    assert!(network.has_failed());
    system.assert_exported(small).await;
    for id in large.split_off(1) {
        // Without the shared time each would have written its five parts.
        assert_eq!(system.item(id).await.export.map(|export| export.next_part), Some(2));
    }
    // What is small is written before anything that is large.
    let calls = network.calls();
    let at = |name: &str| calls.iter().position(|call| call == name).unwrap();
    assert!(at("PutObject") < at("CreateMultipartUpload"), "{calls:?}");
    system.done(&records);
    system.settle().await;
    system.assert_sound().await;
}
