//! The domain in an organisation's row, which operators write as they like: links with it must stay links of the code.

use serde_json::json;

use crate::support::{
    api::id,
    harness::{Setup, completed, ended},
    invariants::{assert_settled, stored},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_would_change_what_links_identify_ends_the_reservation_before_it_takes_codes() {
    let domains =
        ["https://example.com/01/09506000134352", "example.com", "https://example.com/?x=", "https://example.com/#"];
    let row = |(n, domain): (usize, _)| json!({"id": format!("BAD-{n}"), "digital_link_domain": domain});
    let organisations: Vec<_> = domains.into_iter().enumerate().map(row).collect();
    let good = [
        json!({"id": "GOOD-0", "digital_link_domain": "https://example.com/brand/"}),
        json!({"id": "GOOD-1", "digital_link_domain": ""}),
    ];
    let rows = json!({
        "directus_users": [{ "id": "8f4a5c3e-0000-4000-8000-000000000001", "role": "admin", "token": "local-token" }],
        "organisation": organisations.iter().chain(&good).collect::<Vec<_>>(),
    });
    let running = Setup::new().rows(&rows).start().await;
    let wanted = |organisation: &str| {
        json!({ "reserved_for": organisation, "code_type": "sgtin", "quantity": 3, "product": "/01/09506000134352",
                "export_type": "txt" })
    };
    for n in 0..domains.len() {
        let made = running.api.post(&wanted(&format!("BAD-{n}"))).await;
        let item = ended(&running.api, id(&made)).await;
        assert_eq!(item["status"], "error", "{item}");
        let message = item["error_message"].as_str().unwrap();
        assert!(message.starts_with("The organisation's digital_link_domain cannot be used: "), "{message}");
    }
    assert!(stored(running.context()).await.state.pools.is_empty());
    for (n, start) in [(0, "https://example.com/brand/01/"), (1, "https://id.gs1.org/01/")] {
        let item = completed(&running.api, id(&running.api.post(&wanted(&format!("GOOD-{n}"))).await)).await;
        let file = running.api.download(item["export_file"].as_str().unwrap()).await;
        assert!(String::from_utf8(file).unwrap().lines().all(|link| link.starts_with(start)), "{start}");
    }
    assert_settled(running.context()).await;
    running.stop().await;
}
