//! How an export advances: what a client sees, how many writes it costs, and that large exports do not delay small
//! ones.

use common::reservation::Status;

use crate::support::{
    faults::Network,
    manual::{End, ManualSystem, NO_END, ONE_PART, five_parts, invoke},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quantity_reserved_grows_with_every_slice_and_ends_at_quantity() {
    for export_type in ["csv", "csv.gz", "xlsx"] {
        let mut system = ManualSystem::new(ONE_PART).await;
        let quantity = five_parts(export_type);
        let id = system.create(export_type, quantity).await;
        let network = Network::healthy();
        let worker = system.worker(&network);
        let mut seen = Vec::new();
        while let records = system.records().await
            && !records.is_empty()
        {
            assert_eq!(invoke(&worker, &network, &records).await, End::Done);
            system.done(&records);
            let item = system.item(id).await;
            if item.status == Status::InProgress {
                seen.push(item.quantity_reserved.unwrap());
                // Progress sets this time, so the sweep does not wake the reservation.
                assert_eq!(item.progress_at, item.date_updated);
            }
        }
        assert_eq!(seen.len(), 4, "{seen:?}");
        assert!(seen.first() > Some(&0) && seen.is_sorted_by(|a, b| a < b), "{seen:?}");
        assert!(seen.last().is_some_and(|rows| rows.cast_unsigned() < quantity), "{seen:?}");
        assert_eq!(system.item(id).await.quantity_reserved, Some(quantity.cast_signed()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_of_any_length_costs_the_writes_of_a_short_one_and_one_per_slice() {
    let mut writes = Vec::new();
    for (quantity, slice) in [(10, NO_END), (380, NO_END), (380, ONE_PART), (30_000, NO_END)] {
        let mut system = ManualSystem::new(slice).await;
        system.create("csv", quantity).await;
        writes.push(system.settle().await.writes());
    }
    // Allocation, completion, and one write between two slices; an export of one slice saves its upload instead.
    assert_eq!(writes, [2, 2 + 1, 2 + 4, 2 + 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_export_does_not_hold_up_a_small_one() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let network = Network::healthy();
    let worker = system.worker(&network);
    let large = system.create("csv", 3_000).await;
    let mut order = Vec::new();
    let mut small = Vec::new();
    while let records = system.records().await
        && !records.is_empty()
    {
        // One batch after the other, as in one shard of the stream.
        assert_eq!(invoke(&worker, &network, &records).await, End::Done);
        system.done(&records);
        if small.len() < 3 {
            small.push(system.create("csv", 20).await);
        }
        for id in small.iter().chain([&large]) {
            if !order.contains(id) && system.item(*id).await.status == Status::Complete {
                order.push(*id);
            }
        }
    }
    small.push(large);
    assert_eq!(order, small, "the small exports in the order of their creation, the large one last");
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_small_and_large_exports_advances_every_one() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let mut ids = Vec::new();
    for quantity in [600, 10, 300, 20, 900] {
        ids.push((system.create("ndjson", quantity).await, quantity));
    }
    let network = Network::healthy();
    let records = system.records().await;
    assert_eq!(records.len(), 5);
    assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Done);
    system.done(&records);
    for (id, quantity) in &ids {
        let item = system.item(*id).await;
        let expected = if *quantity < 100 { Status::Complete } else { Status::InProgress };
        assert_eq!(item.status, expected, "{quantity}");
        assert!(item.quantity_reserved > Some(0), "{quantity}");
    }
    system.settle().await;
    for (id, _) in ids {
        system.assert_exported(id).await;
    }
    system.assert_sound().await;
}
