//! A worker dies at every request of an export with a profile of every base. The file is the same as without a fault
//! (RSV-4), and nothing is left over (RSV-5).

use serde_json::json;

use crate::support::{
    api::{sgtin, with},
    faults::Fault,
    manual::{ManualSystem, ONE_PART},
    profiles::{add, of_every_base},
};

/// Enough rows for at least three parts.
fn rows(export_type: &str) -> u64 {
    if export_type.ends_with(".gz") { 3_000 } else { 1_000 }
}

async fn dies_at_every_call(base: usize, gz: &str, fault: Fault) {
    let profile = &of_every_base()[base];
    let export_type = format!("{}{gz}", profile["name"].as_str().unwrap());
    let body = with(&sgtin(rows(&export_type)), json!({ "export_type": export_type }));
    let mut system = ManualSystem::new(ONE_PART).await;
    add(system.context(), None, profile).await;
    system.create_with(&body).await;
    let undisturbed = system.settle().await.calls();
    assert!(undisturbed.iter().filter(|call| *call == "UploadPart").count() >= 3, "{undisturbed:?}");
    for at in 1..=undisturbed.len() {
        let id = system.create_with(&body).await;
        system.assert_survives(id, at, fault).await;
    }
    system.assert_sound().await;
}

macro_rules! dies_at_every_call {
    ($($name:ident: $base:literal, $gz:literal, $fault:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            dies_at_every_call($base, $gz, Fault::$fault).await;
        }
    )*};
}

dies_at_every_call! {
    a_delimited_profile_survives_a_worker_that_dies_after_any_call: 0, "", DieAfter;
    a_gzipped_delimited_profile_survives_a_worker_that_dies_after_any_call: 0, ".gz", DieAfter;
    a_profile_of_fixed_widths_survives_a_worker_that_dies_before_any_call: 1, "", DieBefore;
    a_gzipped_profile_of_fixed_widths_survives_a_worker_that_dies_before_any_call: 1, ".gz", DieBefore;
    a_profile_of_lines_survives_a_worker_that_dies_after_any_call: 2, "", DieAfter;
    a_gzipped_profile_of_lines_survives_a_worker_that_dies_after_any_call: 2, ".gz", DieAfter;
    a_template_survives_lost_answers_to_any_call: 3, "", LoseAnswer;
    a_gzipped_template_survives_lost_answers_to_any_call: 3, ".gz", LoseAnswer;
    blocks_of_rows_survive_a_worker_that_dies_after_any_call: 4, "", DieAfter;
    gzipped_blocks_of_rows_survive_a_worker_that_dies_after_any_call: 4, ".gz", DieAfter;
}
