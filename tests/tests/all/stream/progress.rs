//! How an export advances: what a client sees of it, what it costs, and who waits for it.

use common::reservation::Status;

use crate::support::{
    faults::Wire,
    home::{End, Home, NO_END, ONE_PART, five_parts, invoke},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quantity_reserved_grows_with_every_slice_and_ends_at_quantity() {
    for export_type in ["csv", "csv.gz"] {
        let mut home = Home::new(ONE_PART).await;
        let quantity = five_parts(export_type);
        let id = home.create(export_type, quantity).await;
        let wire = Wire::new(None);
        let worker = home.worker(&wire);
        let mut seen = Vec::new();
        while let records = home.records().await
            && !records.is_empty()
        {
            assert_eq!(invoke(&worker, &wire, &records).await, End::Done);
            home.done(&records);
            let item = home.item(id).await;
            if item.status == Status::InProgress {
                seen.push(item.quantity_reserved.unwrap());
                // A wake does not come to one that advances.
                assert_eq!(item.progress_at, item.date_updated);
            }
        }
        assert_eq!(seen.len(), 4, "{seen:?}");
        assert!(seen.first() > Some(&0) && seen.is_sorted_by(|a, b| a < b), "{seen:?}");
        assert!(seen.last().is_some_and(|rows| rows.cast_unsigned() < quantity), "{seen:?}");
        assert_eq!(home.item(id).await.quantity_reserved, Some(quantity.cast_signed()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_of_any_length_costs_the_writes_of_a_short_one_and_one_per_slice() {
    let mut writes = Vec::new();
    for (quantity, slice) in [(10, NO_END), (380, NO_END), (380, ONE_PART), (30_000, NO_END)] {
        let mut home = Home::new(slice).await;
        home.create("csv", quantity).await;
        writes.push(home.settle().await.writes());
    }
    // Allocation and completion; between slices one.
    assert_eq!(writes, [2, 2, 2 + 4, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_export_does_not_hold_up_a_small_one() {
    let mut home = Home::new(ONE_PART).await;
    let wire = Wire::new(None);
    let worker = home.worker(&wire);
    let large = home.create("csv", 3_000).await;
    let mut order = Vec::new();
    let mut small = Vec::new();
    while let records = home.records().await
        && !records.is_empty()
    {
        // One lane: what comes later waits for the batch before.
        assert_eq!(invoke(&worker, &wire, &records).await, End::Done);
        home.done(&records);
        if small.len() < 3 {
            small.push(home.create("csv", 20).await);
        }
        for id in small.iter().chain([&large]) {
            if !order.contains(id) && home.item(*id).await.status == Status::Complete {
                order.push(*id);
            }
        }
    }
    small.push(large);
    assert_eq!(order, small, "the small ones in the order in which they came, the large one last");
    home.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_small_and_large_exports_advances_every_one() {
    let mut home = Home::new(ONE_PART).await;
    let mut ids = Vec::new();
    for quantity in [600, 10, 300, 20, 900] {
        ids.push((home.create("ndjson", quantity).await, quantity));
    }
    let wire = Wire::new(None);
    let records = home.records().await;
    assert_eq!(records.len(), 5);
    assert_eq!(invoke(&home.worker(&wire), &wire, &records).await, End::Done);
    home.done(&records);
    for (id, quantity) in &ids {
        let item = home.item(*id).await;
        let expected = if *quantity < 100 { Status::Complete } else { Status::InProgress };
        assert_eq!(item.status, expected, "{quantity}");
        assert!(item.quantity_reserved > Some(0), "{quantity}");
    }
    home.settle().await;
    for (id, _) in ids {
        home.assert_exported(id).await;
    }
    home.assert_sound().await;
}
