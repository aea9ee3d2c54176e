//! What the static description promises.

use crate::query::schema::{Collection, FieldType};

#[test]
fn every_collection_begins_with_its_key_and_is_found_by_its_name() {
    for collection in Collection::ALL {
        assert_eq!(collection.primary_key().name, "id");
        assert_eq!(collection.fields().first().map(|f| f.name), Some("id"));
        assert_eq!(Collection::from_name(collection.name()), Some(collection));
    }
}

#[test]
fn a_reservation_has_the_published_members_in_the_published_order() {
    let shown: Vec<&str> =
        Collection::CodeReservation.fields().iter().filter(|f| f.in_wildcard).map(|f| f.name).collect();
    assert_eq!(
        shown,
        [
            "id",
            "user_created",
            "date_created",
            "user_updated",
            "date_updated",
            "reserved_for",
            "code_type",
            "quantity",
            "status",
            "export_type",
            "export_file",
            "url_suffix",
            "product",
            "quantity_reserved",
            "error_message",
            "reference_id",
            "purchase_order",
            "codes",
        ]
    );
}

#[test]
fn no_name_appears_twice_in_a_collection() {
    for collection in Collection::ALL {
        let mut names: Vec<&str> = collection.fields().iter().map(|f| f.name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before, "{}", collection.name());
    }
}

#[test]
fn secrets_of_a_user_are_concealed() {
    for name in ["password", "token", "tfa_secret", "auth_data"] {
        assert!(Collection::Users.field(name).unwrap().concealed, "{name}");
    }
    assert_eq!(Collection::Users.field("token").unwrap().kind, FieldType::Hash);
}
