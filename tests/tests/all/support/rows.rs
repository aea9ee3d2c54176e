//! Rows that tests write into the store directly, where the HTTP API would take too long.

use common::{
    code::pool_number,
    context::Context,
    directory::{Role, User},
    reservation::{
        Reservation, Rules, Timestamp,
        create::{Birth, Draft},
    },
    store::Created,
};
use serde_json::Value;
use tests::ranges;
use uuid::Uuid;

/// The time of every operation that a test runs itself.
pub(crate) fn noon() -> Timestamp {
    Timestamp::parse("2026-01-01T12:00:00Z").unwrap()
}

/// A user who sees these organisations; with `None`, all.
pub(crate) fn user(role: Role, organisations: Option<&[&str]>) -> User {
    User {
        id: Uuid::new_v4().to_string(),
        first_name: Some("Test".to_owned()),
        last_name: None,
        email: Some("test@example.com".to_owned()),
        status: "active".to_owned(),
        role,
        organisations: organisations.map(|all| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()).into(),
        external_identifier: None,
        has_token: false,
    }
}

/// The reservation that a client's input creates, not yet stored.
pub(crate) fn reservation(input: &Value) -> Reservation {
    let birth = Birth {
        id: Uuid::now_v7(),
        incarnation: Uuid::new_v4(),
        user: "a11ce000-0000-4000-8000-000000000001".to_owned(),
        now: noon(),
    };
    Draft::parse(input, &Rules::default()).unwrap().into_reservation(birth)
}

/// Stores reservations.
pub(crate) async fn store(context: &Context, items: &[Reservation]) {
    for chunk in items.chunks(100) {
        assert!(matches!(context.store().create(chunk, None).await.unwrap(), Created::Done));
    }
}

/// Stores reservations of one product with consecutive ranges of its pool. Nothing is exported.
pub(crate) async fn allocate(context: &Context, gtin: &str, items: &[Reservation]) -> Vec<Reservation> {
    store(context, items).await;
    ranges::allocate(context, gtin, items, pool_number(0x5eed), noon()).await.unwrap()
}
